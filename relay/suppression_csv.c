#include "relay/suppression_csv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/settle.h"

#define DAY_MS    INT64_C(86400000)
#define UNKNOWN   SUPPRESSION_CSV_KNOWN
#define MS_DIGITS 11 /* more than any year has, fewer than any time in milliseconds */

void suppression_csv_init(struct suppression_csv *csv, const char *text, size_t length,
                          uint64_t line, int64_t now_ms)
{
    *csv = (struct suppression_csv){
        .at = text, .end = text + length, .line = line, .now_ms = now_ms};
    memset(csv->columns, UNKNOWN, sizeof csv->columns);
    csv->columns[0] = SUPPRESSION_CSV_ADDRESS;
}

/* ---- lines ---- */

struct row {
    char fields[SUPPRESSION_CSV_COLUMNS][SUPPRESSION_CSV_FIELD];
    unsigned count;
    bool is_long; /* a value, or their number, was too much */
};

static void put(struct row *row, size_t *used, char byte)
{
    if (row->count >= SUPPRESSION_CSV_COLUMNS || *used + 1 >= SUPPRESSION_CSV_FIELD) {
        row->is_long = true;
        return;
    }
    row->fields[row->count][(*used)++] = byte;
}

static void end_field(struct row *row, size_t *used)
{
    if (row->count < SUPPRESSION_CSV_COLUMNS) {
        row->fields[row->count][*used] = '\0';
        row->count++;
    } else {
        row->is_long = true;
    }
    *used = 0;
}

/* One line into row; quoted values may hold commas, quotes and line ends. */
static void read_row(struct suppression_csv *csv, struct row *row)
{
    size_t used = 0;
    bool is_quoted = false;
    row->count = 0;
    row->is_long = false;
    csv->line++;
    while (csv->at < csv->end) {
        char byte = *csv->at++;
        bool doubled = byte == '"' && csv->at < csv->end && *csv->at == '"';
        if (is_quoted && doubled) {
            csv->at++;
            put(row, &used, '"');
        } else if (byte == '"') {
            is_quoted = !is_quoted;
        } else if (byte == '\n' && !is_quoted) {
            break;
        } else if (byte == ',' && !is_quoted) {
            end_field(row, &used);
        } else if (byte != '\r' || is_quoted) {
            csv->line += byte == '\n';
            put(row, &used, byte);
        }
    }
    end_field(row, &used);
}

/* ---- values ---- */

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

bool suppression_csv_time(const char *text, int64_t *out_ms)
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

/* ---- columns ---- */

static uint8_t column_of(const char *name)
{
    static const struct {
        const char *name;
        enum suppression_csv_column column;
    } names[] = {
        {"address", SUPPRESSION_CSV_ADDRESS},   {"email", SUPPRESSION_CSV_ADDRESS},
        {"recipient", SUPPRESSION_CSV_ADDRESS}, {"stream", SUPPRESSION_CSV_STREAM},
        {"cause", SUPPRESSION_CSV_CAUSE},       {"since", SUPPRESSION_CSV_SINCE},
        {"created", SUPPRESSION_CSV_SINCE},     {"until", SUPPRESSION_CSV_UNTIL},
        {"why", SUPPRESSION_CSV_WHY},           {"reason", SUPPRESSION_CSV_WHY}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(names[i].name, name) == 0) {
            return (uint8_t)names[i].column;
        }
    }
    return UNKNOWN;
}

/* Is the first line one of names? Then the columns are known. */
static bool take_head(struct suppression_csv *csv, const struct row *row)
{
    bool has_address = false;
    for (unsigned i = 0; i < row->count; i++) {
        has_address = has_address || column_of(row->fields[i]) == SUPPRESSION_CSV_ADDRESS;
    }
    if (!has_address) {
        return false;
    }
    for (unsigned i = 0; i < SUPPRESSION_CSV_COLUMNS; i++) {
        csv->columns[i] = i < row->count ? column_of(row->fields[i]) : UNKNOWN;
    }
    return true;
}

static const char *value_of(const struct suppression_csv *csv, const struct row *row,
                            enum suppression_csv_column column)
{
    for (unsigned i = 0; i < row->count; i++) {
        if (csv->columns[i] == column) {
            return row->fields[i];
        }
    }
    return "";
}

static const char *fill_times(const struct suppression_csv *csv, const struct row *row,
                              struct suppression_entry *out)
{
    const char *since = value_of(csv, row, SUPPRESSION_CSV_SINCE);
    const char *until = value_of(csv, row, SUPPRESSION_CSV_UNTIL);
    out->since_ms = csv->now_ms;
    out->until_ms = INT64_MAX;
    if (since[0] != '\0' && !suppression_csv_time(since, &out->since_ms)) {
        return "since is no date like 2026-11-21";
    }
    if (until[0] != '\0' && !suppression_csv_time(until, &out->until_ms)) {
        return "until is no date like 2026-11-21";
    }
    if (out->until_ms <= csv->now_ms) {
        return "until is in the past";
    }
    return "";
}

static const char *fill(const struct suppression_csv *csv, const struct row *row,
                        struct suppression_entry *out)
{
    const char *cause = value_of(csv, row, SUPPRESSION_CSV_CAUSE);
    const char *stream = value_of(csv, row, SUPPRESSION_CSV_STREAM);
    const char *address = value_of(csv, row, SUPPRESSION_CSV_ADDRESS);
    *out = (struct suppression_entry){.cause = SUPPRESS_OPERATOR};
    if (row->is_long || strlen(stream) >= sizeof out->stream ||
        strlen(address) >= sizeof out->address) {
        return "a value is too long, or there are too many";
    }
    if (cause[0] != '\0' && !suppress_cause_parse(cause, &out->cause)) {
        return "cause is bad-mailbox, complaint, unsubscribe or operator";
    }
    (void)snprintf(out->address, sizeof out->address, "%s", address);
    (void)snprintf(out->stream, sizeof out->stream, "%s", stream);
    settle_clean(value_of(csv, row, SUPPRESSION_CSV_WHY), out->why, sizeof out->why);
    return fill_times(csv, row, out);
}

int suppression_csv_next(struct suppression_csv *csv, struct suppression_entry *out_entry,
                         const char **out_wrong)
{
    struct row row;
    while (csv->at < csv->end) {
        read_row(csv, &row);
        bool is_first = !csv->is_begun;
        csv->is_begun = true;
        if ((row.count == 1 && row.fields[0][0] == '\0' && !row.is_long) ||
            (is_first && take_head(csv, &row))) {
            continue; /* an empty line, or the one of names */
        }
        *out_wrong = fill(csv, &row, out_entry);
        return (*out_wrong)[0] == '\0' ? 1 : -EINVAL;
    }
    return 0;
}
