/* In which hours of the day does this stream send? What was seen on the last two weeks'
 * days with mail, so that an allowance is released over these hours and not over nights
 * in which nobody writes.
 *
 * Hours and days are UTC's: only how many hours there are is of interest. Storable. */

#ifndef POLICY_HOURS_H
#define POLICY_HOURS_H

#include <stdint.h>

#define HOURS_DAYS  14
#define HOURS_LEAST 4 /* never fewer: an allowance is not to leave in a heap */

struct hours {
    int64_t day;                /* since 1970 */
    uint32_t today;             /* one bit for each hour */
    uint32_t count;             /* of the array below */
    uint32_t masks[HOURS_DAYS]; /* days with mail before it, newest first */
};

/* Something left at this second. A day before the newest is ignored. */
void hours_note(struct hours *hours, int64_t unix_s);

/* How many hours of a day see mail: those seen on a quarter of the days with mail; 24
 * until there are three such days. */
uint32_t hours_used(const struct hours *hours);

#endif
