#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relay/entropy.h"
#include "relay/tzrule.h"

#include "tests/support/test.h"

static struct tzrule parsed(const char *text)
{
    struct tzrule rule;
    cr_assert_eq(tzrule_parse(&rule, text, strlen(text)), 0, "%s", text);
    return rule;
}

TEST(tzrule, agrees_with_the_c_library)
{
    /* For rules of all forms, north and south of the equator, the offset at any instant
     * of four hundred years is the one the C library finds. */
    static const char *const rules[] = {"UTC0",
                                        "CET-1CEST,M3.5.0,M10.5.0/3",
                                        "EST5EDT,M3.2.0,M11.1.0",
                                        "NZST-12NZDT,M9.5.0,M4.1.0/3",
                                        "<+0330>-3:30",
                                        "AEST-10AEDT,M10.1.0,M4.1.0/3",
                                        "ABC3DEF,J60/0,J300/12:30:15",
                                        "ABC-5:45DEF-6:30,59,300",
                                        "EET-2EEST,M3.4.4/50,M10.4.4/50",
                                        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"};
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct tzrule rule = parsed(rules[i]);
        cr_assert_eq(setenv("TZ", rules[i], 1), 0);
        tzset();
        for (int round = 0; round < 5000; round++) {
            time_t at = (time_t)entropy_dice_below(&dice, UINT64_C(400) * 31556952);
            struct tm local;
            cr_assert_not_null(localtime_r(&at, &local));
            cr_assert_eq(tzrule_offset_s(&rule, at), local.tm_gmtoff,
                         "%s at %ld, seed %llu", rules[i], (long)at,
                         (unsigned long long)seed);
        }
    }
}

TEST(tzrule, knows_when_it_changed_last)
{
    /* Around the change the offset is another one second before, and the change is the
     * instant asked for. */
    struct tzrule rule = parsed("CET-1CEST,M3.5.0,M10.5.0/3");
    int64_t changed = tzrule_changed_unix_s(&rule, 1764000000); /* November 2025 */
    cr_assert_eq(changed, 1761440400); /* 26 October, 01:00 UTC */
    cr_assert_eq(tzrule_offset_s(&rule, changed), 3600);
    cr_assert_eq(tzrule_offset_s(&rule, changed - 1), 7200);
    cr_assert_eq(tzrule_changed_unix_s(&rule, changed), changed);
    struct tzrule fixed = parsed("<+03>-3");
    cr_assert_eq(tzrule_changed_unix_s(&fixed, 1764000000), INT64_MIN);
}

TEST(tzrule, can_keep_summer_time_all_year)
{
    /* A summer that ends where the next begins never ends. */
    struct tzrule rule = parsed("EST3EDT4,0/0,J365/23");
    for (int64_t at = 1700000000; at < 1700000000 + 2 * 31557600; at += 3599) {
        cr_assert_eq(tzrule_offset_s(&rule, at), -4 * 3600);
    }
}

TEST(tzrule, refuses_what_is_no_rule)
{
    /* Anything short of a whole rule, or beyond it, is refused and nothing is changed. */
    static const char *const cases[] = {"",
                                        "C",
                                        "CE1",
                                        "CET",
                                        "CET-25",
                                        "CET-1x",
                                        "CET-1CEST",
                                        "CET-1CEST,M3.5.0",
                                        "CET-1CEST,M3.5.0,M10.5.0/3x",
                                        "CET-1CEST,M13.5.0,M10.5.0",
                                        "CET-1CEST,M3.6.0,M10.5.0",
                                        "CET-1CEST,M3.5.7,M10.5.0",
                                        "CET-1CEST,M0.5.0,M10.5.0",
                                        "CET-1CEST,J0,J1",
                                        "CET-1CEST,J366,J1",
                                        "CET-1CEST,M3.5.0/168,M10.5.0",
                                        "<CET-1",
                                        "CET1:60"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tzrule rule = {.standard_s = 42};
        cr_assert_eq(tzrule_parse(&rule, cases[i], strlen(cases[i])), -EINVAL, "%s",
                     cases[i]);
        cr_assert_eq(rule.standard_s, 42);
    }
}
