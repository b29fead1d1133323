#include "policy/ramp.h"

#include "tests/support/test.h"

static struct ramp_day used_day(uint64_t n)
{
    return (struct ramp_day){.accepted = n, .released = n, .attempts = n};
}

static struct ramp_ruling close_next(struct ramp *ramp, const struct ramp_plan *plan,
                                     const struct ramp_day *day)
{
    return ramp_close_day(ramp, plan, &RAMP_RULES, day, false, ramp->day + 1);
}

/* The shipped curves have the points that the documentation names. */
TEST(ramp, presets)
{
    struct ramp ramp;
    const struct ramp_plan *plan = ramp_preset("standard");

    cr_assert_not_null(plan);
    ramp_start(&ramp, 0, 1);
    cr_assert_eq(ramp_allowance(plan, &ramp, false), 200);
    ramp_start(&ramp, 13, 1);
    cr_assert(ramp_allowance(plan, &ramp, false) / 1000 == 38);
    ramp_start(&ramp, 24, 1);
    cr_assert(ramp_allowance(ramp_preset("conservative"), &ramp, false) / 1000 == 54);
    ramp_start(&ramp, 44, 1);
    uint64_t last = ramp_allowance(ramp_preset("ses45"), &ramp, false);
    cr_assert(last > 49000 && last < 51000);
    ramp_start(&ramp, 3, 1);
    cr_assert_eq(ramp_allowance(ramp_preset("sparkpost"), &ramp, false), 2000);
    cr_assert_null(ramp_preset("magic"));
    struct ramp_plan tiny = {.start = 1, .growth = 1.1, .days = 5};
    cr_assert_eq(ramp_allowance(&tiny, &ramp, false), RAMP_FLOOR);
    cr_assert_eq(ramp_allowance(&tiny, &ramp, true),
                 (uint64_t)RAMP_FLOOR * RAMP_OTHER_FLOORS);
}

/* A used and clean day advances, an unused one holds, at the end it is done. */
TEST(ramp, advances_on_use)
{
    struct ramp ramp;
    const struct ramp_plan *plan = ramp_preset("conservative");

    ramp_start(&ramp, 0, 10);
    struct ramp_day good = used_day(100);
    cr_assert_eq(close_next(&ramp, plan, &good).verdict, RAMP_ADVANCE);
    struct ramp_day half = {.accepted = 60, .released = 130, .attempts = 60};
    cr_assert_eq(close_next(&ramp, plan, &half).verdict, RAMP_HOLD_UNUSED);
    struct ramp_day office = {.accepted = 48, .released = 48, .attempts = 48};
    cr_assert_eq(close_next(&ramp, plan, &office).verdict, RAMP_ADVANCE,
                 "what was released while mail waited was used");
    struct ramp_day again = used_day(160);
    cr_assert_eq(
        ramp_close_day(&ramp, plan, &RAMP_RULES, &again, false, ramp.day).verdict,
        RAMP_HOLD_UNUSED, "a clock stepped back decides nothing");
    for (int i = 0; i < 40 && !ramp.done; i++) {
        struct ramp_day day = used_day(ramp_allowance(plan, &ramp, false));
        (void)close_next(&ramp, plan, &day);
    }
    cr_assert(ramp.done);
    cr_assert_eq(ramp_allowance(plan, &ramp, false), UINT64_MAX);
}

/* Trouble goes back: one step when proven bad, three on a block, to a quarter when
 * listed; what small numbers seem to say does not. */
TEST(ramp, goes_back_on_trouble)
{
    struct ramp ramp;
    const struct ramp_plan *plan = ramp_preset("standard");

    ramp_start(&ramp, 8, 10);
    struct ramp_day bad = used_day(5000);
    bad.deferrals = 600;
    struct ramp_ruling ruling = close_next(&ramp, plan, &bad);
    cr_assert(ruling.verdict == RAMP_BACK_ONE && ramp.step == 7);
    cr_assert_str_eq(ruling.of, "deferrals");
    cr_assert_gt(ruling.bounds.low, ruling.limit);
    struct ramp_day blocked = used_day(3000);
    blocked.blocked = true;
    cr_assert(close_next(&ramp, plan, &blocked).verdict == RAMP_BACK_THREE &&
              ramp.step == 4);
    struct ramp_day listed = used_day(1000);
    listed.listed = true;
    ruling = close_next(&ramp, plan, &listed);
    cr_assert(ruling.verdict == RAMP_BACK_LISTED && ruling.after * 4 <= ruling.before);
    ramp_start(&ramp, 0, 10);
    struct ramp_day few = used_day(200);
    few.bad_mailboxes = 3;
    cr_assert_eq(close_next(&ramp, plan, &few).verdict, RAMP_ADVANCE);
}

/* Complaints warn at one in a thousand and freeze at three, from three on. */
TEST(ramp, complaints)
{
    struct ramp ramp;
    const struct ramp_plan *plan = ramp_preset("standard");
    struct ramp_day day = used_day(500);

    ramp_start(&ramp, 2, 10);
    day.complaints = 2;
    day.complaint_base = 500;
    cr_assert_eq(ramp_preview(&ramp, plan, &RAMP_RULES, &day, false).verdict,
                 RAMP_ADVANCE);
    day.complaints = 3;
    day.complaint_base = 2500;
    cr_assert_eq(ramp_preview(&ramp, plan, &RAMP_RULES, &day, false).verdict,
                 RAMP_HOLD_WARNED);
    day.complaint_base = 900;
    cr_assert_eq(ramp_preview(&ramp, plan, &RAMP_RULES, &day, false).verdict,
                 RAMP_FREEZE);
    cr_assert(ramp.step == 2 && ramp.day == 10, "a preview changes nothing");
}

/* Little demand says nothing; four clean days of it advance, but not beyond three times
 * the biggest day. */
TEST(ramp, quiet_days)
{
    struct ramp ramp;
    const struct ramp_plan *plan = ramp_preset("standard");
    struct ramp_day low = {.accepted = 150, .released = 0, .attempts = 150};

    ramp_start(&ramp, 4, 10);
    ramp.biggest_day = 900;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(close_next(&ramp, plan, &low).verdict, RAMP_HOLD_NO_EVIDENCE);
    }
    cr_assert_eq(close_next(&ramp, plan, &low).verdict, RAMP_ADVANCE_QUIET);
    ramp.biggest_day = 150;
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(close_next(&ramp, plan, &low).verdict, RAMP_HOLD_NO_EVIDENCE);
    }
}

/* Silence: a week is free, then a step every three days, after thirty from the start;
 * whether the days are closed one by one or the daemon was down. */
TEST(ramp, decays_when_idle)
{
    struct ramp daily;
    struct ramp down;
    const struct ramp_plan *plan = ramp_preset("standard");
    struct ramp_day none = {0};

    ramp_start(&daily, 10, 0);
    ramp_start(&down, 10, 0);
    for (int i = 0; i < 7; i++) {
        (void)close_next(&daily, plan, &none);
    }
    cr_assert_eq(daily.step, 10);
    for (int i = 0; i < 9; i++) {
        (void)close_next(&daily, plan, &none);
    }
    cr_assert_eq(daily.step, 7);
    (void)ramp_close_day(&down, plan, &RAMP_RULES, &none, false, 16);
    cr_assert_eq(down.step, daily.step);
    cr_assert_eq(ramp_close_day(&down, plan, &RAMP_RULES, &none, false, 31).verdict,
                 RAMP_RESTART);
    cr_assert_eq(down.step, 0);
    daily.done = true;
    (void)ramp_close_day(&daily, plan, &RAMP_RULES, &none, false, 20);
    cr_assert_not(daily.done, "a warm address cools too");
}

static void ruling_of_a_second_listing(struct ramp *ramp, const struct ramp_plan *plan,
                                       const struct ramp_day *listed)
{
    uint64_t usual = ramp_past_normal(&ramp->past);
    cr_assert_eq(close_next(ramp, plan, listed).after, usual / 10, "%lu",
                 (unsigned long)usual);
}

/* After a listing a quarter of a usual day, twice as much after each clean day with mail,
 * until the step is reached again; a grave list again within a month: a tenth. */
TEST(ramp, recovers_from_a_listing)
{
    struct ramp ramp;
    const struct ramp_plan *plan = ramp_preset("standard");
    struct ramp_day day = used_day(1600);
    struct ramp_day listed = {.attempts = 3, .listed = true, .grave = true};

    ramp_start(&ramp, 6, 10);
    ramp.biggest_day = 1600;
    ramp.paused = true; /* the step stands still */
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(close_next(&ramp, plan, &day).verdict, RAMP_HOLD_PAUSED);
    }
    cr_assert_eq(close_next(&ramp, plan, &listed).verdict, RAMP_BACK_LISTED);
    cr_assert_eq(ramp_allowance(plan, &ramp, false), 400);
    cr_assert_eq(close_next(&ramp, plan, &listed).after, 400, "the same listing goes on");
    struct ramp_day none = {0};
    cr_assert_eq(close_next(&ramp, plan, &none).after, 400, "silence is no proof");
    struct ramp_day clean = used_day(400);
    cr_assert_eq(close_next(&ramp, plan, &clean).verdict, RAMP_RECOVER);
    cr_assert_eq(ramp_allowance(plan, &ramp, false), 800);
    cr_assert_eq(close_next(&ramp, plan, &clean).after, 1600);
    cr_assert_eq(close_next(&ramp, plan, &clean).after, 2278, "as before the listing");
    ruling_of_a_second_listing(&ramp, plan, &listed);
    ramp_start(&ramp, 0, 10);
    ramp.done = true;
    ramp.normal = 0;
    cr_assert_eq(close_next(&ramp, plan, &listed).verdict, RAMP_BACK_LISTED);
    cr_assert_lt(ramp_allowance(plan, &ramp, false), UINT64_MAX, "a warm address too");
}

/* Five deferrals in a row, spaced by the lane's pauses over an hour, end the day and cost
 * a step; the same in a moment, or with an acceptance between, do not. */
TEST(ramp, meets_the_receivers_limit)
{
    struct ramp ramp;
    struct ramp_day spaced = {0};
    struct ramp_day quick = {0};
    struct ramp_day mixed = {0};

    for (int i = 0; i < 6; i++) {
        ramp_day_add(&spaced, VERDICT_RAMP_DEFERRAL, 1000 + i * 900000);
        ramp_day_add(&quick, VERDICT_RAMP_DEFERRAL, 1000 + i * 60000);
        ramp_day_add(&mixed, i == 3 ? VERDICT_RAMP_ACCEPTED : VERDICT_RAMP_DEFERRAL,
                     1000 + i * 3000000);
        ramp_day_add(&mixed, VERDICT_RAMP_NOTHING, 1);
        cr_assert_eq(spaced.met, i >= 4);
    }
    cr_assert(!quick.met && !mixed.met);
    cr_assert(mixed.attempts == 6 && mixed.accepted == 1 && mixed.deferrals == 5);
    struct ramp_day day = used_day(900);
    day.met = true;
    ramp_start(&ramp, 5, 10);
    cr_assert_eq(close_next(&ramp, ramp_preset("standard"), &day).verdict, RAMP_BACK_MET);
    cr_assert_eq(ramp.step, 4);
}

/* What little days say is put together: six of them are not six times nothing. */
TEST(ramp, little_days_are_judged_together)
{
    struct ramp ramp;
    const struct ramp_plan *plan = ramp_preset("standard");
    struct ramp_day low = {.accepted = 19, .attempts = 20, .refusals = 1};

    ramp_start(&ramp, 4, 10);
    cr_assert_eq(close_next(&ramp, plan, &low).verdict, RAMP_HOLD_NO_EVIDENCE);
    enum ramp_verdict verdict = RAMP_HOLD_NO_EVIDENCE;
    for (int i = 0; i < 6 && verdict == RAMP_HOLD_NO_EVIDENCE; i++) {
        verdict = close_next(&ramp, plan, &low).verdict;
    }
    cr_assert_eq(verdict, RAMP_BACK_ONE);
    cr_assert_eq(ramp.step, 3);
}

/* A source that sends all it has, far below its allowance, is done when that is twice its
 * peak, and gets no more than three times its biggest day before. */
TEST(ramp, ends_at_twice_the_demand)
{
    struct ramp ramp;
    const struct ramp_plan *plan = ramp_preset("standard");
    int days = 0;

    ramp_start(&ramp, 0, 10);
    while (!ramp.done && days < 40) {
        uint64_t allowance = ramp_allowance(plan, &ramp, false);
        cr_assert_leq(allowance, UINT64_C(3) * 700);
        struct ramp_day day = used_day(allowance < 700 ? allowance : 700);
        day.released = allowance < 700 ? allowance : 0;
        (void)close_next(&ramp, plan, &day);
        days++;
    }
    cr_assert(days >= 7 && days < 20, "%d", days);
}

/* An even release: at most one per cent at once, never more than the allowance. */
TEST(ramp, release)
{
    struct pace_limit limit = ramp_release(2000, INT64_C(36000000000000));
    struct pace_limit none = ramp_release(UINT64_MAX, 1);

    cr_assert(limit.count == 2000 && limit.burst == 20);
    cr_assert_eq(ramp_release(30, 1000).burst, 1);
    cr_assert(pace_is_unlimited(&none));
    cr_assert_str_eq(ramp_verdict_name(RAMP_BACK_ONE), "back one step");
}
