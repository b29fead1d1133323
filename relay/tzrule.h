/* The rule in the footer of a time zone file: a POSIX TZ string such as
 * "CET-1CEST,M3.5.0,M10.5.0/3" (RFC 8536 3.3.1). Pure; any thread. */

#ifndef RELAY_TZRULE_H
#define RELAY_TZRULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tzrule_form {
    TZRULE_JULIAN, /* Jn: day 1-365, 29 February never counted */
    TZRULE_DAY,    /* n: day 0-365, 29 February counted */
    TZRULE_WEEK,   /* Mm.w.d */
};

struct tzrule_date {
    enum tzrule_form form;
    int32_t month;  /* 1-12, TZRULE_WEEK */
    int32_t week;   /* 1-5; 5 is the last */
    int32_t day;    /* of the week (0 = Sunday) or of the year */
    int32_t time_s; /* local seconds after midnight; may be negative or above a day */
};

struct tzrule {
    int32_t standard_s; /* seconds east of UTC */
    int32_t summer_s;
    bool has_summer;
    struct tzrule_date begins; /* of summer time, told in standard time */
    struct tzrule_date ends;   /* told in summer time */
};

/* Parse size bytes. Returns 0, or -EINVAL for anything that is not exactly a rule. */
int tzrule_parse(struct tzrule *out, const char *text, size_t size);

/* Seconds east of UTC at an instant. */
int32_t tzrule_offset_s(const struct tzrule *rule, int64_t unix_s);

/* The last instant up to unix_s at which the offset changed; INT64_MIN when it never did.
 */
int64_t tzrule_changed_unix_s(const struct tzrule *rule, int64_t unix_s);

#endif
