#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_text.h"

static void set(json_t *params, const char *key, const char *value)
{
    if (json_object_set_new(params, key, json_string(value)) != 0) {
        (void)fprintf(stderr, "mesura: '%s' is not UTF-8\n", key);
        exit(MESURA_USAGE);
    }
}

/* The daemon has another working directory than we. */
static void set_dir(json_t *params, const char *dir)
{
    char here[PATH_MAX];
    char whole[PATH_MAX * 2];
    if (dir[0] == '/') {
        set(params, "dir", dir);
        return;
    }
    if (getcwd(here, sizeof here) == NULL) {
        perror("mesura");
        exit(MESURA_USAGE);
    }
    (void)snprintf(whole, sizeof whole, "%s/%s", here, dir);
    set(params, "dir", whole);
}

/* The daemon may see another /tmp than we, and another home. */
static void check_seen(const json_t *document)
{
    char path[PATH_MAX * 2];
    const char *dir = mesura_text_get(document, "directory");
    if (dir[0] == '\0') {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/manifest.json", dir);
    if (access(path, F_OK) != 0) {
        (void)fprintf(
            stderr,
            "mesura: %s cannot be seen from here: the daemon may have a /tmp of "
            "its own, or its files are not for you\n",
            path);
    }
}

/* Ask, and say what came of it. Gives params away. */
static enum mesura_exit post(const struct mesura_args *args, const char *path,
                             json_t *params)
{
    json_t *document = NULL;
    enum mesura_exit result = mesura_http_post(args, path, params, &document);
    size_t index = 0;
    json_t *note = NULL;

    json_decref(params);
    if (document == NULL) {
        return result;
    }
    if (args->is_json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else {
        json_array_foreach(json_object_get(document, "notes"), index, note)
        {
            mesura_text_line("%s", json_string_value(note));
        }
        if (result == MESURA_DONE) {
            mesura_text_line("%s", mesura_text_get(document, "text"));
        }
    }
    check_seen(document);
    json_decref(document);
    return result;
}

/* All options but --to are the API's. */
static json_t *selectors(const struct mesura_args *args)
{
    json_t *params = json_object();

    for (unsigned i = 0; i < args->option_count; i++) {
        if (strcmp(args->options[i].name, "to") == 0) {
            set_dir(params, args->options[i].value);
        } else {
            set(params, args->options[i].name, args->options[i].value);
        }
    }
    return params;
}

enum mesura_exit mesura_move_purge(const struct mesura_args *args)
{
    return post(args, "/v1/queue/purge", selectors(args));
}

enum mesura_exit mesura_move_copy(const struct mesura_args *args)
{
    return post(args, "/v1/queue/export", selectors(args));
}

enum mesura_exit mesura_move_export(const struct mesura_args *args)
{
    bool is_kept = mesura_args_get(args, "keep")[0] != '\0';
    json_t *params = json_object();

    set_dir(params, args->names[0]);
    set(params, "all", "true");
    set(params, "move", is_kept ? "false" : "true");
    set(params, "why", mesura_args_get(args, "why"));
    return post(args, "/v1/queue/export", params);
}

enum mesura_exit mesura_move_import(const struct mesura_args *args)
{
    json_t *params = json_object();

    set_dir(params, args->names[0]);
    if (mesura_args_get(args, "again")[0] != '\0') {
        set(params, "again", "true");
    }
    return post(args, "/v1/import", params);
}
