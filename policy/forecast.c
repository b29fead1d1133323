#include "policy/forecast.h"

#include <assert.h>
#include <math.h>

#define DAY_S   86400.0
#define NOTHING 0.5 /* recipients: less is none */

/* What a lane may carry on a day of which so much of the window is to come. */
static double lane_room(const struct forecast_ask *ask, const struct forecast_lane *lane,
                        uint32_t day, enum forecast_limit *out_limit)
{
    double share = day == 0 ? ask->today_share : 1.0;
    double room = lane->rate_per_s * DAY_S * ask->window_share * share;

    *out_limit = FORECAST_RATE;
    if (lane->is_closed) {
        *out_limit = FORECAST_CLOSED;
        return 0;
    }
    uint64_t allowance = ramp_allowance(&lane->plan, &lane->ramp, lane->is_other);
    if (!lane->is_ramped || allowance == UINT64_MAX) {
        return room;
    }
    /* The even release: what has not come of today's is not caught up. */
    double spent = day == 0 ? (double)lane->spent_today : 0;
    double most = fmin((double)allowance * share, fmax(0, (double)allowance - spent));
    if (most < room) {
        *out_limit = FORECAST_RAMP;
        return most;
    }
    return room;
}

/* A clean day is over: the ramp advances as far as it was used. */
static void end_ramp(struct ramp *ramp, const struct ramp_plan *plan, bool other,
                     uint64_t sent, bool waited)
{
    uint64_t allowance = ramp_allowance(plan, ramp, other);
    struct ramp_day day = {.accepted = sent,
                           .attempts = sent,
                           .released = waited && allowance != UINT64_MAX ? sent : 0};
    (void)ramp_close_day(ramp, plan, &RAMP_RULES, &day, other, ramp->day + 1);
}

/* A source's own allowance; HUGE_VAL without one. */
static double source_total(const struct forecast_source *source)
{
    uint64_t total = source->total;
    if (source->is_ramped) {
        uint64_t allowance = ramp_allowance(&source->plan, &source->ramp, false);
        total = total == 0 || allowance < total ? allowance : total;
    }
    return total == 0 || total == UINT64_MAX ? HUGE_VAL : (double)total;
}

static double source_carried(const struct forecast_ask *ask, uint32_t source,
                             const double *carried)
{
    double sum = 0;
    for (size_t i = 0; i < ask->lane_count; i++) {
        sum += ask->lanes[i].source == source ? carried[i] : 0;
    }
    return sum;
}

/* What a source has left of its total. */
static double source_room(const struct forecast_ask *ask, uint32_t source, uint32_t day,
                          const double *carried)
{
    double total = source_total(&ask->sources[source]);
    double share = day == 0 ? ask->today_share : 1.0;
    double spent = day == 0 ? (double)ask->sources[source].spent_today : 0;
    if (total == HUGE_VAL) {
        return HUGE_VAL;
    }
    return fmax(0, fmin(total * share, total - spent) -
                       source_carried(ask, source, carried));
}

static bool is_warming(const struct forecast_ask *ask, const struct forecast_lane *lane)
{
    return (lane->is_ramped &&
            ramp_allowance(&lane->plan, &lane->ramp, lane->is_other) != UINT64_MAX) ||
           source_total(&ask->sources[lane->source]) != HUGE_VAL;
}

/* What a warm lane may carry of a site whose mail waits for the warming ones: as much as
 * one of them; HUGE_VAL when none is warming. */
static double share_beside(const struct forecast_ask *ask, uint32_t site,
                           const double *carried)
{
    double sum = 0;
    double count = 0;
    for (size_t i = 0; i < ask->lane_count; i++) {
        if (ask->lanes[i].site == site && is_warming(ask, &ask->lanes[i])) {
            sum += carried[i];
            count++;
        }
    }
    return count > 0 ? sum / count : HUGE_VAL;
}

/* One site's mail over its lanes, the warming ones first where the others wait for them.
 * Returns what leaves. */
static double carry(struct forecast_ask *ask, uint32_t site, uint32_t day,
                    double *carried, enum forecast_limit *out_limit)
{
    double left = ask->sites[site].waiting;
    bool is_strict = ask->sites[site].is_strict;

    *out_limit = FORECAST_CLOSED;
    for (size_t n = 0; n < (is_strict ? 2 : 1) * ask->lane_count; n++) {
        size_t i = n % ask->lane_count;
        struct forecast_lane *lane = &ask->lanes[i];
        enum forecast_limit limit = FORECAST_CLOSED;
        bool is_second = n >= ask->lane_count;
        if (lane->site != site || (is_strict && is_warming(ask, lane) == is_second)) {
            continue;
        }
        double room = lane_room(ask, lane, day, &limit);
        double beside = is_second ? share_beside(ask, site, carried) : HUGE_VAL;
        if (beside < room) {
            room = beside;
            limit = FORECAST_RAMP;
        }
        double total = source_room(ask, lane->source, day, carried);
        if (total < room) {
            room = total;
            limit = FORECAST_TOTAL;
        }
        double takes = fmin(left, room);
        carried[i] += takes;
        left -= takes;
        *out_limit = limit == FORECAST_CLOSED ? *out_limit : limit;
    }
    if (left < NOTHING) {
        *out_limit = FORECAST_NOTHING;
    }
    return ask->sites[site].waiting - left;
}

/* One site on one day: what leaves, what expires at its end. */
static struct forecast_row run_site(struct forecast_ask *ask, uint32_t site, uint32_t day,
                                    double *carried)
{
    struct forecast_site *at = &ask->sites[site];
    struct forecast_row row = {.day = day, .site = site};
    row.leaves = carry(ask, site, day, carried, &row.limit);
    at->waiting -= row.leaves;
    if (at->life_days <= (double)day + 1 && at->waiting >= NOTHING) {
        row.expires = at->waiting;
        at->waiting = 0;
    }
    row.left = at->waiting;
    return row;
}

static void end_day(struct forecast_ask *ask, const double *carried)
{
    bool any_waits = false;
    for (size_t i = 0; i < ask->lane_count; i++) {
        struct forecast_lane *lane = &ask->lanes[i];
        bool waits = ask->sites[lane->site].waiting >= NOTHING;
        any_waits = any_waits || waits;
        if (lane->is_ramped) {
            end_ramp(&lane->ramp, &lane->plan, lane->is_other,
                     (uint64_t)llround(carried[i]) + lane->spent_today, waits);
        }
        lane->spent_today = 0;
        if (waits && lane->rate_per_s < lane->rate_most_per_s) {
            lane->rate_per_s = fmin(2 * lane->rate_per_s, lane->rate_most_per_s);
        }
    }
    for (uint32_t i = 0; i < ask->source_count; i++) {
        struct forecast_source *source = &ask->sources[i];
        if (source->is_ramped) {
            double sent = source_carried(ask, i, carried) + (double)source->spent_today;
            end_ramp(&source->ramp, &source->plan, false, (uint64_t)llround(sent),
                     any_waits);
        }
        source->spent_today = 0;
    }
}

struct forecast_answer forecast_run(struct forecast_ask *ask, forecast_row_cb row_cb,
                                    void *owner)
{
    struct forecast_answer answer = {0};
    double carried[FORECAST_LANES];

    assert(ask->lane_count <= FORECAST_LANES);
    for (uint32_t day = 0; day < FORECAST_DAYS; day++) {
        double left = 0;
        for (size_t i = 0; i < ask->lane_count; i++) {
            carried[i] = 0;
        }
        for (uint32_t site = 0; site < ask->site_count; site++) {
            if (ask->sites[site].waiting < NOTHING) {
                continue;
            }
            struct forecast_row row = run_site(ask, site, day, carried);
            answer.leaves += row.leaves;
            answer.expires += row.expires;
            left += row.left;
            if (row_cb != NULL) {
                row_cb(&row, owner);
            }
        }
        answer.days = day + 1;
        answer.left = left;
        if (left < NOTHING) {
            return answer;
        }
        end_day(ask, carried);
    }
    answer.days = FORECAST_DAYS + 1;
    return answer;
}

const char *forecast_limit_name(enum forecast_limit limit)
{
    switch (limit) {
    case FORECAST_NOTHING: return "nothing";
    case FORECAST_RAMP: return "warm-up";
    case FORECAST_TOTAL: return "warm-up of the source";
    case FORECAST_RATE: return "rate";
    case FORECAST_CLOSED: return "stopped";
    }
    return "unknown";
}
