/* The receivers we send to, as they are now: sites, their lanes, what is ready for them.
 *
 * A site has one bay for each stream: the flows that are ready, apart by the source they
 * are bound to. A lane is a site seen from one source: what was learnt, its pace, its
 * stop, its slots. Lanes are made when first used and live as long as the daemon; so do
 * sites. Core thread. */

#ifndef RELAY_SITES_H
#define RELAY_SITES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/control.h"
#include "policy/evidence.h"
#include "policy/pace.h"
#include "policy/stop.h"
#include "policy/suppress.h"

#include "queue/list.h"

#include "relay/agenda.h"
#include "relay/sources.h"

struct core;
struct site;
struct snapshot;

/* Attempts of the last minute, in six buckets of ten seconds. */
#define METER_BUCKETS 6
struct meter {
    uint32_t counts[METER_BUCKETS];
    int64_t bucket; /* number of the newest */
};

void meter_add(struct meter *meter, uint32_t count, int64_t now_ns);
double meter_per_second(const struct meter *meter, int64_t now_ns);

#define LANE_CAUSE_BYTES 256

struct lane {
    struct source *source;      /* borrowed */
    struct site *site;          /* borrowed */
    struct list_node by_source; /* in source->lanes */
    struct list_node by_site;   /* in site->lanes */
    atomic_bool stop_flag;      /* no MAIL on this lane */
    struct stop stop;
    int64_t used_unix_ms; /* of the last answer; 0 never */
    struct control control;
    struct pace pace;
    struct list idle; /* struct slot */
    struct list busy;
    uint32_t slots;  /* of both lists, and those that end */
    uint32_t ending; /* of them, told to end and not gone yet */
    struct tally tally;
    struct meter meter;
    struct evidence deferrals;    /* of attempts, an hour's half-life */
    char cause[LANE_CAUSE_BYTES]; /* the reply that last changed a limit; "" none */
    int64_t cause_unix_ms;
    struct agenda_item saver; /* writes what was learnt to the store, now and then */
    bool is_unsaved;
};

/* What is ready for a site on one stream. */
struct bay {
    struct list
        *ready; /* owned: [0] bound to no source, [1 + n] to source n of sources */
    uint32_t ready_room;
    uint32_t flows; /* in all of ready */
    uint64_t turn;  /* virtual time: grows by units / weight */
};

struct site {
    struct site *next_in_bucket;
    char name[272];
    uint32_t config;  /* index of the site whose limits hold */
    struct bay *bays; /* owned; as the streams of the config */
    uint32_t bay_count;
    uint64_t turn;     /* of the bay that went last */
    struct list lanes; /* struct lane, by_site */
    struct pace total_pace;
    uint32_t slots;            /* over all lanes */
    struct list_node runnable; /* in the scheduler, while it may have work */
    struct agenda_item wake;   /* when a gate opens */
    struct core *core;
    struct tally tally;
    struct meter meter;
    struct suppress_breaker mailboxes; /* refused as unknown, and accepted */
    uint32_t domains;                  /* resolved to it now */
    int64_t fallback_unix_ms; /* when the journal last said that mail leaves by another
                                 source than its stream's own; 0 never */
};

struct sites {
    struct site **buckets; /* owned */
    size_t bucket_count;
    size_t count;
    struct core *core;
};

void sites_init(struct sites *sites, struct core *core);
void sites_done(struct sites *sites);

/* The site of that name, made when new; config is the index of its limits. */
struct site *sites_get(struct sites *sites, const char *name, uint32_t config);
struct site *sites_find(const struct sites *sites, const char *name);

/* Walk: start with NULL. */
struct site *sites_next(const struct sites *sites, const struct site *site);

/* A new configuration: limits and streams by name. The caller has taken every flow out of
 * the bays. */
void sites_take(struct sites *sites, const struct snapshot *snapshot);

/* The lane of source and site; made when new, with what the store remembers. */
struct lane *sites_lane(struct site *site, struct source *source, int64_t now_ns);
struct lane *sites_lane_find(struct site *site, const struct source *source);

/* The limits in force for a site's lanes. */
const struct control_limits *sites_limits(const struct site *site);

#endif
