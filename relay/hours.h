/* What happened in each hour: messages and recipients by stream, user, sender and site,
 * replies by class, and the texts nobody understood. For `mesura summary`.
 *
 * Counts gather here and go to the store once a second. Names come from outside, so in
 * each hour a group has at most LIMIT_HOURS_NAMES of them; what comes later is counted
 * under "(other)". Core thread. Functions take NULL and then count nothing. */

#ifndef RELAY_HOURS_H
#define RELAY_HOURS_H

#include <stddef.h>
#include <stdint.h>

#include "policy/reply.h"

#define HOURS_NAME_BYTES  128 /* of a name; longer ones are cut */
#define HOURS_OTHER       "(other)"
#define HOURS_SHAPE_BYTES 120

struct store;
struct hours;

/* store is borrowed and outlives the counts. */
struct hours *hours_new(struct store *store);

/* Add to a count of the hour that holds unix_ms. group and what are constants of ours
 * without '|'; name may be any text, "" too. */
void hours_add(struct hours *hours, const char *group, const char *what, const char *name,
               int64_t unix_ms);

/* Give what has gathered to the store. */
void hours_flush(struct hours *hours);

/* Flush and free. */
void hours_free(struct hours *hours);

/* A reply as it is counted among those that nobody understood: codes and text, with every
 * other number as '#' and without mailboxes, so that equal sentences are equal. */
void hours_shape(const struct reply *reply, char out[HOURS_SHAPE_BYTES]);

#endif
