#include <assert.h>
#include <stdio.h>

#include "relay/core.h"
#include "relay/daywindow.h"
#include "relay/journal.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/ramps_parts.h"
#include "relay/snapshot.h"

/* ---- days ---- */

struct zone_day ramps_today(struct ramp_entry *entry)
{
    int64_t unix_s = now_unix_ms() / 1000;
    if (unix_s >= entry->today.ends_unix_s) {
        entry->today =
            zone_day_at(entry->zone, unix_s, ramps_warmup(entry)->day_starts_minute * 60);
    }
    return entry->today;
}

int64_t ramps_day_end_ms(struct ramp_entry *entry)
{
    return ramps_today(entry).ends_unix_s * 1000;
}

static void set_zone(struct ramp_entry *entry)
{
    const struct config_warmup *warmup = ramps_warmup(entry);
    struct errmsg err;
    zone_free(entry->zone);
    entry->zone = NULL;
    entry->today = (struct zone_day){0};
    if (zone_open(&entry->zone, warmup->timezone, &err) != 0) {
        log_error("warmup %s: %s; its days are UTC's", warmup->name, err.text);
        int rc = zone_open(&entry->zone, "UTC", NULL);
        assert(rc == 0); /* needs no file */
    }
}

static void set_window(struct ramp_entry *entry)
{
    const struct units_window *window = &ramps_warmup(entry)->window;
    if (window->from_minute != window->to_minute) {
        entry->window_ns = (int64_t)daywindow_minutes(window) * 60 * NOW_NS_PER_S;
    } else {
        entry->window_ns = ramps_hours_window_ns(entry->core, entry->source);
    }
}

void ramps_plan(const struct config_warmup *warmup, struct ramp_plan *out)
{
    *out = (struct ramp_plan){
        .start = warmup->start, .growth = warmup->growth, .days = warmup->days};
    for (size_t i = 0; i < warmup->steps.count && i < RAMP_STEPS; i++) {
        out->steps[i] = warmup->steps.items[i];
        out->step_count++;
    }
}

void ramps_configure(struct ramp_entry *entry)
{
    ramps_plan(ramps_warmup(entry), &entry->plan);
    set_zone(entry);
    set_window(entry);
}

/* ---- the verdict ---- */

/* The day as its verdict sees it: a key with hardly any attempts borrows its parent's
 * answers. */
static struct ramp_day judged_day(const struct ramp_entry *entry)
{
    struct ramp_day day = entry->day;
    if (entry->site[0] == '\0' ||
        ramp_past_attempts(&entry->ramp.past) + day.attempts >= RAMP_FEW) {
        return day;
    }
    const struct ramp_entry *total = ramps_find(entry->core, entry->source, "");
    if (total != NULL) {
        day.attempts = total->day.attempts;
        day.deferrals = total->day.deferrals;
        day.refusals = total->day.refusals;
        day.bad_mailboxes = total->day.bad_mailboxes;
    }
    return day;
}

struct ramp_ruling ramps_preview(const struct ramp_entry *entry)
{
    struct ramp_day day = judged_day(entry);
    return ramp_preview(&entry->ramp, &entry->plan, &RAMP_RULES, &day,
                        ramps_is_other(entry));
}

static void print_cap(uint64_t cap, char out[32])
{
    if (cap == UINT64_MAX) {
        (void)snprintf(out, 32, "no limit");
    } else {
        (void)snprintf(out, 32, "%llu", (unsigned long long)cap);
    }
}

static void record(const struct ramp_entry *entry, const struct ramp_ruling *ruling)
{
    const struct ramp_day *day = &entry->day;
    char before[32];
    char after[32];
    char decided[120] = "";
    char evidence[400];
    print_cap(ruling->before, before);
    print_cap(ruling->after, after);
    if (ruling->of[0] != '\0' && ruling->bounds.high > 0) {
        (void)snprintf(decided, sizeof decided,
                       "; %s %.1f %% (at least %.1f %%), limit %.1f %%", ruling->of,
                       100 * ruling->bounds.share, 100 * ruling->bounds.low,
                       100 * ruling->limit);
    }
    (void)snprintf(
        evidence, sizeof evidence,
        "%s: %llu accepted, %llu released while mail waited, of %llu attempts %llu "
        "deferred, %llu refused, %llu bad mailboxes%s%s",
        ramp_verdict_name(ruling->verdict), (unsigned long long)day->accepted,
        (unsigned long long)day->released, (unsigned long long)day->attempts,
        (unsigned long long)day->deferrals, (unsigned long long)day->refusals,
        (unsigned long long)day->bad_mailboxes,
        day->blocked ? ", blocked"
        : day->met   ? ", the receiver takes no more"
                     : "",
        decided);
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
}

static void close_day(struct ramp_entry *entry, int32_t today)
{
    struct ramp_day day = judged_day(entry);
    if (ramps_is_judged(entry)) {
        struct ramp_ruling ruling = ramp_close_day(
            &entry->ramp, &entry->plan, &RAMP_RULES, &day, ramps_is_other(entry), today);
        record(entry, &ruling);
    } else if (today > entry->ramp.day) {
        /* The sum of its sites: they are judged, it is remembered. */
        ramp_past_add(&entry->ramp.past, day.accepted, day.attempts, day.accepted,
                      (uint32_t)(today - entry->ramp.day - 1));
        entry->ramp.day = today;
    }
    entry->day = (struct ramp_day){0};
    entry->release_part = 0;
    ramps_keep(entry, NULL);
}

/* ---- what is released while mail waits ---- */

static bool serves(const struct config_stream *stream, const struct source *source)
{
    for (size_t i = 0; i < stream->sources.count; i++) {
        if (stream->sources.items[i] == source->index) {
            return true;
        }
    }
    return false;
}

/* Has any stream something ready for the lane, bound to its source (number n of core's)
 * or free to take it? */
static bool mail_waits(const struct core *core, const struct lane *lane, uint32_t n)
{
    const struct config *config = core->snapshot->config;
    const struct site *site = lane->site;
    for (uint32_t i = 0; i < site->bay_count; i++) {
        const struct bay *bay = &site->bays[i];
        if (bay->flows == 0) {
            continue;
        }
        bool bound = n + 1 < bay->ready_room && !list_is_empty(&bay->ready[n + 1]);
        bool is_free = bay->ready_room > 0 && !list_is_empty(&bay->ready[0]);
        if (bound || (is_free && serves(&config->streams[i], lane->source))) {
            return true;
        }
    }
    return false;
}

/* Is anything of the source limited? */
static bool is_warming(const struct core *core, const struct source *source)
{
    list_each (node, &core->ramps.entries) {
        const struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (entry->source == source && entry->warmup != CONFIG_NONE &&
            ramps_cap(entry) != UINT64_MAX) {
            return true;
        }
    }
    return false;
}

static void look_who_waits(struct core *core)
{
    for (uint32_t i = 0; i < core->sources.count; i++) {
        struct source *source = core->sources.items[i];
        if (!is_warming(core, source)) {
            continue;
        }
        list_each (node, &source->lanes) {
            struct lane *lane = LIST_OWNER(node, struct lane, by_source);
            struct ramp_entry *entries[2];
            unsigned count =
                mail_waits(core, lane, i) ? ramps_of(core, lane, entries) : 0;
            for (unsigned k = 0; k < count; k++) {
                entries[k]->waits = true;
            }
        }
    }
}

/* Between two looks with mail waiting at both ends, in the window, the allowance goes on
 * being released. */
static void release(struct ramp_entry *entry, int64_t passed_ns)
{
    uint64_t cap = ramps_cap(entry);
    if (!entry->waited || !entry->waits || cap == UINT64_MAX || ramps_is_met(entry) ||
        preflight_holds(entry->source) ||
        daywindow_opens(&ramps_warmup(entry)->window, entry->zone,
                        now_unix_ms() / 1000) != 0) {
        return;
    }
    entry->release_part += (double)cap * (double)passed_ns / (double)entry->window_ns;
    double left = (double)cap - (double)entry->day.released;
    entry->release_part = entry->release_part < left ? entry->release_part : left;
    if (entry->release_part >= 1) {
        uint64_t whole = (uint64_t)entry->release_part;
        entry->day.released += whole;
        entry->release_part -= (double)whole;
        entry->is_unsaved = true;
    }
}

/* A source that is out of service for a listing has a listed day. */
static void note_listing(struct ramp_entry *entry)
{
    const struct stop *stop = &entry->source->stop;
    if (stop->cause != STOP_CAUSE_LISTED || stop->state == STOP_CLEAR ||
        stop->state == STOP_CHECKING || stop->state == STOP_RESUMING ||
        stop->reach == STOP_REACH_NOTHING || entry->day.listed) {
        return;
    }
    entry->day.listed = true;
    entry->day.grave = stop->list_kind == STOP_LIST_GRAVE;
    ramps_keep(entry, NULL);
}

/* ---- time passes ---- */

bool ramps_end_days(struct core *core)
{
    bool any = false;
    for (unsigned totals = 0; totals < 2; totals++) {
        list_each (node, &core->ramps.entries) {
            struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
            bool is_total = entry->site[0] == '\0';
            if (entry->warmup == CONFIG_NONE || is_total != (totals == 1)) {
                continue;
            }
            int32_t today = (int32_t)ramps_today(entry).number;
            (void)ledger_day(&entry->ledger, today, NULL);
            if (entry->ramp.day < today) {
                close_day(entry, today);
                any = true;
            }
        }
    }
    return any;
}

void ramps_tick(struct core *core)
{
    int64_t now = now_ns();
    int64_t hour = now_unix_ms() / 3600000;
    int64_t passed_ns = core->ramps.looked_ns != 0 ? now - core->ramps.looked_ns : 0;
    core->ramps.looked_ns = now;
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        entry->waited = entry->waits;
        entry->waits = false;
        if (entry->warmup != CONFIG_NONE) {
            note_listing(entry);
            if (hour != core->ramps.hour) {
                set_window(entry);
            }
        }
    }
    core->ramps.hour = hour;
    if (ramps_end_days(core)) {
        scheduler_kick_all(core);
    }
    look_who_waits(core);
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (entry->warmup == CONFIG_NONE) {
            continue;
        }
        release(entry, passed_ns);
        if (entry->is_unsaved) {
            ramps_keep(entry, NULL);
        }
    }
}
