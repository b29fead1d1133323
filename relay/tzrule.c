#include "relay/tzrule.h"

#include <assert.h>
#include <errno.h>

#define DAY_S            ((int64_t)86400)
#define HOUR_S           3600
#define HOURS_MAX        167 /* of a rule's time: a week less an hour, RFC 8536 3.3.1 */
#define OFFSET_HOURS_MAX 24
#define NAME_MIN         3
#define NAME_MAX         16
#define DEFAULT_TIME_S   (2 * HOUR_S)
#define MARCH_FIRST      60 /* as a Julian day */

struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *cursor, char byte)
{
    if (cursor->at < cursor->end && *cursor->at == byte) {
        cursor->at++;
        return true;
    }
    return false;
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "CET", or "<+03>". The name itself is of no use to us. */
static bool take_name(struct cursor *cursor)
{
    bool is_quoted = take(cursor, '<');
    int size = 0;
    while (cursor->at < cursor->end && size < NAME_MAX) {
        char byte = *cursor->at;
        bool is_more = is_quoted ? byte == '+' || byte == '-' || is_digit(byte) : false;
        if (!is_letter(byte) && !is_more) {
            break;
        }
        cursor->at++;
        size++;
    }
    return size >= NAME_MIN && (!is_quoted || take(cursor, '>'));
}

static bool take_number(struct cursor *cursor, int32_t max, int32_t *out)
{
    int32_t value = 0;
    int digits = 0;
    while (cursor->at < cursor->end && is_digit(*cursor->at) && digits < 3) {
        value = value * 10 + (*cursor->at - '0');
        cursor->at++;
        digits++;
    }
    if (digits == 0 || value > max) {
        return false;
    }
    *out = value;
    return true;
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool take_time(struct cursor *cursor, int32_t hours_max, int32_t *out)
{
    bool is_negative = take(cursor, '-');
    if (!is_negative) {
        (void)take(cursor, '+');
    }
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t seconds = 0;
    if (!take_number(cursor, hours_max, &hours)) {
        return false;
    }
    if (take(cursor, ':')) {
        if (!take_number(cursor, 59, &minutes)) {
            return false;
        }
        if (take(cursor, ':') && !take_number(cursor, 59, &seconds)) {
            return false;
        }
    }
    int32_t value = hours * HOUR_S + minutes * 60 + seconds;
    *out = is_negative ? -value : value;
    return true;
}

static bool take_week(struct cursor *cursor, struct tzrule_date *out)
{
    return take_number(cursor, 12, &out->month) && out->month >= 1 && take(cursor, '.') &&
           take_number(cursor, 5, &out->week) && out->week >= 1 && take(cursor, '.') &&
           take_number(cursor, 6, &out->day);
}

static bool take_date(struct cursor *cursor, struct tzrule_date *out)
{
    *out = (struct tzrule_date){.time_s = DEFAULT_TIME_S};
    bool is_good = false;
    if (!take(cursor, ',')) {
        return false;
    }
    if (take(cursor, 'M')) {
        out->form = TZRULE_WEEK;
        is_good = take_week(cursor, out);
    } else if (take(cursor, 'J')) {
        out->form = TZRULE_JULIAN;
        is_good = take_number(cursor, 365, &out->day) && out->day >= 1;
    } else {
        out->form = TZRULE_DAY;
        is_good = take_number(cursor, 365, &out->day);
    }
    return is_good && (!take(cursor, '/') || take_time(cursor, HOURS_MAX, &out->time_s));
}

/* POSIX counts hours west of Greenwich; we count seconds east. */
static bool take_offset(struct cursor *cursor, int32_t *out)
{
    int32_t west_s = 0;
    if (!take_time(cursor, OFFSET_HOURS_MAX, &west_s)) {
        return false;
    }
    *out = -west_s;
    return true;
}

int tzrule_parse(struct tzrule *out, const char *text, size_t size)
{
    assert(out != NULL);
    assert(text != NULL);
    struct cursor cursor = {text, text + size};
    struct tzrule rule = {0};
    if (!take_name(&cursor) || !take_offset(&cursor, &rule.standard_s)) {
        return -EINVAL;
    }
    rule.summer_s = rule.standard_s + HOUR_S;
    if (cursor.at < cursor.end) {
        rule.has_summer = true;
        if (!take_name(&cursor)) {
            return -EINVAL;
        }
        bool has_offset = cursor.at < cursor.end && *cursor.at != ',';
        if (has_offset && !take_offset(&cursor, &rule.summer_s)) {
            return -EINVAL;
        }
        if (!take_date(&cursor, &rule.begins) || !take_date(&cursor, &rule.ends)) {
            return -EINVAL;
        }
    }
    if (cursor.at != cursor.end) {
        return -EINVAL;
    }
    *out = rule;
    return 0;
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t year_starts(int64_t year)
{
    int64_t before = year - 1;
    return 365 * (year - 1970) + floor_div(before, 4) - floor_div(before, 100) +
           floor_div(before, 400) - 477; /* leap years from 1 to 1969 */
}

static int64_t year_of(int64_t unix_s)
{
    int64_t days = floor_div(unix_s, DAY_S);
    int64_t year = 1970 + floor_div(days * 400, 146097);
    while (year_starts(year) > days) {
        year--;
    }
    while (year_starts(year + 1) <= days) {
        year++;
    }
    return year;
}

/* Days from the first of January to the first of a month, 1-12. */
static int64_t month_starts(int64_t year, int32_t month)
{
    static const int16_t before[] = {0,   31,  59,  90,  120, 151, 181,
                                     212, 243, 273, 304, 334, 365};
    return before[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

/* The day a date names in a year, in days since 1970. */
static int64_t date_day(const struct tzrule_date *date, int64_t year)
{
    int64_t january = year_starts(year);
    if (date->form == TZRULE_DAY) {
        return january + date->day;
    }
    if (date->form == TZRULE_JULIAN) {
        return january + date->day - 1 +
               (is_leap(year) && date->day >= MARCH_FIRST ? 1 : 0);
    }
    int64_t first = january + month_starts(year, date->month);
    int64_t next = date->month == 12 ? year_starts(year + 1)
                                     : january + month_starts(year, date->month + 1);
    int64_t weekday = (first + 4) % 7; /* 1970-01-01 was a Thursday */
    weekday = weekday < 0 ? weekday + 7 : weekday;
    int64_t day = first + (date->day - weekday + 7) % 7 + 7 * (int64_t)(date->week - 1);
    while (day >= next) {
        day -= 7;
    }
    return day;
}

struct change {
    int64_t unix_s;
    int32_t offset_s;
};

/* The last change up to an instant. In each year summer time begins once and ends once,
 * in either order; when a year's end falls on the next one's beginning, summer time goes
 * on. */
static struct change last_change(const struct tzrule *rule, int64_t unix_s)
{
    struct change last = {INT64_MIN, rule->standard_s};
    int64_t year = year_of(unix_s + rule->standard_s);
    for (int64_t at = year - 1; at <= year + 1; at++) {
        struct change changes[2] = {
            {date_day(&rule->begins, at) * DAY_S + rule->begins.time_s - rule->standard_s,
             rule->summer_s},
            {date_day(&rule->ends, at) * DAY_S + rule->ends.time_s - rule->summer_s,
             rule->standard_s},
        };
        for (int i = 0; i < 2; i++) {
            if (changes[i].unix_s <= unix_s && changes[i].unix_s >= last.unix_s) {
                last = changes[i];
            }
        }
    }
    return last;
}

int32_t tzrule_offset_s(const struct tzrule *rule, int64_t unix_s)
{
    assert(rule != NULL);
    return rule->has_summer ? last_change(rule, unix_s).offset_s : rule->standard_s;
}

int64_t tzrule_changed_unix_s(const struct tzrule *rule, int64_t unix_s)
{
    assert(rule != NULL);
    return rule->has_summer ? last_change(rule, unix_s).unix_s : INT64_MIN;
}
