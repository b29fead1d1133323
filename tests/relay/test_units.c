#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "relay/units.h"

#include "tests/support/test.h"

#define SECOND UNITS_NS_PER_SECOND

TEST(units, durations)
{
    /* A duration is a number and a unit, or several of them in a row. */
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"0", 0},
        {"0s", 0},
        {"250ms", 250 * UNITS_NS_PER_MS},
        {"90s", 90 * SECOND},
        {"15m", 900 * SECOND},
        {"4h", 14400 * SECOND},
        {"5d", 432000 * SECOND},
        {"1w", 604800 * SECOND},
        {"1h30m", 5400 * SECOND},
        {"1m500ms", 60 * SECOND + 500 * UNITS_NS_PER_MS},
    };
    static const char *const bad[] = {"",     "s",  "5",    "-5s", " 5s", "5s ", "5 s",
                                      "1.5h", "5y", "0x5s", "5sm", "ms",  "5S"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t ns = -1;

        cr_assert_eq(units_duration_parse(good[i].text, &ns, NULL), 0, "%s",
                     good[i].text);
        cr_assert_eq(ns, good[i].ns, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct errmsg err = {""};
        int64_t ns = -1;

        cr_assert_eq(units_duration_parse(bad[i], &ns, &err), -EINVAL, "%s", bad[i]);
        cr_assert_eq(ns, -1, "\"%s\" was refused and changed the value", bad[i]);
        cr_assert(strstr(err.text, "\"15m\"") != NULL, "no example in: %s", err.text);
    }
}

TEST(units, overflow)
{
    /* What does not fit into 64 bits is refused, wherever it overflows. */
    struct units_rate rate;
    uint64_t size;
    int64_t ns;

    cr_assert_eq(units_duration_parse("99999999999999999999s", &ns, NULL), -ERANGE);
    cr_assert_eq(units_duration_parse("9999999999s9999999999s", &ns, NULL), -ERANGE);
    cr_assert_eq(units_duration_parse("106752d", &ns, NULL), -ERANGE);
    cr_assert_eq(units_duration_parse("106751d", &ns, NULL), 0);
    cr_assert_eq(units_size_parse("18446744073709551615", &size, NULL), 0);
    cr_assert_eq(size, UINT64_MAX);
    cr_assert_eq(units_size_parse("18446744073709551616", &size, NULL), -ERANGE);
    cr_assert_eq(units_size_parse("17179869184G", &size, NULL), -ERANGE);
    cr_assert_eq(units_rate_parse("1/99999999999999999999s", &rate, NULL), -EINVAL);
    cr_assert_eq(units_rate_parse("1/9999999d", &rate, NULL), -ERANGE);
    cr_assert_eq(units_rate_parse("18446744073709551615/s", &rate, NULL), -ERANGE);
}

TEST(units, sizes)
{
    /* Sizes count bytes, and powers of 1024 with a letter. */
    static const char *const bad[] = {"", "M", "1.5M", "10MB", "10 M", "-1", "10Mi"};
    uint64_t size;

    cr_assert_eq(units_size_parse("0", &size, NULL), 0);
    cr_assert_eq(size, 0);
    cr_assert_eq(units_size_parse("3000000000", &size, NULL), 0);
    cr_assert_eq(size, UINT64_C(3000000000));
    cr_assert_eq(units_size_parse("64K", &size, NULL), 0);
    cr_assert_eq(size, 65536);
    cr_assert_eq(units_size_parse("25m", &size, NULL), 0);
    cr_assert_eq(size, 25u << 20);
    cr_assert_eq(units_size_parse("2T", &size, NULL), 0);
    cr_assert_eq(size, UINT64_C(2) << 40);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(units_size_parse(bad[i], &size, NULL), -EINVAL, "%s", bad[i]);
    }
}

TEST(units, rates)
{
    /* A rate is a count in a period; a rate of nothing is refused, not taken for a stop.
     */
    static const char *const bad[] = {"",    "20",   "/s",   "20/",   "20/x",     "20/ss",
                                      "0/s", "5/0m", "-1/s", "20 /s", "Unlimited"};
    struct units_rate rate;

    cr_assert_eq(units_rate_parse("20/s", &rate, NULL), 0);
    cr_assert_eq(rate.count, 20);
    cr_assert_eq(rate.period_ns, SECOND);
    cr_assert_eq(units_rate_parse("3000/d", &rate, NULL), 0);
    cr_assert_eq(rate.period_ns, 86400 * SECOND);
    cr_assert_eq(units_rate_parse("5/10m", &rate, NULL), 0);
    cr_assert_eq(rate.period_ns, 600 * SECOND);
    cr_assert_not(units_rate_is_unlimited(&rate));
    cr_assert_eq(units_rate_parse("unlimited", &rate, NULL), 0);
    cr_assert(units_rate_is_unlimited(&rate));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(units_rate_parse(bad[i], &rate, NULL), -EINVAL, "%s", bad[i]);
    }
}

TEST(units, times_of_day)
{
    /* Windows may run over midnight; "" and 00:00-24:00 are the whole day. */
    static const char *const bad[] = {"8-20",        "08:00",       "08:00-",
                                      "25:00-26:00", "08:60-09:00", "24:01-25:00",
                                      "8:0-9:0"};
    struct units_window window;
    uint16_t minute;

    cr_assert_eq(units_window_parse("08:00-20:30", &window, NULL), 0);
    cr_assert_eq(window.from_minute, 480);
    cr_assert_eq(window.to_minute, 1230);
    cr_assert_eq(units_window_parse("22:00-06:00", &window, NULL), 0);
    cr_assert_gt(window.from_minute, window.to_minute);
    cr_assert_eq(units_window_parse("", &window, NULL), 0);
    cr_assert_eq(window.from_minute, window.to_minute);
    cr_assert_eq(units_window_parse("00:00-24:00", &window, NULL), 0);
    cr_assert_eq(window.from_minute, window.to_minute);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(units_window_parse(bad[i], &window, NULL), -EINVAL, "%s", bad[i]);
    }
    cr_assert_eq(units_clock_parse("07:05", &minute, NULL), 0);
    cr_assert_eq(minute, 425);
    cr_assert_eq(units_clock_parse("24:00", &minute, NULL), -EINVAL);
    cr_assert_eq(units_clock_parse("07:05 ", &minute, NULL), -EINVAL);
}

/* A small generator of its own: the seed is printed when a test fails. */
static uint64_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 11;
}

TEST(units, print_is_read_back)
{
    /* Whatever is printed is read back as the same value. */
    uint64_t seed = UINT64_C(20261121);

    for (unsigned i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)(next(&seed) >> (next(&seed) % 50)) / UNITS_NS_PER_MS *
                     UNITS_NS_PER_MS;
        uint64_t size = next(&seed) << (next(&seed) % 11);
        struct units_rate rate = {
            next(&seed) % 100000 + 1,
            (int64_t)(next(&seed) % 10000 + 1) * UNITS_NS_PER_MS,
        };
        struct units_rate rate_again;
        char text[UNITS_TEXT_BYTES];
        uint64_t size_again;
        int64_t again;

        cr_assert_eq(units_duration_parse(units_duration_print(ns, text), &again, NULL),
                     0);
        cr_assert_eq(again, ns, "round %u, %s", i, text);
        cr_assert_eq(units_size_parse(units_size_print(size, text), &size_again, NULL),
                     0);
        cr_assert_eq(size_again, size, "round %u, %s", i, text);
        cr_assert_eq(units_rate_parse(units_rate_print(&rate, text), &rate_again, NULL),
                     0, "round %u, %s", i, text);
        cr_assert_eq(rate_again.count, rate.count, "round %u, %s", i, text);
        cr_assert_eq(rate_again.period_ns, rate.period_ns, "round %u, %s", i, text);
    }
}

TEST(units, print_is_short)
{
    /* A person wrote "15m" and reads "15m" again. */
    char text[UNITS_TEXT_BYTES];
    struct units_rate rate = {500, 3600 * SECOND};
    struct units_rate none = {0};

    cr_assert_str_eq(units_duration_print(900 * SECOND, text), "15m");
    cr_assert_str_eq(units_duration_print(0, text), "0s");
    cr_assert_str_eq(units_size_print(UINT64_C(10) << 20, text), "10M");
    cr_assert_str_eq(units_rate_print(&rate, text), "500/h");
    cr_assert_str_eq(units_rate_print(&none, text), "unlimited");
}
