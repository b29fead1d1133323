#include <stdio.h>
#include <string.h>
#include <time.h>

#include "relay/maildate.h"

#include "tests/support/test.h"

/* Known moments, leap days and the edges. */
TEST(maildate, known)
{
    static const struct {
        int64_t unix_ms;
        int offset;
        const char *text;
    } cases[] = {
        {0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"},
        {-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"},
        {951782400000, 0, "Tue, 29 Feb 2000 00:00:00 +0000"},
        {1795304196999, 60, "Sun, 22 Nov 2026 00:36:36 +0100"},
        {1795304196000, -330, "Sat, 21 Nov 2026 18:06:36 -0530"},
        {4107542399000, 0, "Sun, 28 Feb 2100 23:59:59 +0000"},
        {4107542400000, 0, "Mon, 01 Mar 2100 00:00:00 +0000"},
        {INT64_MAX, 0, "Fri, 31 Dec 9999 23:59:59 +0000"},
    };
    char out[MAILDATE_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(maildate_format(cases[i].unix_ms, cases[i].offset, out), 31);
        cr_assert_str_eq(out, cases[i].text);
    }
    cr_assert_eq(maildate_format(INT64_MIN, -9999, out), 31);
}

/* Every day of four hundred years agrees with the C library. */
TEST(maildate, like_libc)
{
    for (int64_t day = -30000; day < 120000; day++) {
        char out[MAILDATE_BYTES];
        char want[MAILDATE_BYTES];
        time_t second = (time_t)(day * 86400 + (day & 0xffff));
        struct tm tm;
        cr_assert_not_null(gmtime_r(&second, &tm));
        cr_assert_gt(strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S +0000", &tm), 0);
        (void)maildate_format((int64_t)second * 1000, 0, out);
        cr_assert_str_eq(out, want);
    }
}

/* Dates as people and machines write them; nothing else. */
TEST(maildate, read)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"1970-01-01", 0},
                 {"2000-02-29", INT64_C(951782400000)},
                 {"2026-11-21 08:30", INT64_C(1795249800000)},
                 {"2026-11-21T08:30:05.123Z", INT64_C(1795249805000)},
                 {"1700000000000", INT64_C(1700000000000)},
                 {"2026-13-01", -1},
                 {"2026-11-21T25:00", -1},
                 {"2026", -1},
                 {"20261121", -1},
                 {"2026-11-21T08:30+02:00", -1},
                 {"99999999999999999999", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -1;
        cr_assert_eq(maildate_read(cases[i].text, &ms), cases[i].ms != -1, "%s",
                     cases[i].text);
        cr_assert_eq(ms, cases[i].ms, "%s: %lld", cases[i].text, (long long)ms);
    }
}
