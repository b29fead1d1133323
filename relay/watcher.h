/* Asks block lists about our own addresses: now and then, and when a reply names one.
 *
 * One question a second. A list is believed only after it has said that 127.0.0.2 is
 * listed and 127.0.0.1 is not. What it answers goes to stops. Core thread. */

#ifndef RELAY_WATCHER_H
#define RELAY_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/listing.h"
#include "policy/stop.h"

#include "queue/errmsg.h"

#include "relay/net/netaddr.h"

struct core;
struct source;
struct store_row;
struct watcher;

/* 0, or a negative errno with err set. Lists and servers are those of core's snapshot. */
int watcher_open(struct watcher **out, struct core *core,
                 struct errmsg *err) ATTR_MUST_CHECK;
/* NULL is allowed. */
void watcher_close(struct watcher *watcher);

/* After a reload. What was heard of lists that stay is kept. */
void watcher_take(struct watcher *watcher);

/* What a list is, by the configuration or by its name. */
enum stop_list watcher_kind(const struct watcher *watcher, const char *list);

/* The zone that answers for a list named in a reply; "" when none does. Lives until the
 * next call. */
const char *watcher_zone(const struct watcher *watcher, const char *list);

/* A reply has named the list: ask about the address as soon as may be, and go on asking
 * while stops want to know. False when nobody can be asked. */
bool watcher_ask(struct watcher *watcher, struct source *source, const char *list,
                 const struct netaddr *address);

/* About once a second: at most one question. */
void watcher_tick(struct watcher *watcher);

/* What the configured lists have said of a source; watcher may be NULL. */
struct watcher_said {
    const char *listed; /* by which one; "" none */
    unsigned lists;     /* that are asked about it ... */
    unsigned unheard;   /* ... of them not asked yet */
    unsigned uncertain; /* ... or without an answer that tells */
};
void watcher_said(const struct watcher *watcher, const struct source *source,
                  struct watcher_said *out);

/* A question is out. */
bool watcher_is_asking(const struct watcher *watcher);

/* One address in one list, for screens. Call with 0, 1, ... until it is false. */
struct watcher_row {
    const char *source;
    const char *zone;
    char ip[NETADDR_TEXT_BYTES];
    const char *state; /* "listed", "clean", "cannot tell", "not asked yet" */
    const char *why;
    int64_t since_unix_ms;
    int64_t asked_unix_ms;
    int64_t next_unix_ms;
};
bool watcher_row(const struct watcher *watcher, unsigned number,
                 struct watcher_row *out_row);

/* The name to ask: 192.0.2.1 in bl.example -> 1.2.0.192.bl.example; nibbles for IPv6.
 * False when it is too long for DNS. */
bool watcher_name(const struct netaddr *address, const char *zone, char *out,
                  unsigned size);

#endif
