/* How much a source usually sends: what was accepted of it, by day, for a month.
 *
 * A value that the caller stores; days are numbers (of UTC, or any other count). */

#ifndef POLICY_VOLUME_H
#define POLICY_VOLUME_H

#include <stdint.h>

#define VOLUME_DAYS   30
#define VOLUME_NORMAL 14 /* days whose median is "normal" */

struct volume {
    int32_t day;                  /* of counts[0]; 0: nothing yet */
    uint32_t counts[VOLUME_DAYS]; /* [1] is the day before, and so on */
};

/* So many more on that day. Days before the oldest kept are forgotten. */
void volume_add(struct volume *volume, uint32_t count, int32_t day);

/* The median of the days with mail among the last 14 before that day; 0 when there were
 * none. */
uint32_t volume_normal(const struct volume *volume, int32_t day);

/* All of the last 30 days. */
uint64_t volume_month(const struct volume *volume, int32_t day);

#endif
