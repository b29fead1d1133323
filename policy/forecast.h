/* The gates run forward: when would a campaign be done, day by day and site by site?
 *
 * Pure arithmetic over what is known now: the ramps' allowances (and that clean days
 * advance them), learnt and set rates, windows, lifetimes. It supposes that receivers go
 * on as they are: nothing is blocked, nothing refused. The caller brings rows that live
 * as long as the call. */

#ifndef POLICY_FORECAST_H
#define POLICY_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/ramp.h"

#define FORECAST_DAYS  120 /* beyond that the answer is "not within so many days" */
#define FORECAST_LANES 256 /* the caller brings no more */

/* What decides how much leaves on a day. */
enum forecast_limit {
    FORECAST_NOTHING, /* all of it left */
    FORECAST_RAMP,    /* the allowance of the key */
    FORECAST_TOTAL,   /* the allowance of the source */
    FORECAST_RATE,    /* the lane's rate, learnt or set */
    FORECAST_CLOSED,  /* no source may carry it */
};

/* One source to one site, or to all that share a key. */
struct forecast_lane {
    uint32_t site;   /* index of the caller's sites */
    uint32_t source; /* index of the caller's sources */
    bool is_ramped;
    bool is_other;  /* of the group of small sites */
    bool is_closed; /* stopped or frozen until somebody acts */
    struct ramp_plan plan;
    struct ramp ramp;
    uint64_t spent_today;   /* of the allowance */
    double rate_per_s;      /* what the lane may do; HUGE_VAL: no limit */
    double rate_most_per_s; /* what it may grow to, doubled a day */
};

/* What waits for a site, with what the campaign adds. */
struct forecast_site {
    double waiting;
    double life_days; /* until what waits now expires; HUGE_VAL never */
    bool is_strict; /* warm lanes carry no more than warming ones: overflow is wait alone
                     */
};

/* A source in total. */
struct forecast_source {
    uint64_t total; /* its own allowance a day; 0 none */
    bool is_ramped; /* the ramp counts for the source, not for each site */
    struct ramp_plan plan;
    struct ramp ramp;
    uint64_t spent_today;
};

struct forecast_ask {
    struct forecast_lane *lanes; /* their ramps are run forward: the caller's copy */
    size_t lane_count;
    struct forecast_site *sites; /* likewise: waiting is what is left */
    size_t site_count;
    struct forecast_source *sources; /* likewise */
    size_t source_count;
    double window_share; /* of a day in which anything may leave, 0 to 1 */
    double today_share;  /* of today's window that is still to come, 0 to 1 */
};

/* One site on one day. */
struct forecast_row {
    uint32_t day; /* 0 is today */
    uint32_t site;
    double leaves;
    double expires;
    double left; /* at the end of the day */
    enum forecast_limit limit;
};

typedef void (*forecast_row_cb)(const struct forecast_row *row, void *owner);

struct forecast_answer {
    uint32_t days; /* until nothing waits, today included; FORECAST_DAYS + 1: longer */
    double leaves;
    double expires;
    double left; /* after FORECAST_DAYS */
};

/* Run it. row_cb (may be NULL) is called for each day and site with anything, in order.
 */
struct forecast_answer forecast_run(struct forecast_ask *ask, forecast_row_cb row_cb,
                                    void *owner);

const char *forecast_limit_name(enum forecast_limit limit);

#endif
