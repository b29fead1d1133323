#include "relay/units.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SECOND UNITS_NS_PER_SECOND
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

struct unit {
    const char *name;
    int64_t ns;
};

/* Longest first: "ms" must be tried before "m". Printing goes from the largest down. */
static const struct unit duration_units[] = {
    {"ms", UNITS_NS_PER_MS}, {"w", 7 * DAY}, {"d", DAY}, {"h", HOUR},
    {"m", MINUTE},           {"s", SECOND},
};
#define DURATION_UNIT_COUNT (sizeof duration_units / sizeof duration_units[0])

/* A run of digits; *text moves behind it. -EINVAL without one, -ERANGE past 64 bits. */
static int number_parse(const char **text, uint64_t *value)
{
    const char *at = *text;
    uint64_t sum = 0;

    if (*at < '0' || *at > '9') {
        return -EINVAL;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(sum, UINT64_C(10), &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum)) {
            return -ERANGE;
        }
    }
    *text = at;
    *value = sum;
    return 0;
}

static const struct unit *unit_find(const char *text)
{
    for (size_t i = 0; i < DURATION_UNIT_COUNT; i++) {
        const struct unit *unit = &duration_units[i];

        if (strncmp(text, unit->name, strlen(unit->name)) == 0) {
            return unit;
        }
    }
    return NULL;
}

static int duration_bad(const char *text, struct errmsg *err)
{
    errmsg_set(err,
               "\"%.40s\" is not a duration; write a number and a unit, such as "
               "\"90s\", \"15m\", \"4h\" or \"5d\"",
               text);
    return -EINVAL;
}

static int duration_huge(const char *text, struct errmsg *err)
{
    errmsg_set(err, "\"%.40s\" is too long; the longest duration is about 292 years",
               text);
    return -ERANGE;
}

int units_duration_parse(const char *text, int64_t *value_ns, struct errmsg *err)
{
    const char *at = text;
    int64_t sum = 0;

    assert(text != NULL);
    assert(value_ns != NULL);
    if (strcmp(text, "0") == 0) {
        *value_ns = 0;
        return 0;
    }
    do {
        const struct unit *unit;
        uint64_t count;
        int64_t part;
        int rc = number_parse(&at, &count);

        if (rc == -ERANGE) {
            return duration_huge(text, err);
        }
        unit = rc == 0 ? unit_find(at) : NULL;
        if (unit == NULL) {
            return duration_bad(text, err);
        }
        if (__builtin_mul_overflow(count, unit->ns, &part) ||
            __builtin_add_overflow(sum, part, &sum)) {
            return duration_huge(text, err);
        }
        at += strlen(unit->name);
    } while (*at != '\0');
    *value_ns = sum;
    return 0;
}

static unsigned size_shift(char unit)
{
    switch (unit) {
    case 'k':
    case 'K': return 10;
    case 'm':
    case 'M': return 20;
    case 'g':
    case 'G': return 30;
    case 't':
    case 'T': return 40;
    default: return 0;
    }
}

int units_size_parse(const char *text, uint64_t *value, struct errmsg *err)
{
    const char *at = text;
    uint64_t count;
    unsigned shift;
    int rc;

    assert(text != NULL);
    assert(value != NULL);
    rc = number_parse(&at, &count);
    if (rc == 0) {
        shift = size_shift(*at);
        at += shift != 0;
        if (*at == '\0') {
            if (shift != 0 && count > (UINT64_MAX >> shift)) {
                rc = -ERANGE;
            } else {
                *value = count << shift;
                return 0;
            }
        } else {
            rc = -EINVAL;
        }
    }
    if (rc == -ERANGE) {
        errmsg_set(err, "\"%.40s\" is more than 64 bits can count", text);
    } else {
        errmsg_set(err,
                   "\"%.40s\" is not a size; write bytes or \"64K\", \"10M\", \"1G\"",
                   text);
    }
    return rc;
}

int units_rate_parse(const char *text, struct units_rate *value, struct errmsg *err)
{
    const char *at = text;
    uint64_t count;
    uint64_t periods = 1;
    const struct unit *unit;
    int64_t period_ns;

    assert(text != NULL);
    assert(value != NULL);
    if (strcmp(text, "unlimited") == 0) {
        *value = (struct units_rate){0};
        return 0;
    }
    if (number_parse(&at, &count) != 0 || *at++ != '/') {
        goto bad;
    }
    if (*at >= '0' && *at <= '9' && number_parse(&at, &periods) != 0) {
        goto bad;
    }
    unit = unit_find(at);
    if (unit == NULL || at[strlen(unit->name)] != '\0') {
        goto bad;
    }
    if (count == 0 || periods == 0) {
        errmsg_set(err,
                   "\"%.40s\" would send nothing; write \"unlimited\" for no limit, or "
                   "delivery.enabled = false to send nothing at all",
                   text);
        return -EINVAL;
    }
    if (__builtin_mul_overflow(periods, unit->ns, &period_ns) || count > INT64_MAX) {
        errmsg_set(err, "\"%.40s\" is more than 64 bits can count", text);
        return -ERANGE;
    }
    *value = (struct units_rate){.count = count, .period_ns = period_ns};
    return 0;
bad:
    errmsg_set(err,
               "\"%.40s\" is not a rate; write \"20/s\", \"500/h\", \"3000/d\" or "
               "\"unlimited\"",
               text);
    return -EINVAL;
}

/* "7:30" or "07:30"; *text moves behind it. 24:00 is allowed as an end. */
static int minute_parse(const char **text, uint16_t *minute)
{
    uint64_t hours;
    uint64_t minutes;
    const char *digits;

    if (number_parse(text, &hours) != 0 || hours > 24 || **text != ':') {
        return -EINVAL;
    }
    digits = ++*text;
    if (number_parse(text, &minutes) != 0 || minutes > 59 || *text - digits != 2 ||
        (hours == 24 && minutes != 0)) {
        return -EINVAL;
    }
    *minute = (uint16_t)(hours * 60 + minutes);
    return 0;
}

int units_window_parse(const char *text, struct units_window *value, struct errmsg *err)
{
    const char *at = text;
    struct units_window window = {0};

    assert(text != NULL);
    assert(value != NULL);
    if (*text != '\0' && (minute_parse(&at, &window.from_minute) != 0 || *at++ != '-' ||
                          minute_parse(&at, &window.to_minute) != 0 || *at != '\0')) {
        errmsg_set(err,
                   "\"%.40s\" is not a part of the day; write \"08:00-20:00\", or "
                   "\"\" for the whole day",
                   text);
        return -EINVAL;
    }
    window.from_minute %= UNITS_MINUTES_PER_DAY;
    window.to_minute %= UNITS_MINUTES_PER_DAY;
    *value = window;
    return 0;
}

int units_clock_parse(const char *text, uint16_t *minute, struct errmsg *err)
{
    const char *at = text;
    uint16_t parsed;

    assert(text != NULL);
    assert(minute != NULL);
    if (minute_parse(&at, &parsed) != 0 || *at != '\0' ||
        parsed >= UNITS_MINUTES_PER_DAY) {
        errmsg_set(err, "\"%.40s\" is not a time of day; write \"00:00\" to \"23:59\"",
                   text);
        return -EINVAL;
    }
    *minute = parsed;
    return 0;
}

char *units_duration_print(int64_t value_ns, char *buffer)
{
    static const struct unit order[] = {
        {"d", DAY}, {"h", HOUR}, {"m", MINUTE}, {"s", SECOND}, {"ms", UNITS_NS_PER_MS},
    };
    int64_t left = value_ns < 0 ? 0 : value_ns;
    size_t used = 0;

    assert(buffer != NULL);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (left / order[i].ns > 0) {
            int wrote = snprintf(buffer + used, UNITS_TEXT_BYTES - used, "%" PRId64 "%s",
                                 left / order[i].ns, order[i].name);

            assert(wrote > 0 && (size_t)wrote < UNITS_TEXT_BYTES - used);
            used += (size_t)wrote;
            left %= order[i].ns;
        }
    }
    if (used == 0) {
        (void)snprintf(buffer, UNITS_TEXT_BYTES, "0s");
    }
    return buffer;
}

char *units_size_print(uint64_t value, char *buffer)
{
    static const char units[] = {'T', 'G', 'M', 'K'};

    assert(buffer != NULL);
    for (unsigned i = 0; i < sizeof units; i++) {
        unsigned shift = 40 - 10 * i;

        if (value != 0 && value % (UINT64_C(1) << shift) == 0) {
            (void)snprintf(buffer, UNITS_TEXT_BYTES, "%" PRIu64 "%c", value >> shift,
                           units[i]);
            return buffer;
        }
    }
    (void)snprintf(buffer, UNITS_TEXT_BYTES, "%" PRIu64, value);
    return buffer;
}

char *units_rate_print(const struct units_rate *value, char *buffer)
{
    static const struct unit periods[] = {
        {"d", DAY}, {"h", HOUR}, {"m", MINUTE}, {"s", SECOND}, {"ms", UNITS_NS_PER_MS},
    };

    assert(value != NULL);
    assert(buffer != NULL);
    if (units_rate_is_unlimited(value)) {
        (void)snprintf(buffer, UNITS_TEXT_BYTES, "unlimited");
        return buffer;
    }
    for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
        int64_t times = value->period_ns / periods[i].ns;

        if (times > 0 && value->period_ns % periods[i].ns == 0) {
            if (times == 1) {
                (void)snprintf(buffer, UNITS_TEXT_BYTES, "%" PRIu64 "/%s", value->count,
                               periods[i].name);
            } else {
                (void)snprintf(buffer, UNITS_TEXT_BYTES, "%" PRIu64 "/%" PRId64 "%s",
                               value->count, times, periods[i].name);
            }
            return buffer;
        }
    }
    (void)snprintf(buffer, UNITS_TEXT_BYTES, "%" PRIu64 "/0s", value->count);
    return buffer;
}
