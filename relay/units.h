/* The quantities an administrator writes: durations, sizes, rates, times of day.
 *
 * Durations are strings of number and unit ("90s", "15m", "4h", "5d", "1h30m", "250ms"),
 * sizes are bytes or "64K", "10M", "1G" (powers of 1024), rates are "20/s", "500/h",
 * "3000/d", "5/10m" or "unlimited". A bare number is refused where a unit is missing:
 * nobody remembers whether it was seconds. Pure; any thread. */

#ifndef RELAY_UNITS_H
#define RELAY_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#define UNITS_NS_PER_MS       INT64_C(1000000)
#define UNITS_NS_PER_SECOND   INT64_C(1000000000)
#define UNITS_MINUTES_PER_DAY 1440u

/* Room for any text that units_*_print writes, its NUL included. */
#define UNITS_TEXT_BYTES 48

/* count events in each period; count 0 means unlimited (period_ns is then 0 too). */
struct units_rate {
    uint64_t count;
    int64_t period_ns;
};

/* A part of the day in minutes after midnight, in the zone that stands beside it.
 * from > to runs over midnight; from == to is the whole day ("" in the file). */
struct units_window {
    uint16_t from_minute;
    uint16_t to_minute;
};

/* Each parser returns 0 and sets *value, or -EINVAL (not such a thing), -ERANGE (it does
 * not fit) and leaves *value alone; err then says what is wrong and what would be right.
 */
ATTR_MUST_CHECK int units_duration_parse(const char *text, int64_t *value_ns,
                                         struct errmsg *err);
ATTR_MUST_CHECK int units_size_parse(const char *text, uint64_t *value,
                                     struct errmsg *err);
ATTR_MUST_CHECK int units_rate_parse(const char *text, struct units_rate *value,
                                     struct errmsg *err);
/* "08:00-20:00", or "" for the whole day. */
ATTR_MUST_CHECK int units_window_parse(const char *text, struct units_window *value,
                                       struct errmsg *err);
/* "07:30" -> minutes after midnight. */
ATTR_MUST_CHECK int units_clock_parse(const char *text, uint16_t *minute,
                                      struct errmsg *err);

/* The shortest text that the parser reads back as the same value, into buffer, which has
 * at least UNITS_TEXT_BYTES. Returns buffer. Durations below a millisecond print as 0s.
 */
char *units_duration_print(int64_t value_ns, char *buffer);
char *units_size_print(uint64_t value, char *buffer);
char *units_rate_print(const struct units_rate *value, char *buffer);

static inline bool units_rate_is_unlimited(const struct units_rate *rate)
{
    return rate->count == 0;
}

#endif
