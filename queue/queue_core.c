/* What core tells the queue, and what the other threads tell core. */

#include <stdlib.h>

#include "queue/queue_impl.h"
#include "queue/record.h"

/* ---- records that are on disk ---- */

void queue_seen(struct queue *queue, const struct place *place)
{
    uint16_t slot = shelf_take(&queue->index.shelf, place->segment);
    if (slot != 0) {
        struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
        segment->seen++;
        if (segment->file_bytes == 0) {
            segment->file_bytes = queue->options.segment_bytes;
        }
    }
}

static void publish_memory(struct queue *queue)
{
    struct index_stats stats;
    index_stats(&queue->index, &stats);
    /* What was given back counts as free: else a queue once full would stay so. */
    atomic_store_explicit(&queue->index_memory, stats.memory_bytes - stats.spare_bytes,
                          memory_order_relaxed);
}

void queue_close_recipient(struct queue *queue, const struct envelope_close *close,
                           const struct place *place)
{
    struct change change;
    change_init(&change);
    change.id = close->id;
    change.home = close->home;
    change.number = close->number;
    change.state = CHANGE_FAILED;
    change.ended = true;
    change.when_unix_ms = queue->index.newest_unix_ms;
    uint32_t message = index_find(&queue->index, close->id);
    uint32_t recipient =
        message == 0 ? 0 : index_recipient_of(&queue->index, message, close->number);
    if (recipient != 0) {
        const struct waiting *waiting = index_waiting_at(&queue->index, recipient);
        change.attempts = waiting->attempts;
        if (waiting->state == CHANGE_EXPIRED) {
            change.state = CHANGE_EXPIRED;
        }
        (void)index_apply(&queue->index, &change);
    }
    index_written(&queue->index, &change, place);
}

void queue_know_pieces(struct queue *queue, const struct place *pieces, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)shelf_take(&queue->index.shelf, pieces[i].segment);
    }
}

uint32_t queue_accepted(struct queue *queue, const struct envelope *envelope,
                        const struct place *place)
{
    queue_know_pieces(queue, envelope->pieces, envelope->piece_count);
    uint32_t message = index_add(&queue->index, envelope, place);
    queue_seen(queue, place);
    for (unsigned i = 0; i < envelope->close_count; i++) {
        queue_close_recipient(queue, &envelope->closes[i], place);
    }
    publish_memory(queue);
    return message;
}

uint32_t queue_restored(struct queue *queue, const struct envelope *envelope,
                        const struct iovec *states, const struct place *place)
{
    const uint8_t *at = states->iov_base;
    size_t left = states->iov_len;
    struct change change;
    queue_know_pieces(queue, envelope->pieces, envelope->piece_count);
    uint32_t message = index_add(&queue->index, envelope, place);
    queue_seen(queue, place);
    while (message != 0 && change_next(&at, &left, &change) > 0) {
        uint32_t recipient = index_apply(&queue->index, &change);
        if (recipient != 0 && change.ended) {
            index_written(&queue->index, &change, place);
        }
    }
    publish_memory(queue);
    return message;
}

void queue_settled(struct queue *queue, const void *changes, size_t length,
                   const struct place *place)
{
    const uint8_t *at = changes;
    struct change change;
    uint64_t count = 0;
    uint64_t bytes = RECORD_HEAD + length;
    queue_seen(queue, place);
    while (change_next(&at, &length, &change) > 0) {
        index_written(&queue->index, &change, place);
        count++;
    }
    shelf_learn_states(&queue->index.shelf, bytes, count);
    publish_memory(queue);
}

/* ---- housekeeping ---- */

static void segment_closed(struct queue *queue, const struct queue_event *event)
{
    uint16_t slot = shelf_take(&queue->index.shelf, event->segment);
    if (slot != 0) {
        struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
        segment->closed = true;
        segment->written = event->records;
        segment->salt = event->salt;
        segment->file_bytes = event->file_bytes;
    }
}

static void segment_settled(struct queue *queue, const struct queue_event *event)
{
    uint16_t slot = shelf_find(&queue->index.shelf, event->segment);
    if (slot != 0) {
        shelf_at(&queue->index.shelf, slot)->settled = true;
        shelf_at(&queue->index.shelf, slot)->file_bytes = event->file_bytes;
    }
}

static void segment_gone(struct queue *queue, const struct queue_event *event)
{
    uint16_t slot = shelf_find(&queue->index.shelf, event->segment);
    if (slot != 0) {
        shelf_remove(&queue->index.shelf, slot);
        queue->dead_segments++;
    }
}

static void handle(struct queue *queue, struct queue_event *event)
{
    switch (event->kind) {
    case QUEUE_EVENT_CLOSED: segment_closed(queue, event); break;
    case QUEUE_EVENT_SETTLED: segment_settled(queue, event); break;
    case QUEUE_EVENT_GONE: segment_gone(queue, event); break;
    case QUEUE_EVENT_RESTATED: restate_done(queue, event); return;
    case QUEUE_EVENT_COMPACT: compact_event(queue, event); return;
    }
    free(event->owner);
}

static void handle_events(struct queue *queue)
{
    struct queue_event *newest = atomic_exchange(&queue->events, NULL);
    struct queue_event *oldest = NULL;
    while (newest != NULL) {
        struct queue_event *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct queue_event *next = oldest->next;
        handle(queue, oldest);
        oldest = next;
    }
}

static bool is_dead(struct queue *queue, uint16_t slot)
{
    const struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
    return segment->number != 0 && segment->closed && segment->settled &&
           !segment->moving && segment->live_messages == 0 && segment->live_states == 0 &&
           segment->seen == segment->written && segment->pins == 0 && !segment->held &&
           !shelf_is_needed(&queue->index.shelf, slot);
}

static void free_dead(struct queue *queue)
{
    if (!restate_is_idle(queue) || queue_failed(queue)) {
        return;
    }
    for (uint32_t slot = 1; slot < queue->index.shelf.used; slot++) {
        if (is_dead(queue, (uint16_t)slot)) {
            struct shelf_segment *segment = shelf_at(&queue->index.shelf, (uint16_t)slot);
            segment->moving = true; /* asked for once; it leaves the shelf when gone */
            queue_close_segment(queue, (uint16_t)slot);
            supply_free(&queue->supply, segment->number);
        }
    }
}

void queue_space(struct queue *queue, struct space_now *out_now)
{
    struct shelf_totals totals;
    shelf_totals(&queue->index.shelf, &totals);
    *out_now = (struct space_now){
        .disk_bytes = totals.file_bytes + supply_spare_bytes(&queue->supply),
        .live_bytes = totals.live_bytes,
        .stuck_bytes = totals.stuck_bytes,
        .segment_bytes = queue->options.segment_bytes,
    };
}

void queue_publish_room(struct queue *queue)
{
    struct space_now now;
    uint64_t written = atomic_load(&queue->writer.bytes);
    queue_space(queue, &now);
    uint64_t room = space_room(&queue->space, &now);
    atomic_store(&queue->room_end, written + room);
}

void queue_tick(struct queue *queue, uint64_t now_ns)
{
    handle_events(queue);
    queue_refresh_space(queue);
    supply_kick(&queue->supply);
    restate_run(queue);
    queue_look_at_uploads(queue);
    free_dead(queue);
    compact_run(queue, now_ns);
    publish_memory(queue);
    queue_publish_room(queue);
}

void queue_stats(const struct queue *queue, struct queue_stats *out_stats)
{
    struct shelf_totals totals;
    union {
        const struct queue *kept;
        struct queue *queue;
    } self = {.kept = queue};
    shelf_totals(&queue->index.shelf, &totals);
    *out_stats = (struct queue_stats){
        .disk_bytes = totals.file_bytes + supply_bytes(&self.queue->supply),
        .live_bytes = totals.live_bytes,
        .stuck_bytes = totals.stuck_bytes,
        .segments = queue->index.shelf.count,
        .free_bytes = atomic_load(&queue->free_bytes),
        .free_inodes = atomic_load(&queue->free_inodes),
        .records = atomic_load(&queue->writer.records),
        .written_bytes = atomic_load(&queue->writer.bytes),
        .compacted_bytes = atomic_load(&queue->writer.copy_bytes),
        .syncs = atomic_load(&queue->writer.syncs),
        .stalls = self.queue->supply.stalls,
        .dead_segments = queue->dead_segments,
    };
}
