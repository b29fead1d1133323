#include "relay/ramps.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/daywindow.h"
#include "relay/fields.h"
#include "relay/job.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/ramps_parts.h"
#include "relay/snapshot.h"
#include "relay/store.h"

void ramps_init(struct ramps *ramps)
{
    list_init(&ramps->entries);
    list_init(&ramps->hours);
}

void ramps_done(struct ramps *ramps)
{
    list_each_safe (node, &ramps->entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        list_remove(node);
        zone_free(entry->zone);
        free(entry);
    }
    list_each_safe (node, &ramps->hours) {
        list_remove(node);
        free(LIST_OWNER(node, struct ramp_hours, node));
    }
}

/* ---- entries ---- */

const struct config_warmup *ramps_warmup(const struct ramp_entry *entry)
{
    return &entry->core->snapshot->config->warmups[entry->warmup];
}

bool ramps_is_other(const struct ramp_entry *entry)
{
    return strcmp(entry->site, RAMPS_OTHER) == 0;
}

bool ramps_is_judged(const struct ramp_entry *entry)
{
    return entry->site[0] != '\0' || ramps_warmup(entry)->per == CONFIG_WARMUP_PER_SOURCE;
}

uint64_t ramps_cap(const struct ramp_entry *entry)
{
    if (!ramps_is_judged(entry)) {
        uint64_t total = ramps_warmup(entry)->total;
        return total != 0 ? total : UINT64_MAX;
    }
    return ramp_allowance(&entry->plan, &entry->ramp, ramps_is_other(entry));
}

struct ramp_entry *ramps_find(struct core *core, const struct source *source,
                              const char *site)
{
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (entry->source == source && strcmp(entry->site, site) == 0) {
            return entry;
        }
    }
    return NULL;
}

struct ramp_entry *ramps_make(struct core *core, struct source *source, const char *site,
                              uint32_t warmup)
{
    struct ramp_entry *entry = arena_must(1, sizeof *entry);
    entry->core = core;
    entry->source = source;
    entry->warmup = warmup;
    (void)snprintf(entry->site, sizeof entry->site, "%s", site);
    ramps_configure(entry);
    int32_t today = (int32_t)ramps_today(entry).number;
    ramp_start(&entry->ramp, 0, today);
    ledger_open(&entry->ledger, NULL, today);
    /* The release starts full: its burst is one message or 1 % of the day, and the ledger
     * keeps the day's count across restarts. */
    list_push_back(&core->ramps.entries, &entry->node);
    return entry;
}

/* The entry of a source and a site, made when the source has a ramp. */
static struct ramp_entry *entry_of(struct core *core, struct source *source,
                                   const char *site, uint32_t warmup)
{
    struct ramp_entry *entry = ramps_find(core, source, site);
    if (entry == NULL) {
        const struct ramp_entry *total = ramps_find(core, source, "");
        entry = ramps_make(core, source, site, warmup);
        entry->ramp.paused = total != NULL && total->ramp.paused;
        ramps_keep(entry, NULL);
    }
    return entry;
}

unsigned ramps_of(struct core *core, struct lane *lane, struct ramp_entry *out[2])
{
    const struct config *config = core->snapshot->config;
    struct source *source = lane->source;
    uint32_t index = source->index;
    uint32_t warmup = index != CONFIG_NONE ? config->sources[index].warmup : CONFIG_NONE;
    unsigned count = 0;
    if (warmup == CONFIG_NONE) {
        return 0;
    }
    if (config->warmups[warmup].per == CONFIG_WARMUP_PER_SITE) {
        bool named = config_site_find(config, lane->site->name) != CONFIG_NONE;
        out[count++] =
            entry_of(core, source, named ? lane->site->name : RAMPS_OTHER, warmup);
    }
    out[count++] = entry_of(core, source, "", warmup);
    return count;
}

/* ---- leases ---- */

struct lease {
    struct store_ticket ticket;
    struct ramp_entry *entry; /* borrowed: entries live as long as core */
    struct ledger_record record;
};

static void on_leased(struct letter *letter)
{
    struct store_ticket *ticket = LIST_OWNER(letter, struct store_ticket, letter);
    struct lease *lease = LIST_OWNER(ticket, struct lease, ticket);
    struct ramp_entry *entry = lease->entry;
    entry->is_leasing = false;
    if (ticket->status == 0) {
        ledger_durable(&entry->ledger, &lease->record);
        scheduler_kick_all(entry->core);
    } else {
        ledger_failed(&entry->ledger);
        log_error("the store cannot be written: the ramp of source %s waits for it",
                  entry->source->name);
    }
    free(lease);
}

static void ask_lease(struct ramp_entry *entry)
{
    uint64_t cap = ramps_cap(entry);
    struct pace_limit release = ramp_release(cap, entry->window_ns);
    uint64_t size = ledger_lease(cap, pace_per_second(&release));
    struct ledger_record record;
    if (entry->is_leasing || !ledger_want(&entry->ledger, cap, size, &record)) {
        return;
    }
    struct lease *lease = arena_must(1, sizeof *lease);
    lease->entry = entry;
    lease->record = record;
    lease->ticket.home = &entry->core->mailbox;
    lease->ticket.done_cb = on_leased;
    entry->is_leasing = true;
    char key[STORE_KEY_BYTES];
    struct fields fields;
    ramps_key(entry, key);
    fields_init(&fields);
    fields_add_int(&fields, "day", record.day);
    fields_add_int(&fields, "reserved", (int64_t)record.reserved);
    store_put(entry->core->store,
              &(struct store_row){.kind = STORE_LEDGER, .key = key, .value = fields.text},
              &lease->ticket);
}

/* ---- the gate ---- */

bool ramps_is_met(const struct ramp_entry *entry)
{
    return entry->day.met && ramps_is_judged(entry);
}

static void add_gate(struct ramp_entry *entry, uint64_t cap, int64_t now_ns,
                     unsigned gate, struct scheduler_gates *out)
{
    uint64_t room = ledger_room(&entry->ledger, cap);
    int64_t earliest_ns = now_ns + NOW_NS_PER_S;
    int64_t opens_s =
        daywindow_opens(&ramps_warmup(entry)->window, entry->zone, now_unix_ms() / 1000);
    if (preflight_holds(entry->source)) {
        room = 0;
        earliest_ns = now_ns + INT64_C(3600) * NOW_NS_PER_S; /* its end kicks */
    } else if (opens_s != 0) {
        room = 0; /* outside the sending window */
        earliest_ns = now_from_unix_ms(opens_s * 1000);
    } else if (entry->ledger.spent >= cap || ramps_is_met(entry)) {
        room = 0;
        earliest_ns = now_from_unix_ms(ramps_today(entry).ends_unix_s * 1000);
    }
    out->ramps[gate] =
        (struct gate_count){.used = room > 0 ? entry->ledger.spent : cap,
                            .most = room > 0 ? entry->ledger.spent + room : cap,
                            .earliest_ns = earliest_ns,
                            .owner = GATE_OWNER_CONFIG};
    out->limits[2 + gate] = ramp_release(cap, entry->window_ns);
    out->ramp_paces[gate] = (struct gate_pace){
        .pace = &entry->pace, .limit = &out->limits[2 + gate], .owner = GATE_OWNER_RULE};
}

void ramps_gates(struct core *core, struct lane *lane, int64_t now_ns,
                 struct scheduler_gates *out)
{
    struct ramp_entry *entries[2];
    unsigned count = ramps_of(core, lane, entries);
    unsigned gates = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t cap = ramps_cap(entries[i]);
        if (cap == UINT64_MAX) {
            continue; /* done, or without a total */
        }
        ask_lease(entries[i]);
        add_gate(entries[i], cap, now_ns, gates, out);
        gates++;
    }
    out->ask.ramps = out->ramps;
    out->ask.ramp_count = gates;
    out->ask.ramp_paces = out->ramp_paces;
    out->ask.ramp_pace_count = gates;
}

/* ---- spending ---- */

void ramps_spend(struct core *core, struct lane *lane, uint32_t stream, struct job *job,
                 int64_t now_ns)
{
    struct ramp_entry *entries[2];
    unsigned count = ramps_of(core, lane, entries);
    ramps_hours_note(core, stream);
    for (unsigned i = 0; i < count; i++) {
        struct ramp_entry *entry = entries[i];
        uint64_t cap = ramps_cap(entry);
        if (cap == UINT64_MAX) {
            continue;
        }
        struct pace_limit release = ramp_release(cap, entry->window_ns);
        ledger_spend(&entry->ledger, job->rcpt_count);
        pace_spend(&entry->pace, &release, job->rcpt_count, now_ns);
        job->ramps[i] = (struct ramp_charge){.entry = entry, .day = entry->ledger.day};
        entry->is_unsaved = true;
        ask_lease(entry);
    }
}

void ramps_settle(struct job *job, uint32_t accepted)
{
    assert(accepted <= job->rcpt_count);
    for (unsigned i = 0; i < 2; i++) {
        struct ramp_charge *charge = &job->ramps[i];
        if (charge->entry != NULL) {
            ledger_settle(&charge->entry->ledger, charge->day, accepted,
                          job->rcpt_count - accepted);
            charge->entry = NULL;
        }
    }
}

void ramps_evidence(struct core *core, struct lane *lane, enum verdict_ramp evidence)
{
    struct ramp_entry *entries[2];
    if (evidence == VERDICT_RAMP_NOTHING) {
        return;
    }
    unsigned count = ramps_of(core, lane, entries);
    for (unsigned i = 0; i < count; i++) {
        ramp_day_add(&entries[i]->day, evidence, now_unix_ms());
        entries[i]->is_unsaved = true;
        if (evidence == VERDICT_RAMP_BLOCK) {
            ramps_keep(entries[i], NULL); /* not to be forgotten */
        }
    }
}
