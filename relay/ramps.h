/* Warm-up ramps of the sources: what may leave today, counted so that no crash exceeds
 * it, released evenly, judged at the day's end.
 *
 * An entry is one (source, site) or one source in total; a site that is in no configured
 * group counts with all such sites as "other". Nothing is spent that the store has not
 * on disk as leased. Core thread. */

#ifndef RELAY_RAMPS_H
#define RELAY_RAMPS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/ledger.h"
#include "policy/pace.h"
#include "policy/ramp.h"
#include "policy/verdict.h"

#include "queue/list.h"

#include "relay/zone.h"

struct core;
struct job;
struct lane;
struct scheduler_gates;
struct source;
struct store_row;

#define RAMPS_OTHER "other"

struct ramp_entry {
    struct list_node node;
    struct core *core;
    struct source *source; /* borrowed */
    char site[272];        /* the group's name, RAMPS_OTHER, or "" for the total */
    uint32_t warmup;       /* index in the config in force */
    struct ramp_plan plan;
    struct ramp ramp;
    struct ledger ledger;
    struct pace pace;      /* the even release */
    struct ramp_day day;   /* evidence of today */
    struct zone *zone;     /* owned; NULL is UTC */
    struct zone_day today; /* as of the last look */
    bool is_leasing;       /* a reservation is being written */
};

struct ramps {
    struct list entries; /* struct ramp_entry */
};

void ramps_init(struct ramps *ramps);
void ramps_done(struct ramps *ramps);

/* Take back one row of STORE_RAMP or STORE_LEDGER at start. */
void ramps_load(struct core *core, const struct store_row *row);

/* After load, and after a reload: the ramps of the configuration in force. */
void ramps_take(struct core *core);

/* Add the lane's ramp gates (0, 1 or 2) to the ask; asks for leases where they are
 * short. */
void ramps_gates(struct core *core, struct lane *lane, int64_t now_ns,
                 struct scheduler_gates *out);

/* So many recipients start on the lane. The gates have said go. */
void ramps_spend(struct core *core, struct lane *lane, uint32_t units, int64_t now_ns);

/* The job is back: so many of its recipients were accepted. */
void ramps_settle(struct core *core, struct lane *lane, const struct job *job,
                  uint32_t accepted);

/* The day that what is spent now counts for. */
int32_t ramps_day(struct core *core, struct lane *lane);

/* What one answer says about the ramp. */
void ramps_evidence(struct core *core, struct lane *lane, enum verdict_ramp evidence);

/* Days end. About once a second. */
void ramps_tick(struct core *core);

/* Give unspent leases back: at a clean stop. */
void ramps_save_all(struct core *core);

/* For screens: the allowance of today, when the day ends. */
uint64_t ramps_cap(const struct ramp_entry *entry);
int64_t ramps_day_end_ms(struct ramp_entry *entry);

#endif
