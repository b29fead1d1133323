#include "relay/linebuf.h"

#include <assert.h>
#include <string.h>

#define DIGITS_MAX   20
#define DAYS_PER_ERA 146097 /* 400 years */
#define MS_PER_DAY   ((int64_t)86400000)
#define UNIX_MS_MAX  ((int64_t)253402300799999) /* the end of 9999 */

static const char hex_digits[] = "0123456789abcdef";

void linebuf_init(struct linebuf *buf, char *data, size_t size)
{
    assert(buf != NULL);
    assert(data != NULL);
    buf->data = data;
    buf->used = 0;
    buf->size = size;
    buf->is_full = false;
}

void linebuf_add(struct linebuf *buf, const char *data, size_t size)
{
    if (buf->is_full || size > buf->size - buf->used) {
        buf->is_full = true;
        return;
    }
    memcpy(buf->data + buf->used, data, size);
    buf->used += size;
}

void linebuf_text(struct linebuf *buf, const char *text)
{
    linebuf_add(buf, text, strlen(text));
}

void linebuf_char(struct linebuf *buf, char byte)
{
    linebuf_add(buf, &byte, 1);
}

/* At least `least` digits. */
static void add_digits(struct linebuf *buf, uint64_t value, unsigned least)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof digits;
    do {
        at--;
        digits[at] = (char)('0' + value % 10);
        value /= 10;
        least = least > 0 ? least - 1 : 0;
    } while (value > 0 || least > 0);
    linebuf_add(buf, digits + at, sizeof digits - at);
}

void linebuf_unsigned(struct linebuf *buf, uint64_t value)
{
    add_digits(buf, value, 1);
}

void linebuf_int(struct linebuf *buf, int64_t value)
{
    if (value < 0) {
        linebuf_char(buf, '-');
        add_digits(buf, 0 - (uint64_t)value, 1);
        return;
    }
    add_digits(buf, (uint64_t)value, 1);
}

void linebuf_seconds(struct linebuf *buf, int64_t value_ms)
{
    uint64_t ms = value_ms > 0 ? (uint64_t)value_ms : 0;
    add_digits(buf, ms / 1000, 1);
    uint64_t rest = ms % 1000;
    if (rest == 0) {
        return;
    }
    unsigned places = 3;
    while (rest % 10 == 0) {
        rest /= 10;
        places--;
    }
    linebuf_char(buf, '.');
    add_digits(buf, rest, places);
}

/* Days since 1970 to a date of the Gregorian calendar: years begin in March, so that the
 * leap day is the last, and 400 of them have the same number of days. */
static void add_date(struct linebuf *buf, int64_t days)
{
    int64_t shifted = days + 719468; /* days from 0000-03-01 to 1970-01-01 */
    int64_t era = shifted / DAYS_PER_ERA;
    int64_t day_of_era = shifted % DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    add_digits(buf, (uint64_t)year, 4);
    linebuf_char(buf, '-');
    add_digits(buf, (uint64_t)month, 2);
    linebuf_char(buf, '-');
    add_digits(buf, (uint64_t)day, 2);
}

void linebuf_time(struct linebuf *buf, int64_t unix_ms, const char *zone)
{
    int64_t at_ms = unix_ms < 0 ? 0 : unix_ms > UNIX_MS_MAX ? UNIX_MS_MAX : unix_ms;
    add_date(buf, at_ms / MS_PER_DAY);
    uint64_t of_day_ms = (uint64_t)(at_ms % MS_PER_DAY);
    linebuf_char(buf, 'T');
    add_digits(buf, of_day_ms / 3600000, 2);
    linebuf_char(buf, ':');
    add_digits(buf, of_day_ms / 60000 % 60, 2);
    linebuf_char(buf, ':');
    add_digits(buf, of_day_ms / 1000 % 60, 2);
    linebuf_char(buf, '.');
    add_digits(buf, of_day_ms % 1000, 3);
    linebuf_text(buf, zone);
}

static bool is_tail(const char *at, size_t left, size_t count)
{
    if (left < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (((unsigned char)at[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

/* The bytes of the UTF-8 sequence at `at`, above ASCII; 0 when there is none: cut short,
 * over-long, a surrogate, or past U+10FFFF (RFC 3629 4). */
static size_t sequence_size(const char *at, size_t left)
{
    unsigned char first = (unsigned char)at[0];
    unsigned char second = left > 1 ? (unsigned char)at[1] : 0;
    if (first >= 0xc2 && first <= 0xdf) {
        return is_tail(at + 1, left - 1, 1) ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        bool is_bad =
            (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f);
        return !is_bad && is_tail(at + 1, left - 1, 2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        bool is_bad =
            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
        return !is_bad && is_tail(at + 1, left - 1, 3) ? 4 : 0;
    }
    return 0;
}

/* U+2028 and U+2029 end lines for some readers; U+0080 to U+009F are control characters.
 */
static bool is_treacherous(const char *at, size_t size)
{
    return (size == 3 && memcmp(at, "\xe2\x80", 2) == 0 &&
            ((unsigned char)at[2] == 0xa8 || (unsigned char)at[2] == 0xa9)) ||
           (size == 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0);
}

static void add_unicode_escape(struct linebuf *buf, unsigned value)
{
    char escape[6] = {'\\',
                      'u',
                      hex_digits[value >> 12 & 15],
                      hex_digits[value >> 8 & 15],
                      hex_digits[value >> 4 & 15],
                      hex_digits[value & 15]};
    linebuf_add(buf, escape, sizeof escape);
}

static void add_json_ascii(struct linebuf *buf, char byte)
{
    switch (byte) {
    case '"': linebuf_text(buf, "\\\""); return;
    case '\\': linebuf_text(buf, "\\\\"); return;
    case '\n': linebuf_text(buf, "\\n"); return;
    case '\r': linebuf_text(buf, "\\r"); return;
    case '\t': linebuf_text(buf, "\\t"); return;
    default: add_unicode_escape(buf, (unsigned char)byte); return;
    }
}

/* How many bytes from `at` need no care at all: most texts are one such run. */
static size_t plain_run(const char *at, size_t left)
{
    size_t run = 0;
    while (run < left && at[run] >= ' ' && at[run] < '\x7f' && at[run] != '"' &&
           at[run] != '\\') {
        run++;
    }
    return run;
}

static unsigned code_point(const char *at, size_t size)
{
    if (size == 2) {
        return ((unsigned char)at[0] & 0x1fU) << 6 | ((unsigned char)at[1] & 0x3fU);
    }
    return ((unsigned char)at[0] & 0x0fU) << 12 | ((unsigned char)at[1] & 0x3fU) << 6 |
           ((unsigned char)at[2] & 0x3fU);
}

void linebuf_json(struct linebuf *buf, const char *text, size_t max)
{
    size_t left = strnlen(text, max);
    const char *at = text;
    linebuf_char(buf, '"');
    while (left > 0) {
        size_t step = plain_run(at, left);
        if (step > 0) {
            linebuf_add(buf, at, step);
        } else if ((unsigned char)*at < 0x80) {
            step = 1;
            add_json_ascii(buf, *at);
        } else {
            step = sequence_size(at, left);
            if (step == 0) {
                step = 1;
                linebuf_text(buf, "\\ufffd");
            } else if (is_treacherous(at, step)) {
                add_unicode_escape(buf, code_point(at, step));
            } else {
                linebuf_add(buf, at, step);
            }
        }
        at += step;
        left -= step;
    }
    linebuf_char(buf, '"');
}

static bool is_line_byte(char byte, const char *also)
{
    return byte >= ' ' && byte < '\x7f' &&
           (also[0] == '\0' || strchr(also, byte) == NULL);
}

void linebuf_line(struct linebuf *buf, const char *text, size_t max, const char *also)
{
    size_t left = strnlen(text, max);
    const char *at = text;
    while (left > 0) {
        size_t step = 0;
        while (step < left && is_line_byte(at[step], also)) {
            step++;
        }
        if (step > 0) {
            linebuf_add(buf, at, step);
        } else {
            step = (unsigned char)*at < 0x80 ? 0 : sequence_size(at, left);
            if (step == 0 || is_treacherous(at, step)) {
                linebuf_char(buf, '?');
            } else {
                linebuf_add(buf, at, step);
            }
            step = step == 0 ? 1 : step;
        }
        at += step;
        left -= step;
    }
}
