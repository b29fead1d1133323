/* Who goes next: for each site with something ready, the next stream by weight, its next
 * flow, the source, then the gates; a job for a slot, or a time to look again.
 *
 * Runs once a turn of core's loop, over the sites that may have work; bounded work a
 * turn. A closed gate costs nothing until its time comes or something it waits for
 * changes. Core thread. */

#ifndef RELAY_SCHEDULER_H
#define RELAY_SCHEDULER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/gate.h"

#include "queue/list.h"

#include "relay/stops.h"

struct agenda_item;
struct core;
struct flow;
struct lading;
struct lane;
struct site;

struct scheduler {
    struct list runnable;    /* struct site */
    struct list frozen;      /* struct lading: ready, of users that are frozen */
    atomic_bool never_stops; /* false: the stop flag of streams that only observe */
    uint32_t slots;          /* outbound connections held, all lanes */
    uint32_t ending;         /* of them, told to end and not gone yet */
    bool is_crowded;         /* somebody waits for one of the others to end */
};

void scheduler_init(struct scheduler *scheduler);

/* For index_hooks: a flow is born, a flow is gone. */
void scheduler_flow_born(struct core *core, struct flow *flow);
void scheduler_flow_gone(struct core *core, struct flow *flow);

/* Something in the flow has become ready or deferred. */
void scheduler_touch(struct core *core, struct flow *flow);

/* The dest is open: the lading may be picked. */
void scheduler_enter_bay(struct core *core, struct lading *lading);

/* Take it out of its bay, if it is in one. */
void scheduler_leave_bay(struct lading *lading);

/* Its user is frozen: out of its bay, so that it blocks nobody, until scheduler_kick_all
 * finds the user thawed. False when he is not. */
bool scheduler_park_frozen(struct core *core, struct lading *lading);

/* Is there work that did not fit into this turn? */
bool scheduler_is_busy(const struct core *core);

/* Something that may have held the site has changed. */
void scheduler_kick(struct core *core, struct site *site);
void scheduler_kick_all(struct core *core);

/* For site->wake: a gate opens. */
void scheduler_on_wake(struct agenda_item *item);

/* Give out what may go. Once a turn. */
void scheduler_run(struct core *core);

/* All gates that stand between a stream and a lane, for the scheduler and for `why`. The
 * memory the ask points to is in it. */
struct scheduler_gates {
    struct gate_ask ask;
    struct gate_block blocks[6];
    struct gate_pace rates[3];
    struct gate_count connections[3];
    struct gate_count ramps[2];
    struct gate_pace ramp_paces[2];
    struct pace_limit limits[5];
    struct stops_pass pass;
};
void scheduler_gates(struct core *core, uint32_t stream, struct site *site,
                     struct lane *lane, int64_t now, struct scheduler_gates *out);

#endif
