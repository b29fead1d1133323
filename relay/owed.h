/* Ids of messages whose bounces are still to be written, first come first served.
 * Bounded: what does not fit is only remembered as "there are more", and found again by
 * looking through the index. */

#ifndef RELAY_OWED_H
#define RELAY_OWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct owed {
    uint64_t *ids; /* owned; a ring */
    size_t first;
    size_t count;
    size_t room;
    bool has_more; /* some were left out */
};

/* Zeroed is empty. */
void owed_done(struct owed *owed);
/* The id that was added last is not added twice in a row. */
void owed_add(struct owed *owed, uint64_t id);
/* Take the first; 0 when there is none. */
uint64_t owed_take(struct owed *owed);

#endif
