/* Whose turn is it among the senders of one stream at one site?
 *
 * Every user is one sender, and mail that came without a login together another. Each has
 * its own row of ladings; the sender that was given least goes next, counted in
 * recipients. Whoever comes new begins where the round stands, so that five messages of
 * one do not wait for the 500,000 of another, and nobody saves anything up. Core thread.
 */

#ifndef RELAY_ROUND_H
#define RELAY_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/list.h"

struct lading;
struct round_sender;

struct round {
    struct round_sender **heap; /* owned; by what they were given, least first */
    uint32_t count;
    uint32_t room;
    struct round_sender **buckets; /* owned; by name */
    uint32_t bucket_count;         /* a power of two, or 0 */
    uint64_t turn;                 /* what the sender that went last had been given */
    uint64_t births;               /* orders those who were given the same */
};

/* A zeroed round is empty. Every lading must be out. */
void round_done(struct round *round);

/* Take over all of from, which is empty afterwards. to: zeroed. */
void round_move(struct round *to, struct round *from);

bool round_is_empty(const struct round *round);

/* Put it at the end of its sender's row. It must be in no list. */
void round_add(struct round *round, struct lading *lading);

/* Take it out of the round it is in. */
void round_remove(struct lading *lading);

/* The lading that goes next. Not empty. */
struct lading *round_first(const struct round *round);

/* The first that fits, near the front: of the most next ones of the sender whose turn it
 * is, else of the first ones of so many others. NULL when none does. */
struct lading *round_find(const struct round *round,
                          bool (*fits)(const struct lading *lading), unsigned most);

/* So many recipients of it went: its sender is charged, and it goes to the end of its
 * sender's row. */
void round_spend(struct lading *lading, uint32_t units);

#endif
