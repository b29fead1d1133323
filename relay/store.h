/* What was learnt, across restarts: stops, freezes, ledgers, learnt limits, suppression,
 * hourly counts and the journal. The queue knows mail; the store knows the rest.
 *
 * Two phases. Before threads: store_open, store_load. Then store_start, and from then on
 * only the asynchronous calls, which may come from any thread and never wait: they copy
 * the row, and the store's thread writes all that waits in one transaction. A ticket is
 * answered when its row is on disk, or with the errno that prevented it. Rows without a
 * ticket are tried again until they are written. SQLite in WAL mode with
 * synchronous=FULL; relay/store_engine.h is the seam for another engine. */

#ifndef RELAY_STORE_H
#define RELAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/arena.h"
#include "relay/fields.h"
#include "relay/journal.h"
#include "relay/mailbox.h"

struct store;

enum store_kind {
    STORE_STOP,        /* lanes and sources out of service */
    STORE_FREEZE,      /* what an operator stopped */
    STORE_LEDGER,      /* spent allowances: reserve here before spending */
    STORE_RAMP,        /* where each ramp stands */
    STORE_LEARNT,      /* controllers' memory: may be lost, and are dropped first */
    STORE_SUPPRESSION, /* recipients not to be written to */
    STORE_CONDUCT,     /* a user's own history */
    STORE_STS,         /* MTA-STS policies of recipient domains */
    STORE_PREFLIGHT,   /* sources that were checked before their warm-up */
    STORE_KINDS,
};

#define STORE_KEY_BYTES 512 /* of a key, with terminator */

/* A key names its object with parts joined by '|', for example "bulk1|google". Keys are
 * text and unique within their kind; values are one line of named fields. */
struct store_row {
    enum store_kind kind;
    int64_t unix_ms;   /* when it was written; 0 means now */
    const char *key;   /* borrowed for the call; below STORE_KEY_BYTES, not "" */
    const char *value; /* a struct fields' text, or "" */
};

/* Answers one asynchronous call. The caller's; untouched by him until done_cb ran, which
 * it does exactly once, on the thread of home. */
struct store_ticket {
    struct letter letter; /* the store's, then home's */
    struct mailbox *home; /* borrowed: outlives the ticket */
    letter_cb done_cb;    /* letter is &ticket->letter */
    int status;           /* 0: durable. -EIO, -ENOSPC, -ENOBUFS: it is not */
};

struct store_options {
    const char *dir; /* the spool: store.sqlite and its companions lie there */
    int64_t unix_ms; /* now, for the name of a database set aside */
};

/* What store_open found. */
struct store_opened {
    bool is_new;     /* there was no database */
    bool is_damaged; /* there was one that cannot be read: it was set aside, and stops,
                        freezes and ledgers in it are lost; the caller says so loudly */
    char note[ERRMSG_BYTES]; /* the sentence for the operator; "" when all is well */
};

/* Open or create the store in options->dir and bring its tables up to this version. A
 * damaged database is renamed to store.sqlite.damaged-TIME and an empty one begun.
 * Returns 0, or a negative errno: no space, no permission, written by a newer version. */
ATTR_MUST_CHECK int store_open(struct store **out, const struct store_options *options,
                               struct store_opened *out_opened, struct errmsg *err);

/* Called for each row of store_load; row and texts live for the call. */
typedef void (*store_row_cb)(const struct store_row *row, void *owner);

/* Hand over every row of a kind, in the order of keys. Before store_start, or in a test.
 * Damage found while reading is -EUCLEAN; rows handed over before it are good. */
ATTR_MUST_CHECK int store_load(struct store *store, enum store_kind kind,
                               store_row_cb row_cb, void *owner, struct errmsg *err);

/* The newest time in any row, for now_start; 0 when empty. Before store_start. */
int64_t store_newest_unix_ms(struct store *store);

/* Start the thread. Negative errno when there is none to be had. */
ATTR_MUST_CHECK int store_start(struct store *store, struct errmsg *err);

/* Write all that was given before, answer all tickets, end the thread, close. Blocks; no
 * call may follow. NULL is allowed. */
void store_close(struct store *store);

/* Write a row, or take one away (no error when it is not there). ticket may be NULL.
 * Above LIMIT_STORE_PENDING waiting bytes STORE_LEARNT and counts are dropped and
 * counted; above four times that a ticket is answered -ENOBUFS and a row without one is
 * dropped with an error line. */
void store_put(struct store *store, const struct store_row *row,
               struct store_ticket *ticket);
void store_del(struct store *store, enum store_kind kind, const char *key,
               struct store_ticket *ticket);

/* Add to the count of key in the hour that holds unix_ms. Hours older than
 * LIMIT_STORE_HOURS before the newest are forgotten. Never answered; lost only when
 * the machine fails within the second, or dropped as above. Callers add up first, and
 * come once a second or so. */
void store_count(struct store *store, const char *key, int64_t unix_ms, uint64_t add);

/* Append to the journal; journal_record calls it. */
void store_append(struct store *store, const struct journal_entry *entry,
                  struct store_ticket *ticket);

/* Answered when all that was given before is durable. */
void store_sync(struct store *store, struct store_ticket *ticket);

/* A question to the journal: newest first. Fill in, hand over, read entries in done_cb,
 * then store_journal_query_done. A text filter "" or NULL takes all. */
struct store_journal_query {
    struct store_ticket ticket; /* home and done_cb are the caller's, status the answer */
    struct store *store;        /* set by the store */
    int64_t since_unix_ms;
    int64_t until_unix_ms; /* exclusive; 0: no end */
    int64_t below_number;  /* only entries before this one: the next page; 0: newest */
    const char *actor;     /* borrowed until done_cb; begins with */
    const char *kind;      /* equals */
    const char *stream;    /* equals, and the three below */
    const char *source;
    const char *site;
    const char *subject;
    unsigned limit; /* 1 to LIMIT_STORE_ROWS */

    struct journal_entry *entries; /* the answer, in memory */
    size_t count;
    bool has_more;
    struct arena memory; /* the store fills it; freed by store_journal_query_done */
};

void store_query_journal(struct store *store, struct store_journal_query *query);
void store_journal_query_done(struct store_journal_query *query);

/* Counts by hour, oldest first, of the keys that begin with prefix; or their sums over
 * all hours since then, largest first, with hour 0. */
struct store_counted {
    int64_t hour_unix_ms;
    const char *key;
    uint64_t count;
};

struct store_count_query {
    struct store_ticket ticket; /* as above */
    struct store *store;        /* set by the store */
    const char *prefix;         /* borrowed until done_cb */
    int64_t since_unix_ms;
    bool sums;
    unsigned limit;

    struct store_counted *rows;
    size_t count;
    bool has_more;
    struct arena memory;
};

void store_query_counts(struct store *store, struct store_count_query *query);
void store_count_query_done(struct store_count_query *query);

struct store_totals {
    uint64_t transactions;
    uint64_t rows;    /* written */
    uint64_t dropped; /* learnt values and counts that did not fit */
    uint64_t failed;  /* transactions that did not commit */
    uint64_t pending_bytes;
};

/* Totals since store_open. Any thread. */
void store_get_totals(const struct store *store, struct store_totals *out_totals);

#endif
