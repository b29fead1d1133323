#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relay/entropy.h"
#include "relay/limits.h"
#include "relay/zone.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

static const char *const names[] = {
    "Europe/Berlin", "America/New_York",    "America/Sao_Paulo", "Asia/Kolkata",
    "Asia/Tehran",   "Australia/Lord_Howe", "Pacific/Apia",      "Africa/Casablanca",
    "Asia/Beirut",   "America/Nuuk",        "Europe/Dublin",     "Etc/GMT+5"};
#define NAMES (sizeof names / sizeof names[0])

static struct zone *opened(const char *name)
{
    struct zone *zone = NULL;
    struct errmsg err = {""};
    cr_assert_eq(zone_open(&zone, name, &err), 0, "%s", err.text);
    return zone;
}

TEST(zone, agrees_with_the_c_library)
{
    /* In every zone the offset at any instant from 1970 to 2100 is the one the C library
     * finds; hour and weekday follow. */
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    for (size_t i = 0; i < NAMES; i++) {
        struct zone *zone = opened(names[i]);
        cr_assert_eq(setenv("TZ", names[i], 1), 0);
        tzset();
        for (int round = 0; round < 5000; round++) {
            time_t at = (time_t)entropy_dice_below(&dice, UINT64_C(130) * 31556952);
            struct tm local;
            cr_assert_not_null(localtime_r(&at, &local));
            cr_assert_eq(zone_offset_s(zone, at), local.tm_gmtoff, "%s at %ld, seed %llu",
                         names[i], (long)at, (unsigned long long)seed);
            cr_assert_eq(zone_second_of_day(zone, at),
                         local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec);
            cr_assert_eq(zone_weekday(zone, at), local.tm_wday);
        }
        zone_free(zone);
    }
}

/* Walk over the days of some years. An island that skipped a date has two short days. */
static void walk(const struct zone *zone, const char *name, int64_t from_unix_s, int days,
                 int32_t day_start_s)
{
    struct zone_day last = zone_day_at(zone, from_unix_s, day_start_s);
    int short_days = 0;
    for (int day = 0; day < days; day++) {
        struct zone_day next = zone_day_at(zone, last.ends_unix_s, day_start_s);
        cr_assert_eq(next.starts_unix_s, last.ends_unix_s, "%s", name);
        cr_assert_gt(next.number, last.number);
        cr_assert_leq(next.number, last.number + 2);
        int64_t length = next.ends_unix_s - next.starts_unix_s;
        cr_assert(length > 0 && length <= 30 * 3600, "%s: %ld s", name, (long)length);
        short_days += length < 20 * 3600 ? 1 : 0;
        struct zone_day inside = zone_day_at(zone, next.ends_unix_s - 1, day_start_s);
        cr_assert_eq(inside.number, next.number);
        last = next;
    }
    cr_assert_leq(short_days, strcmp(name, "Pacific/Apia") == 0 ? 2 : 0, "%s", name);
}

TEST(zone, days_follow_each_other_without_gap)
{
    /* In every zone, with any start of day, also long after the file's last change: days
     * are numbered upwards, each begins where the one before ends, and lasts 20 to 30
     * hours. */
    static const int32_t starts[] = {0, 2 * 3600 + 1800, 7 * 3600, 86399};
    for (size_t i = 0; i < NAMES; i++) {
        struct zone *zone = opened(names[i]);
        for (size_t j = 0; j < 4; j++) {
            walk(zone, names[i], 1262304000, 366 * 8, starts[j]); /* from 2010 */
            walk(zone, names[i], 2082758400, 366 * 4, starts[j]); /* from 2036 */
        }
        zone_free(zone);
    }
}

TEST(zone, a_day_in_which_clocks_change_is_one_day)
{
    /* Berlin's 26 October 2025 has 25 hours, its 30 March 23; a day that starts at 02:30
     * does not begin twice when that half hour comes twice. */
    struct zone *zone = opened("Europe/Berlin");
    struct zone_day autumn = zone_day_at(zone, 1761440400, 0);
    cr_assert_eq(autumn.ends_unix_s - autumn.starts_unix_s, 25 * 3600);
    struct zone_day spring = zone_day_at(zone, 1743296400, 0);
    cr_assert_eq(spring.ends_unix_s - spring.starts_unix_s, 23 * 3600);
    int64_t first_pass = 1761440400 - 1800; /* 02:30 summer time */
    struct zone_day odd = zone_day_at(zone, first_pass, 2 * 3600 + 1800);
    cr_assert_eq(odd.starts_unix_s, first_pass);
    cr_assert_eq(zone_day_at(zone, first_pass + 1800, 2 * 3600 + 1800).number,
                 odd.number);
    cr_assert_eq(zone_day_at(zone, first_pass - 1, 2 * 3600 + 1800).number,
                 odd.number - 1);
    zone_free(zone);
}

TEST(zone, utc_needs_no_file)
{
    /* UTC and no name at all are the same plain days. */
    struct zone *zone = opened("");
    struct zone_day day = zone_day_at(zone, 1764000000, 0);
    cr_assert_eq(day.number, 20416);
    cr_assert_eq(day.starts_unix_s, 20416 * 86400);
    cr_assert_eq(day.ends_unix_s, 20417 * 86400);
    cr_assert_eq(zone_day_at(zone, -1, 0).number, -1);
    zone_free(zone);
    zone_free(opened("UTC"));
    zone_free(NULL);
}

TEST(zone, refuses_names_that_are_none)
{
    /* A name cannot leave the directory of zones, and an unknown one is said to be so. */
    static const char *const cases[] = {
        "../../etc/passwd", "/etc/passwd", "Europe/Ber lin", "Europe/..",
        "Nowhere/Atlantis", "Europe",      "zone.tab"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zone *zone = NULL;
        struct errmsg err = {""};
        cr_assert_lt(zone_open(&zone, cases[i], &err), 0, "%s", cases[i]);
        cr_assert_null(zone);
        cr_assert_not_null(strstr(err.text, "time zone"));
    }
}

TEST(zone, survives_any_file)
{
    /* A file cut anywhere or with any byte changed is refused or gives offsets within
     * bounds. */
    static char data[LIMIT_ZONE_FILE];
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rbe");
    cr_assert_not_null(file);
    size_t size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    cr_assert_gt(size, 100);
    struct zone *zone = NULL;
    struct errmsg err;
    for (size_t cut = 0; cut < size; cut++) {
        cr_assert_eq(zone_parse(&zone, (const uint8_t *)data, cut, &err), -EINVAL,
                     "cut to %zu", cut);
    }
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    for (int round = 0; round < 5000; round++) {
        size_t place = entropy_dice_below(&dice, size);
        char before = data[place];
        data[place] = (char)entropy_dice_roll(&dice);
        if (zone_parse(&zone, (const uint8_t *)data, size, &err) == 0) {
            int32_t offset = zone_offset_s(zone, 1764000000);
            cr_assert(offset >= -26 * 3600 && offset <= 26 * 3600, "seed %llu",
                      (unsigned long long)seed);
            struct zone_day day = zone_day_at(zone, 1764000000, 0);
            cr_assert_leq(day.starts_unix_s, 1764000000);
            zone_free(zone);
        }
        data[place] = before;
    }
}
