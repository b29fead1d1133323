/* What has come back to a return path of ours, and what follows from it: suppression, the
 * hour's counts, the journal; an alert when a receiver behind the receiver has our
 * address on a list.
 *
 * A worker reads the report (relay/report.h), core decides. Its way: worker -> core
 * (core_on_returned) -> worker (done_cb) with what became of it. */

#ifndef RELAY_RETURNS_H
#define RELAY_RETURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/mailbox.h"
#include "relay/report.h"
#include "relay/store.h"
#include "relay/verp.h"

struct core;
struct store_row;

/* Not known to whoever might forge a report. Made once, kept in the store. */
struct returns {
    uint8_t key[VERP_KEY_BYTES];
    bool has_key;
    uint64_t bounces; /* since start: recipients that were found */
    uint64_t complaints;
    uint64_t unsubscribes;
    uint64_t others; /* neither, or not provably about our mail */
};

struct returned {
    struct letter letter;
    struct store_ticket ticket; /* core's */
    struct core *core;          /* borrowed: outlives its workers */
    struct mailbox *home;       /* borrowed: of the worker */
    letter_cb done_cb;          /* on the worker's thread */
    void *owner;                /* the worker's; NULL once it has gone */
    struct verp path;           /* the address it was sent to ... */
    bool has_path;              /* ... is one of ours by its form */
    bool is_from_null;          /* it came from <> */
    struct report report;
    bool is_taken;   /* out: it is dealt with, and on the disk */
    bool is_unready; /* out: the store cannot be written: later */
};

/* The key's row in the store: no stream has such a name. */
#define RETURNS_KEY "#key|returns"

void returns_load(struct returns *returns, const struct store_row *row);
/* After the load: make a key when there is none. */
void returns_start(struct returns *returns, struct store *store);

/* A worker's question. */
void core_on_returned(struct letter *letter);

#endif
