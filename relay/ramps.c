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
#include "relay/journal.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/store.h"
#include "relay/zone.h"

void ramps_init(struct ramps *ramps)
{
    list_init(&ramps->entries);
}

void ramps_done(struct ramps *ramps)
{
    list_each_safe (node, &ramps->entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        list_remove(node);
        zone_free(entry->zone);
        free(entry);
    }
}

/* ---- days ---- */

static const struct config_warmup *warmup_of(const struct ramp_entry *entry)
{
    return &entry->core->snapshot->config->warmups[entry->warmup];
}

static struct zone_day day_of(struct ramp_entry *entry)
{
    int64_t unix_s = now_unix_ms() / 1000;
    if (unix_s >= entry->today.ends_unix_s) {
        entry->today =
            zone_day_at(entry->zone, unix_s, warmup_of(entry)->day_starts_minute * 60);
    }
    return entry->today;
}

static void set_zone(struct ramp_entry *entry)
{
    zone_free(entry->zone);
    entry->zone = NULL;
    entry->today = (struct zone_day){0};
    struct errmsg err;
    if (zone_open(&entry->zone, warmup_of(entry)->timezone, &err) != 0) {
        log_error("warmup %s: %s; its days are UTC's", warmup_of(entry)->name, err.text);
        int rc = zone_open(&entry->zone, "UTC", NULL);
        assert(rc == 0); /* needs no file */
    }
}

/* How long the sending window of a day is. */
static int64_t window_ns(const struct ramp_entry *entry)
{
    return (int64_t)daywindow_minutes(&warmup_of(entry)->window) * 60 * NOW_NS_PER_S;
}

static bool is_other(const struct ramp_entry *entry)
{
    return strcmp(entry->site, RAMPS_OTHER) == 0;
}

static uint64_t cap_of(const struct ramp_entry *entry)
{
    const struct config_warmup *warmup = warmup_of(entry);
    if (entry->site[0] == '\0' && warmup->per == CONFIG_WARMUP_PER_SITE) {
        return warmup->total != 0 ? warmup->total : UINT64_MAX;
    }
    return ramp_allowance(&entry->plan, &entry->ramp, is_other(entry));
}

uint64_t ramps_cap(const struct ramp_entry *entry)
{
    return cap_of(entry);
}

int64_t ramps_day_end_ms(struct ramp_entry *entry)
{
    return day_of(entry).ends_unix_s * 1000;
}

/* ---- entries ---- */

static void fill_plan(const struct config_warmup *warmup, struct ramp_plan *plan)
{
    *plan = (struct ramp_plan){
        .start = warmup->start, .growth = warmup->growth, .days = warmup->days};
    for (size_t i = 0; i < warmup->steps.count && i < RAMP_STEPS; i++) {
        plan->steps[i] = warmup->steps.items[i];
        plan->step_count++;
    }
}

static struct ramp_entry *find(struct core *core, const struct source *source,
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

static void key_of(const struct ramp_entry *entry, char out[STORE_KEY_BYTES])
{
    (void)snprintf(out, STORE_KEY_BYTES, "%s|%s", entry->source->name, entry->site);
}

static void keep_ramp(const struct ramp_entry *entry)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    key_of(entry, key);
    fields_init(&fields);
    fields_add_int(&fields, "day", entry->ramp.day);
    fields_add_int(&fields, "step", entry->ramp.step);
    fields_add_int(&fields, "idle_days", entry->ramp.idle_days);
    fields_add_int(&fields, "low_days", entry->ramp.low_days);
    fields_add_int(&fields, "clean_low_days", entry->ramp.clean_low_days);
    fields_add_int(&fields, "biggest_day", (int64_t)entry->ramp.biggest_day);
    fields_add_int(&fields, "done", entry->ramp.done);
    fields_add_int(&fields, "paused", entry->ramp.paused);
    store_put(entry->core->store,
              &(struct store_row){.kind = STORE_RAMP, .key = key, .value = fields.text},
              NULL);
}

static struct ramp_entry *make(struct core *core, struct source *source, const char *site,
                               uint32_t warmup)
{
    struct ramp_entry *entry = arena_must(1, sizeof *entry);
    entry->core = core;
    entry->source = source;
    entry->warmup = warmup;
    (void)snprintf(entry->site, sizeof entry->site, "%s", site);
    fill_plan(&core->snapshot->config->warmups[warmup], &entry->plan);
    set_zone(entry);
    int32_t today = (int32_t)day_of(entry).number;
    ramp_start(&entry->ramp, 0, today);
    ledger_open(&entry->ledger, NULL, today);
    /* The release starts full: its burst is one message or 1 % of the day, and the ledger
     * keeps the day's count across restarts. */
    list_push_back(&core->ramps.entries, &entry->node);
    return entry;
}

/* The entry of a source and a site, made when the source has a ramp. NULL without one. */
static struct ramp_entry *entry_of(struct core *core, struct source *source,
                                   const char *site)
{
    struct ramp_entry *entry = find(core, source, site);
    if (entry != NULL) {
        return entry->warmup != CONFIG_NONE ? entry : NULL;
    }
    if (source->index == CONFIG_NONE) {
        return NULL;
    }
    uint32_t warmup = core->snapshot->config->sources[source->index].warmup;
    if (warmup == CONFIG_NONE) {
        return NULL;
    }
    entry = make(core, source, site, warmup);
    keep_ramp(entry);
    return entry;
}

/* The two entries a lane is counted in. */
static unsigned entries_of(struct core *core, struct lane *lane,
                           struct ramp_entry *out[2])
{
    struct source *source = lane->source;
    if (source->index == CONFIG_NONE ||
        core->snapshot->config->sources[source->index].warmup == CONFIG_NONE) {
        return 0;
    }
    const struct config *config = core->snapshot->config;
    const struct config_warmup *warmup =
        &config->warmups[config->sources[source->index].warmup];
    unsigned count = 0;
    if (warmup->per == CONFIG_WARMUP_PER_SITE) {
        bool named = config_site_find(config, lane->site->name) != CONFIG_NONE;
        out[count++] = entry_of(core, source, named ? lane->site->name : RAMPS_OTHER);
    }
    if (warmup->per == CONFIG_WARMUP_PER_SOURCE || warmup->total != 0) {
        out[count++] = entry_of(core, source, "");
    }
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
    uint64_t cap = cap_of(entry);
    struct pace_limit release = ramp_release(cap, window_ns(entry));
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
    key_of(entry, key);
    fields_init(&fields);
    fields_add_int(&fields, "day", record.day);
    fields_add_int(&fields, "reserved", (int64_t)record.reserved);
    store_put(entry->core->store,
              &(struct store_row){.kind = STORE_LEDGER, .key = key, .value = fields.text},
              &lease->ticket);
}

/* ---- the gate ---- */

void ramps_gates(struct core *core, struct lane *lane, int64_t now_ns,
                 struct scheduler_gates *out)
{
    struct ramp_entry *entries[2];
    unsigned count = entries_of(core, lane, entries);
    unsigned gates = 0;
    for (unsigned i = 0; i < count; i++) {
        struct ramp_entry *entry = entries[i];
        uint64_t cap = entry != NULL ? cap_of(entry) : UINT64_MAX;
        if (cap == UINT64_MAX) {
            continue; /* done, or without a total */
        }
        ask_lease(entry);
        uint64_t room = ledger_room(&entry->ledger, cap);
        int64_t day_end_ns = now_from_unix_ms(day_of(entry).ends_unix_s * 1000);
        bool is_spent = entry->ledger.spent >= cap;
        int64_t opens_s =
            daywindow_opens(&warmup_of(entry)->window, entry->zone, now_unix_ms() / 1000);
        if (opens_s != 0) {
            room = 0; /* outside the sending window */
        }
        out->ramps[gates] = (struct gate_count){
            .used = room > 0 ? entry->ledger.spent : cap,
            .most = room > 0 ? entry->ledger.spent + room : cap,
            .earliest_ns = opens_s != 0 ? now_from_unix_ms(opens_s * 1000)
                           : is_spent   ? day_end_ns
                                        : now_ns + NOW_NS_PER_S,
            .owner = GATE_OWNER_CONFIG};
        out->limits[2 + gates] = ramp_release(cap, window_ns(entry));
        out->ramp_paces[gates] = (struct gate_pace){.pace = &entry->pace,
                                                    .limit = &out->limits[2 + gates],
                                                    .owner = GATE_OWNER_RULE};
        gates++;
    }
    out->ask.ramps = out->ramps;
    out->ask.ramp_count = gates;
    out->ask.ramp_paces = out->ramp_paces;
    out->ask.ramp_pace_count = gates;
}

void ramps_spend(struct core *core, struct lane *lane, uint32_t units, int64_t now_ns)
{
    struct ramp_entry *entries[2];
    unsigned count = entries_of(core, lane, entries);
    for (unsigned i = 0; i < count; i++) {
        if (entries[i] == NULL || cap_of(entries[i]) == UINT64_MAX) {
            continue;
        }
        struct pace_limit release =
            ramp_release(cap_of(entries[i]), window_ns(entries[i]));
        ledger_spend(&entries[i]->ledger, units);
        pace_spend(&entries[i]->pace, &release, units, now_ns);
        entries[i]->day.released += units;
        ask_lease(entries[i]);
    }
}

void ramps_settle(struct core *core, struct lane *lane, const struct job *job,
                  uint32_t accepted)
{
    struct ramp_entry *entries[2];
    unsigned count = entries_of(core, lane, entries);
    for (unsigned i = 0; i < count; i++) {
        if (entries[i] != NULL && entries[i]->ledger.flying >= job->rcpt_count) {
            ledger_settle(&entries[i]->ledger, job->ramp_day, accepted,
                          job->rcpt_count - accepted);
        }
    }
}

int32_t ramps_day(struct core *core, struct lane *lane)
{
    struct ramp_entry *entries[2];
    return entries_of(core, lane, entries) > 0 && entries[0] != NULL
               ? entries[0]->ledger.day
               : 0;
}

void ramps_evidence(struct core *core, struct lane *lane, enum verdict_ramp evidence)
{
    struct ramp_entry *entries[2];
    unsigned count = entries_of(core, lane, entries);
    for (unsigned i = 0; i < count; i++) {
        if (entries[i] == NULL || evidence == VERDICT_RAMP_NOTHING) {
            continue;
        }
        struct ramp_day *day = &entries[i]->day;
        day->attempts++;
        switch (evidence) {
        case VERDICT_RAMP_NOTHING: break;
        case VERDICT_RAMP_ACCEPTED: day->accepted++; break;
        case VERDICT_RAMP_DEFERRAL: day->deferrals++; break;
        case VERDICT_RAMP_REFUSAL: day->refusals++; break;
        case VERDICT_RAMP_BAD_MAILBOX: day->bad_mailboxes++; break;
        case VERDICT_RAMP_BLOCK: day->blocked = true; break;
        }
    }
}

/* ---- the day's end ---- */

static void close_day(struct ramp_entry *entry, int32_t today)
{
    struct ramp_ruling ruling = ramp_close_day(&entry->ramp, &entry->plan, &RAMP_RULES,
                                               &entry->day, is_other(entry), today);
    char before[32];
    char after[32];
    char evidence[200];
    (void)snprintf(before, sizeof before, "%llu", (unsigned long long)ruling.before);
    (void)snprintf(after, sizeof after, "%llu", (unsigned long long)ruling.after);
    (void)snprintf(
        evidence, sizeof evidence,
        "%s: %llu accepted of %llu released, %llu deferred, %llu refused, %llu "
        "bad mailboxes",
        ramp_verdict_name(ruling.verdict), (unsigned long long)entry->day.accepted,
        (unsigned long long)entry->day.released, (unsigned long long)entry->day.deferrals,
        (unsigned long long)entry->day.refusals,
        (unsigned long long)entry->day.bad_mailboxes);
    journal_record(entry->core->store, LOG_WARMUP,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = "ramp",
                                           .kind = "ramp",
                                           .source = entry->source->name,
                                           .site = entry->site,
                                           .before = before,
                                           .after = after,
                                           .evidence = evidence},
                   NULL);
    entry->day = (struct ramp_day){0};
    keep_ramp(entry);
}

void ramps_tick(struct core *core)
{
    bool any = false;
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (entry->warmup == CONFIG_NONE) {
            continue;
        }
        int32_t today = (int32_t)day_of(entry).number;
        if (ledger_day(&entry->ledger, today, NULL)) {
            close_day(entry, today);
            any = true;
        }
    }
    if (any) {
        scheduler_kick_all(core);
    }
}

/* ---- start and stop ---- */

void ramps_load(struct core *core, const struct store_row *row)
{
    char name[STORE_KEY_BYTES];
    struct fields fields;
    (void)snprintf(name, sizeof name, "%s", row->key);
    char *site = strchr(name, '|');
    if (site == NULL || !fields_load(&fields, row->value, strlen(row->value))) {
        return;
    }
    *site++ = '\0';
    struct source *source = sources_find(&core->sources, name);
    if (source == NULL || source->index == CONFIG_NONE) {
        return;
    }
    uint32_t warmup = core->snapshot->config->sources[source->index].warmup;
    if (warmup == CONFIG_NONE) {
        return;
    }
    struct ramp_entry *entry = find(core, source, site);
    if (entry == NULL) {
        entry = make(core, source, site, warmup);
    }
    if (row->kind == STORE_LEDGER) {
        struct ledger_record record = {
            .day = (int32_t)fields_int_or(&fields, "day", 0),
            .reserved = (uint64_t)fields_int_or(&fields, "reserved", 0)};
        ledger_open(&entry->ledger, &record, (int32_t)day_of(entry).number);
        return;
    }
    struct ramp *ramp = &entry->ramp;
    ramp->day = (int32_t)fields_int_or(&fields, "day", ramp->day);
    ramp->step = (uint32_t)fields_int_or(&fields, "step", 0);
    ramp->idle_days = (uint32_t)fields_int_or(&fields, "idle_days", 0);
    ramp->low_days = (uint32_t)fields_int_or(&fields, "low_days", 0);
    ramp->clean_low_days = (uint32_t)fields_int_or(&fields, "clean_low_days", 0);
    ramp->biggest_day = (uint64_t)fields_int_or(&fields, "biggest_day", 0);
    ramp->done = fields_int_or(&fields, "done", 0) != 0;
    ramp->paused = fields_int_or(&fields, "paused", 0) != 0;
}

void ramps_take(struct core *core)
{
    const struct config *config = core->snapshot->config;
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        uint32_t index = entry->source->index;
        entry->warmup =
            index != CONFIG_NONE ? config->sources[index].warmup : CONFIG_NONE;
        if (entry->warmup == CONFIG_NONE) {
            continue;
        }
        fill_plan(&config->warmups[entry->warmup], &entry->plan);
        set_zone(entry);
        int32_t today = (int32_t)day_of(entry).number;
        (void)ledger_day(&entry->ledger, today, NULL); /* or ramps_tick closes it again */
        if (entry->ramp.day < today) {
            close_day(entry, today); /* days that passed while nobody was there */
        }
    }
}

void ramps_save_all(struct core *core)
{
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (entry->warmup == CONFIG_NONE) {
            continue;
        }
        struct ledger_record record = ledger_close(&entry->ledger);
        char key[STORE_KEY_BYTES];
        struct fields fields;
        key_of(entry, key);
        fields_init(&fields);
        fields_add_int(&fields, "day", record.day);
        fields_add_int(&fields, "reserved", (int64_t)record.reserved);
        store_put(
            core->store,
            &(struct store_row){.kind = STORE_LEDGER, .key = key, .value = fields.text},
            NULL);
        keep_ramp(entry);
    }
}
