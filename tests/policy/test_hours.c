#include "policy/hours.h"

#include "tests/support/test.h"

#define DAY INT64_C(86400)

/* Mail from these hours on that day. */
static void a_day(struct hours *hours, int64_t day, int from, int to)
{
    for (int hour = from; hour < to; hour++) {
        hours_note(hours, day * DAY + (int64_t)hour * 3600 + 17);
    }
}

/* An office from nine to six is known after three days, weekends notwithstanding. */
TEST(hours, learns_an_office)
{
    struct hours hours = {0};

    for (int64_t day = 20000; day < 20014; day++) {
        if (day % 7 < 5) {
            a_day(&hours, day, 9, 18);
        }
        cr_assert_eq(hours_used(&hours), day < 20003 ? 24 : 9, "day %ld: %u", (long)day,
                     hours_used(&hours));
    }
}

/* One late evening does not widen the window; a habit does. */
TEST(hours, an_exception_is_no_habit)
{
    struct hours hours = {0};

    for (int64_t day = 100; day < 110; day++) {
        a_day(&hours, day, 8, 14);
    }
    a_day(&hours, 110, 8, 23);
    a_day(&hours, 111, 8, 14);
    cr_assert_eq(hours_used(&hours), 6);
    for (int64_t day = 112; day < 120; day++) {
        a_day(&hours, day, 8, 23);
    }
    cr_assert_eq(hours_used(&hours), 15);
}

/* Never fewer than four hours, and a clock that steps back changes nothing. */
TEST(hours, bounds)
{
    struct hours hours = {0};

    for (int64_t day = 100; day < 110; day++) {
        a_day(&hours, day, 7, 8);
    }
    cr_assert_eq(hours_used(&hours), HOURS_LEAST);
    struct hours before = hours;
    a_day(&hours, 50, 0, 24);
    hours_note(&hours, -5);
    cr_assert(hours.day == before.day && hours.today == before.today);
}
