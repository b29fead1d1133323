#include "tools/receiver_grey.h"

#include <stddef.h>
#include <stdlib.h>

#include "tools/grab.h"

#define FIRST_SLOTS 1024
#define ENTRIES_MAX 4000000 /* 24 bytes each */

struct entry {
    uint64_t hash; /* 0: free */
    int64_t first_ns;
    int64_t passed_until_ns; /* 0: has not passed */
};

struct receiver_grey {
    struct entry *slots; /* owned */
    size_t count;
    size_t capacity; /* a power of 2 */
};

struct receiver_grey *receiver_grey_new(void)
{
    struct receiver_grey *grey = grab_zeroed(1, sizeof *grey);

    grey->capacity = FIRST_SLOTS;
    grey->slots = grab_zeroed(grey->capacity, sizeof *grey->slots);
    return grey;
}

void receiver_grey_free(struct receiver_grey *grey)
{
    if (grey != NULL) {
        free(grey->slots);
        free(grey);
    }
}

static struct entry *slot_of(struct entry *slots, size_t capacity, uint64_t hash)
{
    size_t slot = hash & (capacity - 1);

    while (slots[slot].hash != 0 && slots[slot].hash != hash) {
        slot = (slot + 1) & (capacity - 1);
    }
    return &slots[slot];
}

static void grow(struct receiver_grey *grey)
{
    size_t capacity = 2 * grey->capacity;
    struct entry *slots = grab_zeroed(capacity, sizeof *slots);

    for (size_t i = 0; i < grey->capacity; i++) {
        if (grey->slots[i].hash != 0) {
            *slot_of(slots, capacity, grey->slots[i].hash) = grey->slots[i];
        }
    }
    free(grey->slots);
    grey->slots = slots;
    grey->capacity = capacity;
}

static bool starts_over(struct entry *entry, int64_t model_ns)
{
    entry->first_ns = model_ns;
    entry->passed_until_ns = 0;
    return true;
}

bool receiver_grey_refuses(struct receiver_grey *grey, const struct receiver_spec *spec,
                           uint64_t hash, int64_t model_ns)
{
    struct entry *entry = NULL;
    int64_t age_ns = 0;

    if (hash == 0) {
        hash = 1;
    }
    entry = slot_of(grey->slots, grey->capacity, hash);
    if (entry->hash == 0) {
        if (grey->count == ENTRIES_MAX) {
            return false;
        }
        if (2 * (grey->count + 1) > grey->capacity) {
            grow(grey);
            entry = slot_of(grey->slots, grey->capacity, hash);
        }
        entry->hash = hash;
        grey->count++;
        return starts_over(entry, model_ns);
    }
    age_ns = model_ns - entry->first_ns;
    if (entry->passed_until_ns != 0) {
        if (model_ns >= entry->passed_until_ns) {
            return starts_over(entry, model_ns);
        }
    } else if (age_ns < spec->grey_min_ns) {
        return true;
    } else if (age_ns > spec->grey_max_ns) {
        return starts_over(entry, model_ns);
    }
    entry->passed_until_ns = model_ns + spec->grey_keep_ns;
    return false;
}
