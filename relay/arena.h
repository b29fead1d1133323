/* Memory that is given back in one call: one arena per inbound transaction and per
 * delivery attempt. One thread at a time. */

#ifndef RELAY_ARENA_H
#define RELAY_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *newest; /* owned; a stack of chunks */
    size_t used_bytes;          /* handed out, with padding */
    size_t cap_bytes;           /* used_bytes never goes above this */
};

/* Start an empty arena that hands out at most cap_bytes. Allocates nothing. */
void arena_init(struct arena *arena, size_t cap_bytes);

/* Zeroed bytes, aligned for any type, until arena_reset or arena_done. NULL when the cap
 * is reached or memory is out: sizes here come from outside, and the caller says 452. */
void *arena_try(struct arena *arena, size_t size_bytes);

/* A terminated copy of size_bytes bytes, or NULL as above. */
char *arena_try_copy(struct arena *arena, const char *text, size_t size_bytes);

/* Take everything back but keep one chunk for the next use. */
void arena_reset(struct arena *arena);

/* Take everything back. A zeroed arena is allowed. */
void arena_done(struct arena *arena);

/* Zeroed memory whose size the program chose, for free(); aborts when there is none (the
 * queue is durable, a restart is safe). Never for sizes that come from outside. */
void *arena_must(size_t count, size_t size_bytes)
    __attribute__((malloc, returns_nonnull));

#endif
