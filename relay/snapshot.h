/* What every thread may read: the configuration in force and all that is made of it once,
 * so that no session has to convert anything.
 *
 * Core makes one at start and at each reload and posts it to the workers; each holder has
 * a reference. Nothing in it changes. Indexes of streams, sources, sites and listeners
 * are those of its config. */

#ifndef RELAY_SNAPSHOT_H
#define RELAY_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "policy/backoff.h"
#include "policy/classify.h"
#include "policy/control.h"
#include "policy/pace.h"
#include "policy/site.h"

#include "queue/errmsg.h"

#include "relay/config.h"
#include "relay/route.h"
#include "relay/smtp/smtp_in.h"

struct aliases;
struct dkim_key;
struct tls_context;
struct zone;

/* Ways in that are no socket of a listener. */
enum snapshot_door {
    SNAPSHOT_DOOR_HTTP,  /* POST /v1/messages */
    SNAPSHOT_DOOR_LOCAL, /* sendmail's drop directory */
    SNAPSHOT_DOORS,
};

enum snapshot_client {
    SNAPSHOT_CLIENT_OPPORTUNISTIC,
    SNAPSHOT_CLIENT_REQUIRED,
    SNAPSHOT_CLIENT_VERIFY,
    SNAPSHOT_CLIENT_DANE,
    SNAPSHOT_CLIENTS,
};

struct snapshot_listener {
    struct smtp_in_options options;
    struct tls_context *tls; /* owned; NULL for a plain listener */
};

/* On what terms mail comes in by such a way: every stream, the default one where none is
 * named, sizes as the largest listener takes them. */
struct snapshot_inner {
    struct config_listener listener;
    struct smtp_in_options options;
};

/* A stream's retry schedule and life, as backoff wants them. */
struct snapshot_stream {
    struct backoff_schedule schedule;
    struct backoff_life life;
    struct zone *zone; /* owned: of its sending window */
};

/* A site's limits, as control and pace want them. */
struct snapshot_site {
    struct control_limits limits;
    struct pace_limit total_rate;
};

struct snapshot {
    const struct config *config;         /* one reference */
    struct snapshot_listener *listeners; /* owned, as the arrays below */
    struct aliases *aliases;             /* owned: of this machine */
    struct snapshot_inner inner[SNAPSHOT_DOORS];
    uint32_t *all_streams; /* backs inner[].listener.streams */
    struct snapshot_stream *streams;
    struct snapshot_site *sites;
    struct site_rule *site_rules; /* of the sites that have patterns ... */
    uint32_t *site_rule_sites;    /* ... and which site each stands for */
    size_t site_rule_count;
    struct route_rule *routes;
    char (*passwords)[256];         /* of the routes, "" without AUTH; wiped when freed */
    const char **route_hosts;       /* backs routes[].hosts ... */
    uint16_t *route_ports;          /* ... and routes[].ports */
    bool wants_tlsa;                /* some site's policy asks for TLSA records */
    struct classify_rules classify; /* points into config */
    struct dkim_key **dkim_keys;    /* owned; as config->dkim */
    struct tls_context *client_tls[SNAPSHOT_CLIENTS]; /* owned */
    int64_t made_unix_ms;
    unsigned refs; /* atomic */
};

/* Make one with one reference; takes a reference of config. A negative errno with err
 * when a certificate, key or password file cannot be used. Reads files: not on a loop
 * that is busy. */
int snapshot_make(struct snapshot **out, const struct config *config, int64_t unix_ms,
                  struct errmsg *err) ATTR_MUST_CHECK;

/* Any thread. snapshot_ref returns its argument; NULL may be unref'ed. */
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/* The pace of a configured rate, with that many units back to back. */
struct pace_limit snapshot_pace(const struct units_rate *rate, uint32_t burst);

/* The TLS policy of a site (index): its own, or what delivery says. */
enum config_delivery_tls snapshot_tls(const struct snapshot *snapshot, uint32_t site);

#endif
