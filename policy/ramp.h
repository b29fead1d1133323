/* A source's warm-up: the allowance of a day, and at its end the verdict for tomorrow.
 *
 * Keyed by the caller: source x site, source x other, source in total. Advances on
 * evidence, not on the calendar; what leaves within a day is metered by ledger and pace.
 */

#ifndef POLICY_RAMP_H
#define POLICY_RAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/evidence.h"
#include "policy/pace.h"
#include "policy/verdict.h"

#define RAMP_STEPS        64
#define RAMP_FLOOR        20 /* no allowance is smaller */
#define RAMP_OTHER_FLOORS 5  /* "other" starts at this many floors at least */
#define RAMP_DAYS         14 /* days remembered one by one */
#define RAMP_FEW          50 /* attempts in RAMP_DAYS below which a key says nothing */

/* A curve: a table, or start x growth^step. */
struct ramp_plan {
    uint64_t start;             /* where there is no table */
    double growth;              /* > 1 */
    uint32_t days;              /* steps until done */
    uint64_t steps[RAMP_STEPS]; /* a table, or nothing */
    uint32_t step_count;        /* 0: no table */
};

/* The last days one by one, newest first. */
struct ramp_past {
    uint32_t count; /* of the arrays below */
    uint64_t sent[RAMP_DAYS];
    uint64_t attempts[RAMP_DAYS];
    uint64_t demand[RAMP_DAYS]; /* the allowance, or more, where the ramp held back */
};

/* Days of too little use, judged together: up to a week. */
struct ramp_pool {
    uint32_t days;
    uint64_t attempts;
    uint64_t deferrals;
    uint64_t refusals;
    uint64_t bad_mailboxes;
};

/* Plain and storable as it is. */
struct ramp {
    int32_t day;             /* the day the present step is for */
    uint32_t step;           /* 0 first */
    uint32_t idle_days;      /* in a row with nothing sent */
    uint32_t clean_low_days; /* in a row clean with little demand: 4 advance */
    uint64_t biggest_day;    /* most sent in one day since the ramp began */
    bool done;
    bool paused;     /* by an operator: no step forward; trouble goes back all the same */
    uint64_t most;   /* after a listing: no day allows more; 0 none */
    uint64_t normal; /* a usual day before the listing; 0 none */
    int32_t listed_day; /* the last day on a list; 0 none */
    bool was_grave;     /* that list was */
    struct ramp_pool pool;
    struct ramp_past past;
};

/* One day as it was, for its verdict. */
struct ramp_day {
    uint64_t accepted;
    uint64_t released;  /* allowance that was released while mail waited */
    uint64_t attempts;  /* answered recipients */
    uint64_t deferrals; /* 4xx of the lane's scope */
    uint64_t refusals;  /* policy refusals */
    uint64_t bad_mailboxes;
    uint64_t complaints;     /* over 7 days; 0 when unknown */
    uint64_t complaint_base; /* accepted over these 7 days */
    bool blocked;            /* a stop or block happened */
    bool listed;             /* the source was on a list */
    bool grave;              /* one of those that stop everything */
    bool met;            /* the receiver's own allowance was met: nothing more today */
    uint32_t row;        /* deferrals since the last other answer ... */
    int64_t row_unix_ms; /* ... and when the first of them came */
};

struct ramp_rules {
    double use_share;      /* 0.80: of what was released while mail waited */
    double low_share;      /* 0.20: below this the day says nothing */
    double deferral_limit; /* bounds above these are proven bad */
    double refusal_limit;
    double bad_mailbox_limit;
    double complaint_warn; /* 0.001 */
    double complaint_stop; /* 0.003 */
    uint32_t idle_keep;    /* 7: no decay up to here */
    uint32_t idle_reset;   /* 30: start again */
};

enum ramp_verdict {
    RAMP_ADVANCE,
    RAMP_ADVANCE_QUIET,    /* four clean days of low demand */
    RAMP_HOLD_UNUSED,      /* the allowance was not used */
    RAMP_HOLD_NO_EVIDENCE, /* under 20 % use */
    RAMP_HOLD_WARNED,      /* complaints above the warning */
    RAMP_HOLD_PAUSED,
    RAMP_BACK_ONE,    /* proven bad */
    RAMP_BACK_MET,    /* one step: the receiver's own allowance for the day was met */
    RAMP_BACK_THREE,  /* a block */
    RAMP_BACK_LISTED, /* a quarter of normal, or a tenth when grave or repeated */
    RAMP_RECOVER,     /* a clean day after a listing: twice as much */
    RAMP_FREEZE,      /* complaints above the limit: the ramp stands, bulk pauses */
    RAMP_DECAY,       /* idle */
    RAMP_RESTART,     /* idle for 30 days */
    RAMP_DONE,
};

/* What decided, for the journal. */
struct ramp_ruling {
    enum ramp_verdict verdict;
    uint64_t before; /* allowance */
    uint64_t after;
    struct evidence_bounds bounds; /* of the share that decided; zeroed when none did */
    double limit;
    const char *of; /* "deferrals", "refusals", "bad mailboxes", "complaints", "use" */
};

/* The shipped rules. */
extern const struct ramp_rules ramp_shipped_rules;
#define RAMP_RULES ramp_shipped_rules

/* "conservative", "standard", "sparkpost", "ses45"; NULL when there is no such name. */
const struct ramp_plan *ramp_preset(const char *name);

/* The allowance of a step: never below RAMP_FLOOR (other: five of them), the last step's
 * for those beyond. UINT64_MAX when the ramp is done. */
uint64_t ramp_allowance(const struct ramp_plan *plan, const struct ramp *ramp,
                        bool other);

/* Start at a step (0 new; an operator may set another) on that day. */
void ramp_start(struct ramp *ramp, uint32_t step, int32_t day);

/* One answer. Five deferrals in a row over at least an hour, though the lane paused in
 * between, say that the receiver's own allowance for the day is met. */
void ramp_day_add(struct ramp_day *day, enum verdict_ramp answer, int64_t unix_ms);

/* The day is over and `today` has begun. Days without an entry between (downtime,
 * silence) count as idle. A `today` not later than the ramp's day changes nothing: the
 * verdict is that of an unused day. Call once per day and key; store the ramp afterwards.
 */
struct ramp_ruling ramp_close_day(struct ramp *ramp, const struct ramp_plan *plan,
                                  const struct ramp_rules *rules,
                                  const struct ramp_day *day, bool other, int32_t today);

/* Attempts of the last RAMP_DAYS days; below RAMP_FEW a key is judged with its parent:
 * the caller puts the parent's attempts, deferrals, refusals and bad mailboxes in `day`.
 */
uint64_t ramp_past_attempts(const struct ramp_past *past);

/* A usual day: the median of what was sent on days with mail; 0 with fewer than three. */
uint64_t ramp_past_normal(const struct ramp_past *past);

/* The 95th percentile of a day's demand; 0 with fewer than seven days. */
uint64_t ramp_past_peak(const struct ramp_past *past);

/* A day is over; `silent` more passed after it without anything. */
void ramp_past_add(struct ramp_past *past, uint64_t sent, uint64_t attempts,
                   uint64_t demand, uint32_t silent);

/* What ramp_close_day would say, without doing it (`mesura warmup`). */
struct ramp_ruling ramp_preview(const struct ramp *ramp, const struct ramp_plan *plan,
                                const struct ramp_rules *rules,
                                const struct ramp_day *day, bool other);

/* The even release of an allowance through the sending window: burst at most 1 %.
 * What is left of the allowance when the window is short is not caught up. */
struct pace_limit ramp_release(uint64_t allowance, int64_t window_ns);

const char *ramp_verdict_name(enum ramp_verdict verdict);

#endif
