#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_tables.h"
#include "tools/mesura_text.h"

static void print_json(json_t *document)
{
    (void)json_dumpf(document, stdout, JSON_INDENT(2));
    (void)putchar('\n');
}

/* Fetch a document; print it when --json asks for it. NULL when there is nothing left to
 * print; *out_exit is the exit status so far. */
static json_t *fetch(const struct mesura_args *args, const char *path, json_t *params,
                     enum mesura_exit *out_exit)
{
    json_t *document = NULL;

    *out_exit = mesura_http_get(args, path, params, &document);
    if (document != NULL && (args->is_json || *out_exit != MESURA_DONE)) {
        if (args->is_json) {
            print_json(document);
        }
        json_decref(document);
        return NULL;
    }
    return document;
}

typedef void (*rows_cb)(const json_t *rows);

static enum mesura_exit list(const struct mesura_args *args, const char *path,
                             const char *key, rows_cb print)
{
    enum mesura_exit result = MESURA_DONE;
    json_t *document = fetch(args, path, NULL, &result);

    if (document != NULL) {
        print(json_object_get(document, key));
        json_decref(document);
    }
    return result;
}

static void print_sites(const json_t *rows)
{
    mesura_tables_sites(rows, 0);
}

enum mesura_exit mesura_list_streams(const struct mesura_args *args)
{
    return list(args, "/v1/streams", "streams", mesura_tables_streams);
}

enum mesura_exit mesura_list_sources(const struct mesura_args *args)
{
    return list(args, "/v1/sources", "sources", mesura_tables_sources);
}

enum mesura_exit mesura_list_sites(const struct mesura_args *args)
{
    return list(args, "/v1/sites", "sites", print_sites);
}

enum mesura_exit mesura_list_lanes(const struct mesura_args *args)
{
    return list(args, "/v1/lanes", "lanes", mesura_tables_lanes);
}

enum mesura_exit mesura_list_blocks(const struct mesura_args *args)
{
    enum mesura_exit result = MESURA_DONE;
    json_t *document = fetch(args, "/v1/blocks", NULL, &result);

    if (document != NULL) {
        mesura_tables_blocks(json_object_get(document, "blocks"),
                             json_object_get(document, "freezes"));
        json_decref(document);
    }
    return result;
}

/* Keep the rows of one source. */
static void keep_source(json_t *document, const char *source)
{
    json_t *kept = json_array();
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(json_object_get(document, "warmup"), index, row)
    {
        if (strcmp(mesura_text_get(row, "source"), source) == 0) {
            (void)json_array_append(kept, row);
        }
    }
    (void)json_object_set_new(document, "warmup", kept);
}

enum mesura_exit mesura_list_warmup(const struct mesura_args *args)
{
    json_t *document = NULL;
    enum mesura_exit result = mesura_http_get(args, "/v1/warmup", NULL, &document);

    if (document == NULL) {
        return result;
    }
    if (result == MESURA_DONE && args->name_count == 1) {
        keep_source(document, args->names[0]);
        if (json_array_size(json_object_get(document, "warmup")) == 0) {
            (void)fprintf(stderr, "mesura: no ramp of a source '%s'\n", args->names[0]);
            result = MESURA_NOTHING;
        }
    }
    if (args->is_json) {
        print_json(document);
    } else if (result == MESURA_DONE) {
        mesura_tables_warmup(json_object_get(document, "warmup"));
        mesura_tables_preflight(json_object_get(document, "warmup"));
    }
    json_decref(document);
    return result;
}

enum mesura_exit mesura_list_journal(const struct mesura_args *args)
{
    enum mesura_exit result = MESURA_DONE;
    json_t *params = json_object();

    for (unsigned i = 0; i < args->option_count; i++) {
        (void)json_object_set_new(params, args->options[i].name,
                                  json_string(args->options[i].value));
    }
    json_t *document = fetch(args, "/v1/journal", params, &result);
    json_decref(params);
    if (document != NULL) {
        mesura_tables_journal(json_object_get(document, "journal"));
        json_decref(document);
    }
    return result;
}
