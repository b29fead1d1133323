#include <math.h>
#include <string.h>

#include "policy/control.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define DAY    (1440 * MINUTE)

static const struct control_limits limits = {
    .enabled = true,
    .start_rate = {.count = 1, .period_ns = SECOND},
    .max_connections = 10,
    .pause_ns = MINUTE,
    .max_pause_ns = 240 * MINUTE,
};

/* What was learnt comes back; a pause goes on, and what follows it is a probe. */
TEST(control_snapshot, comes_back)
{
    struct control control;
    struct control again;
    struct control_snapshot snapshot;

    control_init(&control, &limits, 0);
    control.rate = 12.5;
    control.ceiling = 14;
    control.messages = 20;
    control.throttles = 2;
    control.state = CONTROL_PAUSED;
    control.until_ns = 10 * MINUTE;
    control_save(&control, &limits, 4 * MINUTE, &snapshot);
    control_restore(&again, &limits, &snapshot, 2 * MINUTE, 100 * DAY);
    cr_assert(again.rate == 12.5 && again.ceiling == 14 && again.messages == 20);
    cr_assert(again.sure == 12.5, "growth is slow from what was learnt");
    cr_assert_eq(control_ask(&again, &limits, 100 * DAY).earliest_ns,
                 100 * DAY + 4 * MINUTE);
    control_restore(&again, &limits, &snapshot, DAY / 2, 100 * DAY);
    cr_assert(control_started(&again, &limits, 100 * DAY), "not everything at once");
}

/* An old rate is not trusted above a quarter, an old limit per connection not at all. */
TEST(control_snapshot, ages)
{
    struct control control;
    struct control_snapshot snapshot = {
        .rate = 40, .ceiling = 50, .messages = 5, .window = 8};

    control_restore(&control, &limits, &snapshot, 2 * DAY, 100 * DAY);
    cr_assert(control.rate == 10 && control.messages == 0 && control.ceiling == 50);
    cr_assert_eq(control.window.limit, 8);
}

/* Whatever a store returns, the lane's values are in range. */
TEST(control_snapshot, nonsense_is_brought_into_range)
{
    struct control control;
    struct control_snapshot snapshot;

    memset(&snapshot, 0xFF, sizeof(snapshot));
    control_restore(&control, &limits, &snapshot, INT64_MAX, DAY);
    cr_assert(control.rate > 0 && isfinite(control.rate) && isfinite(control.ceiling));
    cr_assert_leq(control_connections(&control, &limits, DAY), 10);
    snapshot = (struct control_snapshot){.rate = -5,
                                         .ceiling = HUGE_VAL,
                                         .pause_left_ns = INT64_MAX,
                                         .clean_age_ns = INT64_MAX,
                                         .ceiling_age_ns = INT64_MAX,
                                         .behaviour = 200};
    control_restore(&control, &limits, &snapshot, -7, DAY);
    cr_assert(control.rate == 1.0 && control.until_ns <= DAY + limits.max_pause_ns);
    struct pace_limit rate = control_rate(&control, &limits, DAY);
    cr_assert_gt(pace_per_second(&rate), 0);
}
