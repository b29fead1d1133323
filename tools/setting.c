#include "tools/setting.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/ticks.h"

#define WORD_BYTES 64 /* longer than any number with its unit */

struct unit {
    const char *name;
    double factor;
};

static const struct unit duration_units[] = {
    {"ns", 1.0}, {"us", 1e3},   {"ms", 1e6},   {"s", 1e9},     {"", 1e9},
    {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {NULL, 0.0},
};

static const struct unit size_units[] = {
    {"", 1.0}, {"k", 1024.0}, {"m", 1048576.0}, {"g", 1073741824.0}, {NULL, 0.0},
};

static const struct unit rate_units[] = {
    {"s", 1.0}, {"m", 60.0}, {"min", 60.0}, {"h", 3600.0}, {"d", 86400.0}, {NULL, 0.0},
};

/* A number that is finite and not negative, and where it ends. */
static int leading_number(const char *text, double *out_number, const char **out_rest)
{
    char *end = NULL;
    double number = 0.0;

    if ((*text < '0' || *text > '9') && *text != '.') {
        return -EINVAL; /* no sign, no blank, no "inf" */
    }
    number = strtod(text, &end);
    if (end == text || !isfinite(number)) {
        return -EINVAL;
    }
    *out_number = number;
    *out_rest = end;
    return 0;
}

static int with_unit(const char *text, const struct unit *units, double *out_number)
{
    const char *rest = NULL;
    double number = 0.0;

    if (leading_number(text, &number, &rest) != 0) {
        return -EINVAL;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcasecmp(rest, unit->name) == 0) {
            number *= unit->factor;
            if (number > 9e18) {
                return -EINVAL; /* does not fit 63 bits */
            }
            *out_number = number;
            return 0;
        }
    }
    return -EINVAL;
}

int setting_parse_number(const char *text, double *out_number)
{
    static const struct unit none[] = {{"", 1.0}, {NULL, 0.0}};

    return with_unit(text, none, out_number);
}

int setting_parse_count(const char *text, uint64_t *out_count)
{
    double number = 0.0;

    if (setting_parse_number(text, &number) != 0 || number != floor(number)) {
        return -EINVAL;
    }
    *out_count = (uint64_t)number;
    return 0;
}

int setting_parse_size(const char *text, uint64_t *out_bytes)
{
    double number = 0.0;

    if (with_unit(text, size_units, &number) != 0) {
        return -EINVAL;
    }
    *out_bytes = (uint64_t)number;
    return 0;
}

int setting_parse_duration(const char *text, int64_t *out_ns)
{
    double number = 0.0;

    if (with_unit(text, duration_units, &number) != 0) {
        return -EINVAL;
    }
    *out_ns = (int64_t)number;
    return 0;
}

/* "60/m", "100/15m", "unlimited". */
int setting_parse_rate(const char *text, double *out_per_s)
{
    const char *rest = NULL;
    double count = 0.0;
    double each = 1.0;

    if (strcasecmp(text, "unlimited") == 0) {
        *out_per_s = 0.0;
        return 0;
    }
    if (leading_number(text, &count, &rest) != 0 || *rest != '/') {
        return -EINVAL;
    }
    rest++;
    if (*rest >= '0' && *rest <= '9') {
        if (with_unit(rest, rate_units, &each) != 0) {
            return -EINVAL;
        }
    } else {
        char word[WORD_BYTES];

        (void)snprintf(word, sizeof word, "1%s", rest);
        if (with_unit(word, rate_units, &each) != 0) {
            return -EINVAL;
        }
    }
    if (each <= 0.0) {
        return -EINVAL;
    }
    *out_per_s = count / each;
    return 0;
}

static int parse_span(const char *text, struct setting_span *out_span)
{
    const char *dash = strchr(text, '-');
    char low[WORD_BYTES];
    struct setting_span span = {0, 0};

    if (dash == NULL) {
        if (setting_parse_duration(text, &span.min_ns) != 0) {
            return -EINVAL;
        }
        span.max_ns = span.min_ns;
        *out_span = span;
        return 0;
    }
    (void)snprintf(low, sizeof low, "%.*s", (int)(dash - text), text);
    if (setting_parse_duration(low, &span.min_ns) != 0 ||
        setting_parse_duration(dash + 1, &span.max_ns) != 0 ||
        span.max_ns < span.min_ns) {
        return -EINVAL;
    }
    *out_span = span;
    return 0;
}

static int parse_flag(const char *text, bool *out_flag)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out_flag = strcasecmp(text, yes[i]) == 0;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_word(const char *text, const char *const *words, int *out_position)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out_position = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_fraction(const char *text, double *out_fraction)
{
    double number = 0.0;

    if (setting_parse_number(text, &number) != 0 || number > 1.0) {
        return -EINVAL;
    }
    *out_fraction = number;
    return 0;
}

static int parse_text(const char *text, size_t size, char *out_text)
{
    if (strlen(text) >= size) {
        return -EINVAL;
    }
    memcpy(out_text, text, strlen(text) + 1);
    return 0;
}

static const char *kind_hint(enum setting_kind kind)
{
    switch (kind) {
    case SETTING_COUNT: return "a whole number";
    case SETTING_SIZE: return "a size such as 4096, 10k or 10M";
    case SETTING_DURATION: return "a duration such as 20ms, 90s, 15m, 4h or 5d";
    case SETTING_SPAN: return "a duration or two, such as 20ms or 20ms-80ms";
    case SETTING_RATE: return "a rate such as 20/s, 60/m, 500/h or \"unlimited\"";
    case SETTING_FRACTION: return "a number from 0 to 1";
    case SETTING_NUMBER: return "a number that is not negative";
    case SETTING_FLAG: return "true or false";
    case SETTING_TEXT: return "a shorter text";
    case SETTING_WORD: return "one of the words in --help";
    case SETTING_END:
    case SETTING_GROUP:
    case SETTING_CALL: break;
    }
    return "another value";
}

static int apply_value(const struct setting *row, void *field, const char *value)
{
    switch (row->kind) {
    case SETTING_TEXT: return parse_text(value, row->size, field);
    case SETTING_COUNT: return setting_parse_count(value, field);
    case SETTING_SIZE: return setting_parse_size(value, field);
    case SETTING_DURATION: return setting_parse_duration(value, field);
    case SETTING_SPAN: return parse_span(value, field);
    case SETTING_RATE: return setting_parse_rate(value, field);
    case SETTING_FRACTION: return parse_fraction(value, field);
    case SETTING_NUMBER: return setting_parse_number(value, field);
    case SETTING_FLAG: return parse_flag(value, field);
    case SETTING_WORD: return parse_word(value, row->words, field);
    case SETTING_END:
    case SETTING_GROUP:
    case SETTING_CALL: break;
    }
    return -EINVAL;
}

int setting_apply(const struct setting *row, void *base, const char *value,
                  struct errmsg *err)
{
    if (value == NULL && row->kind == SETTING_FLAG) {
        value = "true";
    }
    if (value == NULL) {
        errmsg_set(err, "%s needs a value: %s", row->name, kind_hint(row->kind));
        return -EINVAL;
    }
    if (row->kind == SETTING_CALL) {
        int rc = row->call(base, value, err);

        if (rc != 0 && row->name[0] != '\0') {
            errmsg_wrap(err, "%s", row->name);
        }
        return rc;
    }
    if (apply_value(row, (char *)base + row->offset, value) != 0) {
        errmsg_set(err, "%s: \"%.80s\" is wrong, it takes %s", row->name, value,
                   kind_hint(row->kind));
        return -EINVAL;
    }
    return 0;
}

static bool same_name(const char *a, size_t length, const char *b)
{
    for (size_t i = 0; i < length; i++) {
        bool dashes = (a[i] == '-' || a[i] == '_') && (b[i] == '-' || b[i] == '_');

        if (b[i] == '\0' || (a[i] != b[i] && !dashes)) {
            return false;
        }
    }
    return b[length] == '\0';
}

static const struct setting *find_row(const struct setting *table, const char *name,
                                      size_t length)
{
    for (const struct setting *row = table; row->kind != SETTING_END; row++) {
        if (row->kind != SETTING_GROUP && same_name(name, length, row->name)) {
            return row;
        }
    }
    return NULL;
}

const struct setting *setting_find(const struct setting *table, const char *name)
{
    return find_row(table, name, strlen(name));
}

int setting_arguments(const struct setting *table, void *base, int argc, char **argv,
                      struct errmsg *err)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        const struct setting *row = NULL;
        const char *value = word;

        if (strncmp(word, "--", 2) == 0) {
            const char *equals = strchr(word, '=');
            size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);

            row = length > 2 ? find_row(table, word + 2, length - 2) : NULL;
            value = equals != NULL ? equals + 1 : NULL;
            if (row != NULL && value == NULL && row->kind != SETTING_FLAG &&
                i + 1 < argc) {
                value = argv[++i];
            }
        } else {
            row = setting_find(table, "");
        }
        if (row == NULL) {
            errmsg_set(err, "unknown option \"%.80s\"; --help lists them all", word);
            return -EINVAL;
        }
        if (setting_apply(row, base, value, err) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

static void help_words(FILE *out, const struct setting *row)
{
    (void)fputs("      one of:", out);
    for (int i = 0; row->words[i] != NULL; i++) {
        (void)fprintf(out, " %s", row->words[i]);
    }
    (void)fputc('\n', out);
}

void setting_help(FILE *out, const struct setting *table, const char *prefix)
{
    for (const struct setting *row = table; row->kind != SETTING_END; row++) {
        if (row->kind == SETTING_GROUP) {
            (void)fprintf(out, "\n%s\n", row->name);
            continue;
        }
        if (row->name[0] == '\0') {
            continue;
        }
        (void)fprintf(out, "  %s%s%s%s\n      %s\n", prefix, row->name,
                      row->value_name != NULL ? (prefix[0] != '\0' ? " " : "=") : "",
                      row->value_name != NULL ? row->value_name : "", row->help);
        if (row->kind == SETTING_WORD) {
            help_words(out, row);
        }
    }
}
