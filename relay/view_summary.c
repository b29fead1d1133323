/* What the last hours brought: sums of the store's counts, group by group, the largest
 * first. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/hourly.h"
#include "relay/now.h"
#include "relay/store.h"
#include "relay/view_parts.h"

#define HOUR_MS ((int64_t)3600 * 1000)

/* The groups in the order of the report, and how many rows of each. */
static const struct part {
    const char *prefix;
    unsigned rows;
} parts[] = {
    {"total|", 10}, {"stream|", 100}, {"class|", 20},   {"site|", 60},
    {"user|", 20},  {"sender|", 20},  {"unknown|", 20},
};

#define PARTS (sizeof parts / sizeof parts[0])

struct summing {
    struct store_count_query query;
    struct view *view;
    struct api_answer *answer;
    size_t part;
    int64_t since_unix_ms;
};

static void on_summed(struct letter *letter);

static void ask(struct summing *summing)
{
    summing->query.prefix = parts[summing->part].prefix;
    summing->query.limit = parts[summing->part].rows;
    summing->query.since_unix_ms = summing->since_unix_ms;
    summing->query.sums = true;
    store_query_counts(summing->view->core->store, &summing->query);
}

static void finish(struct summing *summing, enum api_result result, const char *text)
{
    struct api_answer *answer = summing->answer;
    summing->view->tickets--;
    free(summing);
    api_answer_done(answer, result, text);
}

/* "group|what|name" as a row. */
static void hand_over(struct api_answer *answer, const struct store_counted *counted)
{
    char group[32];
    char what[32];
    const char *first = strchr(counted->key, '|');
    const char *second = first != NULL ? strchr(first + 1, '|') : NULL;
    if (second == NULL) {
        return; /* none of ours */
    }
    (void)snprintf(group, sizeof group, "%.*s", (int)(first - counted->key),
                   counted->key);
    (void)snprintf(what, sizeof what, "%.*s", (int)(second - first - 1), first + 1);
    api_answer_summary(answer, &(struct api_summary_row){.group = group,
                                                         .what = what,
                                                         .name = second + 1,
                                                         .count = counted->count});
}

static void on_summed(struct letter *letter)
{
    struct store_ticket *ticket = LIST_OWNER(letter, struct store_ticket, letter);
    struct store_count_query *query =
        LIST_OWNER(ticket, struct store_count_query, ticket);
    struct summing *summing = LIST_OWNER(query, struct summing, query);
    if (ticket->status != 0) {
        store_count_query_done(query);
        finish(summing, API_FAILED, "the counts cannot be read");
        return;
    }
    for (size_t i = 0; i < query->count; i++) {
        hand_over(summing->answer, &query->rows[i]);
    }
    store_count_query_done(query);
    summing->part++;
    if (summing->part == PARTS) {
        finish(summing, API_DONE, "");
    } else if (summing->view->is_stopping) {
        finish(summing, API_BUSY, "stopping");
    } else {
        ask(summing);
    }
}

void view_summary(void *owner, int64_t newer_ms, struct api_answer *answer)
{
    struct view *view = owner;
    struct summing *summing = arena_must(1, sizeof *summing);
    summing->view = view;
    summing->answer = answer;
    int64_t since_unix_ms = now_unix_ms() - newer_ms;
    summing->since_unix_ms = since_unix_ms - since_unix_ms % HOUR_MS; /* whole hours */
    summing->query.ticket.home = &view->core->mailbox;
    summing->query.ticket.done_cb = on_summed;
    view->tickets++;
    hourly_flush(view->core->hours); /* what is counted now is in the answer */
    ask(summing);
}
