/* Reading a message back. Any thread that holds a pin.
 *
 * Good path: one pread of the record -> head and payload checked -> opened when sealed ->
 * envelope decoded. Failures: -EAGAIN (nowait, not in memory), -EBADMSG (checksums), what
 * the disk says; nothing is kept. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/bytes.h"
#include "queue/crc32c.h"
#include "queue/mem.h"
#include "queue/payload.h"
#include "queue/queue_impl.h"
#include "queue/record.h"

#define FIRST_READ 4096

struct block {
    uint8_t *bytes; /* owned */
    size_t length;  /* read so far */
    size_t room;
};

/* Have at least length bytes; at most room is read. */
static int fill(const struct queue_pin *pin, const struct queue_pin_file *file,
                uint64_t offset, bool nowait, size_t length, struct block *block)
{
    const struct disk *disk = pin->queue->disk;
    while (block->length < length) {
        ssize_t got =
            disk->pread(disk, file->handle, block->bytes + block->length,
                        block->room - block->length, offset + block->length, nowait);
        if (got <= 0) {
            return got == 0 ? -EBADMSG : (int)got;
        }
        block->length += (size_t)got;
    }
    return 0;
}

static bool grow(struct block *block, size_t room)
{
    if (room <= block->room) {
        return true;
    }
    uint8_t *bytes = mem_try(room);
    if (bytes == NULL) {
        return false;
    }
    if (block->length > 0) {
        memcpy(bytes, block->bytes, block->length);
    }
    free(block->bytes);
    block->bytes = bytes;
    block->room = room;
    return true;
}

static int read_into(const struct queue_pin *pin, const struct queue_pin_file *file,
                     const struct place *place, bool nowait, struct block *block,
                     struct record_head *out_head)
{
    if (!grow(block, place->length < FIRST_READ ? FIRST_READ : place->length)) {
        return -ENOMEM;
    }
    int rc = fill(pin, file, place->offset, nowait, RECORD_HEAD, block);
    if (rc != 0) {
        return rc;
    }
    struct record_head head;
    if (!record_decode(block->bytes, file->segment, file->salt, &head) ||
        head.length > QUEUE_RECORD_BYTES) {
        return -EBADMSG;
    }
    size_t total = RECORD_HEAD + (size_t)head.length;
    if (!grow(block, total)) {
        return -ENOMEM;
    }
    rc = fill(pin, file, place->offset, nowait, total, block);
    if (rc != 0) {
        return rc;
    }
    if (crc32c(0, block->bytes + RECORD_HEAD, head.length) != head.checksum) {
        return -EBADMSG;
    }
    *out_head = head;
    return 0;
}

/* Open a sealed payload in place; its length goes down. */
static int unseal(const struct queue *queue, const struct record_head *head,
                  uint8_t *payload, size_t *length)
{
    if ((head->flags & RECORD_SEALED) == 0) {
        return 0;
    }
    const struct seal *seal = queue->seal;
    if (seal == NULL || *length < seal->overhead) {
        return -EBADMSG;
    }
    int rc = seal->open(seal->owner, payload, *length, head->id);
    *length -= seal->overhead;
    return rc;
}

static int read_record(const struct queue_pin *pin, bool nowait, struct block *block,
                       struct record_head *out_head, size_t *out_length)
{
    int rc = read_into(pin, &pin->one, &pin->place, nowait, block, out_head);
    if (rc == 0) {
        *out_length = out_head->length;
        rc = unseal(pin->queue, out_head, block->bytes + RECORD_HEAD, out_length);
    }
    return rc;
}

int queue_read_message(const struct queue_pin *pin, bool nowait,
                       struct queue_message *out_message)
{
    struct block block = {0};
    struct record_head head;
    struct payload_accept accept;
    struct queue_message message = {0};
    size_t length = 0;
    int rc = read_record(pin, nowait, &block, &head, &length);
    if (rc == 0 && head.kind != QUEUE_ACCEPT && head.kind != QUEUE_COPY) {
        rc = -EBADMSG;
    }
    if (rc == 0 && !payload_accept_decode(head.kind == QUEUE_COPY,
                                          block.bytes + RECORD_HEAD, length, &accept)) {
        rc = -EBADMSG;
    }
    if (rc == 0) {
        rc = envelope_decode(accept.envelope, accept.envelope_length, &message.envelope);
    }
    if (rc != 0) {
        free(block.bytes);
        return rc;
    }
    message.header = accept.header;
    message.header_length = accept.header_length;
    message.body = accept.body;
    message.body_length = accept.body_length;
    message.block = block.bytes;
    message.block_bytes = block.room;
    *out_message = message;
    return 0;
}

void queue_message_free(struct queue_message *message)
{
    if (message != NULL) {
        envelope_free(&message->envelope);
        free(message->block);
        *message = (struct queue_message){0};
    }
}

size_t queue_piece_bytes(const struct queue_message *message, unsigned i)
{
    return i < message->envelope.piece_count ? message->envelope.pieces[i].length : 0;
}

static const struct queue_pin_file *file_of(const struct queue_pin *pin, uint64_t segment)
{
    if (pin->one.segment == segment) {
        return &pin->one;
    }
    for (unsigned i = 0; i < pin->more_count; i++) {
        if (pin->more[i].segment == segment) {
            return &pin->more[i];
        }
    }
    return NULL;
}

int queue_read_piece(const struct queue_pin *pin, const struct queue_message *message,
                     unsigned i, bool nowait, struct queue_piece *out_piece)
{
    if (i >= message->envelope.piece_count) {
        return -ENOENT;
    }
    const struct place *place = &message->envelope.pieces[i];
    const struct queue_pin_file *file = file_of(pin, place->segment);
    struct record_head head;
    if (file == NULL || place->length < RECORD_HEAD ||
        place->length > QUEUE_RECORD_BYTES || out_piece->capacity < place->length) {
        return file == NULL ? -ENOENT : -EBADMSG;
    }
    struct block block = {.bytes = out_piece->buffer, .room = place->length};
    int rc = fill(pin, file, place->offset, nowait, place->length, &block);
    if (rc != 0) {
        return rc;
    }
    if (!record_decode(block.bytes, file->segment, file->salt, &head) ||
        head.kind != QUEUE_PIECE || head.id != message->envelope.id ||
        RECORD_HEAD + (size_t)head.length != place->length ||
        crc32c(0, block.bytes + RECORD_HEAD, head.length) != head.checksum) {
        return -EBADMSG;
    }
    size_t length = head.length;
    rc = unseal(pin->queue, &head, block.bytes + RECORD_HEAD, &length);
    if (rc == 0) {
        out_piece->bytes = block.bytes + RECORD_HEAD;
        out_piece->length = length;
    }
    return rc;
}

static int find_change(const uint8_t *at, size_t left, uint64_t id, uint16_t number,
                       struct change *out_change)
{
    struct change change;
    int found = -ENOENT;
    for (;;) {
        int rc = change_next(&at, &left, &change);
        if (rc <= 0) {
            return rc < 0 ? rc : found;
        }
        if (change.id == id && change.number == number) {
            *out_change = change;
            found = 0;
        }
    }
}

int queue_read_changes(const struct queue_pin *pin, struct queue_changes *out_changes)
{
    struct block block = {0};
    struct record_head head;
    size_t length = 0;
    int rc = read_record(pin, false, &block, &head, &length);
    uint8_t *payload = block.bytes + RECORD_HEAD;
    if (rc == 0 && head.kind == QUEUE_MOVED && length >= PAYLOAD_MOVED_PREFIX) {
        payload += PAYLOAD_MOVED_PREFIX;
        length -= PAYLOAD_MOVED_PREFIX;
    } else if (rc == 0 && head.kind != QUEUE_STATE) {
        rc = -ENOENT;
    }
    if (rc != 0) {
        free(block.bytes);
        return rc;
    }
    *out_changes = (struct queue_changes){payload, length, block.bytes};
    return 0;
}

int queue_read_change(const struct queue_pin *pin, uint64_t id, uint16_t number,
                      struct change *out_change, uint8_t **out_block)
{
    struct queue_changes changes;
    struct change change;
    int rc = queue_read_changes(pin, &changes);
    if (rc != 0) {
        return rc;
    }
    rc = find_change(changes.bytes, changes.length, id, number, &change);
    if (rc != 0) {
        free(changes.block);
        return rc;
    }
    *out_change = change;
    *out_block = changes.block;
    return 0;
}
