/* Write again, from memory, the state of recipients of which the log holds a copy that
 * may be older than the state itself: a copy made by compaction carries what was true
 * when the copying began. Until these records are written no segment is freed, so that
 * every crash on the way still finds the originals. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/bytes.h"
#include "queue/mem.h"
#include "queue/payload.h"
#include "queue/queue_impl.h"

#define RECORD_ITEMS 128
#define RECORD_BYTES 16384 /* fits the smallest segment, sealed or not */
#define IN_FLIGHT    4

_Static_assert(RECORD_BYTES >= PAYLOAD_MOVED_PREFIX + CHANGE_BOUND &&
                   RECORD_BYTES * 2 < QUEUE_SEGMENT_MIN,
               "a record takes one change at least, and no segment is too small for it");

struct restate_write {
    struct queue_write write;
    struct queue_event event;
    struct queue *queue;
    struct restate_item items[RECORD_ITEMS];
    unsigned item_count;
    size_t length;
    uint8_t *sealed; /* owned; NULL = plain */
    uint8_t bytes[RECORD_BYTES];
};

void restate_add(struct queue *queue, const struct restate_item *item)
{
    struct restate *restate = &queue->restate;
    if (restate->count == restate->room) {
        restate->room = restate->room == 0 ? 256 : restate->room * 2;
        restate->items =
            mem_resize(restate->items, restate->room * sizeof *restate->items);
    }
    restate->items[restate->count++] = *item;
}

bool restate_is_idle(const struct queue *queue)
{
    return queue->restate.count == 0 && queue->restate.in_flight == 0;
}

bool restate_describe(const struct queue *queue, const struct restate_item *item,
                      struct change *out_change)
{
    const struct index *index = &queue->index;
    change_init(out_change);
    out_change->id = item->id;
    out_change->home = item->home;
    out_change->number = item->number;
    out_change->when_unix_ms = index->newest_unix_ms;
    uint32_t message = index_find(index, item->id);
    if (item->number == CHANGE_MESSAGE) {
        out_change->state = CHANGE_NOTICED;
        return message != 0 && index_message_at(index, message)->notice_steps == 0;
    }
    uint32_t recipient =
        message == 0 ? 0 : index_recipient_of(index, message, item->number);
    if (recipient == 0) {
        out_change->state = CHANGE_PURGED;
        out_change->ended = true;
        out_change->reason = "ended before its record was moved";
        return true;
    }
    struct recipient_view view;
    index_recipient(index, recipient, &view);
    out_change->home =
        shelf_at(&index->shelf, index_message_at(index, message)->slot)->number;
    out_change->state = view.state;
    out_change->ended = view.ended;
    out_change->attempts = view.attempts;
    out_change->next_unix_ms =
        view.next_unix_ms != 0 || index_waiting_at(index, recipient)->due == 0
            ? view.next_unix_ms
            : index->base_ms + (uint64_t)index_waiting_at(index, recipient)->due * 100;
    out_change->source = view.flow == NULL ? "" : view.flow->source;
    out_change->previous = view.last;
    return true;
}

static void on_done(struct queue_write *write, int rc)
{
    struct restate_write *own = (struct restate_write *)(void *)write;
    (void)rc; /* kept in write->rc */
    own->event = (struct queue_event){.kind = QUEUE_EVENT_RESTATED, .owner = own};
    queue_post(own->queue, &own->event);
}

static void drop_write(struct restate_write *own)
{
    free(own->sealed);
    free(own);
}

/* What could not be written waits again. */
static void put_back(struct queue *queue, struct restate_write *own)
{
    for (unsigned i = 0; i < own->item_count; i++) {
        restate_add(queue, &own->items[i]);
    }
    drop_write(own);
}

/* Put as many waiting items into one record as fit. */
static struct restate_write *fill(struct queue *queue)
{
    struct restate *restate = &queue->restate;
    struct restate_write *own = mem_alloc(sizeof *own);
    own->queue = queue;
    own->length = PAYLOAD_MOVED_PREFIX; /* origin 0: always counts */
    while (restate->count > 0 && own->item_count < RECORD_ITEMS &&
           RECORD_BYTES - own->length >= CHANGE_BOUND) {
        struct restate_item item = restate->items[--restate->count];
        struct change change;
        size_t length = 0;
        if (restate_describe(queue, &item, &change) &&
            change_encode(&change, own->bytes + own->length, RECORD_BYTES - own->length,
                          &length) == 0) {
            own->length += length;
            own->items[own->item_count++] = item;
        }
    }
    return own;
}

static bool submit(struct queue *queue, struct restate_write *own)
{
    queue_write_state(&own->write, own->bytes, own->length);
    own->write.kind = QUEUE_MOVED;
    if (queue->seal != NULL) {
        size_t bytes = queue_sealed_bytes(queue, &own->write);
        own->sealed = mem_alloc(bytes);
        if (queue_seal_write(queue, &own->write, own->sealed, bytes) != 0) {
            put_back(queue, own); /* and as long as they wait, segments stay */
            return false;
        }
    }
    queue->restate.in_flight++;
    queue_submit(queue, &own->write, QUEUE_SYNCED, on_done);
    return true;
}

void restate_run(struct queue *queue)
{
    struct restate *restate = &queue->restate;
    while (restate->count > 0 && restate->in_flight < IN_FLIGHT && !queue_failed(queue)) {
        struct restate_write *own = fill(queue);
        if (own->item_count == 0) {
            drop_write(own);
            continue;
        }
        if (!submit(queue, own)) {
            return;
        }
    }
}

void restate_done(struct queue *queue, struct queue_event *event)
{
    struct restate_write *own = event->owner;
    queue->restate.in_flight--;
    if (own->write.rc == 0) {
        queue_settled(queue, own->bytes + PAYLOAD_MOVED_PREFIX,
                      own->length - PAYLOAD_MOVED_PREFIX, &own->write.place);
    } else if (own->write.rc != -EIO) {
        put_back(queue, own);
        return;
    }
    drop_write(own);
}

void restate_drop(struct queue_event *event)
{
    drop_write(event->owner);
}
