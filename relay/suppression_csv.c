#include "relay/suppression_csv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/maildate.h"
#include "relay/settle.h"

#define UNKNOWN SUPPRESSION_CSV_KNOWN

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
    if (since[0] != '\0' && !maildate_read(since, &out->since_ms)) {
        return "since is no date like 2026-11-21";
    }
    if (until[0] != '\0' && !maildate_read(until, &out->until_ms)) {
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
