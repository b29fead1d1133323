#include "tools/receiver_seen.h"

#include <stdlib.h>

#include "tools/grab.h"

#define FIRST_SLOTS 65536

void receiver_seen_done(struct receiver_seen *seen)
{
    free(seen->slots);
    *seen = (struct receiver_seen){0};
}

static size_t slot_of(const uint64_t *slots, size_t capacity, uint64_t hash)
{
    size_t slot = hash & (capacity - 1);

    while (slots[slot] != 0 && slots[slot] != hash) {
        slot = (slot + 1) & (capacity - 1);
    }
    return slot;
}

static void grow(struct receiver_seen *seen)
{
    size_t capacity = seen->capacity > 0 ? 2 * seen->capacity : FIRST_SLOTS;
    uint64_t *slots = grab_zeroed(capacity, sizeof *slots);

    for (size_t i = 0; i < seen->capacity; i++) {
        if (seen->slots[i] != 0) {
            slots[slot_of(slots, capacity, seen->slots[i])] = seen->slots[i];
        }
    }
    free(seen->slots);
    seen->slots = slots;
    seen->capacity = capacity;
}

bool receiver_seen_add(struct receiver_seen *seen, uint64_t hash)
{
    size_t slot = 0;

    if (hash == 0) {
        hash = 1; /* 0 marks a free slot */
    }
    if (2 * (seen->count + 1) > seen->capacity && seen->count < RECEIVER_SEEN_MAX) {
        grow(seen);
    }
    slot = slot_of(seen->slots, seen->capacity, hash);
    if (seen->slots[slot] == hash) {
        return true;
    }
    if (seen->count == RECEIVER_SEEN_MAX) {
        seen->unknown++;
        return false;
    }
    seen->slots[slot] = hash;
    seen->count++;
    return false;
}
