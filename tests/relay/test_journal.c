#include <stdlib.h>
#include <string.h>

#include "relay/journal.h"
#include "relay/now.h"
#include "relay/store.h"

#include "tests/support/inbox.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

static void on_done(struct letter *letter)
{
    (void)letter;
}

TEST(journal, goes_to_the_store_and_to_the_events)
{
    /* One change is one durable entry and one event with the same words and the same
     * time. */
    struct scratch scratch;
    struct inbox inbox;
    scratch_init(&scratch);
    inbox_init(&inbox);
    char events[SCRATCH_BYTES];
    (void)snprintf(events, sizeof events, "%s", scratch_path(&scratch, "events.jsonl"));
    struct errmsg err = {""};
    struct log_options log_options = {
        .events_file = events, .mail_file = "", .hostname = "h"};
    cr_assert_eq(log_open(&log_options, &err), 0, "%s", err.text);
    struct store *store = NULL;
    struct store_options options = {.dir = scratch.dir};
    struct store_opened opened;
    cr_assert_eq(store_open(&store, &options, &opened, &err), 0, "%s", err.text);
    cr_assert_eq(store_start(store, &err), 0, "%s", err.text);

    int64_t before_ms = now_unix_ms();
    struct journal_entry entry = {.actor = "stop",
                                  .kind = "stop",
                                  .source = "b1",
                                  .subject = "lane",
                                  .before = "open",
                                  .after = "stopped",
                                  .evidence = "554 blocked",
                                  .until_unix_ms = 1764000000000};
    struct store_ticket ticket = {
        .home = &inbox.mailbox, .done_cb = on_done, .status = 1};
    journal_record(store, LOG_BLOCKED, &entry, &ticket);
    inbox_wait(&inbox, 1);
    cr_assert_eq(ticket.status, 0);
    struct store_journal_query query = {.limit = 10};
    query.ticket = (struct store_ticket){.home = &inbox.mailbox, .done_cb = on_done};
    store_query_journal(store, &query);
    inbox_wait(&inbox, 1);
    cr_assert_eq(query.count, 1);
    cr_assert_str_eq(query.entries[0].evidence, "554 blocked");
    cr_assert_geq(query.entries[0].unix_ms, before_ms);
    cr_assert_eq(query.entries[0].until_unix_ms, 1764000000000);
    store_journal_query_done(&query);
    store_close(store);
    log_close();

    char *text = scratch_read(events);
    const char *const wanted[] = {
        "\"event\":\"blocked\"", "\"source\":\"b1\"",
        "\"actor\":\"stop\"",    "\"before\":\"open\"",
        "\"after\":\"stopped\"", "\"text\":\"554 blocked\"",
        "\"subject\":\"lane\"",  "\"next\":\"2025-11-24T16:00:00.000Z\""};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        cr_assert_not_null(strstr(text, wanted[i]), "no %s in %s", wanted[i], text);
    }
    free(text);
    scratch_done(&scratch);
}
