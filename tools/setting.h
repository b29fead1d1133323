/* Named settings of a struct, from words: one table serves the command line, the keys of
 * a provider and the configuration file, and prints the help.
 *
 * Units as in mesurad's configuration: durations "90s", "15m", "4h", "5d", "20ms"; sizes
 * "10M"; rates "20/s", "60/m", "500/h", "3000/d" or "unlimited". */

#ifndef TOOLS_SETTING_H
#define TOOLS_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "queue/errmsg.h"

enum setting_kind {
    SETTING_END,      /* the last row of a table */
    SETTING_GROUP,    /* not a setting: a heading of the help */
    SETTING_TEXT,     /* char[size] */
    SETTING_COUNT,    /* uint64_t */
    SETTING_SIZE,     /* uint64_t, bytes */
    SETTING_DURATION, /* int64_t, nanoseconds */
    SETTING_SPAN,     /* struct setting_span: "20ms" or "20ms-80ms" */
    SETTING_RATE,     /* double, per second; 0 is unlimited */
    SETTING_FRACTION, /* double, 0 to 1 */
    SETTING_NUMBER,   /* double, not negative */
    SETTING_FLAG,     /* bool; without a value: true */
    SETTING_WORD,     /* int: the position in words[] */
    SETTING_CALL,     /* call(base, value, err) takes it */
};

/* A duration between two bounds; equal when it does not vary. */
struct setting_span {
    int64_t min_ns;
    int64_t max_ns;
};

struct setting {
    const char *name; /* of SETTING_GROUP: the heading */
    enum setting_kind kind;
    size_t offset;            /* of the field in its struct */
    size_t size;              /* SETTING_TEXT: of the array, the final NUL included */
    const char *const *words; /* SETTING_WORD: ends in NULL */
    int (*call)(void *base, const char *value, struct errmsg *err); /* SETTING_CALL */
    const char *value_name;                                         /* for the help */
    const char *help;
};

/* The row of that name, '-' and '_' being the same; NULL when there is none. */
const struct setting *setting_find(const struct setting *table, const char *name);

/* Read value into the field of base that the row describes. value is NULL only where no
 * value was given. Returns 0, or -EINVAL with the sentence in err. */
int setting_apply(const struct setting *row, void *base, const char *value,
                  struct errmsg *err) ATTR_MUST_CHECK;

/* Read argv[1..]: "--name value", "--name=value", "--flag". Words without dashes go to
 * base through the row named "" (SETTING_CALL), if there is one. Returns 0 or -EINVAL. */
int setting_arguments(const struct setting *table, void *base, int argc, char **argv,
                      struct errmsg *err) ATTR_MUST_CHECK;

/* Print one line a row, each name after prefix ("--" or ""). */
void setting_help(FILE *out, const struct setting *table, const char *prefix);

/* The parsers alone. Each returns 0 or -EINVAL; *out_x is then untouched. */
int setting_parse_count(const char *text, uint64_t *out_count) ATTR_MUST_CHECK;
int setting_parse_size(const char *text, uint64_t *out_bytes) ATTR_MUST_CHECK;
int setting_parse_duration(const char *text, int64_t *out_ns) ATTR_MUST_CHECK;
int setting_parse_rate(const char *text, double *out_per_s) ATTR_MUST_CHECK;
int setting_parse_number(const char *text, double *out_number) ATTR_MUST_CHECK;

#endif
