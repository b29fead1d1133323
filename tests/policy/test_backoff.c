#include "policy/backoff.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static struct backoff_schedule schedule;
static struct backoff_life life;

static struct backoff_answer next(const char *name, struct backoff_ask ask)
{
    cr_assert(backoff_preset(name, &schedule, &life));
    return backoff_next(&schedule, &life, &ask);
}

static bool about(int64_t value_ns, int64_t wanted_ns)
{
    return value_ns >= wanted_ns * 8 / 10 && value_ns <= wanted_ns * 12 / 10;
}

/* The shipped schedules wait what the documentation says, twenty per cent either way. */
TEST(backoff, shipped_schedules)
{
    const int64_t transactional[] = {MINUTE,   3 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR,
                                     2 * HOUR, 4 * HOUR,   4 * HOUR,    4 * HOUR};
    const int64_t bulk[] = {15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 4 * HOUR};
    const uint64_t rolls[] = {0, UINT64_MAX / 2, UINT64_MAX};

    for (int r = 0; r < 3; r++) {
        for (uint32_t i = 0; i < 9; i++) {
            struct backoff_ask ask = {.attempts = i + 1, .roll = rolls[r]};
            cr_assert(about(next("transactional", ask).wait_ns, transactional[i]), "%u",
                      i);
        }
        for (uint32_t i = 0; i < 6; i++) {
            struct backoff_ask ask = {.attempts = i + 1, .roll = rolls[r]};
            cr_assert(about(next("bulk", ask).wait_ns, bulk[i]), "%u", i);
        }
        cr_assert(about(
            next("urgent", (struct backoff_ask){.attempts = 1, .roll = rolls[r]}).wait_ns,
            30 * SECOND));
    }
    cr_assert_not(backoff_preset("weekly", &schedule, &life));
}

/* A wait never outlives the message, and what is over is said to be over. */
TEST(backoff, ends_with_the_lifetime)
{
    struct backoff_answer last =
        next("urgent", (struct backoff_ask){.attempts = 9, .age_ns = 14 * MINUTE});

    cr_assert(last.ends && last.wait_ns == MINUTE && !last.expired);
    cr_assert(next("urgent", (struct backoff_ask){.attempts = 9, .age_ns = 15 * MINUTE})
                  .expired);
    cr_assert(next("bulk", (struct backoff_ask){.attempts = 4000000000U}).wait_ns <=
              5 * HOUR);
}

/* The receiver's hint lengthens a wait and never shortens it; greylisting is the
 * exception, and nonsense is not believed. */
TEST(backoff, hints)
{
    struct backoff_ask ask = {.attempts = 1, .wait_ns = 10 * MINUTE};
    cr_assert_geq(next("transactional", ask).wait_ns, 10 * MINUTE);
    cr_assert_leq(next("transactional", ask).wait_ns, 12 * MINUTE);
    ask.attempts = 5;
    cr_assert_geq(next("transactional", ask).wait_ns, 48 * MINUTE, "not shortened");
    ask.greylisted = true;
    cr_assert_leq(next("transactional", ask).wait_ns, 12 * MINUTE);
    cr_assert_geq(next("transactional", ask).wait_ns, 10 * MINUTE);
    ask.wait_ns = 0;
    cr_assert(about(next("transactional", ask).wait_ns, 5 * MINUTE));
    ask = (struct backoff_ask){.attempts = 1, .wait_ns = 5 * DAY};
    cr_assert(about(next("transactional", ask).wait_ns, MINUTE));
}

/* A delay notice is owed once, at its age, also while the message waits at a gate. */
TEST(backoff, delay_notice)
{
    cr_assert(backoff_preset("transactional", &schedule, &life));
    struct backoff_answer before = backoff_age(&life, HOUR, false);
    cr_assert(!before.notice_due && before.wait_ns == 3 * HOUR && !before.ends);
    cr_assert(backoff_age(&life, 4 * HOUR, false).notice_due);
    cr_assert_not(backoff_age(&life, 5 * HOUR, true).notice_due);
    cr_assert(backoff_age(&life, 5 * HOUR, true).ends);
    cr_assert(backoff_age(&life, 3 * DAY, true).expired);
    cr_assert(backoff_preset("bulk", &schedule, &life));
    cr_assert_not(backoff_age(&life, DAY, false).notice_due);
}
