/* Warm-up ramps of the sources: what may leave today, counted so that no crash exceeds
 * it, released evenly, judged at the day's end.
 *
 * An entry is one (source, site) or one source in total; a site that is in no configured
 * group counts with all such sites as "other". Nothing is spent that the store has not
 * on disk as leased; where a ramp stands and the day's evidence are there within a
 * second. Core thread. */

#ifndef RELAY_RAMPS_H
#define RELAY_RAMPS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/hours.h"
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
struct store_ticket;

#define RAMPS_OTHER "other"

struct ramp_entry {
    struct list_node node;
    struct core *core;
    struct source *source; /* borrowed */
    char site[272];        /* the group's name, RAMPS_OTHER, or "" for the total */
    uint32_t warmup;       /* index in the config in force, or CONFIG_NONE */
    struct ramp_plan plan;
    struct ramp ramp;
    struct ledger ledger;
    struct pace pace;      /* the even release */
    struct ramp_day day;   /* evidence of ramp.day */
    double release_part;   /* of a recipient: released while mail waited, not yet whole */
    struct zone *zone;     /* owned; NULL is UTC */
    struct zone_day today; /* as of the last look */
    int64_t window_ns;     /* over which a day's allowance is released */
    bool waits;            /* mail waited for it at the last look ... */
    bool waited;           /* ... and at the one before */
    bool is_leasing;       /* a reservation is being written */
    bool is_unsaved;       /* evidence or pace differ from what the store has */
};

/* The hours in which a stream sends. */
struct ramp_hours {
    struct list_node node;
    char stream[64];
    struct hours hours;
};

/* In which entries a job's recipients were counted, and for which day. Part of the job.
 */
struct ramp_charge {
    struct ramp_entry *entry; /* borrowed: lives as long as core; NULL none */
    int32_t day;
};

struct ramps {
    struct list entries; /* struct ramp_entry */
    struct list hours;   /* struct ramp_hours */
    int64_t looked_ns;   /* when it was last seen who waits; 0 never */
    int64_t hour;        /* of UTC: for which the windows were last computed */
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

/* The recipients of the job start on the lane, for a stream. The gates have said go. The
 * job remembers where they were counted. */
void ramps_spend(struct core *core, struct lane *lane, uint32_t stream, struct job *job,
                 int64_t now_ns);

/* The job is back: so many of its recipients were accepted, or may have been (the answer
 * to the final dot was lost); the others are given back. */
void ramps_settle(struct job *job, uint32_t accepted);

/* What one answer says about the ramp. */
void ramps_evidence(struct core *core, struct lane *lane, enum verdict_ramp evidence);

/* Days end, mail waits, what is new is written down. About once a second. */
void ramps_tick(struct core *core);

/* Give unspent leases back: at a clean stop. */
void ramps_save_all(struct core *core);

/* What an operator orders. */
enum ramps_act {
    RAMPS_START, /* again from the first step */
    RAMPS_PAUSE, /* no step forward */
    RAMPS_RESUME,
    RAMPS_SET, /* the step of a day, 1 the first; beyond the last: done */
};
struct ramps_order {
    struct source *source;
    const char *site; /* "" every ramp of the source */
    enum ramps_act act;
    uint32_t day; /* of RAMPS_SET, at least 1 */
    bool force;   /* of RAMPS_START: whatever the checks of the source say; says why */
    const char *why;
    const char *by;
};

bool ramps_act_parse(const char *word, enum ramps_act *out);

/* Do it: in memory at once, in the journal, in the store. Returns how many ramps it met;
 * ticket tells when that is durable (it is answered when the count is above 0). */
unsigned ramps_act(struct core *core, const struct ramps_order *order,
                   struct store_ticket *ticket);

/* For screens: the allowance of today (UINT64_MAX: none), when the day ends, what the
 * day's verdict would be now. */
uint64_t ramps_cap(const struct ramp_entry *entry);
int64_t ramps_day_end_ms(struct ramp_entry *entry);
struct ramp_ruling ramps_preview(const struct ramp_entry *entry);

/* The receiver's own allowance for the day was met: nothing more leaves today. */
bool ramps_is_met(const struct ramp_entry *entry);

#endif
