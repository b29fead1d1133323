/* Interned, counted texts: each once in memory, found by content, with a small number.
 * One thread. */

#ifndef QUEUE_NAMES_H
#define QUEUE_NAMES_H

#include <stdint.h>

struct name {
    struct name *bucket;
    uint32_t hash;
    uint32_t uses;
    uint32_t number; /* 1..limit; 0 = the table had no number left */
    char text[];
};

struct names {
    struct name **buckets;  /* owned */
    struct name **numbered; /* owned; by number */
    uint32_t bucket_count;
    uint32_t count;
    uint32_t limit; /* of numbers */
    uint32_t number_room;
    uint32_t next_number;
    uint32_t *spare; /* owned; numbers given back */
    uint32_t spare_count;
    uint32_t spare_room;
    uint64_t text_bytes;
};

void names_init(struct names *names, uint32_t limit);
void names_done(struct names *names);

/* Find or add, and count one use. */
struct name *names_take(struct names *names, const char *text);
/* Give one use back; the name goes with its last. */
void names_give(struct names *names, struct name *name);
/* NULL when the text is not there. */
struct name *names_find(const struct names *names, const char *text);
/* "" for number 0. */
const char *names_text(const struct names *names, uint32_t number);
struct name *names_at(const struct names *names, uint32_t number);

uint32_t names_hash(const char *text);
uint64_t names_memory(const struct names *names);

#endif
