/* Our sending addresses as they are now: stop, freeze, counts. One struct source lives as
 * long as the daemon, also when a reload takes its name out of the file. Core thread; the
 * stop flag alone is read and raised by workers. */

#ifndef RELAY_SOURCES_H
#define RELAY_SOURCES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/pace.h"
#include "policy/stop.h"
#include "policy/volume.h"

#include "queue/list.h"

#include "relay/freezes.h"
#include "relay/net/netaddr.h"

struct core;
struct preflight;
struct snapshot;

struct tally {
    uint64_t delivered;
    uint64_t retried;
    uint64_t bounced;
};

struct source {
    char name[64];
    uint32_t index;                   /* in the config in force, or CONFIG_NONE */
    atomic_bool stop_flag;            /* no MAIL from here: raised by workers and core */
    atomic_bool bulk_flag;            /* the same for streams of bulk */
    struct preflight *preflight;      /* borrowed: core's; NULL nothing was ever asked */
    struct stop stop;                 /* why, until when */
    struct stop_witnesses listed_by;  /* sites that named a list */
    struct stop_witnesses refused_by; /* sites that refused it for themselves */
    struct volume volume;             /* accepted, by day */
    struct pace resuming;             /* of what it may send while it comes back */
    uint32_t unsaved_volume;          /* accepted since the volume was written down */
    struct netaddr public;            /* as others see it; no address: not known */
    struct netaddr public6;
    struct netaddr address;
    struct netaddr address6;
    struct list lanes; /* struct lane, by_source */
    struct tally tally;
    uint32_t slots; /* connections held */
};

struct sources {
    struct source **items; /* owned; ascending as first seen */
    uint32_t count;
};

/* Take the sources of a configuration; known names keep their state. */
void sources_take(struct sources *sources, const struct snapshot *snapshot);
void sources_done(struct sources *sources);

/* NULL when never heard of. */
struct source *sources_find(const struct sources *sources, const char *name);

/* The runtime object of a config index. */
struct source *sources_at(const struct sources *sources, uint32_t index);

#endif
