/* Where messages and states live on disk, and what that means for the segments. */

#include <assert.h>
#include <stdlib.h>

#include "queue/index_impl.h"
#include "queue/mem.h"

static void live_in(struct index *index, uint64_t segment, uint64_t bytes, int sign)
{
    uint16_t slot = shelf_find(&index->shelf, segment);
    if (slot == 0) {
        return;
    }
    struct shelf_segment *entry = shelf_at(&index->shelf, slot);
    if (sign > 0) {
        entry->live_messages++;
        entry->live_bytes += bytes;
    } else {
        assert(entry->live_messages > 0);
        entry->live_messages--;
        entry->live_bytes -= bytes;
    }
}

static uint32_t piece_bucket(const struct index *index, uint32_t message)
{
    return (message * UINT32_C(2654435761)) & (index->piece_bucket_count - 1);
}

const struct pieces *index_pieces(const struct index *index, uint32_t message)
{
    if (!index_message_at(index, message)->in_pieces) {
        return NULL;
    }
    const struct pieces *pieces = index->piece_buckets[piece_bucket(index, message)];
    while (pieces->message != message) {
        pieces = pieces->bucket;
    }
    return pieces;
}

static void grow_pieces(struct index *index)
{
    uint32_t old_count = index->piece_bucket_count;
    struct pieces **old = index->piece_buckets;
    index->piece_bucket_count = old_count == 0 ? 64 : old_count * 2;
    index->piece_buckets = mem_alloc(index->piece_bucket_count * sizeof(struct pieces *));
    for (uint32_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct pieces *pieces = old[i];
            old[i] = pieces->bucket;
            struct pieces **bucket =
                &index->piece_buckets[piece_bucket(index, pieces->message)];
            pieces->bucket = *bucket;
            *bucket = pieces;
        }
    }
    free(old);
}

void index_add_pieces(struct index *index, uint32_t message, uint64_t size_bytes,
                      const struct place *places, unsigned count)
{
    if (count == 0) {
        return;
    }
    if (index->piece_count >= index->piece_bucket_count) {
        grow_pieces(index);
    }
    struct pieces *pieces = mem_alloc(sizeof *pieces + count * sizeof *places);
    pieces->message = message;
    pieces->count = count;
    pieces->size_bytes = size_bytes;
    for (unsigned i = 0; i < count; i++) {
        pieces->place[i] = places[i];
        live_in(index, places[i].segment, places[i].length, 1);
    }
    struct pieces **bucket = &index->piece_buckets[piece_bucket(index, message)];
    pieces->bucket = *bucket;
    *bucket = pieces;
    index->piece_count++;
    index->piece_bytes += sizeof *pieces + count * sizeof *places;
    index_message_at(index, message)->in_pieces = 1;
}

void index_remove_pieces(struct index *index, uint32_t message)
{
    if (!index_message_at(index, message)->in_pieces) {
        return;
    }
    struct pieces **link = &index->piece_buckets[piece_bucket(index, message)];
    while ((*link)->message != message) {
        link = &(*link)->bucket;
    }
    struct pieces *pieces = *link;
    *link = pieces->bucket;
    for (unsigned i = 0; i < pieces->count; i++) {
        live_in(index, pieces->place[i].segment, pieces->place[i].length, -1);
    }
    index->piece_count--;
    index->piece_bytes -= sizeof *pieces + pieces->count * sizeof *pieces->place;
    free(pieces);
    index_message_at(index, message)->in_pieces = 0;
}

void index_set_place(struct index *index, struct message *message,
                     const struct place *place)
{
    message->slot = shelf_find(&index->shelf, place->segment);
    message->at = (place->offset / 8) & ((UINT32_C(1) << 27) - 1);
    message->length64 = (uint16_t)((place->length + 63) / 64);
    live_in(index, place->segment, (uint64_t)message->length64 * 64, 1);
}

void index_leave_place(struct index *index, struct message *message)
{
    live_in(index, shelf_at(&index->shelf, message->slot)->number,
            (uint64_t)message->length64 * 64, -1);
}

void index_move(struct index *index, uint32_t message, const struct place *place,
                const struct place *pieces, unsigned piece_count)
{
    struct message *entry = index_message_at(index, message);
    if (shelf_take(&index->shelf, place->segment) == 0) {
        return;
    }
    index_leave_place(index, entry);
    index_set_place(index, entry, place);
    if (piece_count > 0) {
        const struct pieces *old = index_pieces(index, message);
        uint64_t size_bytes = old == NULL ? 0 : old->size_bytes;
        index_remove_pieces(index, message);
        index_add_pieces(index, message, size_bytes, pieces, piece_count);
    }
}

void index_set_last(struct index *index, struct waiting *waiting,
                    const struct place *place)
{
    if (waiting->last_slot != 0) {
        struct shelf_segment *old = shelf_at(&index->shelf, waiting->last_slot);
        assert(old->live_states > 0);
        old->live_states--;
    }
    waiting->last_slot = place == NULL ? 0 : shelf_find(&index->shelf, place->segment);
    waiting->last_at = 0;
    if (waiting->last_slot != 0) {
        struct shelf_segment *now = shelf_at(&index->shelf, waiting->last_slot);
        waiting->last_at = (place->offset / 8) & ((UINT32_C(1) << 27) - 1);
        now->live_states++;
    }
}
