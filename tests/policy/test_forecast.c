#include <math.h>

#include "policy/forecast.h"

#include "tests/support/test.h"

static struct forecast_row rows[400];
static size_t row_count;

static void on_row(const struct forecast_row *row, void *owner)
{
    (void)owner;
    cr_assert_lt(row_count, 400);
    rows[row_count++] = *row;
}

static struct forecast_answer run(struct forecast_lane *lanes, size_t lane_count,
                                  struct forecast_site *sites, size_t site_count,
                                  struct forecast_source *sources, double today)
{
    struct forecast_ask ask = {.lanes = lanes,
                               .lane_count = lane_count,
                               .sites = sites,
                               .site_count = site_count,
                               .sources = sources,
                               .source_count = 1,
                               .window_share = 1,
                               .today_share = today};
    row_count = 0;
    return forecast_run(&ask, on_row, NULL);
}

/* A warm lane: its rate decides; what it carries in a day and the days it takes. */
TEST(forecast, a_rate)
{
    struct forecast_lane lane = {.rate_per_s = 0.1, .rate_most_per_s = 0.1};
    struct forecast_site site = {.waiting = 20000, .life_days = HUGE_VAL};
    struct forecast_source source = {0};

    struct forecast_answer answer = run(&lane, 1, &site, 1, &source, 0.5);
    cr_assert_eq(answer.days, 3);
    cr_assert_eq(row_count, 3);
    cr_assert_float_eq(rows[0].leaves, 4320, 1);
    cr_assert_eq(rows[0].limit, FORECAST_RATE);
    cr_assert_float_eq(rows[1].leaves, 8640, 1);
    cr_assert_eq(rows[2].limit, FORECAST_NOTHING);
    cr_assert_float_eq(answer.leaves, 20000, 1);
}

/* A ramp: today what is left of the allowance, then more each used day; what is still
 * there when its life ends expires, and is said. */
TEST(forecast, a_ramp_and_a_lifetime)
{
    struct forecast_lane lane = {.is_ramped = true,
                                 .plan = *ramp_preset("standard"),
                                 .spent_today = 150,
                                 .rate_per_s = 20,
                                 .rate_most_per_s = 20};
    struct forecast_site site = {.waiting = 1500, .life_days = 3};
    struct forecast_source source = {0};

    struct forecast_answer answer = run(&lane, 1, &site, 1, &source, 0.5);
    cr_assert_float_eq(rows[0].leaves, 50, 0.1);
    cr_assert_float_eq(rows[1].leaves, 300, 0.1);
    cr_assert_float_eq(rows[2].leaves, 450, 0.1);
    cr_assert_eq(rows[2].limit, FORECAST_RAMP);
    cr_assert_float_eq(answer.expires, 700, 0.1);
    cr_assert_eq(answer.days, 3);
    cr_assert_eq(lane.ramp.step, 2);
}

/* A total of the source is shared by its sites; one that no source may carry is named. */
TEST(forecast, totals_and_stops)
{
    struct forecast_lane lanes[2] = {
        {.site = 0, .rate_per_s = 20, .rate_most_per_s = 20},
        {.site = 1, .rate_per_s = 20, .rate_most_per_s = 20}};
    struct forecast_site sites[3] = {{.waiting = 800, .life_days = HUGE_VAL},
                                     {.waiting = 800, .life_days = HUGE_VAL},
                                     {.waiting = 5, .life_days = 10}};
    struct forecast_source source = {.total = 1000};

    struct forecast_answer answer = run(lanes, 2, sites, 3, &source, 1);
    cr_assert_float_eq(rows[0].leaves + rows[1].leaves, 1000, 0.1);
    cr_assert_eq(rows[1].limit, FORECAST_TOTAL);
    cr_assert_eq(rows[2].limit, FORECAST_CLOSED);
    cr_assert_float_eq(answer.expires, 5, 0.1);
    lanes[0].is_closed = true;
    sites[0].waiting = 10;
    answer = run(lanes, 1, sites, 1, &source, 1);
    cr_assert_eq(answer.days, FORECAST_DAYS + 1);
    cr_assert_float_eq(answer.left, 10, 0.1);
    cr_assert_str_eq(forecast_limit_name(FORECAST_CLOSED), "stopped");
}

/* Where overflow is wait alone a warm source carries no more than the warming one beside
 * it; else it takes what is left. */
TEST(forecast, strict_waiting)
{
    struct forecast_lane lanes[2] = {{.rate_per_s = 20, .rate_most_per_s = 20},
                                     {.source = 1,
                                      .is_ramped = true,
                                      .plan = *ramp_preset("standard"),
                                      .rate_per_s = 20,
                                      .rate_most_per_s = 20}};
    struct forecast_site site = {
        .waiting = 900, .life_days = HUGE_VAL, .is_strict = true};
    struct forecast_source sources[2] = {{0}, {0}};

    struct forecast_answer answer = run(lanes, 2, &site, 1, sources, 1);
    cr_assert_float_eq(rows[0].leaves, 400, 0.1);
    cr_assert_eq(rows[0].limit, FORECAST_RAMP);
    cr_assert_float_eq(rows[1].leaves, 500, 0.1);
    cr_assert_eq(answer.days, 2);
    lanes[1].ramp = (struct ramp){0};
    site = (struct forecast_site){.waiting = 900, .life_days = HUGE_VAL};
    answer = run(lanes, 2, &site, 1, sources, 1);
    cr_assert_eq(answer.days, 1);
    cr_assert_eq(rows[0].limit, FORECAST_NOTHING);
}

/* A ramp that counts for the source in total is run forward like any other. */
TEST(forecast, a_ramp_of_the_source)
{
    struct forecast_lane lanes[2] = {
        {.site = 0, .rate_per_s = 20, .rate_most_per_s = 20},
        {.site = 1, .rate_per_s = 20, .rate_most_per_s = 20}};
    struct forecast_site sites[2] = {{.waiting = 400, .life_days = HUGE_VAL},
                                     {.waiting = 400, .life_days = HUGE_VAL}};
    struct forecast_source source = {.is_ramped = true, .plan = *ramp_preset("standard")};

    struct forecast_answer answer = run(lanes, 2, sites, 2, &source, 1);
    cr_assert_eq(answer.days, 3);
    cr_assert_float_eq(rows[0].leaves + rows[1].leaves, 200, 0.1);
    cr_assert_float_eq(answer.leaves, 800, 0.1);
}
