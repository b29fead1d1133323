#include "policy/pace.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#define NS_PER_SECOND 1e9

static int64_t add_capped(int64_t one, int64_t other)
{
    int64_t sum = 0;
    return __builtin_add_overflow(one, other, &sum) ? INT64_MAX : sum;
}

static int64_t mul_capped(int64_t one, int64_t other)
{
    int64_t product = 0;
    return __builtin_mul_overflow(one, other, &product) ? INT64_MAX : product;
}

static uint32_t burst_of(const struct pace_limit *limit)
{
    return limit->burst > 0 ? limit->burst : 1;
}

bool pace_is_unlimited(const struct pace_limit *limit)
{
    return limit->period_ns <= 0;
}

int64_t pace_gap_ns(const struct pace_limit *limit)
{
    if (pace_is_unlimited(limit)) {
        return 0;
    }
    if (limit->count == 0) {
        return INT64_MAX;
    }
    return (limit->period_ns - 1) / limit->count + 1;
}

struct pace_limit pace_limit_of(double per_second, uint32_t burst)
{
    struct pace_limit limit = {.count = 0, .burst = burst, .period_ns = 1};

    if (per_second > 0) {
        double gap_ns = ceil(NS_PER_SECOND / per_second);
        limit.count = 1;
        limit.period_ns = gap_ns < 9e18 ? (int64_t)gap_ns : INT64_MAX;
    }
    return limit;
}

double pace_per_second(const struct pace_limit *limit)
{
    if (pace_is_unlimited(limit)) {
        return HUGE_VAL;
    }
    return (double)limit->count * NS_PER_SECOND / (double)limit->period_ns;
}

struct pace_limit pace_slower(const struct pace_limit *one,
                              const struct pace_limit *other)
{
    int64_t one_ns = pace_gap_ns(one);
    int64_t other_ns = pace_gap_ns(other);

    return one_ns >= other_ns ? *one : *other;
}

void pace_init(struct pace *pace, const struct pace_limit *limit, int64_t since_ns)
{
    int64_t gap_ns = pace_gap_ns(limit);

    if (gap_ns == 0 || gap_ns == INT64_MAX) {
        *pace = (struct pace){.spent_until_ns = since_ns, .gap_ns = 0};
        return;
    }
    *pace = (struct pace){
        .spent_until_ns = add_capped(since_ns, mul_capped(gap_ns, burst_of(limit))),
        .gap_ns = gap_ns,
    };
}

/* The instant until which the history occupies a pace of gap_ns: what is owed stays the
 * same number of units. */
static int64_t spent_until_ns(const struct pace *pace, const struct pace_limit *limit,
                              int64_t gap_ns, int64_t now_ns)
{
    if (pace->gap_ns == gap_ns) {
        return pace->spent_until_ns;
    }
    if (pace->gap_ns == 0) {
        /* Unlimited so far: as if the whole burst had gone at the last use. */
        return pace->spent_until_ns == 0
                   ? 0
                   : add_capped(pace->spent_until_ns,
                                mul_capped(gap_ns, burst_of(limit)));
    }
    if (pace->spent_until_ns <= now_ns) {
        return pace->spent_until_ns;
    }
    double units = (double)(pace->spent_until_ns - now_ns) / (double)pace->gap_ns;
    double owed_ns = ceil(units * (double)gap_ns);
    return owed_ns < 9e18 ? add_capped(now_ns, (int64_t)owed_ns) : INT64_MAX;
}

struct pace_answer pace_ask(const struct pace *pace, const struct pace_limit *limit,
                            int64_t now_ns)
{
    int64_t gap_ns = pace_gap_ns(limit);

    if (gap_ns == 0) {
        return (struct pace_answer){
            .go = true, .units = UINT32_MAX, .earliest_ns = now_ns};
    }
    if (gap_ns == INT64_MAX) {
        return (struct pace_answer){.go = false, .units = 0, .earliest_ns = INT64_MAX};
    }

    int64_t until_ns = spent_until_ns(pace, limit, gap_ns, now_ns);
    int64_t burst_ns = mul_capped(gap_ns, burst_of(limit));
    int64_t earliest_ns =
        until_ns == INT64_MAX ? INT64_MAX : until_ns - (burst_ns - gap_ns);
    if (earliest_ns > now_ns) {
        return (struct pace_answer){.go = false, .units = 0, .earliest_ns = earliest_ns};
    }

    int64_t owed_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    int64_t units = (burst_ns - owed_ns) / gap_ns;
    return (struct pace_answer){
        .go = true,
        .units = units < (int64_t)UINT32_MAX ? (uint32_t)units : UINT32_MAX - 1,
        .earliest_ns = earliest_ns,
    };
}

void pace_spend(struct pace *pace, const struct pace_limit *limit, uint32_t units,
                int64_t now_ns)
{
    int64_t gap_ns = pace_gap_ns(limit);

    if (gap_ns == 0) {
        *pace = (struct pace){.spent_until_ns = now_ns, .gap_ns = 0};
        return;
    }
    if (gap_ns == INT64_MAX) {
        return;
    }
    int64_t until_ns = spent_until_ns(pace, limit, gap_ns, now_ns);
    int64_t from_ns = until_ns > now_ns ? until_ns : now_ns;
    pace->spent_until_ns = add_capped(from_ns, mul_capped(gap_ns, units));
    pace->gap_ns = gap_ns;
}

void pace_retune(struct pace *pace, const struct pace_limit *limit, int64_t now_ns)
{
    int64_t gap_ns = pace_gap_ns(limit);

    if (gap_ns == INT64_MAX || gap_ns == pace->gap_ns) {
        return;
    }
    if (gap_ns == 0) {
        *pace = (struct pace){.spent_until_ns = now_ns, .gap_ns = 0};
        return;
    }
    pace->spent_until_ns = spent_until_ns(pace, limit, gap_ns, now_ns);
    pace->gap_ns = pace->spent_until_ns == 0 ? 0 : gap_ns;
}
