#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "relay/entropy.h"
#include "relay/journal.h"
#include "relay/limits.h"
#include "relay/now.h"
#include "relay/store.h"

#include "tests/support/inbox.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define KEYS 40

static struct scratch scratch;
static struct inbox inbox;
static struct store *store;
static struct store_opened opened;

static void open_only(void)
{
    struct store_options options = {.dir = scratch.dir, .unix_ms = 1764000000000};
    struct errmsg err = {""};
    cr_assert_eq(store_open(&store, &options, &opened, &err), 0, "%s", err.text);
}

static void start(void)
{
    struct errmsg err = {""};
    open_only();
    cr_assert_eq(store_start(store, &err), 0, "%s", err.text);
}

static void set_up(void)
{
    scratch_init(&scratch);
    inbox_init(&inbox);
    start();
}

static void on_done(struct letter *letter)
{
    (void)letter;
}

static struct store_ticket ticket(void)
{
    return (struct store_ticket){.home = &inbox.mailbox, .done_cb = on_done, .status = 1};
}

static void put(enum store_kind kind, const char *key, const char *value)
{
    struct store_row row = {.kind = kind, .key = key, .value = value, .unix_ms = 5};
    store_put(store, &row, NULL);
}

static int sync_store(void)
{
    struct store_ticket waiting = ticket();
    store_sync(store, &waiting);
    inbox_wait(&inbox, 1);
    return waiting.status;
}

/* All rows of a kind as "key=value;" in order. */
static char found[65536];

static void on_row(const struct store_row *row, void *owner)
{
    (void)owner;
    size_t used = strlen(found);
    (void)snprintf(found + used, sizeof found - used, "%s=%s;", row->key, row->value);
}

static const char *load(enum store_kind kind)
{
    struct errmsg err = {""};
    found[0] = '\0';
    cr_assert_eq(store_load(store, kind, on_row, NULL, &err), 0, "%s", err.text);
    return found;
}

TEST(store, keeps_rows_across_a_restart)
{
    /* What was put is there after a restart, the last value of each key, by kind and in
     * the order of keys; what was taken away is gone. */
    set_up();
    cr_assert(opened.is_new);
    put(STORE_STOP, "b2|google", "since=1");
    put(STORE_STOP, "b1", "since=1");
    put(STORE_STOP, "b1", "since=2");
    put(STORE_FREEZE, "b1", "why=x");
    put(STORE_STOP, "gone", "x=1");
    store_del(store, STORE_STOP, "gone", NULL);
    store_del(store, STORE_STOP, "never", NULL);
    store_close(store);

    open_only();
    cr_assert_not(opened.is_new);
    cr_assert_not(opened.is_damaged);
    cr_assert_str_eq(load(STORE_STOP), "b1=since=2;b2|google=since=1;");
    cr_assert_str_eq(load(STORE_FREEZE), "b1=why=x;");
    cr_assert_str_eq(load(STORE_LEDGER), "");
    cr_assert_eq(store_newest_unix_ms(store), 5);
    store_close(store);
    scratch_done(&scratch);
}

TEST(store, answers_a_ticket_only_when_the_row_is_durable)
{
    /* A process killed right after a ticket was answered has lost nothing it was told. */
    set_up();
    store_close(store);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        start();
        struct store_ticket waiting = ticket();
        struct store_row row = {
            .kind = STORE_LEDGER, .key = "b1|google", .value = "spent=7"};
        store_put(store, &row, &waiting);
        inbox_wait(&inbox, 1);
        (void)kill(waiting.status == 0 ? getpid() : 0, SIGKILL);
        _exit(1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    open_only();
    cr_assert_str_eq(load(STORE_LEDGER), "b1|google=spent=7;");
    store_close(store);
    scratch_done(&scratch);
}

TEST(store, agrees_with_a_table_in_memory)
{
    /* After any history of puts, removals and restarts the rows are those of a simple
     * table. */
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    set_up();
    int64_t model[KEYS] = {0}; /* 0: absent */
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 300; i++) {
            uint64_t key = entropy_dice_below(&dice, KEYS);
            char name[32];
            (void)snprintf(name, sizeof name, "key%02" PRIu64, key);
            if (entropy_dice_below(&dice, 4) == 0) {
                store_del(store, STORE_LEARNT, name, NULL);
                model[key] = 0;
            } else {
                model[key] = (int64_t)entropy_dice_below(&dice, 1000) + 1;
                char value[32];
                (void)snprintf(value, sizeof value, "%" PRId64, model[key]);
                put(STORE_LEARNT, name, value);
            }
        }
        store_close(store);
        open_only();
        char wanted[4096] = "";
        size_t used = 0;
        for (int key = 0; key < KEYS; key++) {
            if (model[key] != 0) {
                used += (size_t)snprintf(wanted + used, sizeof wanted - used,
                                         "key%02d=%" PRId64 ";", key, model[key]);
            }
        }
        cr_assert_str_eq(load(STORE_LEARNT), wanted, "seed %" PRIu64, seed);
        struct errmsg err = {""};
        cr_assert_eq(store_start(store, &err), 0);
    }
    store_close(store);
    scratch_done(&scratch);
}

TEST(store, writes_many_changes_in_few_transactions)
{
    /* Changes that come together share a transaction, and the totals add up. */
    set_up();
    for (int i = 0; i < 2000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "key%d", i);
        put(STORE_SUPPRESSION, name, "");
    }
    cr_assert_eq(sync_store(), 0);
    struct store_totals totals;
    store_get_totals(store, &totals);
    cr_assert_eq(totals.rows, 2000);
    cr_assert_lt(totals.transactions, 500);
    cr_assert_eq(totals.failed, 0);
    cr_assert_eq(totals.pending_bytes, 0);
    store_close(store);
    scratch_done(&scratch);
}

TEST(store, tells_a_ticket_that_the_disk_is_full_and_recovers)
{
    /* With a full disk a ticket says so and nothing is lost that nobody waits for: it is
     * written once there is room. */
    set_up();
    cr_assert_eq(sync_store(), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = {.rlim_cur = 1, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    put(STORE_STOP, "patient", "a=1");
    struct store_ticket waiting = ticket();
    struct store_row row = {.kind = STORE_LEDGER, .key = "told", .value = "a=1"};
    store_put(store, &row, &waiting);
    inbox_wait(&inbox, 1);
    cr_assert_lt(waiting.status, 0);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert_eq(sync_store(), 0);
    struct store_totals totals;
    store_get_totals(store, &totals);
    cr_assert_gt(totals.failed, 0);
    store_close(store);
    open_only();
    cr_assert_str_eq(load(STORE_STOP), "patient=a=1;");
    cr_assert_str_eq(load(STORE_LEDGER), "");
    store_close(store);
    scratch_done(&scratch);
}

TEST(store, drops_only_what_may_be_lost_when_it_falls_behind)
{
    /* Far too many learnt values at once are bounded: some are dropped and counted, while
     * a stop given afterwards is kept. */
    set_up();
    char value[FIELDS_BYTES];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    struct store_totals totals = {0};
    for (int i = 0; totals.dropped == 0; i++) {
        cr_assert_lt(i, 1000000);
        put(STORE_LEARNT, "lane", value);
        store_get_totals(store, &totals);
        cr_assert_leq(totals.pending_bytes, LIMIT_STORE_PENDING);
    }
    put(STORE_STOP, "b1", "since=1");
    store_close(store);
    open_only();
    cr_assert_str_eq(load(STORE_STOP), "b1=since=1;");
    store_close(store);
    scratch_done(&scratch);
}

static struct journal_entry entry(const char *kind, const char *source, int64_t unix_ms)
{
    return (struct journal_entry){.actor = "operator root",
                                  .kind = kind,
                                  .source = source,
                                  .unix_ms = unix_ms,
                                  .before = "open",
                                  .after = "stopped",
                                  .evidence =
                                      "554 5.7.1 no\r\n'; DROP TABLE journal; --"};
}

static void ask(struct store_journal_query *query)
{
    query->ticket = ticket();
    store_query_journal(store, query);
    inbox_wait(&inbox, 1);
    cr_assert_eq(query->ticket.status, 0);
}

TEST(store, answers_questions_to_the_journal)
{
    /* Entries come back whole, newest first, by time, actor, kind and names, page by
     * page. */
    set_up();
    for (int i = 0; i < 10; i++) {
        struct journal_entry one =
            entry(i % 2 == 0 ? "stop" : "rate", i < 5 ? "b1" : "b2", 100 + i);
        store_append(store, &one, NULL);
    }
    struct store_journal_query all = {.limit = 100};
    ask(&all);
    cr_assert_eq(all.count, 10);
    cr_assert_not(all.has_more);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(all.entries[i].unix_ms, 109 - (int64_t)i);
    }
    cr_assert_str_eq(all.entries[0].evidence,
                     "554 5.7.1 no\r\n'; DROP TABLE journal; --");
    cr_assert_str_eq(all.entries[0].stream, "");
    cr_assert_str_eq(all.entries[0].after, "stopped");

    struct store_journal_query page = {.limit = 4};
    ask(&page);
    cr_assert(page.has_more);
    cr_assert_eq(page.count, 4);
    struct store_journal_query next = {.limit = 100,
                                       .below_number = page.entries[3].number};
    ask(&next);
    cr_assert_eq(next.count, 6);
    cr_assert_eq(next.entries[0].unix_ms, 105);

    struct store_journal_query few = {.limit = 100,
                                      .kind = "stop",
                                      .source = "b1",
                                      .actor = "operator",
                                      .since_unix_ms = 102,
                                      .until_unix_ms = 104};
    ask(&few);
    cr_assert_eq(few.count, 1);
    cr_assert_eq(few.entries[0].unix_ms, 102);
    struct store_journal_query none = {.limit = 100, .actor = "root"};
    ask(&none);
    cr_assert_eq(none.count, 0);
    store_journal_query_done(&all);
    store_journal_query_done(&page);
    store_journal_query_done(&next);
    store_journal_query_done(&few);
    store_journal_query_done(&none);
    store_journal_query_done(NULL);
    store_close(store);
    scratch_done(&scratch);
}

TEST(store, adds_up_counts_by_hour)
{
    /* Counts of an hour are added, also across restarts; hours and keys are kept apart.
     */
    set_up();
    const int64_t hour_ms = 3600000;
    store_count(store, "delivered|google", 10 * hour_ms + 5, 3);
    store_count(store, "delivered|google", 10 * hour_ms + 3599999, 4);
    store_count(store, "delivered|google", 11 * hour_ms, 1);
    store_close(store);
    start();
    store_count(store, "delivered|google", 10 * hour_ms, 1);
    store_count(store, "deferred|google", 10 * hour_ms, 9);
    struct store_count_query query = {
        .ticket = ticket(), .prefix = "delivered|", .limit = 10};
    store_query_counts(store, &query);
    inbox_wait(&inbox, 1);
    cr_assert_eq(query.ticket.status, 0);
    cr_assert_eq(query.count, 2);
    cr_assert_eq(query.rows[0].hour_unix_ms, 10 * hour_ms);
    cr_assert_eq(query.rows[0].count, 8);
    cr_assert_str_eq(query.rows[0].key, "delivered|google");
    cr_assert_eq(query.rows[1].count, 1);
    store_count_query_done(&query);
    store_count_query_done(NULL);
    store_close(store);
    open_only();
    cr_assert_eq(store_newest_unix_ms(store), 11 * hour_ms);
    store_close(store);
    scratch_done(&scratch);
}

TEST(store, closes_in_any_state)
{
    /* A store that was never started closes; NULL is allowed; one that is closed with
     * changes waiting writes them and answers their tickets first. */
    scratch_init(&scratch);
    inbox_init(&inbox);
    store_close(NULL);
    open_only();
    store_close(store);
    start();
    struct store_ticket waiting = ticket();
    struct store_row row = {.kind = STORE_RAMP, .key = "b1", .value = "day=1"};
    store_put(store, &row, &waiting);
    store_close(store);
    inbox_wait(&inbox, 1);
    cr_assert_eq(waiting.status, 0);
    scratch_done(&scratch);
}

/* Sums over hours, largest first; and hours beyond the limit are forgotten. */
TEST(store, sums_counts_and_forgets_old_ones)
{
    set_up();
    const int64_t hour_ms = 3600000;
    store_count(store, "user|a", 1 * hour_ms, 50);
    store_count(store, "user|b", 2000 * hour_ms, 3);
    store_count(store, "user|a", 2000 * hour_ms, 1);
    store_count(store, "user|a", 2001 * hour_ms, 1);
    struct store_count_query query = {
        .ticket = ticket(), .prefix = "user|", .sums = true, .limit = 10};
    store_query_counts(store, &query);
    inbox_wait(&inbox, 1);
    cr_assert_eq(query.ticket.status, 0);
    cr_assert_eq(query.count, 2);
    cr_assert_str_eq(query.rows[0].key, "user|b");
    cr_assert_eq(query.rows[0].count, 3);
    cr_assert_eq(query.rows[1].count, 2);
    store_count_query_done(&query);
    store_close(store);
    scratch_done(&scratch);
}
