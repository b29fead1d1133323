#include <stdio.h>
#include <string.h>

#include "relay/limits.h"
#include "relay/store_sqlite.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

static struct scratch scratch;
static struct store_engine *engine;

static void set_up(void)
{
    scratch_init(&scratch);
    struct store_options options = {.dir = scratch.dir, .unix_ms = 1};
    struct store_opened opened;
    struct errmsg err = {""};
    cr_assert_eq(store_sqlite_open(&engine, &options, &opened, &err), 0, "%s", err.text);
}

static void tear_down(void)
{
    engine->ops->close(engine);
    scratch_done(&scratch);
}

static void count_row(const struct store_row *row, void *owner)
{
    cr_assert_eq(row->kind, STORE_STOP);
    unsigned *rows = owner;
    (*rows)++;
}

static unsigned rows(void)
{
    unsigned found = 0;
    cr_assert_eq(engine->ops->load(engine, STORE_STOP, count_row, &found), 0);
    return found;
}

TEST(store_sqlite, does_nothing_of_what_is_rolled_back)
{
    /* After a rollback none of the changes since begin has happened, and a new
     * transaction can begin; a rollback without one is harmless. */
    set_up();
    struct store_row row = {.kind = STORE_STOP, .key = "a", .value = "", .unix_ms = 1};
    cr_assert_eq(engine->ops->begin(engine), 0);
    cr_assert_eq(engine->ops->put(engine, &row), 0);
    cr_assert_eq(engine->ops->count(engine, "k", 0, 1), 0);
    engine->ops->rollback(engine);
    cr_assert_eq(rows(), 0);
    engine->ops->rollback(engine);
    cr_assert_eq(engine->ops->begin(engine), 0);
    cr_assert_eq(engine->ops->put(engine, &row), 0);
    cr_assert_eq(engine->ops->commit(engine), 0);
    cr_assert_eq(rows(), 1);
    cr_assert_eq(engine->ops->newest_unix_ms(engine), 1);
    tear_down();
}

TEST(store_sqlite, says_why_it_refuses)
{
    /* A transaction inside a transaction is refused with a status and words. */
    set_up();
    cr_assert_eq(engine->ops->begin(engine), 0);
    cr_assert_lt(engine->ops->begin(engine), 0);
    cr_assert_not_null(strstr(engine->ops->complaint(engine), "transaction"));
    engine->ops->rollback(engine);
    tear_down();
}

TEST(store_sqlite, numbers_journal_entries_upwards_for_good)
{
    /* A later entry has a higher number. */
    set_up();
    struct journal_entry entry = {.actor = "a", .kind = "k", .unix_ms = 1};
    cr_assert_eq(engine->ops->begin(engine), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(engine->ops->append(engine, &entry), 0);
    }
    cr_assert_eq(engine->ops->commit(engine), 0);
    struct store_journal_query query = {.limit = 10};
    arena_init(&query.memory, LIMIT_STORE_ANSWER);
    cr_assert_eq(engine->ops->query_journal(engine, &query), 0);
    cr_assert_eq(query.count, 3);
    cr_assert_gt(query.entries[0].number, query.entries[1].number);
    cr_assert_gt(query.entries[1].number, query.entries[2].number);
    cr_assert_str_eq(query.entries[0].site, "");
    store_journal_query_done(&query);
    tear_down();
}

TEST(store_sqlite, cuts_an_answer_to_its_memory)
{
    /* An answer that does not fit says that there is more, and what it has is whole. */
    set_up();
    char text[400];
    memset(text, 'e', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct journal_entry entry = {
        .actor = "a", .kind = "k", .unix_ms = 1, .evidence = text};
    cr_assert_eq(engine->ops->begin(engine), 0);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(engine->ops->append(engine, &entry), 0);
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        cr_assert_eq(engine->ops->count(engine, key, 0, 1), 0);
    }
    cr_assert_eq(engine->ops->commit(engine), 0);
    struct store_journal_query query = {.limit = 20};
    arena_init(&query.memory, 8000);
    cr_assert_eq(engine->ops->query_journal(engine, &query), 0);
    cr_assert(query.has_more);
    cr_assert_gt(query.count, 0);
    cr_assert_lt(query.count, 20);
    for (size_t i = 0; i < query.count; i++) {
        cr_assert_str_eq(query.entries[i].evidence, text);
    }
    store_journal_query_done(&query);

    struct store_count_query counts = {.prefix = "", .limit = 5};
    arena_init(&counts.memory, 8000);
    cr_assert_eq(engine->ops->query_counts(engine, &counts), 0);
    cr_assert_eq(counts.count, 5);
    cr_assert(counts.has_more);
    store_count_query_done(&counts);
    tear_down();
}
