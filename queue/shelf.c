#include "queue/shelf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "queue/mem.h"

#define FIRST_SLOTS   16
#define STATES_RECENT UINT64_C(65536) /* of so many states the mean is taken, about */
#define STATE_MOST    2048            /* bytes; no change is longer */

void shelf_init(struct shelf *shelf)
{
    *shelf = (struct shelf){
        .used = 1, .state_sum = (uint64_t)SHELF_STATE_BYTES * 16, .state_count = 16};
}

void shelf_done(struct shelf *shelf)
{
    for (uint32_t i = 1; i < shelf->used; i++) {
        free(shelf->segments[i].refs);
    }
    free(shelf->segments);
    free(shelf->hash);
    *shelf = (struct shelf){0};
}

static uint32_t bucket_of(const struct shelf *shelf, uint64_t number)
{
    return (uint32_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
           (shelf->hash_size - 1);
}

uint16_t shelf_find(const struct shelf *shelf, uint64_t number)
{
    if (shelf->hash_size == 0 || number == 0) {
        return 0;
    }
    uint32_t at = bucket_of(shelf, number);
    while (shelf->hash[at] != 0) {
        if (shelf->segments[shelf->hash[at]].number == number) {
            return shelf->hash[at];
        }
        at = (at + 1) & (shelf->hash_size - 1);
    }
    return 0;
}

static void hash_put(struct shelf *shelf, uint16_t slot)
{
    uint32_t at = bucket_of(shelf, shelf->segments[slot].number);
    while (shelf->hash[at] != 0) {
        at = (at + 1) & (shelf->hash_size - 1);
    }
    shelf->hash[at] = slot;
}

/* Segments come and go rarely: the table is simply built again. */
static void rehash(struct shelf *shelf, uint32_t size)
{
    free(shelf->hash);
    shelf->hash = mem_alloc(size * sizeof *shelf->hash);
    shelf->hash_size = size;
    for (uint32_t i = 1; i < shelf->used; i++) {
        if (shelf->segments[i].number != 0) {
            hash_put(shelf, (uint16_t)i);
        }
    }
}

static uint16_t free_slot(struct shelf *shelf)
{
    if (shelf->count + 1 < shelf->used) {
        for (uint32_t i = 1; i < shelf->used; i++) {
            if (shelf->segments[i].number == 0) {
                return (uint16_t)i;
            }
        }
    }
    if (shelf->used > SHELF_SLOTS) {
        return 0;
    }
    if (shelf->used % FIRST_SLOTS == 0 || shelf->segments == NULL) {
        uint32_t room = shelf->used + FIRST_SLOTS - shelf->used % FIRST_SLOTS;
        shelf->segments = mem_resize(shelf->segments, room * sizeof *shelf->segments);
    }
    return (uint16_t)shelf->used++;
}

uint16_t shelf_take(struct shelf *shelf, uint64_t number)
{
    assert(number != 0);
    uint16_t slot = shelf_find(shelf, number);
    if (slot != 0) {
        return slot;
    }
    slot = free_slot(shelf);
    if (slot == 0) {
        return 0;
    }
    shelf->segments[slot] = (struct shelf_segment){.number = number, .handle = -1};
    shelf->count++;
    if (shelf->count * 2 > shelf->hash_size) {
        rehash(shelf, shelf->hash_size == 0 ? 64 : shelf->hash_size * 2);
    } else {
        hash_put(shelf, slot);
    }
    return slot;
}

void shelf_remove(struct shelf *shelf, uint16_t slot)
{
    struct shelf_segment *segment = shelf_at(shelf, slot);
    assert(segment->number != 0);
    assert(segment->live_messages == 0);
    assert(segment->pins == 0);
    free(segment->refs);
    *segment = (struct shelf_segment){.handle = -1};
    shelf->count--;
    rehash(shelf, shelf->hash_size);
}

/* Place of the first ref that is not below number. */
static uint32_t ref_place(const struct shelf_segment *segment, uint64_t number)
{
    uint32_t low = 0;
    uint32_t high = segment->ref_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (segment->refs[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void shelf_refer(struct shelf *shelf, uint16_t slot, uint64_t home)
{
    struct shelf_segment *segment = shelf_at(shelf, slot);
    if (home == 0 || home == segment->number || shelf_find(shelf, home) == 0) {
        return;
    }
    uint32_t at = ref_place(segment, home);
    if (at < segment->ref_count && segment->refs[at] == home) {
        return;
    }
    if (segment->ref_count == segment->ref_room) {
        segment->ref_room = segment->ref_room == 0 ? 8 : segment->ref_room * 2;
        segment->refs =
            mem_resize(segment->refs, segment->ref_room * sizeof *segment->refs);
    }
    memmove(&segment->refs[at + 1], &segment->refs[at],
            (segment->ref_count - at) * sizeof *segment->refs);
    segment->refs[at] = home;
    segment->ref_count++;
}

bool shelf_is_needed(struct shelf *shelf, uint16_t slot)
{
    struct shelf_segment *segment = shelf_at(shelf, slot);
    while (segment->ref_count > 0 &&
           shelf_find(shelf, segment->refs[segment->ref_count - 1]) == 0) {
        segment->ref_count--;
    }
    return segment->ref_count > 0;
}

void shelf_learn_states(struct shelf *shelf, uint64_t bytes, uint64_t states)
{
    if (states == 0 || bytes / states > STATE_MOST) {
        return;
    }
    shelf->state_sum += bytes;
    shelf->state_count += states;
    if (shelf->state_count > STATES_RECENT) {
        shelf->state_sum /= 2;
        shelf->state_count /= 2;
    }
}

uint64_t shelf_live_bytes(const struct shelf *shelf, const struct shelf_segment *segment)
{
    return segment->live_bytes +
           segment->live_states * (shelf->state_sum / shelf->state_count);
}

static bool is_stuck(const struct shelf_segment *segment)
{
    return segment->damaged || segment->held || segment->pins > 0;
}

void shelf_totals(const struct shelf *shelf, struct shelf_totals *out_totals)
{
    struct shelf_totals totals = {0};
    for (uint32_t i = 1; i < shelf->used; i++) {
        const struct shelf_segment *segment = &shelf->segments[i];
        if (segment->number == 0) {
            continue;
        }
        uint64_t live = shelf_live_bytes(shelf, segment);
        totals.file_bytes += segment->file_bytes;
        totals.live_bytes += live;
        totals.stuck_bytes += segment->tomb_bytes;
        if (is_stuck(segment) && segment->file_bytes > 2 * live) {
            totals.stuck_bytes += segment->file_bytes - 2 * live;
        }
    }
    *out_totals = totals;
}
