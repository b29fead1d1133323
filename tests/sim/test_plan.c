#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/forecast.h"

#include "tests/sim/warm.h"
#include "tests/support/test.h"

#define SEEDS 50

static struct daily daily;
static struct warm warm;

/* Days until the simulated address has sent its campaign. */
static double simulated_days(const struct ramp_plan *plan, double campaign,
                             double *out_sent)
{
    double left = campaign;
    warm_init(&warm, &daily, plan, 0);
    warm.backlog = campaign;
    for (uint32_t day = 0; day < WARM_DAYS; day++) {
        double before = warm.backlog;
        warm_run(&warm, 1);
        left = warm.backlog;
        out_sent[day] = before - left;
        if (left < 1) {
            return day + 1;
        }
    }
    return WARM_DAYS + 1;
}

struct days {
    double *sent;
};

static void on_row(const struct forecast_row *row, void *owner)
{
    struct days *days = owner;
    if (row->day < WARM_DAYS) {
        days->sent[row->day] = row->leaves;
    }
}

static double planned_days(const struct ramp_plan *plan, double campaign,
                           struct days *out_days)
{
    struct forecast_lane lane = {
        .is_ramped = true, .plan = *plan, .rate_per_s = 20, .rate_most_per_s = 20};
    struct forecast_site site = {.waiting = campaign, .life_days = HUGE_VAL};
    struct forecast_source source = {0};
    struct forecast_ask ask = {.lanes = &lane,
                               .lane_count = 1,
                               .sites = &site,
                               .site_count = 1,
                               .sources = &source,
                               .source_count = 1,
                               .window_share = 1,
                               .today_share = 1};
    return forecast_run(&ask, on_row, out_days).days;
}

/* What the plan says of a campaign behind a warm-up is what the simulation then does: in
 * fifty worlds the days it takes and what leaves by each day differ by a tenth at most.
 */
TEST(plan, is_what_happens)
{
    static const char *const names[] = {"conservative", "standard", "ses45"};
    double worst = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double planned[WARM_DAYS] = {0};
        double sent[WARM_DAYS] = {0};
        const struct ramp_plan *plan = ramp_preset(names[seed % 3]);
        daily_init(&daily, seed % 2 == 0, seed);
        daily.first *= 20; /* a receiver that takes what the ramp allows ... */
        daily.noise = 0.03 * (double)(seed % 7) / 7; /* ... and has its own troubles */
        double campaign = 500 * pow(20, (double)(seed % 10) / 10);
        double will = planned_days(plan, campaign, &(struct days){planned});
        double did = simulated_days(plan, campaign, sent);
        cr_assert_leq(fabs(will - did), fmax(1, 0.1 * did),
                      "seed %lu: %.0f and %.0f days", (unsigned long)seed, will, did);
        double plan_sum = 0;
        double sent_sum = 0;
        for (uint32_t day = 0; day < WARM_DAYS && day < did; day++) {
            plan_sum += planned[day];
            sent_sum += sent[day];
            double off = fabs(plan_sum - sent_sum) / fmax(sent_sum, 20);
            worst = off > worst ? off : worst;
            cr_assert_leq(off, 0.1, "seed %lu day %u: %.0f planned, %.0f sent",
                          (unsigned long)seed, day, plan_sum, sent_sum);
        }
    }
    (void)fprintf(stderr, "the plan is off by %.1f %% at most over %d seeds\n",
                  100 * worst, SEEDS);
}
