#include "policy/control.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)

static const struct control_limits limits = {
    .enabled = true,
    .start_rate = {.count = 1, .period_ns = SECOND},
    .max_connections = 10,
    .max_messages = 100,
    .pause_ns = MINUTE,
    .max_pause_ns = 240 * MINUTE,
};

/* Accept at that rate for a while. */
static int64_t run(struct control *control, const struct control_limits *by,
                   double per_second, int64_t from_ns, int64_t for_ns)
{
    int64_t gap_ns = (int64_t)(1e9 / per_second);

    for (int64_t now_ns = from_ns; now_ns < from_ns + for_ns; now_ns += gap_ns) {
        (void)control_accepted(control, by, 1, 2, false, now_ns);
    }
    return from_ns + for_ns;
}

/* Growth needs use: a lane that does not use what it has learns nothing. */
TEST(control, grows_only_when_used)
{
    struct control control;

    control_init(&control, &limits, 0);
    int64_t now_ns = run(&control, &limits, 0.3, 0, 10 * MINUTE);
    cr_assert(control.rate == 1.0);
    for (int i = 0; i < 40; i++) {
        now_ns = run(&control, &limits, control.rate, now_ns, MINUTE / 6);
    }
    cr_assert_gt(control.rate, 5.0);
}

/* The site's limit bounds whatever is learnt; with adapt off it is the limit, and nothing
 * else. */
TEST(control, configured_limits_hold)
{
    struct control control;
    struct control_limits slow = limits;
    struct control_limits off = limits;
    int64_t now_ns = 0;

    slow.max_rate = (struct pace_limit){.count = 2, .period_ns = SECOND};
    off.enabled = false;
    off.max_rate = (struct pace_limit){.count = 20, .period_ns = SECOND};
    control_init(&control, &slow, 0);
    for (int i = 0; i < 60; i++) {
        now_ns = run(&control, &slow, control.rate, now_ns, MINUTE / 6);
    }
    struct pace_limit rate = control_rate(&control, &slow, now_ns);
    cr_assert_leq(pace_per_second(&rate), 2.0);
    rate = control_rate(&control, &off, now_ns);
    cr_assert_eq(rate.count, 20);
    cr_assert_eq(control_connections(&control, &off, now_ns), 10);
    cr_assert(control_ask(&control, &off, now_ns).go);
    cr_assert_leq(control_connections(&control, &limits, now_ns), 10);
    cr_assert_eq(control_messages(&control, &limits), 100);
}

/* Answers that take three times as long as usual make growth wait. */
TEST(control, slower_answers_are_a_warning)
{
    struct control control;

    control_init(&control, &limits, 0);
    cr_assert_not(control_slow(&control, &limits, 2 * SECOND, SECOND, 5));
    cr_assert(control_slow(&control, &limits, 9 * SECOND, 2 * SECOND, MINUTE));
    cr_assert_eq(control.step_ns, MINUTE);
}

/* The remembered ceiling stops quick growth just below it, creeping goes past it after
 * half an hour. */
TEST(control, holds_under_the_ceiling_and_creeps)
{
    struct control control;
    int64_t now_ns = 0;

    control_init(&control, &limits, 0);
    control.ceiling = 4.0;
    for (int i = 0; i < 6 * 25; i++) {
        now_ns = run(&control, &limits, control.rate, now_ns, MINUTE / 6);
    }
    cr_assert(control.rate > 3.7 && control.rate <= 3.8 + 1e-9, "%f", control.rate);
    for (int i = 0; i < 6 * 15; i++) {
        now_ns = run(&control, &limits, control.rate, now_ns, MINUTE / 6);
    }
    cr_assert(control.rate > 3.9 && control.rate < 4.6, "%f", control.rate);
    cr_assert_str_eq(control_what_name(CONTROL_RATE_GROWN), "rate grown");
}
