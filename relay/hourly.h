/* What happened in each hour: messages and recipients by stream, user, sender and site,
 * replies by class, and the texts nobody understood. For `mesura summary`.
 *
 * Counts gather here and go to the store once a second. Names come from outside, so in
 * each hour a group has at most LIMIT_HOURS_NAMES of them; what comes later is counted
 * under "(other)". Core thread. Functions take NULL and then count nothing. */

#ifndef RELAY_HOURLY_H
#define RELAY_HOURLY_H

#include <stddef.h>
#include <stdint.h>

#include "policy/reply.h"

#define HOURLY_NAME_BYTES  128 /* of a name; longer ones are cut */
#define HOURLY_OTHER       "(other)"
#define HOURLY_SHAPE_BYTES 120

struct store;
struct hourly;

/* store is borrowed and outlives the counts. */
struct hourly *hourly_new(struct store *store);

/* Add to a count of the hour that holds unix_ms. group and what are constants of ours
 * without '|'; name may be any text, "" too. */
void hourly_add(struct hourly *hours, const char *group, const char *what,
                const char *name, int64_t unix_ms);

/* Give what has gathered to the store. */
void hourly_flush(struct hourly *hours);

/* Flush and free. */
void hourly_free(struct hourly *hours);

/* A reply as it is counted among those that nobody understood: codes and text, with every
 * other number as '#' and without mailboxes, so that equal sentences are equal. */
void hourly_shape(const struct reply *reply, char out[HOURLY_SHAPE_BYTES]);

#endif
