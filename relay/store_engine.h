/* What a store needs of the thing that keeps its rows: the seam between relay/store and
 * SQLite, and later others. All calls come from one thread at a time: the caller's before
 * store_start, then the store's. Statuses are 0 or a negative errno. */

#ifndef RELAY_STORE_ENGINE_H
#define RELAY_STORE_ENGINE_H

#include "relay/store.h"

struct store_engine;

struct store_engine_ops {
    /* Between begin and commit stand any number of changes; after a failed change or
     * commit comes rollback, and none of them has happened. commit returns when all is
     * durable. */
    int (*begin)(struct store_engine *engine);
    int (*put)(struct store_engine *engine, const struct store_row *row);
    int (*del)(struct store_engine *engine, enum store_kind kind, const char *key);
    int (*count)(struct store_engine *engine, const char *key, int64_t hour_unix_ms,
                 uint64_t add);
    int (*append)(struct store_engine *engine, const struct journal_entry *entry);
    int (*commit)(struct store_engine *engine);
    void (*rollback)(struct store_engine *engine);

    int (*load)(struct store_engine *engine, enum store_kind kind, store_row_cb row_cb,
                void *owner);
    int64_t (*newest_unix_ms)(struct store_engine *engine);

    /* Fill in the answer; query->memory is ready. */
    int (*query_journal)(struct store_engine *engine, struct store_journal_query *query);
    int (*query_counts)(struct store_engine *engine, struct store_count_query *query);

    /* The words for the last failure, until the next call. */
    const char *(*complaint)(struct store_engine *engine);
    void (*close)(struct store_engine *engine);
};

/* The first field of an engine's own struct. */
struct store_engine {
    const struct store_engine_ops *ops;
};

/* "stop": the name a kind has on disk. */
const char *store_kind_name(enum store_kind kind);

#endif
