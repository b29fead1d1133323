/* Good path: a change is copied and posted; the store's thread lets changes gather for a
 * moment, applies all of them in one transaction, and answers their tickets.
 * Failure modes: the transaction fails (no space, I/O error): nothing of it happened;
 * changes with a ticket are answered with the errno, the others stay first in line and
 * are tried again every second; too much waits: learnt values and counts are dropped and
 * counted, far above that everything is refused; at the end rows that still cannot be
 * written are lost, and an error line says how many. */

#include "relay/store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "queue/list.h"

#include "relay/clerk.h"
#include "relay/limits.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/store_engine.h"
#include "relay/store_sqlite.h"

#define NAP_MS        2    /* let changes gather; a ledger's lease waits this long more */
#define RETRY_MS      1000 /* after a failed transaction */
#define TELL_EVERY    60   /* failed transactions between two error lines */
#define REFUSE_FACTOR 4
#define HOUR_MS       ((int64_t)3600000)
#define ENTRY_TEXTS   9

enum change_what {
    CHANGE_PUT,
    CHANGE_DEL,
    CHANGE_COUNT,
    CHANGE_APPEND,
    CHANGE_SYNC,
};

/* One change, in one piece of memory with its texts behind it. */
struct change {
    struct letter letter;
    struct list_node node; /* in store.batch */
    struct store *store;
    size_t size_bytes;
    struct store_ticket *ticket; /* the caller's; NULL when nobody waits */
    enum change_what what;
    union {
        struct store_row row;
        struct journal_entry entry;
        uint64_t add; /* to the count whose key is in texts */
    } about;
    int64_t hour_unix_ms;
    char texts[];
};

struct store {
    struct store_engine *engine; /* owned; the thread's once it runs */
    struct clerk *clerk;         /* owned; NULL before store_start */
    struct list batch;           /* the thread's: changes not yet durable, oldest first */
    uint64_t failures;           /* in a row */
    _Atomic uint64_t pending_bytes;
    _Atomic uint64_t transactions;
    _Atomic uint64_t rows;
    _Atomic uint64_t dropped;
    _Atomic uint64_t failed;
};

static const char *const kind_names[STORE_KINDS] = {
    [STORE_STOP] = "stop",           [STORE_FREEZE] = "freeze",
    [STORE_LEDGER] = "ledger",       [STORE_RAMP] = "ramp",
    [STORE_LEARNT] = "learnt",       [STORE_SUPPRESSION] = "suppression",
    [STORE_CONDUCT] = "conduct",     [STORE_STS] = "sts",
    [STORE_PREFLIGHT] = "preflight",
};

const char *store_kind_name(enum store_kind kind)
{
    assert(kind < STORE_KINDS);
    return kind_names[kind];
}

int store_open(struct store **out, const struct store_options *options,
               struct store_opened *out_opened, struct errmsg *err)
{
    assert(out != NULL);
    struct store *store = arena_must(1, sizeof *store);
    list_init(&store->batch);
    int failed = store_sqlite_open(&store->engine, options, out_opened, err);
    if (failed < 0) {
        free(store);
        return failed;
    }
    *out = store;
    return 0;
}

int store_load(struct store *store, enum store_kind kind, store_row_cb row_cb,
               void *owner, struct errmsg *err)
{
    assert(store != NULL);
    assert(store->clerk == NULL);
    int failed = store->engine->ops->load(store->engine, kind, row_cb, owner);
    if (failed < 0) {
        errmsg_set(err, "store: read %s: %s", store_kind_name(kind),
                   store->engine->ops->complaint(store->engine));
    }
    return failed;
}

int64_t store_newest_unix_ms(struct store *store)
{
    assert(store != NULL);
    assert(store->clerk == NULL);
    return store->engine->ops->newest_unix_ms(store->engine);
}

static void answer(struct store_ticket *ticket, int status)
{
    if (ticket != NULL) {
        ticket->status = status;
        mailbox_post(ticket->home, &ticket->letter, ticket->done_cb);
    }
}

static void change_done(struct change *change, int status)
{
    atomic_fetch_sub_explicit(&change->store->pending_bytes, change->size_bytes,
                              memory_order_relaxed);
    answer(change->ticket, status);
    free(change);
}

static int apply(struct store_engine *engine, const struct change *change)
{
    switch (change->what) {
    case CHANGE_PUT: return engine->ops->put(engine, &change->about.row);
    case CHANGE_DEL:
        return engine->ops->del(engine, change->about.row.kind, change->about.row.key);
    case CHANGE_COUNT:
        return engine->ops->count(engine, change->texts, change->hour_unix_ms,
                                  change->about.add);
    case CHANGE_APPEND: return engine->ops->append(engine, &change->about.entry);
    case CHANGE_SYNC: return 0;
    }
    return 0;
}

static int apply_all(struct store *store)
{
    struct store_engine *engine = store->engine;
    int failed = engine->ops->begin(engine);
    list_each (node, &store->batch) {
        if (failed == 0) {
            failed = apply(engine, LIST_OWNER(node, struct change, node));
        }
    }
    return failed == 0 ? engine->ops->commit(engine) : failed;
}

static void tell_failure(struct store *store, int failed, const char *complaint)
{
    if (store->failures % TELL_EVERY == 0) {
        struct errmsg err = {""};
        errmsg_errno(&err, failed, "store: %s", complaint);
        log_error("%s; nothing learnt is durable until this works again", err.text);
    }
    store->failures++;
}

/* Write all that waits. Returns 0 or the errno; then only what nobody waits for is left.
 */
static int write_batch(struct store *store)
{
    if (list_is_empty(&store->batch)) {
        return 0;
    }
    int failed = apply_all(store);
    if (failed < 0) {
        /* The words are gone after the rollback. */
        tell_failure(store, failed, store->engine->ops->complaint(store->engine));
        store->engine->ops->rollback(store->engine);
        atomic_fetch_add_explicit(&store->failed, 1, memory_order_relaxed);
    } else {
        if (store->failures > 0) {
            log_info("store: works again");
        }
        store->failures = 0;
        atomic_fetch_add_explicit(&store->transactions, 1, memory_order_relaxed);
    }
    list_each_safe (node, &store->batch) {
        struct change *change = LIST_OWNER(node, struct change, node);
        if (failed < 0 && change->ticket == NULL) {
            continue; /* stays in line */
        }
        if (failed == 0 && change->what != CHANGE_SYNC) {
            /* Before the ticket is answered: who asks then must not read too few. */
            atomic_fetch_add_explicit(&store->rows, 1, memory_order_relaxed);
        }
        list_remove(node);
        change_done(change, failed);
    }
    return failed;
}

static void on_change(struct letter *letter)
{
    struct change *change = (struct change *)(void *)letter;
    list_push_back(&change->store->batch, &change->node);
}

static int64_t on_batch(void *owner)
{
    return write_batch(owner) < 0 ? RETRY_MS : -1;
}

int store_start(struct store *store, struct errmsg *err)
{
    assert(store != NULL);
    assert(store->clerk == NULL);
    struct clerk_options options = {
        .name = "mesura-store", .nap_ms = NAP_MS, .batch_cb = on_batch, .owner = store};
    return clerk_start(&store->clerk, &options, err);
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    clerk_stop(store->clerk);
    uint64_t lost = 0;
    list_each_safe (node, &store->batch) {
        list_remove(node);
        change_done(LIST_OWNER(node, struct change, node), -EIO);
        lost++;
    }
    if (lost > 0) {
        log_error("store: %" PRIu64 " changes could not be written and are lost", lost);
    }
    store->engine->ops->close(store->engine);
    free(store);
}

/* Memory for a change, counted as waiting. Without room the ticket is answered and NULL
 * returned. may_drop: losing it costs only knowledge. */
static struct change *change_new(struct store *store, enum change_what what,
                                 size_t texts_size, struct store_ticket *ticket,
                                 bool may_drop)
{
    assert(store != NULL);
    assert(store->clerk != NULL);
    size_t size_bytes = sizeof(struct change) + texts_size;
    uint64_t cap = may_drop ? LIMIT_STORE_PENDING : LIMIT_STORE_PENDING * REFUSE_FACTOR;
    uint64_t before = atomic_fetch_add_explicit(&store->pending_bytes, size_bytes,
                                                memory_order_relaxed);
    struct change *change = before + size_bytes > cap ? NULL : malloc(size_bytes);
    if (change == NULL) {
        atomic_fetch_sub_explicit(&store->pending_bytes, size_bytes,
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&store->dropped, 1, memory_order_relaxed);
        if (!may_drop && ticket == NULL) {
            log_error("store: too much waits for the disk; a change is not written");
        }
        answer(ticket, -ENOBUFS);
        return NULL;
    }
    memset(change, 0, sizeof *change);
    change->store = store;
    change->size_bytes = size_bytes;
    change->ticket = ticket;
    change->what = what;
    return change;
}

static void post(struct change *change)
{
    clerk_post(change->store->clerk, &change->letter, on_change);
}

static char *copy_text(char *at, const char *text, size_t size, const char **out)
{
    memcpy(at, text, size);
    at[size] = '\0';
    *out = at;
    return at + size + 1;
}

void store_put(struct store *store, const struct store_row *row,
               struct store_ticket *ticket)
{
    assert(row != NULL);
    assert(row->kind < STORE_KINDS);
    size_t key_size = strlen(row->key);
    size_t value_size = strlen(row->value);
    assert(key_size > 0 && key_size < STORE_KEY_BYTES);
    assert(value_size < FIELDS_BYTES);
    bool may_drop = row->kind == STORE_LEARNT;
    struct change *change =
        change_new(store, CHANGE_PUT, key_size + value_size + 2, ticket, may_drop);
    if (change == NULL) {
        return;
    }
    struct store_row *kept = &change->about.row;
    *kept = *row;
    kept->unix_ms = row->unix_ms == 0 ? now_unix_ms() : row->unix_ms;
    char *at = copy_text(change->texts, row->key, key_size, &kept->key);
    (void)copy_text(at, row->value, value_size, &kept->value);
    post(change);
}

void store_del(struct store *store, enum store_kind kind, const char *key,
               struct store_ticket *ticket)
{
    assert(kind < STORE_KINDS);
    size_t key_size = strlen(key);
    assert(key_size > 0 && key_size < STORE_KEY_BYTES);
    struct change *change = change_new(store, CHANGE_DEL, key_size + 1, ticket, false);
    if (change != NULL) {
        change->about.row.kind = kind;
        (void)copy_text(change->texts, key, key_size, &change->about.row.key);
        post(change);
    }
}

void store_count(struct store *store, const char *key, int64_t unix_ms, uint64_t add)
{
    size_t key_size = strlen(key);
    assert(key_size > 0 && key_size < STORE_KEY_BYTES);
    struct change *change = change_new(store, CHANGE_COUNT, key_size + 1, NULL, true);
    if (change != NULL) {
        memcpy(change->texts, key, key_size + 1);
        change->about.add = add;
        change->hour_unix_ms = unix_ms - unix_ms % HOUR_MS;
        post(change);
    }
}

void store_append(struct store *store, const struct journal_entry *entry,
                  struct store_ticket *ticket)
{
    assert(entry != NULL);
    struct journal_entry copy = *entry;
    const char **const texts[ENTRY_TEXTS] = {&copy.actor,  &copy.kind,  &copy.stream,
                                             &copy.source, &copy.site,  &copy.subject,
                                             &copy.before, &copy.after, &copy.evidence};
    size_t bytes = 0;
    for (size_t i = 0; i < ENTRY_TEXTS; i++) {
        *texts[i] = *texts[i] == NULL ? "" : *texts[i];
        bytes += strnlen(*texts[i], LOG_TEXT_BYTES - 1) + 1;
    }
    struct change *change = change_new(store, CHANGE_APPEND, bytes, ticket, false);
    if (change == NULL) {
        return;
    }
    char *at = change->texts;
    for (size_t i = 0; i < ENTRY_TEXTS; i++) {
        at = copy_text(at, *texts[i], strnlen(*texts[i], LOG_TEXT_BYTES - 1), texts[i]);
    }
    copy.unix_ms = copy.unix_ms == 0 ? now_unix_ms() : copy.unix_ms;
    change->about.entry = copy;
    post(change);
}

void store_sync(struct store *store, struct store_ticket *ticket)
{
    assert(ticket != NULL);
    struct change *change = change_new(store, CHANGE_SYNC, 0, ticket, false);
    if (change != NULL) {
        post(change);
        clerk_hurry(store->clerk);
    }
}

/* On the store's thread: what was given before the question is written first. */
static void on_journal_query(struct letter *letter)
{
    struct store_ticket *ticket = (struct store_ticket *)(void *)letter;
    struct store_journal_query *query = (struct store_journal_query *)(void *)ticket;
    struct store *store = query->store;
    (void)write_batch(store);
    answer(ticket, store->engine->ops->query_journal(store->engine, query));
}

void store_query_journal(struct store *store, struct store_journal_query *query)
{
    assert(store != NULL);
    assert(store->clerk != NULL);
    assert(query->limit > 0 && query->limit <= LIMIT_STORE_ROWS);
    query->store = store;
    query->entries = NULL;
    query->count = 0;
    query->has_more = false;
    arena_init(&query->memory, LIMIT_STORE_ANSWER);
    clerk_post(store->clerk, &query->ticket.letter, on_journal_query);
}

void store_journal_query_done(struct store_journal_query *query)
{
    if (query != NULL) {
        arena_done(&query->memory);
        query->entries = NULL;
        query->count = 0;
    }
}

static void on_count_query(struct letter *letter)
{
    struct store_ticket *ticket = (struct store_ticket *)(void *)letter;
    struct store_count_query *query = (struct store_count_query *)(void *)ticket;
    struct store *store = query->store;
    (void)write_batch(store);
    answer(ticket, store->engine->ops->query_counts(store->engine, query));
}

void store_query_counts(struct store *store, struct store_count_query *query)
{
    assert(store != NULL);
    assert(store->clerk != NULL);
    assert(query->limit > 0 && query->limit <= LIMIT_STORE_ROWS);
    query->store = store;
    query->rows = NULL;
    query->count = 0;
    query->has_more = false;
    arena_init(&query->memory, LIMIT_STORE_ANSWER);
    clerk_post(store->clerk, &query->ticket.letter, on_count_query);
}

void store_count_query_done(struct store_count_query *query)
{
    if (query != NULL) {
        arena_done(&query->memory);
        query->rows = NULL;
        query->count = 0;
    }
}

void store_get_totals(const struct store *store, struct store_totals *out_totals)
{
    assert(store != NULL);
    assert(out_totals != NULL);
    out_totals->transactions =
        atomic_load_explicit(&store->transactions, memory_order_relaxed);
    out_totals->rows = atomic_load_explicit(&store->rows, memory_order_relaxed);
    out_totals->dropped = atomic_load_explicit(&store->dropped, memory_order_relaxed);
    out_totals->failed = atomic_load_explicit(&store->failed, memory_order_relaxed);
    out_totals->pending_bytes =
        atomic_load_explicit(&store->pending_bytes, memory_order_relaxed);
}
