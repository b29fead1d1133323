#include "queue/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "queue/mem.h"

void pool_init(struct pool *pool, uint32_t entry_bytes)
{
    assert(entry_bytes >= sizeof(uint32_t));
    *pool = (struct pool){.entry_bytes = entry_bytes, .used = 1};
}

void pool_done(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->chunk_count; i++) {
        free(pool->chunks[i]);
    }
    free(pool->chunks);
    *pool = (struct pool){0};
}

static void add_chunk(struct pool *pool)
{
    if (pool->chunk_count == pool->chunk_room) {
        pool->chunk_room = pool->chunk_room == 0 ? 16 : pool->chunk_room * 2;
        pool->chunks = mem_resize(pool->chunks, pool->chunk_room * sizeof *pool->chunks);
    }
    pool->chunks[pool->chunk_count] = mem_alloc((size_t)POOL_CHUNK * pool->entry_bytes);
    pool->chunk_count++;
}

uint32_t pool_take(struct pool *pool)
{
    if (pool->free != 0) {
        uint32_t handle = pool->free;
        void *entry = pool_at(pool, handle);
        memcpy(&pool->free, entry, sizeof pool->free);
        memset(entry, 0, sizeof pool->free);
        pool->free_count--;
        return handle;
    }
    assert(pool->used < UINT32_C(1) << 30);
    if (pool->used / POOL_CHUNK == pool->chunk_count) {
        add_chunk(pool);
    }
    return pool->used++;
}

void pool_give(struct pool *pool, uint32_t handle)
{
    assert(handle != 0);
    assert(handle < pool->used);
    uint8_t *entry = pool_at(pool, handle);
    memset(entry, 0, pool->entry_bytes);
    memcpy(entry, &pool->free, sizeof pool->free);
    pool->free = handle;
    pool->free_count++;
}

uint64_t pool_spare(const struct pool *pool)
{
    return (uint64_t)pool->free_count * pool->entry_bytes;
}

uint64_t pool_memory(const struct pool *pool)
{
    /* Of the last chunk only the pages that were touched are memory. */
    return (uint64_t)pool->used * pool->entry_bytes +
           pool->chunk_room * sizeof *pool->chunks;
}
