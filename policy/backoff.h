/* When to try a recipient again, when to send a delay notice, when to give up.
 *
 * Only an answer of the other side counts as an attempt: waiting at a gate neither costs
 * one nor lengthens the next wait. */

#ifndef POLICY_BACKOFF_H
#define POLICY_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_STEPS 16

struct backoff_schedule {
    int64_t steps_ns[BACKOFF_STEPS]; /* waits after the 1st, 2nd, ... attempt */
    uint32_t step_count;             /* at least 1 */
    double factor;                   /* beyond the list: each wait times this; >= 1 */
    int64_t max_ns;                  /* no wait is longer, jitter apart */
    double jitter;                   /* 0.2: every wait is multiplied by 0.8 .. 1.2 */
};

struct backoff_life {
    int64_t lifetime_ns; /* of the message, from acceptance */
    int64_t notice_ns;   /* delay notice at this age; 0: none */
};

struct backoff_ask {
    uint32_t attempts; /* answered ones, this one included; at least 1 */
    int64_t age_ns;    /* since acceptance */
    int64_t wait_ns;   /* the receiver's hint; 0: none */
    bool greylisted; /* wait the hint or 5 min instead of the schedule, while that is less
                      */
    bool noticed;    /* the delay notice went out already */
    uint64_t roll;   /* dice */
};

struct backoff_answer {
    int64_t wait_ns; /* from now; cut so that it ends with the lifetime */
    bool expired;    /* the lifetime is over: bounce now */
    bool ends;       /* the wait ends with the lifetime: no further attempt follows */
    bool notice_due; /* a delay notice is owed now */
};

/* A hint between 10 s and 4 h lengthens the scheduled wait, never shortens it, unless
 * greylisted. */
struct backoff_answer backoff_next(const struct backoff_schedule *schedule,
                                   const struct backoff_life *life,
                                   const struct backoff_ask *ask);

/* For messages that wait at a gate: expired, or a notice owed? (wait_ns is the time to
 * the next of these two events.) */
struct backoff_answer backoff_age(const struct backoff_life *life, int64_t age_ns,
                                  bool noticed);

/* The shipped ones: "urgent", "transactional", "bulk". False when there is no such name.
 */
bool backoff_preset(const char *name, struct backoff_schedule *out_schedule,
                    struct backoff_life *out_life);

#endif
