/* Which list of a bay goes next, and by which lane: gates say who may, split who does.
 * Core thread. */

#ifndef RELAY_CHOOSE_H
#define RELAY_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/pace.h"

#include "relay/stops.h"

struct core;
struct lane;
struct lading;
struct site;

/* One look at a bay: what could be given out, or when to look again. */
struct choose_pick {
    struct lane *lane;
    struct lading *lading;
    uint32_t units;
    int64_t earliest_ns; /* when nothing could; the caller sets INT64_MAX before */
    struct stops_pass pass;
    struct pace_limit resuming; /* of the source, where pass.resuming says so */
};

/* True when something of the stream may go to the site now. */
bool choose_in_bay(struct core *core, uint32_t stream, struct site *site, int64_t now,
                   struct choose_pick *pick);

#endif
