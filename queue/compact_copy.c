/* Compaction's own thread: reads the victim, writes copies through the queue, waits.
 *
 * Good path: read the record -> read and write its pieces -> send the copy off -> all of
 * the group synced -> tell core. Failures: an item that cannot be read or written carries
 * its errno, core then leaves the victim where it is. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/bytes.h"
#include "queue/compact_impl.h"
#include "queue/crc32c.h"
#include "queue/mem.h"
#include "queue/payload.h"
#include "queue/record.h"

/* ---- listing ---- */

static void add_change(struct compact *compact, const struct digest_item *item)
{
    const struct change *change = &item->change;
    if (change->state == CHANGE_NOTICED) {
        return; /* kept in the message's copy, or not worth a record */
    }
    struct compact_item *added = compact_add(compact);
    added->kind = change->ended ? COMPACT_TOMB : COMPACT_STATE;
    added->id = change->id;
    added->home = change->home;
    added->number = change->number;
    added->state = change->state;
    added->from = item->place;
}

static int on_item(void *owner, const struct digest_item *item)
{
    struct compact *compact = owner;
    if (item->kind == DIGEST_CHANGE) {
        add_change(compact, item);
        return 0;
    }
    struct compact_item *added = compact_add(compact);
    added->kind = COMPACT_MESSAGE;
    added->id = item->envelope.id;
    added->from = item->place;
    for (unsigned i = 0; i < item->envelope.close_count; i++) {
        const struct envelope_close *close = &item->envelope.closes[i];
        added = compact_add(compact);
        added->kind = COMPACT_TOMB;
        added->id = close->id;
        added->home = close->home;
        added->number = close->number;
        added->state = CHANGE_FAILED;
        added->from = item->place;
    }
    return 0;
}

static int open_segment(const struct disk *disk, uint64_t number,
                        struct segment_header *out_header)
{
    char name[SEGMENT_NAME];
    uint8_t block[SEGMENT_DATA];
    segment_name(number, name);
    int handle = disk->open_readonly(disk, name);
    if (handle < 0) {
        return handle;
    }
    int rc = segment_read(disk, handle, block, sizeof block, 0, false);
    if (rc == 0) {
        rc = segment_header_decode(block, out_header);
    }
    if (rc != 0) {
        disk->close(disk, handle);
        return rc;
    }
    return handle;
}

static int scan_items(const struct disk *disk, int handle, struct compact *compact)
{
    struct scan scan;
    struct scan_item item;
    int rc = 0;
    scan_init(&scan, disk, handle, &compact->header, 0);
    do {
        rc = scan_next(&scan, &item);
        if (rc > 0 && item.damaged) {
            rc = -EBADMSG;
        } else if (rc > 0) {
            int given = digest_record(&item, compact->queue->seal, on_item, compact);
            rc = given != 0 ? given : 1;
        }
    } while (rc > 0);
    scan_done(&scan);
    return rc;
}

static void tell_core(struct compact *compact)
{
    compact->event = (struct queue_event){.kind = QUEUE_EVENT_COMPACT, .owner = compact};
    queue_post(compact->queue, &compact->event);
}

void compact_list(struct helper_job *job)
{
    struct compact *compact = (struct compact *)(void *)job;
    const struct disk *disk = compact->queue->disk;
    struct segment_trailer trailer;
    int handle = open_segment(disk, compact->victim, &compact->header);
    int rc = handle;
    if (handle >= 0) {
        rc = footer_find(disk, handle, &compact->header, &trailer);
        if (rc == 0) {
            struct digest_sink sink = {on_item, compact};
            rc = footer_read(disk, handle, &compact->header, compact->queue->seal,
                             &trailer, &sink);
        } else if (rc == -ENOENT) {
            rc = scan_items(disk, handle, compact);
        }
        disk->close(disk, handle);
    }
    compact->read_rc = rc;
    tell_core(compact);
}

/* ---- reading and writing records ---- */

/* A whole record with its payload opened; *out_bytes is owned by the caller. */
static int read_record(struct compact *compact, const struct place *place,
                       struct record_head *out_head, uint8_t **out_bytes,
                       size_t *out_length)
{
    const struct disk *disk = compact->queue->disk;
    const struct seal *seal = compact->queue->seal;
    struct segment_header header = {0};
    uint8_t head_bytes[RECORD_HEAD];
    uint8_t *bytes = NULL;
    int handle = open_segment(disk, place->segment, &header);
    if (handle < 0) {
        return handle;
    }
    int rc = segment_read(disk, handle, head_bytes, RECORD_HEAD, place->offset, false);
    if (rc == 0 && (!record_decode(head_bytes, header.number, header.salt, out_head) ||
                    out_head->length > QUEUE_RECORD_BYTES)) {
        rc = -EBADMSG;
    }
    if (rc == 0) {
        bytes = mem_alloc(out_head->length);
        rc = segment_read(disk, handle, bytes, out_head->length,
                          (uint64_t)place->offset + RECORD_HEAD, false);
    }
    disk->close(disk, handle);
    if (rc == 0 && crc32c(0, bytes, out_head->length) != out_head->checksum) {
        rc = -EBADMSG;
    }
    if (rc == 0) {
        *out_length = out_head->length;
        if ((out_head->flags & RECORD_SEALED) != 0) {
            rc = seal == NULL || *out_length < seal->overhead
                     ? -EBADMSG
                     : seal->open(seal->owner, bytes, *out_length, out_head->id);
            *out_length -= rc == 0 ? seal->overhead : 0;
        }
    }
    if (rc != 0) {
        free(bytes);
        return rc;
    }
    *out_bytes = bytes;
    return 0;
}

static void on_written(struct queue_write *write, int rc)
{
    struct compact *compact = write->owner;
    (void)rc; /* kept in write->rc */
    (void)sem_post(&compact->written);
}

/* Write one record of plain bytes and wait for it. */
static int put_record(struct compact *compact, enum queue_kind kind, uint64_t id,
                      const uint8_t *bytes, size_t length, struct place *out_place)
{
    struct queue *queue = compact->queue;
    struct queue_write write;
    uint8_t *sealed = NULL;
    queue_write_piece(&write, id, bytes, length);
    write.kind = (uint16_t)kind;
    write.owner = compact;
    if (queue->seal != NULL) {
        size_t sealed_bytes = queue_sealed_bytes(queue, &write);
        sealed = mem_alloc(sealed_bytes);
        int rc = queue_seal_write(queue, &write, sealed, sealed_bytes);
        if (rc != 0) {
            free(sealed);
            return rc;
        }
    }
    queue_submit(queue, &write, QUEUE_SYNCED, on_written);
    while (sem_wait(&compact->written) != 0) {
    }
    free(sealed);
    *out_place = write.place;
    return write.rc;
}

static void on_copied(struct queue_write *write, int rc)
{
    struct compact *compact = write->owner;
    (void)rc; /* kept in write->rc */
    (void)sem_post(&compact->copied);
}

/* Send one copy off; its bytes are taken over. Whoever waits for each sync alone would
 * copy no more than a few hundred messages a second. */
static int send_copy(struct compact *compact, struct compact_item *item, uint8_t *bytes,
                     size_t length)
{
    struct queue *queue = compact->queue;
    struct compact_write *own = &compact->writes[compact->write_count];
    *own = (struct compact_write){.bytes = bytes, .item = item};
    queue_write_piece(&own->write, item->id, bytes, length);
    own->write.kind = QUEUE_COPY;
    own->write.owner = compact;
    if (queue->seal != NULL) {
        size_t sealed_bytes = queue_sealed_bytes(queue, &own->write);
        own->sealed = mem_alloc(sealed_bytes);
        int rc = queue_seal_write(queue, &own->write, own->sealed, sealed_bytes);
        if (rc != 0) {
            free(own->sealed);
            free(bytes);
            return rc;
        }
    }
    compact->write_count++;
    queue_submit(queue, &own->write, QUEUE_SYNCED, on_copied);
    return 0;
}

/* All copies that were sent are synced, or have failed. */
static void wait_for_copies(struct compact *compact)
{
    for (unsigned i = 0; i < compact->write_count; i++) {
        while (sem_wait(&compact->copied) != 0) {
        }
    }
    for (unsigned i = 0; i < compact->write_count; i++) {
        struct compact_write *own = &compact->writes[i];
        own->item->rc = own->write.rc;
        own->item->to = own->write.place;
        free(own->bytes);
        free(own->sealed);
    }
    compact->write_count = 0;
}

/* ---- messages ---- */

static int copy_pieces(struct compact *compact, struct compact_item *item,
                       const struct envelope *envelope)
{
    if (envelope->piece_count == 0) {
        return 0;
    }
    item->pieces = mem_alloc(envelope->piece_count * sizeof *item->pieces);
    item->piece_count = envelope->piece_count;
    for (unsigned i = 0; i < envelope->piece_count; i++) {
        struct record_head head;
        uint8_t *bytes = NULL;
        size_t length = 0;
        int rc = read_record(compact, &envelope->pieces[i], &head, &bytes, &length);
        if (rc == 0) {
            rc = put_record(compact, QUEUE_PIECE, item->id, bytes, length,
                            &item->pieces[i]);
            free(bytes);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int build_copy(struct compact *compact, struct compact_item *item,
                      const struct payload_accept *accept, uint8_t **out_bytes,
                      size_t *out_length)
{
    struct envelope envelope;
    int rc = envelope_decode(accept->envelope, accept->envelope_length, &envelope);
    if (rc != 0) {
        return rc;
    }
    item->recipient_count = envelope.recipient_count;
    rc = copy_pieces(compact, item, &envelope);
    const struct envelope_recipient *recipients =
        envelope.recipients; /* owns the arrays */
    if (rc == 0) {
        if (item->pieces != NULL) {
            envelope.pieces = item->pieces;
        }
        envelope.close_count = 0;
        size_t room = envelope_bound(&envelope);
        size_t total = (size_t)2 * PAYLOAD_PREFIX + item->states_length + room +
                       accept->header_length + accept->body_length;
        uint8_t *bytes = mem_alloc(total);
        uint8_t *at = bytes;
        size_t length = 0;
        payload_copy_prefix(item->from.segment, item->states_length, at);
        at += PAYLOAD_PREFIX;
        if (item->states_length > 0) {
            memcpy(at, item->states, item->states_length);
        }
        at += item->states_length;
        rc = envelope_encode(&envelope, at + PAYLOAD_PREFIX, room, &length, NULL);
        payload_accept_prefix(length, accept->header_length, accept->body_length, at);
        at += PAYLOAD_PREFIX + length;
        memcpy(at, accept->header, accept->header_length);
        memcpy(at + accept->header_length, accept->body, accept->body_length);
        *out_bytes = bytes;
        *out_length = (size_t)(at - bytes) + accept->header_length + accept->body_length;
    }
    envelope.recipients = recipients;
    envelope_free(&envelope);
    return rc;
}

static int copy_message(struct compact *compact, struct compact_item *item)
{
    struct record_head head;
    struct payload_accept accept;
    uint8_t *bytes = NULL;
    uint8_t *copy = NULL;
    size_t length = 0;
    size_t copy_length = 0;
    int rc = read_record(compact, &item->from, &head, &bytes, &length);
    if (rc != 0) {
        return rc;
    }
    if ((head.kind != QUEUE_ACCEPT && head.kind != QUEUE_COPY) || head.id != item->id ||
        !payload_accept_decode(head.kind == QUEUE_COPY, bytes, length, &accept)) {
        free(bytes);
        return -EBADMSG;
    }
    rc = build_copy(compact, item, &accept, &copy, &copy_length);
    free(bytes);
    return rc == 0 ? send_copy(compact, item, copy, copy_length) : rc;
}

/* ---- changes ---- */

static int find_change(const uint8_t *at, size_t left, const struct compact_item *item,
                       struct change *out_change)
{
    struct change change;
    int found = -ENOENT;
    for (;;) {
        int rc = change_next(&at, &left, &change);
        if (rc <= 0) {
            return rc < 0 ? rc : found;
        }
        if (change.id == item->id && change.number == item->number) {
            *out_change = change;
            found = 0;
        }
    }
}

static int encode_tomb(const struct compact_item *item, uint8_t *bytes, size_t room,
                       size_t *out_length)
{
    struct change change;
    change_init(&change);
    change.id = item->id;
    change.home = item->home;
    change.number = item->number;
    change.state = item->state;
    change.ended = true;
    return change_encode(&change, bytes, room, out_length);
}

static int encode_change(struct compact *compact, const struct compact_item *item,
                         uint8_t *bytes, size_t room, size_t *out_length)
{
    if (item->kind == COMPACT_TOMB) {
        return encode_tomb(item, bytes, room, out_length);
    }
    struct record_head head;
    struct change change;
    uint8_t *record = NULL;
    size_t length = 0;
    int rc = read_record(compact, &item->from, &head, &record, &length);
    if (rc != 0) {
        return rc;
    }
    size_t skip = head.kind == QUEUE_MOVED ? PAYLOAD_MOVED_PREFIX : 0;
    rc = length < skip ? -EBADMSG
                       : find_change(record + skip, length - skip, item, &change);
    if (rc == 0) {
        rc = change_encode(&change, bytes, room, out_length);
    }
    free(record);
    return rc;
}

struct moved {
    uint8_t bytes[16384];
    size_t length;
    unsigned first; /* in the group */
};

/* Write the changes gathered so far; items first..end of the group are in it. */
static void put_moved(struct compact *compact, struct moved *moved, unsigned end)
{
    struct place place = {0};
    if (moved->length > PAYLOAD_MOVED_PREFIX) {
        bytes_put_u64(moved->bytes, compact->victim);
        int rc = put_record(compact, QUEUE_MOVED, 0, moved->bytes, moved->length, &place);
        bool first = true;
        for (unsigned i = moved->first; i < end; i++) {
            struct compact_item *item = compact->group[i];
            if (item->kind != COMPACT_MESSAGE && item->rc == 0) {
                item->rc = rc;
                item->to = place;
                item->is_first_of_record = first;
                first = false;
            }
        }
    }
    moved->length = PAYLOAD_MOVED_PREFIX;
    moved->first = end;
}

void compact_copy(struct helper_job *job)
{
    struct compact *compact = (struct compact *)(void *)job;
    struct moved moved = {.length = PAYLOAD_MOVED_PREFIX};
    for (unsigned i = 0; i < compact->group_count; i++) {
        struct compact_item *item = compact->group[i];
        if (item->kind == COMPACT_MESSAGE) {
            item->rc = copy_message(compact, item);
            continue;
        }
        size_t length = 0;
        if (sizeof moved.bytes - moved.length < CHANGE_BOUND) {
            put_moved(compact, &moved, i);
        }
        item->rc = encode_change(compact, item, moved.bytes + moved.length,
                                 sizeof moved.bytes - moved.length, &length);
        moved.length += length;
    }
    put_moved(compact, &moved, compact->group_count);
    wait_for_copies(compact);
    tell_core(compact);
}
