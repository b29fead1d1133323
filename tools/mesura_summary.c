#include <stdio.h>
#include <string.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_text.h"

static int64_t count_of(const json_t *rows, const char *group, const char *what,
                        const char *name)
{
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(rows, index, row)
    {
        if (strcmp(mesura_text_get(row, "group"), group) == 0 &&
            strcmp(mesura_text_get(row, "what"), what) == 0 &&
            strcmp(mesura_text_get(row, "name"), name) == 0) {
            return mesura_text_int(row, "count");
        }
    }
    return 0;
}

/* One row a name of the group, in the order in which names come: the largest first. */
static void print_results(const json_t *rows, const char *group, const char *head)
{
    char heads[128];
    (void)snprintf(heads, sizeof heads,
                   "%s|>ACCEPTED|>DELIVERED|>DEFERRED|>BOUNCED|>EXPIRED", head);
    struct mesura_text_table *table = mesura_text_table_new(heads);
    static const char *const whats[] = {"accepted", "delivered", "deferred", "bounced",
                                        "expired"};
    json_t *seen = json_object();
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(rows, index, row)
    {
        const char *name = mesura_text_get(row, "name");
        if (strcmp(mesura_text_get(row, "group"), group) != 0 ||
            json_object_get(seen, name) != NULL) {
            continue;
        }
        (void)json_object_set_new(seen, name, json_true());
        char cells[5][64];
        for (int i = 0; i < 5; i++) {
            (void)mesura_text_count(count_of(rows, group, whats[i], name), cells[i]);
        }
        mesura_text_table_row(table, (const char *const[]){name, cells[0], cells[1],
                                                           cells[2], cells[3], cells[4]});
    }
    json_decref(seen);
    mesura_text_table_print(table, "  nothing");
}

/* One row a name, with one count. */
static void print_ranking(const json_t *rows, const char *group, const char *heads)
{
    struct mesura_text_table *table = mesura_text_table_new(heads);
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(rows, index, row)
    {
        char number[64];
        if (strcmp(mesura_text_get(row, "group"), group) == 0) {
            mesura_text_table_row(
                table, (const char *const[]){
                           mesura_text_count(mesura_text_int(row, "count"), number),
                           mesura_text_get(row, "name")});
        }
    }
    mesura_text_table_print(table, "  nothing");
}

static void print_summary(const json_t *document, const char *since)
{
    const json_t *rows = json_object_get(document, "summary");
    char numbers[5][64];

    mesura_text_line(
        "the last %s: %s messages accepted; %s recipients delivered, %s deferrals, "
        "%s bounced, %s expired",
        since, mesura_text_count(count_of(rows, "total", "accepted", ""), numbers[0]),
        mesura_text_count(count_of(rows, "total", "delivered", ""), numbers[1]),
        mesura_text_count(count_of(rows, "total", "deferred", ""), numbers[2]),
        mesura_text_count(count_of(rows, "total", "bounced", ""), numbers[3]),
        mesura_text_count(count_of(rows, "total", "expired", ""), numbers[4]));
    (void)putchar('\n');
    print_results(rows, "stream", "STREAM");
    (void)putchar('\n');
    print_results(rows, "site", "SITE");
    (void)putchar('\n');
    mesura_text_line("REPLIES BY CLASS");
    print_ranking(rows, "class", ">REPLIES|CLASS");
    (void)putchar('\n');
    mesura_text_line("TOP SENDERS");
    print_ranking(rows, "sender", ">MESSAGES|SENDER");
    (void)putchar('\n');
    mesura_text_line("TOP USERS");
    print_ranking(rows, "user", ">MESSAGES|USER");
    (void)putchar('\n');
    mesura_text_line("TOP UNCLASSIFIED REPLIES");
    print_ranking(rows, "unknown", ">REPLIES|REPLY");
}

enum mesura_exit mesura_summary_run(const struct mesura_args *args)
{
    const char *since = args->option_count > 0 ? args->options[0].value : "24h";
    json_t *params = json_pack("{s:s}", "since", since);
    json_t *document = NULL;
    enum mesura_exit result = mesura_http_get(args, "/v1/summary", params, &document);

    json_decref(params);
    if (document == NULL) {
        return result;
    }
    if (args->is_json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else if (result == MESURA_DONE) {
        print_summary(document, since);
    }
    json_decref(document);
    return result;
}
