/* Pins: a segment that is being read is neither freed nor closed. Core only. */

#include <errno.h>
#include <stdlib.h>

#include "queue/mem.h"
#include "queue/queue_impl.h"

int queue_open_segment(struct queue *queue, uint16_t slot,
                       struct queue_pin_file *out_file)
{
    struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
    if (segment->handle < 0) {
        char name[SEGMENT_NAME];
        uint8_t block[SEGMENT_DATA];
        struct segment_header header;
        segment_name(segment->number, name);
        int opened = queue->disk->open_readonly(queue->disk, name);
        if (opened < 0) {
            return opened;
        }
        int rc = segment_read(queue->disk, opened, block, sizeof block, 0, false);
        if (rc == 0) {
            rc = segment_header_decode(block, &header);
        }
        if (rc != 0 || header.number != segment->number) {
            queue->disk->close(queue->disk, opened);
            return rc != 0 ? rc : -EBADMSG;
        }
        segment->handle = opened;
        segment->salt = header.salt;
        queue->open_files++;
    }
    *out_file = (struct queue_pin_file){segment->number, segment->salt, segment->handle};
    return 0;
}

void queue_close_segment(struct queue *queue, uint16_t slot)
{
    struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
    if (segment->number != 0 && segment->handle >= 0) {
        queue->disk->close(queue->disk, segment->handle);
        segment->handle = -1;
        queue->open_files--;
    }
}

static int pin_segment(struct queue *queue, uint64_t number,
                       struct queue_pin_file *out_file)
{
    uint16_t slot = shelf_find(&queue->index.shelf, number);
    if (slot == 0) {
        return -ENOENT;
    }
    struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
    if (segment->moving && segment->live_messages == 0 && segment->pins == 0 &&
        segment->handle < 0) {
        return -ENOENT; /* on its way out */
    }
    int rc = queue_open_segment(queue, slot, out_file);
    if (rc == 0) {
        segment->pins++;
    }
    return rc;
}

static void unpin_segment(struct queue *queue, uint64_t number)
{
    uint16_t slot = shelf_find(&queue->index.shelf, number);
    if (slot == 0) {
        return;
    }
    struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
    segment->pins--;
    if (segment->pins == 0 && queue->open_files > QUEUE_OPEN_FILES) {
        queue_close_segment(queue, slot);
    }
}

int queue_pin_place(struct queue *queue, const struct place *place,
                    struct queue_pin *out_pin)
{
    struct queue_pin pin = {.queue = queue, .place = *place};
    int rc = pin_segment(queue, place->segment, &pin.one);
    if (rc == 0) {
        *out_pin = pin;
    }
    return rc;
}

static bool has_file(const struct queue_pin *pin, uint64_t segment)
{
    if (pin->one.segment == segment) {
        return true;
    }
    for (unsigned i = 0; i < pin->more_count; i++) {
        if (pin->more[i].segment == segment) {
            return true;
        }
    }
    return false;
}

static int pin_pieces(struct queue *queue, const struct pieces *pieces,
                      struct queue_pin *pin)
{
    for (uint32_t i = 0; i < pieces->count; i++) {
        uint64_t segment = pieces->place[i].segment;
        if (has_file(pin, segment)) {
            continue;
        }
        if (pin->more == NULL) {
            pin->more = mem_alloc(pieces->count * sizeof *pin->more);
        }
        int rc = pin_segment(queue, segment, &pin->more[pin->more_count]);
        if (rc != 0) {
            return rc;
        }
        pin->more_count++;
    }
    return 0;
}

int queue_pin_message(struct queue *queue, uint32_t message, struct queue_pin *out_pin)
{
    const struct message *entry = index_message_at(&queue->index, message);
    struct place place = {shelf_at(&queue->index.shelf, entry->slot)->number,
                          entry->at * UINT32_C(8), entry->length64 * UINT32_C(64)};
    struct queue_pin pin = {0};
    int rc = queue_pin_place(queue, &place, &pin);
    if (rc != 0) {
        return rc;
    }
    const struct pieces *pieces = index_pieces(&queue->index, message);
    if (pieces != NULL) {
        rc = pin_pieces(queue, pieces, &pin);
    }
    if (rc != 0) {
        queue_unpin(&pin);
        return rc;
    }
    *out_pin = pin;
    return 0;
}

void queue_unpin(struct queue_pin *pin)
{
    struct queue *queue = pin->queue;
    if (queue == NULL) {
        return;
    }
    pin->queue = NULL;
    unpin_segment(queue, pin->one.segment);
    for (unsigned i = 0; i < pin->more_count; i++) {
        unpin_segment(queue, pin->more[i].segment);
    }
    free(pin->more);
    pin->more = NULL;
    pin->more_count = 0;
}
