#include "relay/bucket.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "relay/arena.h"
#include "relay/entropy.h"

#define WAYS 8 /* slots in which a key may lie */

/* full_ns is when the bucket is whole again; each try moves it by one refill. */
struct slot {
    uint64_t tag; /* 0: empty */
    int64_t full_ns;
};

struct bucket_table {
    struct slot *slots; /* owned */
    size_t sets;
    int64_t burst_ns;
    int64_t refill_ns;
    uint8_t secret[crypto_shorthash_KEYBYTES]; /* so that nobody can choose a neighbour */
};

struct bucket_table *bucket_new(size_t slots, unsigned burst, int64_t refill_ns)
{
    assert(slots >= WAYS && slots % WAYS == 0);
    assert(burst > 0);
    assert(refill_ns > 0);
    struct bucket_table *table = arena_must(1, sizeof *table);
    table->slots = arena_must(slots, sizeof *table->slots);
    table->sets = slots / WAYS;
    table->refill_ns = refill_ns;
    table->burst_ns = refill_ns * (int64_t)burst;
    entropy_bytes(table->secret, sizeof table->secret);
    return table;
}

void bucket_free(struct bucket_table *table)
{
    if (table != NULL) {
        free(table->slots);
        free(table);
    }
}

static uint64_t tag_of(const struct bucket_table *table, const void *key, size_t key_size)
{
    uint8_t hash[crypto_shorthash_BYTES];
    (void)crypto_shorthash(hash, key, key_size, table->secret);
    uint64_t tag = 0;
    for (size_t i = 0; i < sizeof hash; i++) {
        tag = tag << 8 | hash[i];
    }
    return tag == 0 ? 1 : tag;
}

static struct slot *set_of(const struct bucket_table *table, uint64_t tag)
{
    return &table->slots[tag % table->sets * WAYS];
}

static struct slot *find(const struct bucket_table *table, uint64_t tag)
{
    struct slot *set = set_of(table, tag);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].tag == tag) {
            return &set[i];
        }
    }
    return NULL;
}

/* The key's slot, or the one of the key that has tried least. */
static struct slot *find_or_make(const struct bucket_table *table, uint64_t tag)
{
    struct slot *found = find(table, tag);
    if (found != NULL) {
        return found;
    }
    struct slot *set = set_of(table, tag);
    struct slot *least = &set[0];
    for (size_t i = 1; i < WAYS; i++) {
        if (least->tag != 0 && (set[i].tag == 0 || set[i].full_ns < least->full_ns)) {
            least = &set[i];
        }
    }
    *least = (struct slot){.tag = tag, .full_ns = INT64_MIN};
    return least;
}

bool bucket_has(const struct bucket_table *table, const void *key, size_t key_size,
                int64_t now_ns)
{
    assert(table != NULL);
    const struct slot *slot = find(table, tag_of(table, key, key_size));
    return slot == NULL || slot->full_ns <= now_ns ||
           slot->full_ns - now_ns <= table->burst_ns - table->refill_ns;
}

void bucket_take(struct bucket_table *table, const void *key, size_t key_size,
                 int64_t now_ns)
{
    assert(table != NULL);
    struct slot *slot = find_or_make(table, tag_of(table, key, key_size));
    int64_t from_ns = slot->full_ns > now_ns ? slot->full_ns : now_ns;
    slot->full_ns = from_ns + table->refill_ns;
    if (slot->full_ns - now_ns > table->burst_ns) {
        slot->full_ns = now_ns + table->burst_ns; /* empty is empty */
    }
}

void bucket_give(struct bucket_table *table, const void *key, size_t key_size,
                 int64_t now_ns)
{
    assert(table != NULL);
    struct slot *slot = find(table, tag_of(table, key, key_size));
    if (slot != NULL && slot->full_ns > now_ns) {
        slot->full_ns -= table->refill_ns;
    }
}
