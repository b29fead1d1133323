#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_text.h"

/* " (3 h ago)", or nothing. */
static const char *in_brackets(const char *text, char *buffer, size_t size)
{
    buffer[0] = '\0';
    if (text[0] != '\0') {
        (void)snprintf(buffer, size, " (%s)", text);
    }
    return buffer;
}

static void print_gate(const json_t *gate)
{
    char since[64];
    char since_text[80];
    char opens[64];
    const char *state = mesura_text_get(gate, "state");
    const char *value = mesura_text_get(gate, "value");
    const char *limit = mesura_text_get(gate, "limit");
    const char *owner = mesura_text_get(gate, "owner");
    const char *reply = mesura_text_get(gate, "reply");
    const char *mark = strcmp(state, "open") == 0     ? "go  "
                       : strcmp(state, "closed") == 0 ? "HOLD"
                                                      : "  - ";

    mesura_text_line(
        "  %s  %-20s %s%s%s%s%s%s", mark, mesura_text_get(gate, "name"), value,
        limit[0] == '\0' ? "" : " of ", limit, owner[0] == '\0' ? "" : "; set by ", owner,
        in_brackets(mesura_text_ago(mesura_text_int(gate, "since_unix_ms"), since),
                    since_text, sizeof since_text));
    if (reply[0] != '\0') {
        mesura_text_line("        because of: %s", reply);
    }
    const char *until = mesura_text_until(mesura_text_int(gate, "opens_unix_ms"), opens);
    if (strcmp(state, "closed") == 0 && until[0] != '\0') {
        mesura_text_line("        opens %s", until);
    }
}

static void print_path(const json_t *path)
{
    char number[64];
    char opens[64];
    size_t index = 0;
    json_t *gate = NULL;
    const char *holds = mesura_text_get(path, "holds");
    const char *until = mesura_text_until(mesura_text_int(path, "opens_unix_ms"), opens);

    mesura_text_line("%s: stream %s, source %s, site %s; %s recipients",
                     mesura_text_get(path, "subject"), mesura_text_get(path, "stream"),
                     mesura_text_get(path, "source"), mesura_text_get(path, "site"),
                     mesura_text_count(mesura_text_int(path, "recipients"), number));
    if (holds[0] == '\0') {
        mesura_text_line("  all gates are open%s%s",
                         mesura_text_get(path, "sentence")[0] == '\0' ? "" : ": ",
                         mesura_text_get(path, "sentence"));
    } else {
        mesura_text_line("  waits at %s: %s%s%s", holds,
                         mesura_text_get(path, "sentence"),
                         until[0] == '\0' ? "" : "; earliest ", until);
    }
    json_array_foreach(json_object_get(path, "gates"), index, gate)
    {
        print_gate(gate);
    }
}

enum mesura_exit mesura_why_run(const struct mesura_args *args)
{
    json_t *document = NULL;
    char *path = mesura_http_path("/v1/why/", args->names[0]);
    enum mesura_exit result = mesura_http_get(args, path, NULL, &document);
    size_t index = 0;
    json_t *row = NULL;

    free(path);
    if (document == NULL) {
        return result;
    }
    if (args->is_json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else if (result == MESURA_DONE) {
        json_array_foreach(json_object_get(document, "paths"), index, row)
        {
            print_path(row);
        }
        if (json_array_size(json_object_get(document, "paths")) == 0) {
            mesura_text_line("nothing in the queue is about '%s'", args->names[0]);
        }
    }
    if (result == MESURA_DONE &&
        json_array_size(json_object_get(document, "paths")) == 0) {
        result = MESURA_NOTHING;
    }
    json_decref(document);
    return result;
}
