#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/ramps_parts.h"
#include "relay/snapshot.h"

static const char *const names[] = {[RAMPS_START] = "start",
                                    [RAMPS_PAUSE] = "pause",
                                    [RAMPS_RESUME] = "resume",
                                    [RAMPS_SET] = "set"};

bool ramps_act_parse(const char *word, enum ramps_act *out)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(word, names[i]) == 0) {
            *out = (enum ramps_act)i;
            return true;
        }
    }
    return false;
}

/* The day's count and its evidence stay: no act gives an allowance twice. */
static void change(struct ramp_entry *entry, const struct ramps_order *order)
{
    struct ramp *ramp = &entry->ramp;
    uint32_t days =
        entry->plan.step_count > 0 ? entry->plan.step_count : entry->plan.days;
    switch (order->act) {
    case RAMPS_START: ramp_start(ramp, 0, ramp->day); break;
    case RAMPS_PAUSE: ramp->paused = true; break;
    case RAMPS_RESUME: ramp->paused = false; break;
    case RAMPS_SET:
        ramp->done = order->day > days;
        ramp->step = ramp->done ? days - 1 : order->day - 1;
        ramp->idle_days = 0;
        ramp->most = 0;
        break;
    }
}

static void describe(const struct ramp_entry *entry, char *out, size_t size)
{
    uint64_t cap = ramps_cap(entry);
    if (cap == UINT64_MAX) {
        (void)snprintf(out, size, "%s", entry->ramp.done ? "done" : "no limit");
        return;
    }
    (void)snprintf(out, size, "day %u, %llu a day%s", entry->ramp.step + 1,
                   (unsigned long long)cap, entry->ramp.paused ? ", paused" : "");
}

static void act_on(struct ramp_entry *entry, const struct ramps_order *order,
                   struct store_ticket *ticket)
{
    char before[100];
    char after[100];
    describe(entry, before, sizeof before);
    change(entry, order);
    describe(entry, after, sizeof after);
    ramps_keep(entry, ticket);
    journal_record(entry->core->store, LOG_WARMUP,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = order->by,
                                           .kind = "ramp",
                                           .source = entry->source->name,
                                           .site = entry->site,
                                           .subject = names[order->act],
                                           .before = before,
                                           .after = after,
                                           .evidence = order->why},
                   NULL);
}

static bool is_meant(const struct ramp_entry *entry, const struct ramps_order *order)
{
    return entry->source == order->source && entry->warmup != CONFIG_NONE &&
           (order->site[0] == '\0' || strcmp(entry->site, order->site) == 0);
}

unsigned ramps_act(struct core *core, const struct ramps_order *order,
                   struct store_ticket *ticket)
{
    uint32_t index = order->source->index;
    uint32_t warmup = index != CONFIG_NONE ? core->snapshot->config->sources[index].warmup
                                           : CONFIG_NONE;
    if (warmup == CONFIG_NONE) {
        return 0;
    }
    if (order->site[0] == '\0' && ramps_find(core, order->source, "") == NULL) {
        (void)ramps_make(core, order->source, "", warmup);
    }
    struct ramp_entry *last = NULL;
    unsigned count = 0;
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (is_meant(entry, order)) {
            if (last != NULL) {
                act_on(last, order, NULL);
            }
            last = entry;
            count++;
        }
    }
    if (count > 0 && order->act == RAMPS_START) {
        preflight_restart(core, order->source, order->force, order->why);
    }
    if (last != NULL) {
        act_on(last, order,
               ticket); /* rows are written in order: the last tells of all */
    }
    scheduler_kick_all(core);
    return count;
}
