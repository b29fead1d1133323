#include "tools/mesura_text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_BYTES 64

struct mesura_text_table {
    unsigned columns;
    bool is_right[MESURA_TEXT_COLUMNS];
    size_t widths[MESURA_TEXT_COLUMNS];
    size_t cell_count; /* heads included */
    char **cells;      /* owned, each too */
};

/* Control bytes and the C1 range, which UTF-8 writes as C2 80..9F, become '?'. */
static char *harmless(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        abort();
    }
    for (unsigned char *at = (unsigned char *)copy; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7F) {
            *at = '?';
        } else if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F) {
            at[0] = '?';
            at[1] = '?';
        }
    }
    return copy;
}

/* Characters, not bytes: continuation bytes take no place. */
static size_t shown_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0U) != 0x80U;
    }
    return width;
}

static void add_cell(struct mesura_text_table *table, const char *text)
{
    char **grown = realloc(table->cells, (table->cell_count + 1) * sizeof *grown);

    if (grown == NULL) {
        abort();
    }
    table->cells = grown;
    unsigned column = (unsigned)(table->cell_count % table->columns);
    char *cell = harmless(text);
    size_t width = shown_width(cell);
    table->widths[column] = width > table->widths[column] ? width : table->widths[column];
    table->cells[table->cell_count++] = cell;
}

struct mesura_text_table *mesura_text_table_new(const char *heads)
{
    struct mesura_text_table *table = calloc(1, sizeof *table);
    char head[BUFFER_BYTES];

    if (table == NULL) {
        abort();
    }
    table->columns = 1;
    for (const char *at = heads; *at != '\0'; at++) {
        table->columns += *at == '|';
    }
    assert(table->columns <= MESURA_TEXT_COLUMNS);
    for (unsigned i = 0; i < table->columns; i++) {
        size_t length = strcspn(heads, "|");
        table->is_right[i] = heads[0] == '>';
        size_t skip = heads[0] == '>' ? 1 : 0;
        assert(length - skip < sizeof head);
        memcpy(head, heads + skip, length - skip);
        head[length - skip] = '\0';
        add_cell(table, head);
        heads += length + (heads[length] == '|');
    }
    return table;
}

void mesura_text_table_row(struct mesura_text_table *table, const char *const *cells)
{
    for (unsigned i = 0; i < table->columns; i++) {
        add_cell(table, cells[i]);
    }
}

static void print_cell(const struct mesura_text_table *table, size_t index)
{
    unsigned column = (unsigned)(index % table->columns);
    const char *cell = table->cells[index];
    int pad = (int)(table->widths[column] - shown_width(cell));

    if (table->is_right[column]) {
        (void)printf("%*s%s", pad, "", cell);
    } else if (column + 1 == table->columns) {
        (void)fputs(cell, stdout);
    } else {
        (void)printf("%s%*s", cell, pad, "");
    }
    (void)fputs(column + 1 == table->columns ? "\n" : "  ", stdout);
}

void mesura_text_table_print(struct mesura_text_table *table, const char *if_empty)
{
    if (table->cell_count == table->columns) {
        (void)printf("%s\n", if_empty);
    } else {
        for (size_t i = 0; i < table->cell_count; i++) {
            print_cell(table, i);
        }
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    free(table);
}

void mesura_text_line(const char *format, ...)
{
    char *line = NULL;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&line, format, args);
    va_end(args);
    if (length < 0) {
        abort();
    }
    char *clean = harmless(line);
    (void)puts(clean);
    free(clean);
    free(line);
}

const char *mesura_text_get(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

int64_t mesura_text_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

double mesura_text_real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

char *mesura_text_count(int64_t count, char *buffer)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)count);
    size_t used = 0;

    for (int i = 0; i < length; i++) {
        int left = length - i;
        if (i > 0 && left % 3 == 0 && digits[i - 1] != '-') {
            buffer[used++] = ',';
        }
        buffer[used++] = digits[i];
    }
    buffer[used] = '\0';
    return buffer;
}

char *mesura_text_span(int64_t span_ms, char *buffer)
{
    double seconds = span_ms < 0 ? 0 : (double)span_ms / 1000;

    if (seconds < 90) {
        (void)snprintf(buffer, BUFFER_BYTES, "%.0f s", seconds);
    } else if (seconds < 5400) {
        (void)snprintf(buffer, BUFFER_BYTES, "%.0f min", seconds / 60);
    } else if (seconds < 172800) {
        (void)snprintf(buffer, BUFFER_BYTES, "%.1f h", seconds / 3600);
    } else {
        (void)snprintf(buffer, BUFFER_BYTES, "%.1f d", seconds / 86400);
    }
    return buffer;
}

static int64_t now_unix_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *mesura_text_ago(int64_t unix_ms, char *buffer)
{
    char span[BUFFER_BYTES];

    buffer[0] = '\0';
    if (unix_ms != 0) {
        (void)snprintf(buffer, BUFFER_BYTES, "%.40s ago",
                       mesura_text_span(now_unix_ms() - unix_ms, span));
    }
    return buffer;
}

char *mesura_text_until(int64_t unix_ms, char *buffer)
{
    char span[BUFFER_BYTES];

    buffer[0] = '\0';
    if (unix_ms != 0) {
        (void)snprintf(buffer, BUFFER_BYTES, "in %.40s",
                       mesura_text_span(unix_ms - now_unix_ms(), span));
    }
    return buffer;
}

char *mesura_text_clock(int64_t unix_ms, char *buffer)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;

    buffer[0] = '\0';
    if (unix_ms != 0 && localtime_r(&seconds, &parts) != NULL) {
        (void)strftime(buffer, BUFFER_BYTES, "%Y-%m-%d %H:%M:%S", &parts);
    }
    return buffer;
}

char *mesura_text_rate(double per_second, char *buffer)
{
    if (per_second >= 1) {
        (void)snprintf(buffer, BUFFER_BYTES, "%.3g/s", per_second);
    } else if (per_second * 60 >= 1) {
        (void)snprintf(buffer, BUFFER_BYTES, "%.3g/min", per_second * 60);
    } else if (per_second > 0) {
        (void)snprintf(buffer, BUFFER_BYTES, "%.3g/h", per_second * 3600);
    } else {
        (void)snprintf(buffer, BUFFER_BYTES, "0");
    }
    return buffer;
}

char *mesura_text_limit(double per_second, char *buffer)
{
    if (per_second > 0) {
        return mesura_text_rate(per_second, buffer);
    }
    (void)snprintf(buffer, BUFFER_BYTES, "no limit");
    return buffer;
}

char *mesura_text_share(double share, char *buffer)
{
    (void)snprintf(buffer, BUFFER_BYTES, share > 0 && share < 0.1 ? "%.1f %%" : "%.0f %%",
                   share * 100);
    return buffer;
}
