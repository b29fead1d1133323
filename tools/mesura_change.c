#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_text.h"

#define DRAIN_POLL_MS 500

static void set(json_t *params, const char *key, const char *value)
{
    if (value[0] != '\0' && json_object_set_new(params, key, json_string(value)) != 0) {
        (void)fprintf(stderr, "mesura: '%s' is not UTF-8\n", key);
        exit(MESURA_USAGE);
    }
}

/* Post, and print what came of it. Gives params away. */
static enum mesura_exit change(const struct mesura_args *args, const char *path,
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
    } else if (result == MESURA_DONE) {
        json_array_foreach(json_object_get(document, "notes"), index, note)
        {
            mesura_text_line("%s", json_string_value(note));
        }
        const char *text = mesura_text_get(document, "text");
        mesura_text_line("%s", text[0] == '\0' ? "done" : text);
    }
    json_decref(document);
    return result;
}

static json_t *freeze_params(const struct mesura_args *args)
{
    json_t *params = json_object();

    set(params, "kind", args->names[0]);
    set(params, "name", args->names[1]);
    set(params, "for", mesura_args_get(args, "for"));
    set(params, "why", mesura_args_get(args, "why"));
    return params;
}

enum mesura_exit mesura_change_freeze(const struct mesura_args *args)
{
    return change(args, "/v1/freeze", freeze_params(args));
}

enum mesura_exit mesura_change_thaw(const struct mesura_args *args)
{
    return change(args, "/v1/thaw", freeze_params(args));
}

enum mesura_exit mesura_change_blocks_clear(const struct mesura_args *args)
{
    json_t *params = json_object();

    set(params, "source", args->names[0]);
    set(params, "site", args->name_count > 1 ? args->names[1] : "");
    return change(args, "/v1/blocks/clear", params);
}

static enum mesura_exit change_warmup(const struct mesura_args *args, const char *act)
{
    json_t *params = json_object();

    set(params, "act", act);
    set(params, "source", args->names[0]);
    set(params, "site", mesura_args_get(args, "site"));
    set(params, "day", mesura_args_get(args, "day"));
    set(params, "why", mesura_args_get(args, "why"));
    set(params, "force", mesura_args_get(args, "force"));
    return change(args, "/v1/warmup", params);
}

enum mesura_exit mesura_change_warmup_start(const struct mesura_args *args)
{
    return change_warmup(args, "start");
}

enum mesura_exit mesura_change_warmup_pause(const struct mesura_args *args)
{
    return change_warmup(args, "pause");
}

enum mesura_exit mesura_change_warmup_resume(const struct mesura_args *args)
{
    return change_warmup(args, "resume");
}

enum mesura_exit mesura_change_warmup_set(const struct mesura_args *args)
{
    return change_warmup(args, "set");
}

enum mesura_exit mesura_change_reload(const struct mesura_args *args)
{
    return change(args, "/v1/reload", json_object());
}

/* Wait until the queue is empty; says how it goes. */
static enum mesura_exit wait_empty(const struct mesura_args *args)
{
    int64_t last = -1;

    for (;;) {
        json_t *document = NULL;
        enum mesura_exit result = mesura_http_get(args, "/v1/status", NULL, &document);
        if (document == NULL || result != MESURA_DONE) {
            json_decref(document);
            return result;
        }
        int64_t queued = mesura_text_int(document, "queued");
        json_decref(document);
        if (queued != last && !args->is_json) {
            mesura_text_line("%" PRId64 " recipients left", queued);
            (void)fflush(stdout);
        }
        if (queued == 0) {
            return MESURA_DONE;
        }
        last = queued;
        (void)poll(NULL, 0, DRAIN_POLL_MS);
    }
}

enum mesura_exit mesura_change_drain(const struct mesura_args *args)
{
    bool is_off = mesura_args_get(args, "off")[0] != '\0';
    json_t *params = json_object();

    set(params, "on", is_off ? "false" : "true");
    enum mesura_exit result = change(args, "/v1/drain", params);
    if (result == MESURA_DONE && mesura_args_get(args, "wait")[0] != '\0') {
        result = wait_empty(args);
    }
    return result;
}
