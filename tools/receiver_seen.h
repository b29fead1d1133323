/* Which deliveries have been accepted before: a set of 64-bit hashes of message id and
 * recipient, to count duplicates. */

#ifndef TOOLS_RECEIVER_SEEN_H
#define TOOLS_RECEIVER_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECEIVER_SEEN_MAX (UINT64_C(1) << 26) /* 1 GiB of slots at the most */

struct receiver_seen {
    uint64_t *slots; /* owned */
    size_t count;
    size_t capacity;  /* a power of 2, or 0 */
    uint64_t unknown; /* added when it was full: not recorded */
};

/* A zeroed struct is an empty set. */
void receiver_seen_done(struct receiver_seen *seen);

/* Put the hash in; whether it was there already. A full set takes no more and says no. */
bool receiver_seen_add(struct receiver_seen *seen, uint64_t hash);

#endif
