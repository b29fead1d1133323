#include "relay/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT     (_Alignof(max_align_t))
#define FIRST_BYTES   ((size_t)4096)
#define LARGEST_BYTES ((size_t)64 * 1024) /* larger requests get a chunk of their own */

struct arena_chunk {
    struct arena_chunk *older;
    size_t size_bytes; /* of data */
    size_t used_bytes;
    max_align_t data[];
};

void arena_init(struct arena *arena, size_t cap_bytes)
{
    assert(arena != NULL);
    arena->newest = NULL;
    arena->used_bytes = 0;
    arena->cap_bytes = cap_bytes;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t need_bytes)
{
    struct arena_chunk *newest = arena->newest;
    size_t size_bytes = FIRST_BYTES;
    if (newest != NULL) {
        size_bytes = newest->size_bytes < LARGEST_BYTES / 2 ? newest->size_bytes * 2
                                                            : LARGEST_BYTES;
    }
    if (size_bytes < need_bytes) {
        size_bytes = need_bytes;
    }
    struct arena_chunk *chunk = malloc(sizeof *chunk + size_bytes);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->older = newest;
    chunk->size_bytes = size_bytes;
    chunk->used_bytes = 0;
    arena->newest = chunk;
    return chunk;
}

void *arena_try(struct arena *arena, size_t size_bytes)
{
    assert(arena != NULL);
    if (size_bytes > arena->cap_bytes) {
        return NULL;
    }
    size_t padded = size_bytes == 0
                        ? ALIGNMENT
                        : (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (padded > arena->cap_bytes - arena->used_bytes) {
        return NULL;
    }
    struct arena_chunk *chunk = arena->newest;
    if (chunk == NULL || chunk->size_bytes - chunk->used_bytes < padded) {
        chunk = add_chunk(arena, padded);
        if (chunk == NULL) {
            return NULL;
        }
    }
    void *bytes = (char *)chunk->data + chunk->used_bytes;
    chunk->used_bytes += padded;
    arena->used_bytes += padded;
    memset(bytes, 0, padded);
    return bytes;
}

char *arena_try_copy(struct arena *arena, const char *text, size_t size_bytes)
{
    assert(text != NULL || size_bytes == 0);
    if (size_bytes == SIZE_MAX) {
        return NULL;
    }
    char *copy = arena_try(arena, size_bytes + 1);
    if (copy != NULL && size_bytes > 0) {
        memcpy(copy, text, size_bytes);
    }
    return copy;
}

static void free_chunks(struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
}

void arena_reset(struct arena *arena)
{
    assert(arena != NULL);
    arena->used_bytes = 0;
    struct arena_chunk *kept = arena->newest;
    if (kept == NULL) {
        return;
    }
    if (kept->size_bytes > LARGEST_BYTES) {
        free_chunks(kept);
        arena->newest = NULL;
        return;
    }
    free_chunks(kept->older);
    kept->older = NULL;
    kept->used_bytes = 0;
}

void arena_done(struct arena *arena)
{
    if (arena == NULL) {
        return;
    }
    free_chunks(arena->newest);
    arena->newest = NULL;
    arena->used_bytes = 0;
}

void *arena_must(size_t count, size_t size_bytes)
{
    void *bytes = calloc(count == 0 ? 1 : count, size_bytes == 0 ? 1 : size_bytes);
    if (bytes == NULL) {
        abort();
    }
    return bytes;
}
