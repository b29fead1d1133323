/* A whole segment file of hostile bytes: start-up reports, sets aside or cuts, and goes
 * on. Checksums are repaired first, so that the bytes get past them. */

#include <stdlib.h>
#include <string.h>

#include "queue/bytes.h"
#include "queue/crc32c.h"
#include "queue/queue_impl.h"
#include "queue/record.h"
#include "queue/segment.h"

#include "tests/support/fake_disk.h"

#define ROOM QUEUE_SEGMENT_MIN

/* Lay the input out as records: u16 length, u8 kind, payload. */
static size_t lay_out(const uint8_t *bytes, size_t length, uint8_t *file)
{
    struct segment_header header = {.number = 1, .salt = 5, .bytes = ROOM};
    size_t at = SEGMENT_DATA;
    uint32_t sequence = 0;
    segment_header_encode(&header, file);
    while (length >= 11) {
        size_t payload = bytes_u16(bytes) % 2048;
        struct record_head head = {.segment = 1,
                                   .id = bytes_u64(bytes + 3),
                                   .sequence = sequence++,
                                   .batch = 1 + bytes[2] / 64,
                                   .kind = bytes[2] % 8};
        bytes += 11;
        length -= 11;
        payload = payload > length ? length : payload;
        if (at + RECORD_HEAD + payload + SEGMENT_TRAILER > ROOM) {
            break;
        }
        head.length = (uint32_t)payload;
        head.checksum = crc32c(0, bytes, payload);
        record_encode(&head, header.salt, file + at);
        memcpy(file + at + RECORD_HEAD, bytes, payload);
        at = (size_t)record_align(at + RECORD_HEAD + payload);
        bytes += payload;
        length -= payload;
    }
    memcpy(file + at, bytes, length < ROOM - at ? length : ROOM - at);
    return ROOM;
}

static void write_file(struct fake_disk *fake, const uint8_t *bytes, size_t length)
{
    const struct disk *disk = fake_disk_face(fake);
    char name[SEGMENT_NAME];
    segment_name(1, name);
    int handle = disk->open(disk, name, true);
    if (handle < 0 || segment_write(disk, handle, bytes, length, 0) != 0 ||
        disk->fdatasync(disk, handle) != 0) {
        abort();
    }
    disk->close(disk, handle);
}

/* Replay as queue_open runs it, without the threads that prepare and write segments: they
 * see none of these bytes, and starting them took most of the time. Twice, because the
 * first one seals what it found. */
static void replay(const struct disk *disk)
{
    struct queue queue = {.disk = disk};
    struct supply_options options = {.disk = disk, .segment_bytes = QUEUE_SEGMENT_MIN};
    struct errmsg err = {""};
    uint64_t next_number = 0;
    queue.options.segment_bytes = QUEUE_SEGMENT_MIN;
    index_init(&queue.index, UINT64_C(1800000000000));
    supply_init(&queue.supply, &options, 1);
    if (replay_run(&queue, &next_number, &err) == 0) {
        uint32_t cursor = 0;
        uint32_t messages[64];
        do {
            unsigned count = index_each(&queue.index, &cursor, messages, 64);
            for (unsigned i = 0; i < count; i++) {
                struct message_view view;
                index_message(&queue.index, messages[i], &view);
            }
        } while (cursor != 0);
    }
    supply_done(&queue.supply);
    index_done(&queue.index);
    free(queue.restate.items);
    free(queue.notes);
}

static void start(const uint8_t *bytes, size_t length)
{
    struct fake_disk *fake = fake_disk_new(1);
    write_file(fake, bytes, length);
    replay(fake_disk_face(fake));
    replay(fake_disk_face(fake));
    fake_disk_free(fake);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static uint8_t file[ROOM];
    if (length > ROOM) {
        return 0;
    }
    start(bytes, length);
    memset(file, 0, sizeof file);
    start(file, lay_out(bytes, length, file));
    return 0;
}
