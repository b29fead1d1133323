#include "policy/ramp.h"

#include "tests/support/test.h"

/* Two weeks are remembered, newest first; silent days count as days without anything. */
TEST(ramp_past, remembers_two_weeks)
{
    struct ramp_past past = {0};

    cr_assert_eq(ramp_past_attempts(&past), 0);
    for (uint64_t day = 1; day <= 20; day++) {
        ramp_past_add(&past, day, 10 * day, day, 0);
    }
    cr_assert_eq(past.count, RAMP_DAYS);
    cr_assert(past.sent[0] == 20 && past.sent[RAMP_DAYS - 1] == 7);
    cr_assert_eq(ramp_past_attempts(&past), 10 * (7 + 20) * 14 / 2);
    ramp_past_add(&past, 5, 5, 5, 3);
    cr_assert(past.sent[0] == 0 && past.sent[3] == 5 && past.sent[4] == 20);
    ramp_past_add(&past, 5, 5, 5, 100);
    cr_assert_eq(ramp_past_attempts(&past), 0, "all of it is long ago");
}

/* A usual day is the median of the days with mail, once there are three. */
TEST(ramp_past, normal)
{
    struct ramp_past past = {0};

    ramp_past_add(&past, 100, 100, 100, 0);
    ramp_past_add(&past, 300, 300, 300, 2);
    cr_assert_eq(ramp_past_normal(&past), 0);
    ramp_past_add(&past, 9000, 9000, 9000, 0);
    cr_assert_eq(ramp_past_normal(&past), 300);
}

/* The peak of demand is known after a week. */
TEST(ramp_past, peak)
{
    struct ramp_past past = {0};

    for (uint64_t day = 0; day < 6; day++) {
        ramp_past_add(&past, 10, 10, 100 + day, 0);
    }
    cr_assert_eq(ramp_past_peak(&past), 0);
    ramp_past_add(&past, 10, 10, 400, 0);
    cr_assert_eq(ramp_past_peak(&past), 400);
}
