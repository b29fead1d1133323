/* Fixed-size entries addressed by u32 handles, in chunks that never move. Handle 0 is
 * none. One thread. */

#ifndef QUEUE_POOL_H
#define QUEUE_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_CHUNK \
    32768 /* entries: so many that what malloc and pages add is nothing beside */

struct pool {
    uint8_t **chunks; /* owned */
    uint32_t chunk_count;
    uint32_t chunk_room; /* of the array of chunks */
    uint32_t entry_bytes;
    uint32_t used; /* handles below this were given out once; begins at 1 */
    uint32_t free; /* head of the list of given-back entries */
    uint32_t free_count;
};

void pool_init(struct pool *pool, uint32_t entry_bytes);
void pool_done(struct pool *pool);

/* A zeroed entry. */
uint32_t pool_take(struct pool *pool);
/* Zeroes all but the first 4 bytes, which are the pool's. */
void pool_give(struct pool *pool, uint32_t handle);

static inline void *pool_at(const struct pool *pool, uint32_t handle)
{
    return pool->chunks[handle / POOL_CHUNK] +
           (size_t)(handle % POOL_CHUNK) * pool->entry_bytes;
}

/* What is resident: entries that were given out once. */
uint64_t pool_memory(const struct pool *pool);
/* Of that, what is free to be taken again: it is never given back to the system. */
uint64_t pool_spare(const struct pool *pool);

#endif
