/* Pacing: may one more unit leave now? One generic-cell-rate counter.
 *
 * The unit is the caller's: recipients, connections, bytes. A pace holds no clock and no
 * lock: the caller brings the time. Never faster than asked: rounding goes towards
 * slower, in every window of length w at most w * count / period + burst units leave. */

#ifndef POLICY_PACE_H
#define POLICY_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* A zeroed limit is no limit. period_ns > 0 with count 0 is closed. */
struct pace_limit {
    uint32_t count;    /* units per period */
    uint32_t burst;    /* units back to back; 0 is read as 1 */
    int64_t period_ns; /* 0: unlimited */
};

struct pace {
    int64_t spent_until_ns; /* the instant at which all that was spent is paid for */
    int64_t gap_ns;         /* of one unit when spent_until_ns was written; 0: none yet */
};

struct pace_answer {
    bool go;             /* at least one unit may leave now */
    uint32_t units;      /* how many may leave now; UINT32_MAX when unlimited */
    int64_t earliest_ns; /* when one unit may leave: now or earlier if go; INT64_MAX:
                            closed */
};

bool pace_is_unlimited(const struct pace_limit *limit);

/* The time one unit takes, rounded up; 0 when unlimited, INT64_MAX when closed. */
int64_t pace_gap_ns(const struct pace_limit *limit);

/* A limit of so many units a second, for rates that were computed. per_second <= 0 is
 * closed. Accurate to one nanosecond a unit, rounded towards slower. */
struct pace_limit pace_limit_of(double per_second, uint32_t burst);

/* Units per second; 0 when closed, HUGE_VAL when unlimited. */
double pace_per_second(const struct pace_limit *limit);

/* The slower of two limits (that of the longer gap). Either may be unlimited. */
struct pace_limit pace_slower(const struct pace_limit *one,
                              const struct pace_limit *other);

/* Start a pace of which nothing is known before since_ns: as if the whole burst had been
 * spent then, so that no restart gives a second burst. Pass the start of the process. (A
 * zeroed pace starts full: only for what has provably never been used.) */
void pace_init(struct pace *pace, const struct pace_limit *limit, int64_t since_ns);

/* Ask how many units may leave at now_ns. Changes nothing. A limit other than that of the
 * last spending keeps the history: what is owed is owed in units. */
struct pace_answer pace_ask(const struct pace *pace, const struct pace_limit *limit,
                            int64_t now_ns);

/* Count units that leave at now_ns. More than pace_ask allowed is a debt, which is paid
 * before anything else leaves. */
void pace_spend(struct pace *pace, const struct pace_limit *limit, uint32_t units,
                int64_t now_ns);

/* The limit changed at now_ns: settle what was owed under the old one. Optional (ask and
 * spend do the same), but exact only when called at the moment of the change. */
void pace_retune(struct pace *pace, const struct pace_limit *limit, int64_t now_ns);

#endif
