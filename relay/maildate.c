#include "relay/maildate.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAY_SECONDS  86400
#define DAY_MS       INT64_C(86400000)
#define MS_DIGITS    11 /* more than any year has, fewer than any time in milliseconds */
#define FIRST_SECOND (-62167219200LL) /* year 0 */
#define LAST_SECOND  253402300799LL   /* year 9999 */

struct civil {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;
};

/* The Gregorian date of a day counted from 1970-01-01. Years are reckoned from March, so
 * that the leap day is a year's last; 400 years have 146097 days. */
static struct civil civil_of(int64_t day)
{
    int64_t shifted = day + 719468; /* days from 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * of_year + 2) / 153; /* from March */
    int64_t first = (153 * month + 2) / 5;
    bool is_next_year = month >= 10;
    return (struct civil){.year = year_of_era + era * 400 + (is_next_year ? 1 : 0),
                          .month = (unsigned)(is_next_year ? month - 9 : month + 3),
                          .day = (unsigned)(of_year - first) + 1};
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

size_t maildate_format(int64_t unix_ms, int offset_minutes, char out[MAILDATE_BYTES])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int offset = offset_minutes < -1439 ? -1439 : offset_minutes;
    offset = offset > 1439 ? 1439 : offset;

    int64_t local = floor_div(unix_ms, 1000) + (int64_t)offset * 60;
    local = local < FIRST_SECOND ? FIRST_SECOND : local;
    local = local > LAST_SECOND ? LAST_SECOND : local;
    int64_t day = floor_div(local, DAY_SECONDS);
    int64_t second = local - day * DAY_SECONDS;
    int64_t weekday = ((day + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    struct civil civil = civil_of(day);
    int magnitude = abs(offset);

    int length =
        snprintf(out, MAILDATE_BYTES, "%s, %02u %s %04d %02d:%02d:%02d %c%02d%02d",
                 days[weekday], civil.day, months[civil.month - 1], (int)civil.year,
                 (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60),
                 offset < 0 ? '-' : '+', magnitude / 60, magnitude % 60);
    return length < 0 ? 0 : (size_t)length;
}

void maildate_day(int64_t unix_ms, char out[MAILDATE_DAY_BYTES])
{
    int64_t second = floor_div(unix_ms, 1000);
    second = second < FIRST_SECOND ? FIRST_SECOND : second;
    second = second > LAST_SECOND ? LAST_SECOND : second;
    struct civil civil = civil_of(floor_div(second, DAY_SECONDS));
    (void)snprintf(out, MAILDATE_DAY_BYTES, "%04u-%02u-%02u",
                   (unsigned)civil.year % 10000, civil.month % 100, civil.day % 100);
}

/* ---- as machines write them ---- */

/* Exactly so many digits. */
static bool digits(const char *text, unsigned count, int *out)
{
    int value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!isdigit((unsigned char)text[i])) {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *out = value;
    return true;
}

/* Days from 1970-01-01; years are reckoned from March. */
static int64_t day_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool read_clock(const char *text, int64_t *out_ms)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!digits(text, 2, &hour) || text[2] != ':' || !digits(text + 3, 2, &minute) ||
        hour > 23 || minute > 59) {
        return false;
    }
    const char *rest = text + 5;
    if (*rest == ':') {
        if (!digits(rest + 1, 2, &second) || second > 60) {
            return false;
        }
        rest += 3;
    }
    if (*rest == '.') {
        rest += 1 + strspn(rest + 1, "0123456789");
    }
    if (rest[0] != '\0' && strcasecmp(rest, "z") != 0 && strcmp(rest, "+00:00") != 0) {
        return false;
    }
    *out_ms = ((hour * INT64_C(60) + minute) * 60 + second) * 1000;
    return true;
}

bool maildate_read(const char *text, int64_t *out_ms)
{
    int year = 0;
    int month = 0;
    int day = 0;
    int64_t clock_ms = 0;
    size_t numbers = strspn(text, "0123456789");
    if (text[numbers] == '\0' && numbers >= MS_DIGITS && numbers <= 15) {
        *out_ms = strtoll(text, NULL, 10);
        return true;
    }
    if (!digits(text, 4, &year) || text[4] != '-' || !digits(text + 5, 2, &month) ||
        text[7] != '-' || !digits(text + 8, 2, &day) || year < 1970 || month < 1 ||
        month > 12 || day < 1 || day > 31) {
        return false;
    }
    char parting = text[10];
    if (parting != '\0' &&
        ((parting != 'T' && parting != ' ') || !read_clock(text + 11, &clock_ms))) {
        return false;
    }
    *out_ms = day_of(year, month, day) * DAY_MS + clock_ms;
    return true;
}
