/* The journal: every change of a limit or a state, automatic or manual, forever.
 *
 * journal_record is the one way to write it: the entry goes to the store and, as an
 * event, to events.jsonl. Entries are only ever appended. Reading is
 * store_query_journal's. */

#ifndef RELAY_JOURNAL_H
#define RELAY_JOURNAL_H

#include <stdint.h>

#include "relay/log.h"

struct reply;
struct store;
struct store_ticket;

/* Texts are "" or NULL when absent; each is cut at LOG_TEXT_BYTES - 1. */
struct journal_entry {
    int64_t number;    /* given by the store: grows by one or more per entry */
    int64_t unix_ms;   /* when; 0 means now */
    const char *actor; /* "operator root", "control", "stop", "ramp", "watcher", … */
    const char *kind; /* what was changed: "rate", "stop", "freeze", "ramp", "hold", … */
    const char *stream; /* whom it touches; any of them may be absent */
    const char *source;
    const char *site;
    const char *subject; /* lane, user, domain or file: what the three above cannot say */
    const char *before;
    const char *after;
    const char *evidence;      /* the reply, the counts, the listing: why */
    int64_t until_unix_ms;     /* when it ends by itself; 0 when it does not */
    const struct reply *reply; /* for the event alone: what was said; NULL none */
    const char *class;         /* likewise, its class ... */
    const char *dnsbl;         /* ... and the list it names */
};

/* Append entry to the store and write it as an event of the given kind. Copies
 * everything. ticket may be NULL; else it is answered when the entry is durable
 * (relay/store.h). */
void journal_record(struct store *store, enum log_kind event,
                    const struct journal_entry *entry, struct store_ticket *ticket);

#endif
