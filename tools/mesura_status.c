#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_tables.h"
#include "tools/mesura_text.h"

#define STATUS_ROWS 15
#define TOP_WAIT_MS 2000

static void print_head(const json_t *s)
{
    char a[64];
    char b[64];
    char c[64];
    char d[64];
    char e[64];
    const char *refusing = mesura_text_get(s, "refusing");

    mesura_text_line("%s  %s  Mesura %s  started %s", mesura_text_get(s, "hostname"),
                     mesura_text_get(s, "phase"), mesura_text_get(s, "version"),
                     mesura_text_ago(mesura_text_int(s, "started_unix_ms"), a));
    if (refusing[0] != '\0') {
        mesura_text_line("NEW MAIL IS REFUSED: %s", refusing);
    }
    size_t index = 0;
    json_t *note = NULL;
    json_array_foreach(json_object_get(s, "notes"), index, note)
    {
        mesura_text_line("ATTENTION: %s", json_string_value(note));
    }
    mesura_text_line(
        "queue   %s recipients: %s ready, %s in a conversation, %s wait for a "
        "retry, %s held",
        mesura_text_count(mesura_text_int(s, "queued"), a),
        mesura_text_count(mesura_text_int(s, "ready"), b),
        mesura_text_count(mesura_text_int(s, "active"), c),
        mesura_text_count(mesura_text_int(s, "deferred"), d),
        mesura_text_count(mesura_text_int(s, "held"), e));
    const char *oldest = mesura_text_ago(mesura_text_int(s, "oldest_unix_ms"), a);
    if (oldest[0] != '\0') {
        mesura_text_line("        the oldest was accepted %s", oldest);
    }
    mesura_text_line(
        "so far  %s messages accepted; %s recipients delivered, %s deferrals, "
        "%s bounced, %s expired",
        mesura_text_count(mesura_text_int(s, "accepted"), a),
        mesura_text_count(mesura_text_int(s, "delivered"), b),
        mesura_text_count(mesura_text_int(s, "retried"), c),
        mesura_text_count(mesura_text_int(s, "bounced"), d),
        mesura_text_count(mesura_text_int(s, "expired"), e));
}

static void print_status(const json_t *s)
{
    const json_t *blocks = json_object_get(s, "blocks");
    const json_t *freezes = json_object_get(s, "freezes");
    const json_t *warmup = json_object_get(s, "warmup");

    print_head(s);
    (void)putchar('\n');
    mesura_text_line("WHAT WAITS, AND WHY");
    mesura_tables_waits(json_object_get(s, "waits"), STATUS_ROWS);
    if (json_array_size(blocks) + json_array_size(freezes) > 0) {
        (void)putchar('\n');
        mesura_text_line("STOPPED OR FROZEN");
        mesura_tables_blocks(blocks, freezes);
    }
    (void)putchar('\n');
    mesura_tables_streams(json_object_get(s, "streams"));
    (void)putchar('\n');
    mesura_tables_sources(json_object_get(s, "sources"));
    (void)putchar('\n');
    mesura_tables_sites(json_object_get(s, "sites"), STATUS_ROWS);
    if (json_array_size(warmup) > 0) {
        (void)putchar('\n');
        mesura_tables_warmup(warmup);
    }
}

enum mesura_exit mesura_status_run(const struct mesura_args *args)
{
    json_t *document = NULL;
    enum mesura_exit result = mesura_http_get(args, "/v1/status", NULL, &document);

    if (document == NULL) {
        return result;
    }
    if (args->is_json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else if (result == MESURA_DONE) {
        print_status(document);
    }
    json_decref(document);
    return result;
}

enum mesura_exit mesura_status_top(const struct mesura_args *args)
{
    for (;;) {
        if (!args->is_json) {
            (void)fputs("\033[H\033[2J", stdout);
        }
        enum mesura_exit result = mesura_status_run(args);
        if (result != MESURA_DONE || fflush(stdout) != 0) {
            return result;
        }
        (void)poll(NULL, 0, TOP_WAIT_MS);
    }
}
