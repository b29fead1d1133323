/* What each item of the log does to the index at start-up: what it did when it was
 * written. */

#include <stdlib.h>

#include "queue/mem.h"
#include "queue/record.h"
#include "queue/replay_impl.h"

/* The segment that a copy was made from is still there, and whole. */
static bool origin_counts(const struct queue *queue, uint64_t origin)
{
    uint16_t slot = shelf_find(&queue->index.shelf, origin);
    return slot != 0 && !shelf_at(&queue->index.shelf, slot)->damaged;
}

static bool piece_is_there(const struct replay *replay, uint64_t id,
                           const struct place *piece)
{
    struct queue *queue = replay->queue;
    const struct disk *disk = queue->disk;
    uint8_t bytes[RECORD_HEAD];
    char name[SEGMENT_NAME];
    struct record_head head;
    uint16_t slot = shelf_find(&queue->index.shelf, piece->segment);
    if (slot == 0) {
        return false;
    }
    segment_name(piece->segment, name);
    int handle = disk->open_readonly(disk, name);
    if (handle < 0) {
        return false;
    }
    int rc = segment_read(disk, handle, bytes, sizeof bytes, piece->offset, false);
    disk->close(disk, handle);
    return rc == 0 &&
           record_decode(bytes, piece->segment, shelf_at(&queue->index.shelf, slot)->salt,
                         &head) &&
           head.kind == QUEUE_PIECE && head.id == id &&
           head.length + RECORD_HEAD == piece->length;
}

static bool pieces_are_there(const struct replay *replay, uint64_t id,
                             const struct place *pieces, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!piece_is_there(replay, id, &pieces[i])) {
            return false;
        }
    }
    return true;
}

/* Pieces that are not there were torn off with the rest of the last batch, or the message
 * was moved or ended since: that is known when all has been read. */
static void doubt(struct replay *replay, const struct digest_item *item)
{
    if (replay->check_pieces &&
        !pieces_are_there(replay, item->envelope.id, item->envelope.pieces,
                          item->envelope.piece_count)) {
        replay->doubtful = mem_resize(replay->doubtful, (replay->doubtful_count + 1) *
                                                            sizeof *replay->doubtful);
        replay->doubtful[replay->doubtful_count++] = item->envelope.id;
    }
}

void replay_drop_incomplete(struct replay *replay)
{
    struct index *index = &replay->queue->index;
    for (size_t i = 0; i < replay->doubtful_count; i++) {
        uint64_t id = replay->doubtful[i];
        uint32_t message = index_find(index, id);
        const struct pieces *pieces = message == 0 ? NULL : index_pieces(index, message);
        if (pieces == NULL ||
            pieces_are_there(replay, id, pieces->place, pieces->count)) {
            continue;
        }
        struct message_view view;
        index_message(index, message, &view);
        queue_note(replay->queue, QUEUE_NOTE_INCOMPLETE, view.place.segment,
                   view.place.offset, "pieces of the body are missing");
        index_forget(index, message);
    }
}

static void replay_states(struct queue *queue, const struct digest_item *item)
{
    for (unsigned i = 0; i < item->state_count; i++) {
        struct change change = item->states[i];
        struct place last = {change.previous.segment, change.previous.offset, 0};
        uint32_t recipient = index_apply(&queue->index, &change);
        if (recipient == 0 || change.state == CHANGE_NOTICED) {
            continue;
        }
        if (change.ended) {
            index_written(&queue->index, &change, &item->place);
        } else if (last.segment != 0) {
            index_set_last(&queue->index, index_waiting_at(&queue->index, recipient),
                           &last);
        }
    }
}

static void replay_copy(struct replay *replay, const struct digest_item *item)
{
    struct queue *queue = replay->queue;
    uint16_t slot = shelf_take(&queue->index.shelf, item->place.segment);
    shelf_refer(&queue->index.shelf, slot, item->origin);
    uint32_t message = index_find(&queue->index, item->envelope.id);
    if (message == 0 && !origin_counts(queue, item->origin)) {
        if (index_add(&queue->index, &item->envelope, &item->place) != 0) {
            replay_states(queue, item);
        }
        return;
    }
    if (message != 0) {
        index_move(&queue->index, message, &item->place, item->envelope.pieces,
                   item->envelope.piece_count);
    }
    for (unsigned i = 0; i < item->envelope.recipient_count; i++) {
        restate_add(queue, &(struct restate_item){item->envelope.id, item->place.segment,
                                                  (uint16_t)i});
    }
}

static void replay_accept(struct replay *replay, const struct digest_item *item)
{
    struct queue *queue = replay->queue;
    doubt(replay, item);
    if (item->origin != 0) {
        replay_copy(replay, item);
        return;
    }
    (void)index_add(&queue->index, &item->envelope, &item->place);
    for (unsigned i = 0; i < item->envelope.close_count; i++) {
        queue_close_recipient(queue, &item->envelope.closes[i], &item->place);
    }
}

static void replay_change(struct replay *replay, const struct digest_item *item)
{
    struct queue *queue = replay->queue;
    if (item->origin != 0 && origin_counts(queue, item->origin)) {
        uint16_t slot = shelf_take(&queue->index.shelf, item->place.segment);
        shelf_refer(&queue->index.shelf, slot, item->change.home);
        restate_add(queue, &(struct restate_item){item->change.id, item->change.home,
                                                  item->change.number});
        return;
    }
    (void)index_apply(&queue->index, &item->change);
    index_written(&queue->index, &item->change, &item->place);
}

int replay_item(void *owner, const struct digest_item *item)
{
    struct replay *replay = owner;
    if (item->kind == DIGEST_ACCEPT) {
        replay_accept(replay, item);
    } else {
        replay_change(replay, item);
    }
    return 0;
}

/* ---- a digest ---- */

#define ROW 32

struct row {
    struct digest_item items[ROW];
    struct index_near near[ROW];
    unsigned count;
};

/* Decode the next items; the last may be one that the next call would overwrite. */
static int fill_row(struct digest_reader *reader, struct row *row)
{
    int rc = 1;
    row->count = 0;
    while (row->count < ROW) {
        struct digest_item *item = &row->items[row->count];
        rc = digest_next(reader, item);
        if (rc <= 0) {
            return rc;
        }
        struct index_near *near = &row->near[row->count++];
        near->id = item->kind == DIGEST_ACCEPT ? item->envelope.id : item->change.id;
        near->domain =
            item->kind == DIGEST_ACCEPT ? item->envelope.recipients[0].domain : NULL;
        if (digest_is_wide(item)) {
            break;
        }
    }
    return 1;
}

static void bring_near(const struct index *index, struct row *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        index_near_tables(index, &row->near[i]);
    }
    for (unsigned i = 0; i < row->count; i++) {
        index_near_heads(index, &row->near[i]);
    }
    for (unsigned i = 0; i < row->count; i++) {
        index_near_flows(index, &row->near[i]);
    }
    for (unsigned i = 0; i < row->count; i++) {
        index_near_heaps(index, &row->near[i]);
    }
}

int replay_digest(struct replay *replay, const uint8_t *bytes, size_t length,
                  uint64_t segment)
{
    struct row *row = mem_alloc(sizeof *row);
    struct digest_reader reader;
    int rc = 1;
    digest_reader_init(&reader, bytes, length, segment);
    while (rc > 0) {
        rc = fill_row(&reader, row);
        bring_near(&replay->queue->index, row);
        for (unsigned i = 0; i < row->count; i++) {
            (void)replay_item(replay, &row->items[i]);
        }
    }
    digest_reader_done(&reader);
    free(row);
    return rc;
}
