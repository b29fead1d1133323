/* A core whose source "one" is warming, and days of mail for it. */

#ifndef TESTS_SUPPORT_RAMP_RIG_H
#define TESTS_SUPPORT_RAMP_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/now.h"
#include "relay/ramps.h"

#include "tests/support/core_rig.h"

#define RAMP_RIG_HOUR (INT64_C(3600) * 1000)

/* Groups of mesura.conf: one source, one stream, no other limits. `warmup` is the inside
 * of its ramp's group. */
static inline void ramp_rig_config(char out[1500], const char *warmup)
{
    (void)snprintf(
        out, 1500,
        "sources = ( { name = \"one\"; address = \"127.0.0.11\"; warmup = \"mine\"; } "
        ");\n"
        "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } );\n"
        "warmups = ( { name = \"mine\"; %s } );\n"
        "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_connections = 50; "
        "} );\n"
        "adapt = { enabled = false; };\n",
        warmup);
}

/* The entry of the source "one" and a site; there must be one. */
static inline struct ramp_entry *ramp_rig_entry(const struct core_rig *rig,
                                                const char *site)
{
    list_each (node, &rig->core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (strcmp(entry->site, site) == 0 && strcmp(entry->source->name, "one") == 0) {
            return entry;
        }
    }
    abort(); /* the test has not made it */
}

static inline void ramp_rig_mail(struct core_rig *rig, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)core_rig_accept(
            rig, &(struct core_rig_mail){.sender = "", .lifetime_ms = 60 * CORE_RIG_DAY});
    }
    core_rig_run(rig);
}

/* So much time, in steps; every job that comes up is answered alike. How many. */
static inline unsigned ramp_rig_spend(struct core_rig *rig, int64_t ms, int64_t step_ms,
                                      const char *reply)
{
    unsigned answered = 0;
    for (int64_t at = 0; at < ms; at += step_ms) {
        core_rig_pass(rig, step_ms);
        while (rig->job_count > 0) {
            core_rig_answer(rig, reply);
            answered++;
        }
    }
    return answered;
}

/* To the next midnight of UTC. */
static inline void ramp_rig_midnight(struct core_rig *rig)
{
    core_rig_pass(rig, CORE_RIG_DAY - now_unix_ms() % CORE_RIG_DAY);
}

#endif
