#include "policy/pace.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* A burst goes out at once, then one unit each gap. */
TEST(pace, burst_then_gap)
{
    struct pace pace = {0};
    struct pace_limit limit = {.count = 10, .burst = 3, .period_ns = SECOND};

    cr_assert_eq(pace_ask(&pace, &limit, SECOND).units, 3);
    pace_spend(&pace, &limit, 3, SECOND);
    struct pace_answer answer = pace_ask(&pace, &limit, SECOND);
    cr_assert_not(answer.go);
    cr_assert_eq(answer.earliest_ns, SECOND + SECOND / 10);
    cr_assert(pace_ask(&pace, &limit, answer.earliest_ns).go);
}

/* Unlimited is always open, closed never opens by waiting. */
TEST(pace, unlimited_and_closed)
{
    struct pace pace = {0};
    struct pace_limit none = {0};
    struct pace_limit closed = {.period_ns = SECOND};

    cr_assert(pace_ask(&pace, &none, 5).go);
    cr_assert_eq(pace_ask(&pace, &none, 5).units, UINT32_MAX);
    cr_assert_not(pace_ask(&pace, &closed, INT64_MAX - 1).go);
    cr_assert_eq(pace_ask(&pace, &closed, 5).earliest_ns, INT64_MAX);
}

/* A start gives no burst: what happened before it is not known. */
TEST(pace, starts_empty)
{
    struct pace pace;
    struct pace_limit limit = {.count = 10, .burst = 5, .period_ns = SECOND};

    pace_init(&pace, &limit, 7 * SECOND);
    cr_assert_not(pace_ask(&pace, &limit, 7 * SECOND).go);
    cr_assert_eq(pace_ask(&pace, &limit, 7 * SECOND + SECOND / 10).units, 1);
    cr_assert_eq(pace_ask(&pace, &limit, 8 * SECOND).units, 5);
}

/* What was spent under one limit is owed under the next, in units. */
TEST(pace, a_new_limit_keeps_the_history)
{
    struct pace pace = {0};
    struct pace_limit fast = {.count = 100, .burst = 10, .period_ns = SECOND};
    struct pace_limit slow = {.count = 1, .burst = 10, .period_ns = SECOND};

    pace_spend(&pace, &fast, 10, SECOND);
    pace_retune(&pace, &slow, SECOND);
    cr_assert_not(pace_ask(&pace, &slow, SECOND).go, "no second burst at a change");
    cr_assert(pace_ask(&pace, &slow, 2 * SECOND).go);
    cr_assert_eq(pace_ask(&pace, &slow, 2 * SECOND).units, 1);
    pace_spend(&pace, &(struct pace_limit){0}, 1000, 3 * SECOND);
    cr_assert_not(pace_ask(&pace, &slow, 3 * SECOND).go, "nor after no limit at all");
}

/* More than was allowed is a debt that is paid first. */
TEST(pace, debt_is_paid)
{
    struct pace pace = {0};
    struct pace_limit limit = {.count = 1, .burst = 1, .period_ns = SECOND};

    pace_spend(&pace, &limit, 50, SECOND);
    cr_assert_eq(pace_ask(&pace, &limit, SECOND).earliest_ns, 51 * SECOND);
}

/* The slower of two limits is that of the longer gap, and rates convert both ways. */
TEST(pace, slower_and_rates)
{
    struct pace_limit one = {.count = 20, .period_ns = SECOND};
    struct pace_limit other = {.count = 500, .period_ns = 3600 * SECOND};
    struct pace_limit none = {0};

    cr_assert_eq(pace_slower(&one, &other).count, 500);
    cr_assert_eq(pace_slower(&none, &one).count, 20);
    struct pace_limit third = pace_limit_of(1.0 / 3.0, 1);
    cr_assert_eq(pace_gap_ns(&third), 3 * SECOND);
    cr_assert_leq(pace_per_second(&third), 1.0 / 3.0);
    struct pace_limit closed = pace_limit_of(0, 1);
    cr_assert_eq(pace_gap_ns(&closed), INT64_MAX);
}

/* In no window, over random histories with changing limits, do more than count / period
 * x length + burst units of the fastest limit leave. */
TEST(pace, never_faster_than_asked)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t random = seed;
        struct pace pace;
        struct pace_limit limit = {.count = 7, .burst = 4, .period_ns = SECOND};
        static int64_t sent_ns[20000];
        size_t sent = 0;
        int64_t now_ns = 0;

        pace_init(&pace, &limit, 0);
        for (int i = 0; i < 4000; i++) {
            now_ns += (int64_t)(next_random(&random) % (uint64_t)(SECOND / 5));
            if (next_random(&random) % 50 == 0) {
                limit.count = (uint32_t)(1 + next_random(&random) % 7);
                limit.burst = (uint32_t)(1 + next_random(&random) % 4);
                pace_retune(&pace, &limit, now_ns);
            }
            struct pace_answer answer = pace_ask(&pace, &limit, now_ns);
            if (answer.go) {
                uint32_t units = 1 + (uint32_t)(next_random(&random) % answer.units);
                pace_spend(&pace, &limit, units, now_ns);
                for (uint32_t k = 0; k < units && sent < 20000; k++) {
                    sent_ns[sent++] = now_ns;
                }
            }
        }
        for (size_t from = 0, to = 0; to < sent; to++) {
            while (sent_ns[to] - sent_ns[from] > 10 * SECOND) {
                from++;
            }
            cr_assert_leq(to - from + 1, 7 * 10 + 4 + 1, "seed %lu", (unsigned long)seed);
        }
    }
}
