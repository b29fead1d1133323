/* Who tried how often lately: token buckets for many names, in fixed memory.
 *
 * Each key has a bucket of `burst` tries that refills one try at a time. The table never
 * grows: when it is full, the key that has tried least lately is forgotten, so that a
 * flood of keys lets others off and locks nobody out. One thread. */

#ifndef RELAY_BUCKET_H
#define RELAY_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bucket_table;

/* slots: how many keys are remembered; a multiple of 8. Aborts without memory. */
struct bucket_table *bucket_new(size_t slots, unsigned burst, int64_t refill_ns);
void bucket_free(struct bucket_table *table);

/* Is a try left for this key at now_ns? Changes nothing. */
bool bucket_has(const struct bucket_table *table, const void *key, size_t key_size,
                int64_t now_ns);

/* Take a try, whether one is left or not; give one back. */
void bucket_take(struct bucket_table *table, const void *key, size_t key_size,
                 int64_t now_ns);
void bucket_give(struct bucket_table *table, const void *key, size_t key_size,
                 int64_t now_ns);

#endif
