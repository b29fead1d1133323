#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_text.h"

#define PAGE_ROWS "500"

/* The options as the API's params; owned by the caller. */
static json_t *selectors(const struct mesura_args *args)
{
    json_t *params = json_object();

    for (unsigned i = 0; i < args->option_count; i++) {
        json_t *value = json_string(args->options[i].value);
        if (value == NULL) {
            (void)fprintf(stderr, "mesura: --%s is not UTF-8\n", args->options[i].name);
            exit(MESURA_USAGE);
        }
        (void)json_object_set_new(params, args->options[i].name, value);
    }
    return params;
}

typedef void (*page_cb)(const json_t *recipients, void *owner);

/* All pages, one after the other. *out_rows counts. */
static enum mesura_exit each_page(const struct mesura_args *args, page_cb page,
                                  void *owner, int64_t *out_rows)
{
    json_t *params = selectors(args);
    enum mesura_exit result = MESURA_DONE;
    bool is_last = false;

    *out_rows = 0;
    (void)json_object_set_new(params, "limit", json_string(PAGE_ROWS));
    while (!is_last && result == MESURA_DONE) {
        json_t *document = NULL;
        result = mesura_http_get(args, "/v1/queue", params, &document);
        if (result == MESURA_DONE) {
            const json_t *recipients = json_object_get(document, "recipients");
            const char *cursor = mesura_text_get(document, "cursor");
            *out_rows += (int64_t)json_array_size(recipients);
            page(recipients, owner);
            is_last = cursor[0] == '\0';
            (void)json_object_set_new(params, "cursor", json_string(cursor));
        }
        json_decref(document);
    }
    json_decref(params);
    return result;
}

static void on_json_page(const json_t *recipients, void *owner)
{
    json_t *all = owner;
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(recipients, index, row)
    {
        (void)json_array_append(all, row);
    }
}

static void on_table_page(const json_t *recipients, void *owner)
{
    struct mesura_text_table *table = owner;
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(recipients, index, row)
    {
        char age[64];
        char next[64];
        char attempts[64];
        char why[MESURA_TEXT_BYTES];
        const char *held = mesura_text_get(row, "held_by");
        const char *gate = mesura_text_get(row, "gate");
        const char *reply = mesura_text_get(row, "reply");
        (void)snprintf(why, sizeof why, "%s%s%s%s",
                       held[0] == '\0' ? gate : "held: ", held,
                       reply[0] == '\0' ? "" : " | ", reply);
        mesura_text_table_row(
            table,
            (const char *const[]){
                mesura_text_get(row, "id"), mesura_text_get(row, "state"),
                mesura_text_ago(mesura_text_int(row, "accepted_unix_ms"), age),
                mesura_text_count(mesura_text_int(row, "attempts"), attempts),
                mesura_text_until(mesura_text_int(row, "next_unix_ms"), next),
                mesura_text_get(row, "stream"), mesura_text_get(row, "source"),
                mesura_text_get(row, "sender"), mesura_text_get(row, "recipient"), why});
    }
}

enum mesura_exit mesura_queue_list(const struct mesura_args *args)
{
    int64_t rows = 0;
    enum mesura_exit result = MESURA_DONE;

    if (args->is_json) {
        json_t *document = json_object();
        json_t *all = json_array();
        result = each_page(args, on_json_page, all, &rows);
        (void)json_object_set_new(document, "recipients", all);
        if (result == MESURA_DONE) {
            (void)json_dumpf(document, stdout, JSON_INDENT(2));
            (void)putchar('\n');
        }
        json_decref(document);
    } else {
        struct mesura_text_table *table = mesura_text_table_new(
            "ID|STATE|ACCEPTED|>TRIES|NEXT|STREAM|SOURCE|SENDER|RECIPIENT|WHY");
        result = each_page(args, on_table_page, table, &rows);
        mesura_text_table_print(table, args->option_count == 0 ? "the queue is empty"
                                                               : "nothing matches");
    }
    /* An empty queue is no failure; a selector that meets nothing is. */
    if (result == MESURA_DONE && rows == 0 && args->option_count > 0) {
        return MESURA_NOTHING;
    }
    return result;
}

static void print_recipient(const json_t *row)
{
    char next[64];
    const char *gate = mesura_text_get(row, "gate");
    const char *held = mesura_text_get(row, "held_by");
    const char *until = mesura_text_until(mesura_text_int(row, "next_unix_ms"), next);

    mesura_text_line("  to %s: %s%s%s%s%s%s%s", mesura_text_get(row, "recipient"),
                     mesura_text_get(row, "state"), gate[0] == '\0' ? "" : ", gate ",
                     gate, held[0] == '\0' ? "" : ", held by ", held,
                     until[0] == '\0' ? "" : ", next ", until);
}

static void print_attempt(const json_t *row)
{
    char when[64];
    const char *tls = mesura_text_get(row, "tls");
    const char *dnsbl = mesura_text_get(row, "dnsbl");

    if (mesura_text_get(row, "class")[0] == '\0') {
        /* No server has spoken: an operator's act, or our own decision. */
        mesura_text_line("  %s  %s  %s",
                         mesura_text_clock(mesura_text_int(row, "start_unix_ms"), when),
                         mesura_text_get(row, "outcome"),
                         mesura_text_get(row, "recipient"));
        mesura_text_line("      %s", mesura_text_get(row, "reply"));
        return;
    }
    mesura_text_line("  %s  %s to %s  from %s (%s)  at %s %s, %s, %s, %.3f s",
                     mesura_text_clock(mesura_text_int(row, "start_unix_ms"), when),
                     mesura_text_get(row, "outcome"), mesura_text_get(row, "recipient"),
                     mesura_text_get(row, "source"),
                     mesura_text_get(row, "source_address"), mesura_text_get(row, "host"),
                     mesura_text_get(row, "address"), tls[0] == '\0' ? "no TLS" : tls,
                     mesura_text_get(row, "stage"),
                     (double)mesura_text_int(row, "took_ms") / 1000.0);
    mesura_text_line("      %s", mesura_text_get(row, "reply"));
    mesura_text_line("      means: %s, scope %s%s%s", mesura_text_get(row, "class"),
                     mesura_text_get(row, "scope"), dnsbl[0] == '\0' ? "" : ", list ",
                     dnsbl);
}

static void print_message(const json_t *m)
{
    char a[64];
    char b[64];
    char size[64];
    size_t index = 0;
    json_t *row = NULL;

    mesura_text_line("%s  from <%s>  stream %s  priority %" PRId64,
                     mesura_text_get(m, "id"), mesura_text_get(m, "sender"),
                     mesura_text_get(m, "stream"), mesura_text_int(m, "priority"));
    mesura_text_line("subject  %s", mesura_text_get(m, "subject"));
    mesura_text_line("size     %s bytes, accepted %s, expires %s",
                     mesura_text_count(mesura_text_int(m, "size_bytes"), size),
                     mesura_text_clock(mesura_text_int(m, "accepted_unix_ms"), a),
                     mesura_text_clock(mesura_text_int(m, "expires_unix_ms"), b));
    mesura_text_line("client   %s  user %s  job %s  %s", mesura_text_get(m, "client"),
                     mesura_text_get(m, "user"), mesura_text_get(m, "job"),
                     mesura_text_get(m, "message_id"));
    mesura_text_line("recipients");
    json_array_foreach(json_object_get(m, "recipients"), index, row)
    {
        print_recipient(row);
    }
    mesura_text_line("attempts");
    json_array_foreach(json_object_get(m, "attempts"), index, row)
    {
        print_attempt(row);
    }
    if (json_array_size(json_object_get(m, "attempts")) == 0) {
        mesura_text_line("  none yet");
    }
}

enum mesura_exit mesura_queue_show(const struct mesura_args *args)
{
    json_t *document = NULL;
    char *path = mesura_http_path("/v1/queue/", args->names[0]);
    enum mesura_exit result = mesura_http_get(args, path, NULL, &document);

    free(path);
    if (document == NULL) {
        return result;
    }
    if (args->is_json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else if (result == MESURA_DONE) {
        print_message(document);
    }
    json_decref(document);
    return result;
}

/* An action on all that the selectors mean. */
static enum mesura_exit act(const struct mesura_args *args, const char *path,
                            const char *done)
{
    json_t *params = selectors(args);
    json_t *document = NULL;
    enum mesura_exit result = mesura_http_post(args, path, params, &document);

    json_decref(params);
    if (document == NULL) {
        return result;
    }
    int64_t count = mesura_text_int(document, "count");
    bool is_all = false;
    for (unsigned i = 0; i < args->option_count; i++) {
        is_all = is_all || strcmp(args->options[i].name, "all") == 0;
    }
    if (args->is_json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else if (result == MESURA_DONE) {
        mesura_text_line("%" PRId64 " recipients %s", count, done);
    }
    json_decref(document);
    /* Nothing to do for all is no failure; a selector that meets nothing is. */
    return result == MESURA_DONE && count == 0 && !is_all ? MESURA_NOTHING : result;
}

enum mesura_exit mesura_queue_hold(const struct mesura_args *args)
{
    return act(args, "/v1/queue/hold", "held");
}

enum mesura_exit mesura_queue_release(const struct mesura_args *args)
{
    return act(args, "/v1/queue/release", "released");
}

enum mesura_exit mesura_queue_retry(const struct mesura_args *args)
{
    return act(args, "/v1/queue/retry", "due now");
}

enum mesura_exit mesura_queue_bounce(const struct mesura_args *args)
{
    return act(args, "/v1/queue/bounce", "returned to their senders");
}

/* What Postfix's mailq keeps from one row to the next. */
struct mailq {
    char id[64];
    int64_t bytes;
    int64_t requests;
};

static void on_mailq_page(const json_t *recipients, void *owner)
{
    struct mailq *mailq = owner;
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(recipients, index, row)
    {
        const char *id = mesura_text_get(row, "id");
        const char *state = mesura_text_get(row, "state");
        const char *reply = mesura_text_get(row, "reply");
        if (strcmp(id, mailq->id) != 0) {
            char when[64] = "";
            char marked[80];
            struct tm parts;
            time_t seconds = (time_t)(mesura_text_int(row, "accepted_unix_ms") / 1000);
            const char *sender = mesura_text_get(row, "sender");
            if (localtime_r(&seconds, &parts) != NULL) {
                (void)strftime(when, sizeof when, "%a %b %e %H:%M:%S", &parts);
            }
            (void)snprintf(marked, sizeof marked, "%.63s%s", id,
                           strcmp(state, "active") == 0 ? "*"
                           : strcmp(state, "held") == 0 ? "!"
                                                        : "");
            (void)printf(mailq->requests == 0 ? "%s" : "\n%s",
                         mailq->requests == 0
                             ? "-Queue ID-  --Size-- ----Arrival Time---- "
                               "-Sender/Recipient-------\n"
                             : "");
            mesura_text_line("%-11s %8" PRId64 " %s  %s", marked,
                             mesura_text_int(row, "size_bytes"), when,
                             sender[0] == '\0' ? "MAILER-DAEMON" : sender);
            (void)snprintf(mailq->id, sizeof mailq->id, "%s", id);
            mailq->requests++;
            mailq->bytes += mesura_text_int(row, "size_bytes");
        }
        if (reply[0] != '\0') {
            mesura_text_line("%*s(%s)", 2, "", reply);
        }
        mesura_text_line("%41s%s", "", mesura_text_get(row, "recipient"));
    }
}

enum mesura_exit mesura_queue_mailq(const struct mesura_args *args)
{
    struct mailq mailq = {.bytes = 0};
    int64_t rows = 0;
    enum mesura_exit result = each_page(args, on_mailq_page, &mailq, &rows);

    if (result != MESURA_DONE) {
        return result;
    }
    if (mailq.requests == 0) {
        mesura_text_line("Mail queue is empty");
    } else {
        (void)printf("\n-- %" PRId64 " Kbytes in %" PRId64 " Request%s.\n",
                     (mailq.bytes + 1023) / 1024, mailq.requests,
                     mailq.requests == 1 ? "" : "s");
    }
    return MESURA_DONE;
}
