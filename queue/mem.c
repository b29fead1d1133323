#include "queue/mem.h"

#include <stdlib.h>

void *mem_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes == 0 ? 1 : bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void *mem_resize(void *old, size_t bytes)
{
    void *memory = realloc(old, bytes == 0 ? 1 : bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void *mem_try(size_t bytes)
{
    return malloc(bytes == 0 ? 1 : bytes);
}
