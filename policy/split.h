/* Which source carries this recipient: by weight, sticky, never across streams.
 *
 * A recipient whose source has had a remote answer stays with it for 24 hours, also while
 * that source is stopped: nothing hops to another address unless the operator configured
 * a fallback. */

#ifndef POLICY_SPLIT_H
#define POLICY_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPLIT_STICKY_NS (INT64_C(24) * 3600 * 1000000000)

struct split_source {
    uint32_t source; /* the caller's number */
    uint32_t weight; /* 0: never by weight */
    bool live;       /* neither frozen nor stopped for this site */
};

struct split_ask {
    const struct split_source
        *sources;          /* those of the stream; borrowed during the call */
    size_t count;          /* at least 1 */
    int32_t sticky;        /* source of the last remote answer, -1 none */
    int64_t sticky_age_ns; /* of that answer */
    int32_t fallback;      /* configured fallback source, -1 none */
    bool fallback_live;
    uint64_t roll;
};

enum split_why {
    SPLIT_STICKY,         /* a remote answered it from there, less than a day ago */
    SPLIT_STICKY_STOPPED, /* the same, and that source is out of service: it waits */
    SPLIT_WEIGHT,         /* by weight among the live ones */
    SPLIT_FALLBACK,       /* its own are stopped; the operator configured this one */
    SPLIT_NONE_LIVE,      /* all are stopped and there is no fallback: it waits */
};

struct split_answer {
    int32_t
        source; /* the caller's number; for the two waiting answers the one waited for */
    bool waits; /* do not start: that source is out of service */
    enum split_why why;
};

struct split_answer split_choose(const struct split_ask *ask);

const char *split_why_name(enum split_why why);

#endif
