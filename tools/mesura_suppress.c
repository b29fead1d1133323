/* The suppression list: shown, changed, and carried as a file of comma separated
 * values. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_text.h"

#define PAGE_ROWS   "500"
#define LINES_ONCE  500 /* of a file, in one ask */
#define CHUNK_BYTES ((size_t)512 * 1024)
#define LINE_BYTES  4096

static void set(json_t *params, const char *key, const char *value)
{
    if (value[0] != '\0' && json_object_set_new(params, key, json_string(value)) != 0) {
        (void)fprintf(stderr, "mesura: '%s' is not UTF-8\n", key);
        exit(MESURA_USAGE);
    }
}

/* ---- list and export ---- */

typedef void (*row_cb)(const json_t *row, void *owner);

/* All pages; *out_rows counts. */
static enum mesura_exit each_row(const struct mesura_args *args, const char *address,
                                 row_cb take, void *owner, int64_t *out_rows)
{
    json_t *params = json_object();
    enum mesura_exit result = MESURA_DONE;
    bool is_last = false;

    *out_rows = 0;
    set(params, "limit", PAGE_ROWS);
    set(params, "address", address);
    while (!is_last && result == MESURA_DONE) {
        json_t *document = NULL;
        size_t index = 0;
        json_t *row = NULL;
        result = mesura_http_get(args, "/v1/suppression", params, &document);
        if (result == MESURA_DONE) {
            json_array_foreach(json_object_get(document, "suppressions"), index, row)
            {
                take(row, owner);
                (*out_rows)++;
            }
            const char *cursor = mesura_text_get(document, "cursor");
            is_last = cursor[0] == '\0';
            (void)json_object_set_new(params, "cursor", json_string(cursor));
        }
        json_decref(document);
    }
    json_decref(params);
    return result;
}

static void keep_row(const json_t *row, void *owner)
{
    (void)json_array_append_new(owner, json_deep_copy(row));
}

static void show_row(const json_t *row, void *owner)
{
    char since[64];
    char until[64];
    const char *stream = mesura_text_get(row, "stream");
    int64_t ends = mesura_text_int(row, "until_unix_ms");
    mesura_text_table_row(
        owner, (const char *const[]){
                   mesura_text_get(row, "address"), stream[0] != '\0' ? stream : "(all)",
                   mesura_text_get(row, "cause"),
                   mesura_text_ago(mesura_text_int(row, "since_unix_ms"), since),
                   ends != 0 ? mesura_text_until(ends, until) : "never",
                   mesura_text_get(row, "why")});
}

enum mesura_exit mesura_suppress_list(const struct mesura_args *args)
{
    const char *address = args->name_count > 0 ? args->names[0] : "";
    int64_t rows = 0;
    enum mesura_exit result = MESURA_DONE;

    if (args->is_json) {
        json_t *document = json_object();
        json_t *all = json_array();
        result = each_row(args, address, keep_row, all, &rows);
        (void)json_object_set_new(document, "suppressions", all);
        if (result == MESURA_DONE) {
            (void)json_dumpf(document, stdout, JSON_INDENT(2));
            (void)putchar('\n');
        }
        json_decref(document);
    } else {
        struct mesura_text_table *table =
            mesura_text_table_new("address|stream|cause|since|ends|why");
        result = each_row(args, address, show_row, table, &rows);
        mesura_text_table_print(table, "Nobody is suppressed.");
    }
    return result == MESURA_DONE && address[0] != '\0' && rows == 0 ? MESURA_NOTHING
                                                                    : result;
}

static void put_value(const char *value)
{
    (void)putchar('"');
    for (; *value != '\0'; value++) {
        if (*value == '"') {
            (void)putchar('"');
        }
        (void)putchar(*value);
    }
    (void)putchar('"');
}

static void put_time(int64_t unix_ms)
{
    struct tm parts;
    char text[32] = "";
    time_t seconds = (time_t)(unix_ms / 1000);
    if (unix_ms != 0 && gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    put_value(text);
}

static void export_row(const json_t *row, void *owner)
{
    (void)owner;
    put_value(mesura_text_get(row, "address"));
    (void)putchar(',');
    put_value(mesura_text_get(row, "stream"));
    (void)putchar(',');
    put_value(mesura_text_get(row, "cause"));
    (void)putchar(',');
    put_time(mesura_text_int(row, "since_unix_ms"));
    (void)putchar(',');
    put_time(mesura_text_int(row, "until_unix_ms"));
    (void)putchar(',');
    put_value(mesura_text_get(row, "why"));
    (void)fputs("\r\n", stdout);
}

enum mesura_exit mesura_suppress_export(const struct mesura_args *args)
{
    int64_t rows = 0;
    (void)fputs("address,stream,cause,since,until,why\r\n", stdout);
    enum mesura_exit result = each_row(args, "", export_row, NULL, &rows);
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "mesura: the list cannot be written: %s\n",
                      strerrordesc_np(errno));
        return MESURA_NOTHING;
    }
    return result;
}

/* ---- changes ---- */

static enum mesura_exit post(const struct mesura_args *args, const char *path,
                             json_t *params, json_t **out_document)
{
    enum mesura_exit result = mesura_http_post(args, path, params, out_document);
    json_decref(params);
    return result;
}

static enum mesura_exit change(const struct mesura_args *args, const char *path)
{
    json_t *params = json_object();
    json_t *document = NULL;

    set(params, "address", args->names[0]);
    set(params, "stream", mesura_args_get(args, "stream"));
    set(params, "cause", mesura_args_get(args, "cause"));
    set(params, "for", mesura_args_get(args, "for"));
    set(params, "why", mesura_args_get(args, "why"));
    enum mesura_exit result = post(args, path, params, &document);
    if (document != NULL && args->is_json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else if (result == MESURA_DONE) {
        mesura_text_line("done");
    }
    json_decref(document);
    return result;
}

enum mesura_exit mesura_suppress_add(const struct mesura_args *args)
{
    return change(args, "/v1/suppression/add");
}

enum mesura_exit mesura_suppress_del(const struct mesura_args *args)
{
    return change(args, "/v1/suppression/remove");
}

/* A file on its way: lines gathered until there are enough for one ask. */
struct import {
    FILE *file;
    char head[LINE_BYTES]; /* the line of names, "" when there is none */
    char *chunk;           /* owned */
    size_t used;
    unsigned lines;  /* in chunk, without the head */
    uint64_t before; /* lines of the file before those of the chunk */
    bool is_quoted;  /* a quoted value goes on in the next line */
    int64_t changed;
    int64_t wrong;
};

static void add_line(struct import *import, const char *line)
{
    size_t length = strlen(line);
    memcpy(import->chunk + import->used, line, length + 1);
    import->used += length;
    for (size_t i = 0; i < length; i++) {
        import->is_quoted = import->is_quoted != (line[i] == '"');
    }
}

static void begin_chunk(struct import *import)
{
    import->used = 0;
    import->lines = 0;
    import->is_quoted = false;
    add_line(import, import->head);
}

static enum mesura_exit send_chunk(const struct mesura_args *args, struct import *import)
{
    json_t *params = json_object();
    json_t *document = NULL;
    char line[32];
    size_t index = 0;
    json_t *note = NULL;
    (void)snprintf(line, sizeof line, "%" PRIu64,
                   import->before - (import->head[0] != '\0'));
    set(params, "csv", import->chunk);
    set(params, "line", line);
    enum mesura_exit result = post(args, "/v1/suppression/import", params, &document);
    import->changed += mesura_text_int(document, "count");
    json_array_foreach(json_object_get(document, "notes"), index, note)
    {
        (void)fprintf(stderr, "mesura: %s\n", json_string_value(note));
        import->wrong++;
    }
    json_decref(document);
    import->before += import->lines;
    begin_chunk(import);
    return result;
}

static enum mesura_exit read_file(const struct mesura_args *args, struct import *import)
{
    char line[LINE_BYTES];
    enum mesura_exit result = MESURA_DONE;
    bool is_first = true;
    begin_chunk(import);
    while (result == MESURA_DONE && fgets(line, sizeof line, import->file) != NULL) {
        if (is_first && strchr(line, '@') == NULL) {
            (void)snprintf(import->head, sizeof import->head, "%s", line);
            import->before = 1;
            begin_chunk(import);
        } else {
            add_line(import, line);
            import->lines++;
        }
        is_first = false;
        bool is_full = import->lines >= LINES_ONCE ||
                       import->used + (size_t)2 * LINE_BYTES > CHUNK_BYTES;
        if (is_full && (!import->is_quoted || import->used + LINE_BYTES > CHUNK_BYTES)) {
            result = send_chunk(args, import);
        }
    }
    if (result == MESURA_DONE && import->lines > 0) {
        result = send_chunk(args, import);
    }
    return result;
}

enum mesura_exit mesura_suppress_import(const struct mesura_args *args)
{
    struct import import = {.file = stdin};
    if (args->name_count > 0 && strcmp(args->names[0], "-") != 0) {
        import.file = fopen(args->names[0], "re");
    }
    if (import.file == NULL) {
        (void)fprintf(stderr, "mesura: %s: %s\n", args->names[0], strerrordesc_np(errno));
        return MESURA_NOTHING;
    }
    import.chunk = malloc(CHUNK_BYTES + LINE_BYTES);
    if (import.chunk == NULL) {
        abort();
    }
    enum mesura_exit result = read_file(args, &import);
    (void)fclose(import.file);
    free(import.chunk);
    mesura_text_line("%" PRId64 " entries, %" PRId64 " lines refused", import.changed,
                     import.wrong);
    return result == MESURA_DONE && import.wrong > 0 ? MESURA_NOTHING : result;
}
