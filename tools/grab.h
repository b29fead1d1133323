/* Memory for the tools: fixed-size allocations that abort when there is none. What a peer
 * can make grow is capped by its owner first. Header only. */

#ifndef TOOLS_GRAB_H
#define TOOLS_GRAB_H

#include <stddef.h>
#include <stdlib.h>

/* Zeroed memory for count objects of size bytes; never NULL. Free with free(). */
static inline void *grab_zeroed(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* memory, which may be NULL, made to hold count objects of size bytes; never NULL. The
 * new part is not zeroed. */
static inline void *grab_resized(void *memory, size_t count, size_t size)
{
    void *bigger = reallocarray(memory, count > 0 ? count : 1, size);

    if (bigger == NULL) {
        abort();
    }
    return bigger;
}

#endif
