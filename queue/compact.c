/* Getting space back: the live part of a sparse segment is written again, then it may go.
 *
 *  IDLE -> READING -> MOVING -> WAITING -> IDLE
 *
 * READING   suspended: the thread lists what the victim holds; QUEUE_EVENT_COMPACT
 * resumes MOVING    suspended while a group is with the thread (the event resumes) or
 * while there are no tokens (queue_tick resumes) WAITING   suspended: restated records
 * are being written (queue_tick resumes)
 *
 * The thread reads, the writer commits, core swaps: a message that changed or ended while
 * it was copied is restated afterwards (restate.c). A crash at any point leaves the
 * victim with all its records, and replay believes it rather than the copies. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/compact_impl.h"
#include "queue/mem.h"

#define LOOK_STEP   4096                  /* items looked at in one call */
#define GROUP_BYTES 1048576               /* of records in one group */
#define REST_NS     UINT64_C(10000000000) /* after the disk was full */

static struct compact *compact_of(struct queue *queue)
{
    if (queue->compact == NULL) {
        queue->compact = mem_alloc(sizeof *queue->compact);
        queue->compact->queue = queue;
        (void)sem_init(&queue->compact->written, 0, 0);
        (void)sem_init(&queue->compact->copied, 0, 0);
    }
    return queue->compact;
}

static void drop_items(struct compact *compact)
{
    for (size_t i = 0; i < compact->count; i++) {
        free(compact->items[i].states);
        free(compact->items[i].pieces);
    }
    compact->count = 0;
    compact->next = 0;
    compact->group_count = 0;
    compact->group_bytes = 0;
}

static void end_upload(struct compact *compact)
{
    if (compact->has_upload) {
        queue_upload_end(compact->queue, &compact->upload);
        compact->has_upload = false;
    }
}

void compact_free(struct queue *queue)
{
    if (queue->compact != NULL) {
        end_upload(queue->compact);
        drop_items(queue->compact);
        free(queue->compact->items);
        (void)sem_destroy(&queue->compact->written);
        (void)sem_destroy(&queue->compact->copied);
        free(queue->compact);
        queue->compact = NULL;
    }
}

struct compact_item *compact_add(struct compact *compact)
{
    if (compact->count == compact->room) {
        compact->room = compact->room == 0 ? 1024 : compact->room * 2;
        compact->items =
            mem_resize(compact->items, compact->room * sizeof *compact->items);
    }
    struct compact_item *item = &compact->items[compact->count++];
    *item = (struct compact_item){0};
    return item;
}

/* ---- choosing a victim ---- */

/* What must be kept of it, were it moved. */
static uint64_t to_move(const struct shelf *shelf, const struct shelf_segment *segment)
{
    return shelf_live_bytes(shelf, segment) + segment->tomb_bytes;
}

static bool may_be_victim(struct queue *queue, const struct shelf_segment *segment)
{
    return segment->number != 0 && segment->closed && segment->settled &&
           !segment->moving && !segment->damaged && segment->seen == segment->written &&
           !segment->held &&
           to_move(&queue->index.shelf, segment) < segment->file_bytes / 4 * 3 &&
           (segment->live_messages > 0 || segment->live_states > 0 ||
            shelf_is_needed(&queue->index.shelf,
                            shelf_find(&queue->index.shelf, segment->number)));
}

static uint16_t choose(struct queue *queue)
{
    struct shelf *shelf = &queue->index.shelf;
    struct space_now now;
    queue_space(queue, &now);
    if (now.disk_bytes <= space_begin(&now)) {
        return 0;
    }
    uint16_t best = 0;
    double best_share = 1.0;
    for (uint32_t slot = 1; slot < shelf->used; slot++) {
        const struct shelf_segment *segment = shelf_at(shelf, (uint16_t)slot);
        if (!may_be_victim(queue, segment)) {
            continue;
        }
        double share = (double)to_move(shelf, segment) / (double)segment->file_bytes;
        if (share < best_share) {
            best_share = share;
            best = (uint16_t)slot;
        }
    }
    return best;
}

static void hand_over(struct compact *compact, helper_cb run_cb)
{
    compact->busy = true;
    helper_add(&compact->queue->copier, &compact->job, run_cb, false);
}

static bool begin(struct compact *compact)
{
    struct queue *queue = compact->queue;
    uint16_t slot = choose(queue);
    if (slot == 0) {
        return false;
    }
    struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
    segment->moving = true;
    compact->victim = segment->number;
    compact->stuck = false;
    compact->full = false;
    compact->phase = COMPACT_READING;
    drop_items(compact);
    hand_over(compact, compact_list);
    return true;
}

/* Messages whose record is elsewhere but with pieces in the victim. */
static void add_piece_owners(struct compact *compact)
{
    const struct index *index = &compact->queue->index;
    for (uint32_t i = 0; i < index->piece_bucket_count; i++) {
        for (const struct pieces *pieces = index->piece_buckets[i]; pieces != NULL;
             pieces = pieces->bucket) {
            uint32_t in_victim = 0;
            while (in_victim < pieces->count &&
                   pieces->place[in_victim].segment != compact->victim) {
                in_victim++;
            }
            const struct message *entry = index_message_at(index, pieces->message);
            uint64_t home = shelf_at(&index->shelf, entry->slot)->number;
            if (in_victim < pieces->count && home != compact->victim) {
                struct compact_item *item = compact_add(compact);
                item->kind = COMPACT_MESSAGE;
                item->id = entry->id;
                item->from = (struct place){home, entry->at * UINT32_C(8), 0};
            }
        }
    }
}

/* ---- what must be moved ---- */

static bool is_at(const struct index *index, uint16_t slot, uint32_t at,
                  const struct place *place)
{
    return slot != 0 && shelf_at(&index->shelf, slot)->number == place->segment &&
           at * UINT32_C(8) == place->offset;
}

static struct waiting *waiting_of(const struct index *index,
                                  const struct compact_item *item)
{
    uint32_t message = index_find(index, item->id);
    uint32_t recipient =
        message == 0 ? 0 : index_recipient_of(index, message, item->number);
    return recipient == 0 ? NULL : index_waiting_at(index, recipient);
}

static void describe_states(const struct queue *queue, uint32_t message,
                            struct compact_item *item)
{
    const struct message *entry = index_message_at(&queue->index, message);
    size_t room = 0;
    for (unsigned i = 0; i < entry->count; i++) {
        uint8_t bytes[CHANGE_BOUND];
        size_t length = 0;
        struct change change;
        struct restate_item recipient = {item->id, item->from.segment, (uint16_t)i};
        if (!restate_describe(queue, &recipient, &change) ||
            (change.state == CHANGE_WAITING && change.attempts == 0 &&
             change.next_unix_ms == 0 && change.previous.segment == 0) ||
            change_encode(&change, bytes, sizeof bytes, &length) != 0) {
            continue;
        }
        if (room - item->states_length < length) {
            room = (room + length) * 2;
            item->states = mem_resize(item->states, room);
        }
        memcpy(item->states + item->states_length, bytes, length);
        item->states_length += length;
    }
}

static bool must_move(struct compact *compact, struct compact_item *item)
{
    struct queue *queue = compact->queue;
    const struct index *index = &queue->index;
    if (item->kind == COMPACT_TOMB) {
        /* A recipient that lives again (its message went out and came back in) has no
         * tomb: behind its record it would end it. */
        const struct waiting *waiting = waiting_of(index, item);
        return item->home != compact->victim &&
               shelf_find(&index->shelf, item->home) != 0 &&
               (waiting == NULL || waiting->ended);
    }
    if (item->kind == COMPACT_STATE) {
        const struct waiting *waiting = waiting_of(index, item);
        return waiting != NULL && !waiting->gone &&
               is_at(index, waiting->last_slot, waiting->last_at, &item->from);
    }
    uint32_t message = index_find(index, item->id);
    if (message == 0) {
        return false;
    }
    struct message *entry = index_message_at(index, message);
    if (!is_at(index, entry->slot, entry->at, &item->from)) {
        return false;
    }
    item->from.length = entry->length64 * UINT32_C(64);
    entry->dirty = 0;
    describe_states(queue, message, item);
    return true;
}

/* Gather the next group and give it to the thread. */
static void next_group(struct compact *compact)
{
    compact->group_count = 0;
    compact->group_bytes = 0;
    for (unsigned looked = 0;
         compact->next < compact->count && looked < LOOK_STEP &&
         compact->group_count < COMPACT_GROUP && compact->group_bytes < GROUP_BYTES;
         looked++) {
        struct compact_item *item = &compact->items[compact->next++];
        if (must_move(compact, item)) {
            compact->group[compact->group_count++] = item;
            compact->group_bytes += item->from.length + item->states_length + 128;
        }
    }
    if (compact->group_count > 0) {
        uint64_t cost = compact->group_bytes;
        compact->tokens -= cost < compact->tokens ? cost : compact->tokens;
        /* A segment full of copied pieces has nothing live in it before the swap. */
        queue_upload_begin(compact->queue, &compact->upload);
        compact->has_upload = true;
        hand_over(compact, compact_copy);
    }
}

/* ---- swapping ---- */

static void swap_message(struct compact *compact, const struct compact_item *item)
{
    struct queue *queue = compact->queue;
    struct index *index = &queue->index;
    queue_seen(queue, &item->to);
    shelf_refer(&index->shelf, shelf_find(&index->shelf, item->to.segment),
                compact->victim);
    uint32_t message = index_find(index, item->id);
    bool dirty = message == 0 || index_message_at(index, message)->dirty;
    if (message != 0) {
        queue_know_pieces(queue, item->pieces, item->piece_count);
        index_move(index, message, &item->to, item->pieces, item->piece_count);
    }
    for (unsigned i = 0; dirty && i < item->recipient_count; i++) {
        restate_add(queue,
                    &(struct restate_item){item->id, item->to.segment, (uint16_t)i});
    }
    if (dirty && message != 0) {
        restate_add(queue,
                    &(struct restate_item){item->id, item->to.segment, CHANGE_MESSAGE});
    }
}

static void swap_change(struct compact *compact, const struct compact_item *item)
{
    struct queue *queue = compact->queue;
    struct index *index = &queue->index;
    if (item->is_first_of_record) {
        queue_seen(queue, &item->to);
    }
    uint16_t slot = shelf_take(&index->shelf, item->to.segment);
    shelf_refer(&index->shelf, slot, item->home);
    if (item->kind == COMPACT_TOMB) {
        shelf_at(&index->shelf, slot)->tomb_bytes += SHELF_TOMB_BYTES;
        return;
    }
    shelf_learn_states(&index->shelf, item->to_bytes, 1);
    struct waiting *waiting = waiting_of(index, item);
    if (waiting == NULL || waiting->gone) {
        return;
    }
    if (is_at(index, waiting->last_slot, waiting->last_at, &item->from)) {
        index_set_last(index, waiting, &item->to);
    } else {
        restate_add(queue, &(struct restate_item){item->id, item->home, item->number});
    }
    if (waiting->ended) {
        restate_add(queue, &(struct restate_item){item->id, item->home, item->number});
    }
}

/* No room for the copy passes; what cannot be read stays unreadable. */
static void note_failure(struct compact *compact, int rc)
{
    if (rc == -ENOSPC || rc == -EDQUOT) {
        compact->full = true;
    } else {
        compact->stuck = true;
    }
}

static void swap_group(struct compact *compact)
{
    for (unsigned i = 0; i < compact->group_count; i++) {
        const struct compact_item *item = compact->group[i];
        if (item->rc != 0) {
            note_failure(compact, item->rc);
        } else if (item->kind == COMPACT_MESSAGE) {
            swap_message(compact, item);
        } else {
            swap_change(compact, item);
        }
    }
    compact->group_count = 0;
    end_upload(compact);
}

static void finish(struct compact *compact)
{
    struct shelf *shelf = &compact->queue->index.shelf;
    uint16_t slot = shelf_find(shelf, compact->victim);
    if (slot != 0) {
        struct shelf_segment *segment = shelf_at(shelf, slot);
        segment->moving = false;
        segment->damaged |= compact->stuck; /* is not chosen again */
        if (!compact->stuck && !compact->full) {
            segment->ref_count = 0; /* its tombstones are elsewhere */
        }
    }
    if (compact->full) {
        compact->rest_until_ns = compact->last_ns + REST_NS;
    }
    drop_items(compact);
    compact->phase = COMPACT_IDLE;
}

/* ---- the machine ---- */

static void refill(struct compact *compact, uint64_t now_ns)
{
    uint64_t rate = compact->queue->options.compact_bytes_per_s;
    uint64_t passed_ms =
        now_ns > compact->last_ns ? (now_ns - compact->last_ns) / 1000000 : 0;
    passed_ms = passed_ms > 1000 ? 1000 : passed_ms;
    compact->tokens += rate / 1000 * passed_ms;
    if (compact->tokens > rate) {
        compact->tokens = rate;
    }
    if (passed_ms > 0) {
        compact->last_ns = now_ns;
    }
}

static bool is_pressed(struct queue *queue)
{
    struct space_now now;
    queue_space(queue, &now);
    return space_presses(&now);
}

void compact_run(struct queue *queue, uint64_t now_ns)
{
    struct compact *compact = compact_of(queue);
    refill(compact, now_ns);
    while (!compact->busy && !queue_failed(queue)) {
        switch (compact->phase) {
        case COMPACT_IDLE:
            if (!restate_is_idle(queue) || now_ns < compact->rest_until_ns ||
                !begin(compact)) {
                return;
            }
            continue;
        case COMPACT_READING:
            if (compact->read_rc != 0) {
                compact->stuck = true;
                finish(compact);
                continue;
            }
            add_piece_owners(compact);
            compact->phase = COMPACT_MOVING;
            continue;
        case COMPACT_MOVING:
            swap_group(compact);
            if (compact->next == compact->count) {
                compact->phase = COMPACT_WAITING;
                continue;
            }
            if (compact->tokens == 0 && !is_pressed(queue)) {
                return; /* suspended: queue_tick resumes */
            }
            if (compact->full) {
                compact->phase = COMPACT_WAITING;
                continue; /* the rest stays where it is, for a better day */
            }
            next_group(compact);
            continue;
        case COMPACT_WAITING:
            restate_run(queue);
            if (!restate_is_idle(queue)) {
                return; /* suspended: queue_tick resumes */
            }
            finish(compact);
            continue;
        }
    }
}

void compact_event(struct queue *queue, struct queue_event *event)
{
    (void)event;
    queue->compact->busy = false;
}
