#include "relay/store_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/limits.h"
#include "relay/store_file.h"

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_PUT,
    STATEMENT_DEL,
    STATEMENT_COUNT,
    STATEMENT_APPEND,
    STATEMENT_LOAD,
    STATEMENT_NEWEST,
    STATEMENT_JOURNAL,
    STATEMENT_COUNTS,
    STATEMENT_SUMS,
    STATEMENT_FORGET,
    STATEMENTS,
};

#define HOUR_MS ((int64_t)3600 * 1000)

static const char *const sql[STATEMENTS] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_PUT] =
        "INSERT INTO state(kind, key, unix_ms, value) VALUES(?1, ?2, ?3, ?4)"
        " ON CONFLICT(kind, key) DO UPDATE SET unix_ms=?3, value=?4",
    [STATEMENT_DEL] = "DELETE FROM state WHERE kind=?1 AND key=?2",
    [STATEMENT_COUNT] = "INSERT INTO counted(hour_unix_ms, key, count) VALUES(?1, ?2, ?3)"
                        " ON CONFLICT(hour_unix_ms, key) DO UPDATE SET count=count+?3",
    [STATEMENT_APPEND] =
        "INSERT INTO journal(unix_ms, actor, kind, stream, source, site, subject, before,"
        " after, evidence, until_unix_ms) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
    [STATEMENT_LOAD] = "SELECT key, unix_ms, value FROM state WHERE kind=?1 ORDER BY key",
    [STATEMENT_NEWEST] = "SELECT max((SELECT coalesce(max(unix_ms), 0) FROM state),"
                         " (SELECT coalesce(max(unix_ms), 0) FROM journal),"
                         " (SELECT coalesce(max(hour_unix_ms), 0) FROM counted))",
    [STATEMENT_JOURNAL] =
        "SELECT number, unix_ms, actor, kind, stream, source, site, subject, before, "
        "after,"
        " evidence, until_unix_ms FROM journal WHERE number < ?1 AND unix_ms >= ?2"
        " AND unix_ms < ?3 AND substr(actor, 1, length(?4)) = ?4"
        " AND (?5 = '' OR kind = ?5) AND (?6 = '' OR stream = ?6)"
        " AND (?7 = '' OR source = ?7) AND (?8 = '' OR site = ?8)"
        " AND (?9 = '' OR subject = ?9) ORDER BY number DESC",
    [STATEMENT_COUNTS] =
        "SELECT hour_unix_ms, key, count FROM counted WHERE hour_unix_ms >= ?1"
        " AND substr(key, 1, length(?2)) = ?2 ORDER BY hour_unix_ms, key",
    [STATEMENT_SUMS] = "SELECT 0, key, sum(count) FROM counted WHERE hour_unix_ms >= ?1"
                       " AND substr(key, 1, length(?2)) = ?2 GROUP BY key"
                       " ORDER BY sum(count) DESC, key",
    [STATEMENT_FORGET] = "DELETE FROM counted WHERE hour_unix_ms < ?1",
};

struct store_sqlite {
    struct store_engine engine;
    sqlite3 *db;                          /* owned */
    sqlite3_stmt *statements[STATEMENTS]; /* owned */
    int64_t newest_hour_unix_ms;          /* counted in so far: older ones go by it */
};

static struct store_sqlite *own(struct store_engine *engine)
{
    return (struct store_sqlite *)(void *)engine;
}

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* The texts live until the step: bound without a copy. */
static void bind_text(sqlite3_stmt *statement, int place, const char *text, size_t max)
{
    const char *given = text_or_empty(text);
    (void)sqlite3_bind_text(statement, place, given, (int)strnlen(given, max),
                            SQLITE_STATIC);
}

/* Run a statement that gives no rows. */
static int step(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return result == SQLITE_ROW ? 0 : store_file_errno(result);
}

static int sqlite_begin(struct store_engine *engine)
{
    return step(own(engine)->statements[STATEMENT_BEGIN]);
}

static int sqlite_commit(struct store_engine *engine)
{
    return step(own(engine)->statements[STATEMENT_COMMIT]);
}

static void sqlite_rollback(struct store_engine *engine)
{
    struct store_sqlite *self = own(engine);
    if (sqlite3_get_autocommit(self->db) == 0) {
        (void)step(self->statements[STATEMENT_ROLLBACK]);
    }
}

static int sqlite_put(struct store_engine *engine, const struct store_row *row)
{
    sqlite3_stmt *statement = own(engine)->statements[STATEMENT_PUT];
    bind_text(statement, 1, store_kind_name(row->kind), STORE_KEY_BYTES);
    bind_text(statement, 2, row->key, STORE_KEY_BYTES);
    (void)sqlite3_bind_int64(statement, 3, row->unix_ms);
    bind_text(statement, 4, row->value, FIELDS_BYTES);
    return step(statement);
}

static int sqlite_del(struct store_engine *engine, enum store_kind kind, const char *key)
{
    sqlite3_stmt *statement = own(engine)->statements[STATEMENT_DEL];
    bind_text(statement, 1, store_kind_name(kind), STORE_KEY_BYTES);
    bind_text(statement, 2, key, STORE_KEY_BYTES);
    return step(statement);
}

static int sqlite_count(struct store_engine *engine, const char *key,
                        int64_t hour_unix_ms, uint64_t add)
{
    struct store_sqlite *self = own(engine);
    if (hour_unix_ms > self->newest_hour_unix_ms) {
        sqlite3_stmt *forget = self->statements[STATEMENT_FORGET];
        self->newest_hour_unix_ms = hour_unix_ms;
        (void)sqlite3_bind_int64(forget, 1, hour_unix_ms - LIMIT_STORE_HOURS * HOUR_MS);
        int result = step(forget);
        if (result != 0) {
            return result;
        }
    }
    sqlite3_stmt *statement = self->statements[STATEMENT_COUNT];
    (void)sqlite3_bind_int64(statement, 1, hour_unix_ms);
    bind_text(statement, 2, key, STORE_KEY_BYTES);
    (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)add);
    return step(statement);
}

static int sqlite_append(struct store_engine *engine, const struct journal_entry *entry)
{
    sqlite3_stmt *statement = own(engine)->statements[STATEMENT_APPEND];
    (void)sqlite3_bind_int64(statement, 1, entry->unix_ms);
    const char *const texts[] = {entry->actor,  entry->kind,  entry->stream,
                                 entry->source, entry->site,  entry->subject,
                                 entry->before, entry->after, entry->evidence};
    for (int i = 0; i < 9; i++) {
        bind_text(statement, i + 2, texts[i], LOG_TEXT_BYTES);
    }
    (void)sqlite3_bind_int64(statement, 11, entry->until_unix_ms);
    return step(statement);
}

static const char *column(sqlite3_stmt *statement, int place)
{
    return text_or_empty((const char *)sqlite3_column_text(statement, place));
}

static int sqlite_load(struct store_engine *engine, enum store_kind kind,
                       store_row_cb row_cb, void *owner)
{
    sqlite3_stmt *statement = own(engine)->statements[STATEMENT_LOAD];
    bind_text(statement, 1, store_kind_name(kind), STORE_KEY_BYTES);
    int result = sqlite3_step(statement);
    while (result == SQLITE_ROW) {
        struct store_row row = {.kind = kind,
                                .key = column(statement, 0),
                                .unix_ms = sqlite3_column_int64(statement, 1),
                                .value = column(statement, 2)};
        row_cb(&row, owner);
        result = sqlite3_step(statement);
    }
    (void)sqlite3_reset(statement);
    return store_file_errno(result);
}

static int64_t sqlite_newest(struct store_engine *engine)
{
    sqlite3_stmt *statement = own(engine)->statements[STATEMENT_NEWEST];
    int64_t newest = 0;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        newest = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_reset(statement);
    return newest;
}

/* Copy a column into an answer's memory; false when the memory is used up. */
static bool keep(struct arena *memory, sqlite3_stmt *statement, int place,
                 const char **out)
{
    const char *text = column(statement, place);
    *out = arena_try_copy(memory, text, strlen(text));
    return *out != NULL;
}

static bool keep_entry(struct arena *memory, sqlite3_stmt *statement,
                       struct journal_entry *entry)
{
    const char **const texts[] = {&entry->actor,  &entry->kind,  &entry->stream,
                                  &entry->source, &entry->site,  &entry->subject,
                                  &entry->before, &entry->after, &entry->evidence};
    for (int i = 0; i < 9; i++) {
        if (!keep(memory, statement, i + 2, texts[i])) {
            return false;
        }
    }
    entry->number = sqlite3_column_int64(statement, 0);
    entry->unix_ms = sqlite3_column_int64(statement, 1);
    entry->until_unix_ms = sqlite3_column_int64(statement, 11);
    return true;
}

static int sqlite_query_journal(struct store_engine *engine,
                                struct store_journal_query *query)
{
    sqlite3_stmt *statement = own(engine)->statements[STATEMENT_JOURNAL];
    query->entries = arena_try(&query->memory, query->limit * sizeof *query->entries);
    if (query->entries == NULL) {
        return -ENOMEM;
    }
    (void)sqlite3_bind_int64(statement, 1,
                             query->below_number > 0 ? query->below_number : INT64_MAX);
    (void)sqlite3_bind_int64(statement, 2, query->since_unix_ms);
    (void)sqlite3_bind_int64(statement, 3,
                             query->until_unix_ms > 0 ? query->until_unix_ms : INT64_MAX);
    const char *const filters[] = {query->actor,  query->kind, query->stream,
                                   query->source, query->site, query->subject};
    for (int i = 0; i < 6; i++) {
        bind_text(statement, i + 4, filters[i], LOG_TEXT_BYTES);
    }
    int result = sqlite3_step(statement);
    while (result == SQLITE_ROW && !query->has_more) {
        if (query->count == query->limit ||
            !keep_entry(&query->memory, statement, &query->entries[query->count])) {
            query->has_more = true;
        } else {
            query->count++;
            result = sqlite3_step(statement);
        }
    }
    (void)sqlite3_reset(statement);
    return store_file_errno(result);
}

static int sqlite_query_counts(struct store_engine *engine,
                               struct store_count_query *query)
{
    sqlite3_stmt *statement =
        own(engine)->statements[query->sums ? STATEMENT_SUMS : STATEMENT_COUNTS];
    query->rows = arena_try(&query->memory, query->limit * sizeof *query->rows);
    if (query->rows == NULL) {
        return -ENOMEM;
    }
    (void)sqlite3_bind_int64(statement, 1, query->since_unix_ms);
    bind_text(statement, 2, query->prefix, STORE_KEY_BYTES);
    int result = sqlite3_step(statement);
    while (result == SQLITE_ROW && !query->has_more) {
        if (query->count == query->limit ||
            !keep(&query->memory, statement, 1, &query->rows[query->count].key)) {
            query->has_more = true;
        } else {
            struct store_counted *row = &query->rows[query->count];
            row->hour_unix_ms = sqlite3_column_int64(statement, 0);
            row->count = (uint64_t)sqlite3_column_int64(statement, 2);
            query->count++;
            result = sqlite3_step(statement);
        }
    }
    (void)sqlite3_reset(statement);
    return store_file_errno(result);
}

static const char *sqlite_complaint(struct store_engine *engine)
{
    return sqlite3_errmsg(own(engine)->db);
}

static void sqlite_close(struct store_engine *engine)
{
    struct store_sqlite *self = own(engine);
    for (size_t i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(self->statements[i]);
    }
    (void)sqlite3_close(self->db);
    free(self);
}

static const struct store_engine_ops sqlite_ops = {
    .begin = sqlite_begin,
    .put = sqlite_put,
    .del = sqlite_del,
    .count = sqlite_count,
    .append = sqlite_append,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .load = sqlite_load,
    .newest_unix_ms = sqlite_newest,
    .query_journal = sqlite_query_journal,
    .query_counts = sqlite_query_counts,
    .complaint = sqlite_complaint,
    .close = sqlite_close,
};

int store_sqlite_open(struct store_engine **out, const struct store_options *options,
                      struct store_opened *out_opened, struct errmsg *err)
{
    assert(out != NULL);
    struct store_sqlite *self = arena_must(1, sizeof *self);
    self->engine.ops = &sqlite_ops;
    int failed = store_file_open(&self->db, options, out_opened, err);
    for (size_t i = 0; failed == 0 && i < STATEMENTS; i++) {
        int result = sqlite3_prepare_v3(self->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                        &self->statements[i], NULL);
        failed = store_file_errno(result);
        if (failed < 0) {
            errmsg_set(err, "store: prepare: %s", sqlite3_errmsg(self->db));
        }
    }
    if (failed < 0) {
        sqlite_close(&self->engine);
        return failed;
    }
    *out = &self->engine;
    return 0;
}
