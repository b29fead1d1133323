#include "policy/suppress.h"

#include "tests/support/test.h"

#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)
#define NOW  (INT64_C(20000) * DAY)
#define NS   INT64_C(1000000)

static const struct suppress_terms terms = {.strict_ms = 90 * DAY,
                                            .strict_apart_ms = DAY,
                                            .lenient_strikes = 3,
                                            .lenient_within_ms = 7 * DAY,
                                            .lenient_ms = 30 * DAY,
                                            .complaint_ms = 0,
                                            .breaker_share = 0.15,
                                            .breaker_times = 3};

/* Bulk: one refusal is enough, unless the mailbox has taken mail lately: then it takes
 * two, a day apart. */
TEST(suppress, strict)
{
    struct suppress_history history = {0};
    cr_assert_eq(suppress_strike(&history, SUPPRESS_STRICT, &terms, false, NOW),
                 NOW + 90 * DAY);
    history = (struct suppress_history){0};
    for (int64_t at = 0; at < 24; at++) {
        cr_assert_eq(
            suppress_strike(&history, SUPPRESS_STRICT, &terms, true, NOW + at * HOUR), 0);
    }
    cr_assert_eq(suppress_strike(&history, SUPPRESS_STRICT, &terms, true, NOW + DAY),
                 NOW + 91 * DAY);
    history = (struct suppress_history){0};
    (void)suppress_strike(&history, SUPPRESS_STRICT, &terms, true, NOW);
    cr_assert_eq(suppress_strike(&history, SUPPRESS_STRICT, &terms, true, NOW + 91 * DAY),
                 0, "the first is forgotten");
}

/* Transactional: three within a week, wherever they lie in it; complaints never. */
TEST(suppress, lenient)
{
    struct suppress_history history = {0};
    cr_assert_eq(suppress_strike(&history, SUPPRESS_LENIENT, &terms, false, NOW), 0);
    cr_assert_eq(
        suppress_strike(&history, SUPPRESS_LENIENT, &terms, false, NOW + 4 * DAY), 0);
    cr_assert_eq(
        suppress_strike(&history, SUPPRESS_LENIENT, &terms, false, NOW + 8 * DAY), 0,
        "the first is more than a week ago");
    cr_assert_eq(
        suppress_strike(&history, SUPPRESS_LENIENT, &terms, false, NOW + 9 * DAY),
        NOW + 39 * DAY);
    cr_assert_eq(suppress_wish(SUPPRESS_LENIENT, &terms, NOW), 0);
    cr_assert_eq(suppress_wish(SUPPRESS_NEVER, &terms, NOW), 0);
    cr_assert_eq(suppress_wish(SUPPRESS_STRICT, &terms, NOW), INT64_MAX);
    history = (struct suppress_history){0};
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(suppress_strike(&history, SUPPRESS_NEVER, &terms, false, NOW), 0);
    }
}

/* A site that refuses everybody all of a sudden trips the breaker; dead addresses in the
 * usual number do not, nor does a handful. */
TEST(suppress, breaker)
{
    struct suppress_breaker breaker = {0};
    for (int64_t i = 0; i < 1000; i++) { /* a month of 2 % */
        cr_assert_not(suppress_breaker_add(&breaker, &terms, i % 50 == 0, 1,
                                           i * HOUR * NS, NOW + i * HOUR));
    }
    int64_t at = 1000 * HOUR;
    unsigned strikes = 0;
    while (strikes < 100 &&
           !suppress_breaker_add(&breaker, &terms, 1, 1, (at + strikes * 1000) * NS,
                                 NOW + at + strikes * 1000)) {
        strikes++;
    }
    cr_assert_lt(strikes, 20);
    cr_assert(breaker.is_open);
    for (int64_t i = 0; i < 300; i++) {
        (void)suppress_breaker_add(&breaker, &terms, 0, 1, (at + i * 60000) * NS,
                                   NOW + at + i * 60000);
    }
    cr_assert_not(breaker.is_open, "it mends by mail that is taken");
}

/* What is usual at a site counts: one where a fifth is dead in every hour is not odd. */
TEST(suppress, usual)
{
    struct suppress_breaker breaker = {0};
    unsigned trips = 0;
    for (int64_t i = 0; i < 20000; i++) {
        bool tripped = suppress_breaker_add(&breaker, &terms, i % 5 == 0, 1,
                                            i * 60000 * NS, NOW + i * 60000);
        trips += tripped && i > 1000;
    }
    cr_assert_eq(trips, 0);
    cr_assert_not(breaker.is_open);
}

/* Causes have names, both ways. */
TEST(suppress, names)
{
    enum suppress_cause cause = SUPPRESS_CAUSES;
    for (int i = 0; i < SUPPRESS_CAUSES; i++) {
        cr_assert(
            suppress_cause_parse(suppress_cause_name((enum suppress_cause)i), &cause));
        cr_assert_eq((int)cause, i);
    }
    cr_assert_not(suppress_cause_parse("whim", &cause));
}
