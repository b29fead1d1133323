/* Local days: which day is it in Berlin, and when does the next one begin?
 *
 * Reads TZif files (RFC 8536, versions 1 to 4) itself, with the rule in their footer, so
 * that no process-wide time zone is ever set. A zone never changes once opened; any
 * thread may ask it. Days are numbered from 1970-01-01, and a number never goes down as
 * time goes up: a day in which clocks change is one day, 23 or 25 hours long. */

#ifndef RELAY_ZONE_H
#define RELAY_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

struct zone;

struct zone_day {
    int64_t number;        /* days since 1970-01-01, local */
    int64_t starts_unix_s; /* first second of it */
    int64_t ends_unix_s;   /* first second of the next */
};

/* Open a zone by its IANA name ("Europe/Berlin") or "UTC" or "" (UTC), which needs no
 * file. Returns 0 and the zone in *out (the caller's; zone_free), -EINVAL when the name
 * or the file is not one, -ENOENT when there is no such zone, or another negative errno.
 */
ATTR_MUST_CHECK int zone_open(struct zone **out, const char *name, struct errmsg *err);

/* As zone_open, from the bytes of a TZif file; data is not kept. */
ATTR_MUST_CHECK int zone_parse(struct zone **out, const uint8_t *data, size_t size,
                               struct errmsg *err);

void zone_free(struct zone *zone);

/* Seconds east of UTC at an instant. */
int32_t zone_offset_s(const struct zone *zone, int64_t unix_s);

/* The local day that holds unix_s, when days begin day_start_s (0-86399) after midnight.
 * Where clocks skip the start, the day begins at the skip; where they repeat it, at the
 * first pass. */
struct zone_day zone_day_at(const struct zone *zone, int64_t unix_s, int32_t day_start_s);

/* Local seconds since midnight, 0-86399, and day of the week, 0 = Sunday. */
int32_t zone_second_of_day(const struct zone *zone, int64_t unix_s);
int zone_weekday(const struct zone *zone, int64_t unix_s);

#endif
