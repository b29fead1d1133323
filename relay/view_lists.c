/* Streams, sources, blocks, freezes and warm-ups as rows. */

#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/daywindow.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/view_parts.h"

#define NAMES_BYTES 2048

/* Names joined with one space; those that do not fit are left out. */
static void join(char out[NAMES_BYTES], const char *name)
{
    size_t used = strlen(out);
    if (used + strlen(name) + 2 <= NAMES_BYTES) {
        (void)snprintf(out + used, NAMES_BYTES - used, "%s%s", used > 0 ? " " : "", name);
    }
}

static bool names_source(const struct config_stream *stream, uint32_t source)
{
    for (size_t i = 0; i < stream->sources.count; i++) {
        if (stream->sources.items[i] == source) {
            return true;
        }
    }
    return false;
}

static uint64_t all_of(const struct view_sums *sums)
{
    return sums->ready + sums->deferred + sums->active + sums->held;
}

/* ---- streams ---- */

/* Does no source of it serve another stream? */
static bool is_walled(const struct config *config, uint32_t stream)
{
    for (size_t i = 0; i < config->streams[stream].sources.count; i++) {
        for (uint32_t other = 0; other < config->stream_count; other++) {
            if (other != stream &&
                names_source(&config->streams[other],
                             config->streams[stream].sources.items[i])) {
                return false;
            }
        }
    }
    return true;
}

/* The sums of idle hold what is owed a bounce, too; nothing is held when nothing is. */
static uint64_t held_of(struct core *core, const struct view_sums *sums)
{
    struct index_stats stats;
    index_stats(core->index, &stats);
    return sums->held < stats.held ? sums->held : stats.held;
}

static void hand_over_stream(struct view *view, uint32_t stream,
                             struct api_answer *answer)
{
    static const struct view_sums none = {0};
    struct core *core = view->core;
    const struct config *config = core->snapshot->config;
    const struct config_stream *from = &config->streams[stream];
    const struct view_sums *sums = stream < 64 ? &view->survey.streams[stream] : &none;
    const struct freeze *freeze = freezes_find(&core->freezes, FREEZE_STREAM, from->name);
    const struct tally *tally = stream_tally(&core->stream_tallies, from->name);
    char names[NAMES_BYTES] = "";
    for (size_t i = 0; i < from->sources.count; i++) {
        join(names, config->sources[from->sources.items[i]].name);
    }
    struct api_stream row = {.name = from->name,
                             .sources = names,
                             .mode = from->mode == CONFIG_MODE_OBSERVE ? "observe"
                                                                       : "enforce",
                             .state = freeze != NULL ? "frozen" : "running",
                             .reason = freeze != NULL ? freeze->why : "",
                             .weight = from->weight,
                             .walled = is_walled(config, stream),
                             .queued = all_of(sums),
                             .ready = sums->ready,
                             .deferred = sums->deferred,
                             .active = sums->active,
                             .held = held_of(core, sums),
                             .delivered = tally->delivered,
                             .retried = tally->retried,
                             .bounced = tally->bounced,
                             .lifetime_ms = from->lifetime_ns / NOW_NS_PER_MS,
                             .oldest_unix_ms = view_oldest(view, stream)};
    api_answer_stream(answer, &row);
}

void view_streams(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    view_ages_walk(view);
    for (uint32_t i = 0; i < view->core->snapshot->config->stream_count; i++) {
        hand_over_stream(view, i, answer);
    }
}

/* ---- sources ---- */

struct source_state {
    const char *state;
    const char *reason;
    int64_t since_unix_ms;
};

static struct source_state state_of(struct core *core, const struct source *source)
{
    const struct freeze *freeze =
        freezes_find(&core->freezes, FREEZE_SOURCE, source->name);
    if (source->stop.state != STOP_CLEAR) {
        struct stop_answer bulk = stop_ask(&source->stop, true, now_unix_ms());
        struct stop_answer other = stop_ask(&source->stop, false, now_unix_ms());
        bool is_stopped = !bulk.go || !other.go || bulk.canary;
        return (struct source_state){is_stopped ? "stopped" : "careful", source->stop.why,
                                     source->stop.since_unix_ms};
    }
    if (freeze != NULL) {
        return (struct source_state){"frozen", freeze->why, freeze->since_unix_ms};
    }
    return (struct source_state){"live", "", 0};
}

static void hand_over_source(struct view *view, uint32_t place, struct api_answer *answer)
{
    struct core *core = view->core;
    const struct config *config = core->snapshot->config;
    const struct source *source = core->sources.items[place];
    if (source->index == CONFIG_NONE) {
        return; /* its name is gone from the file */
    }
    const struct config_source *from = &config->sources[source->index];
    struct source_state state = state_of(core, source);
    int64_t now = now_ns();
    double rate = 0;
    char names[NAMES_BYTES] = "";
    for (uint32_t i = 0; i < config->stream_count; i++) {
        if (names_source(&config->streams[i], source->index)) {
            join(names, config->streams[i].name);
        }
    }
    list_each (node, &source->lanes) {
        rate += meter_per_second(&LIST_OWNER(node, struct lane, by_source)->meter, now);
    }
    char preflight[PREFLIGHT_TEXT + 40];
    preflight_say(source, preflight);
    const char *warmup =
        from->warmup != CONFIG_NONE ? config->warmups[from->warmup].name : "";
    struct api_source row = {.name = source->name,
                             .address = from->address.text,
                             .address6 = from->address6.text,
                             .public_address = from->public.text,
                             .helo = from->helo,
                             .streams = names,
                             .warmup = warmup,
                             .preflight = preflight,
                             .state = state.state,
                             .reason = state.reason,
                             .shared = from->shared,
                             .connections = source->slots,
                             .queued = all_of(&view->survey.sources[place]),
                             .delivered = source->tally.delivered,
                             .retried = source->tally.retried,
                             .bounced = source->tally.bounced,
                             .rate_per_second = rate,
                             .since_unix_ms = state.since_unix_ms};
    api_answer_source(answer, &row);
}

void view_sources(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    (void)view_survey(view);
    for (uint32_t i = 0; i < view->core->sources.count; i++) {
        hand_over_source(view, i, answer);
    }
}

/* ---- blocks ---- */

static const char *cause_of(const struct stop *stop)
{
    switch (stop->cause) {
    case STOP_CAUSE_LISTED: return finding_class_name(FINDING_IP_LISTED);
    case STOP_CAUSE_REPUTATION: return finding_class_name(FINDING_IP_REPUTATION);
    case STOP_CAUSE_AUTH: return finding_class_name(FINDING_AUTH_POLICY);
    case STOP_CAUSE_OPERATOR: return "operator";
    case STOP_CAUSE_NONE: break;
    }
    return "";
}

static const char *sentence_of(const struct stop *stop)
{
    switch (stop->state) {
    case STOP_CHECKING: return "out of service: the list is being asked";
    case STOP_HELD: return "out of service";
    case STOP_CANARY: return "trying single messages";
    case STOP_RESUMING: return "in service at a fraction of what was normal";
    case STOP_CLEAR: break;
    }
    return "";
}

static void hand_over_block(struct view *view, const struct source *source,
                            const struct lane *lane, struct api_answer *answer)
{
    const struct stop *stop = lane != NULL ? &lane->stop : &source->stop;
    bool raised = atomic_load(lane != NULL ? &lane->stop_flag : &source->stop_flag);
    if (stop->state == STOP_CLEAR && !raised) {
        return;
    }
    struct api_block row = {
        .source = source->name,
        .site = lane != NULL ? lane->site->name : "",
        .cause = cause_of(stop),
        .dnsbl = stop->list,
        .reply = stop->why,
        .sentence =
            stop->state != STOP_CLEAR ? sentence_of(stop) : "was stopped a moment ago",
        .recipients = view_survey_ready(view, source, lane != NULL ? lane->site : NULL),
        .since_unix_ms = stop->since_unix_ms,
        .probe_unix_ms = stop->until_unix_ms == INT64_MAX ? 0 : stop->until_unix_ms};
    api_answer_block(answer, &row);
}

void view_blocks(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    (void)view_survey(view);
    for (uint32_t i = 0; i < view->core->sources.count; i++) {
        const struct source *source = view->core->sources.items[i];
        hand_over_block(view, source, NULL, answer);
        list_each (node, &source->lanes) {
            hand_over_block(view, source, LIST_OWNER(node, struct lane, by_source),
                            answer);
        }
    }
}

void view_freezes(void *owner, struct api_answer *answer)
{
    const struct view *view = owner;
    list_each (node, &view->core->freezes.list) {
        const struct freeze *freeze = LIST_OWNER(node, struct freeze, node);
        struct api_freeze row = {.kind = freeze_kind_name(freeze->kind),
                                 .name = freeze->name,
                                 .why = freeze->why,
                                 .by = freeze->by,
                                 .since_unix_ms = freeze->since_unix_ms,
                                 .until_unix_ms = freeze->until_unix_ms};
        api_answer_freeze(answer, &row);
    }
}

/* ---- warm-ups ---- */

/* Ready recipients that the ramp counts. */
static uint64_t behind(struct view *view, const struct ramp_entry *entry)
{
    const struct core *core = view->core;
    const struct config *config = core->snapshot->config;
    bool is_other = strcmp(entry->site, RAMPS_OTHER) == 0;
    uint64_t waiting = 0;
    if (entry->site[0] == '\0') {
        return view_survey_ready(view, entry->source, NULL);
    }
    if (!is_other) {
        const struct site *site = sites_find(&core->sites, entry->site);
        return site != NULL ? view_survey_ready(view, entry->source, site) : 0;
    }
    list_each (node, &entry->source->lanes) {
        const struct lane *lane = LIST_OWNER(node, struct lane, by_source);
        if (config_site_find(config, lane->site->name) == CONFIG_NONE) {
            waiting += view_survey_ready(view, entry->source, lane->site);
        }
    }
    return waiting;
}

static void say_evidence(const struct ramp_day *day, char *out, size_t size)
{
    double share =
        day->attempts > 0 ? 100.0 * (double)day->deferrals / (double)day->attempts : 0;
    (void)snprintf(out, size,
                   "%llu accepted, %llu deferred (%.1f %%), %llu refused, "
                   "%llu bad mailboxes%s",
                   (unsigned long long)day->accepted, (unsigned long long)day->deferrals,
                   share, (unsigned long long)day->refusals,
                   (unsigned long long)day->bad_mailboxes,
                   day->blocked ? ", blocked" : "");
}

static void say_verdict(const struct ramp_entry *entry, char *out, size_t size)
{
    struct ramp_ruling ruling = ramps_preview(entry);
    const char *name = ramp_verdict_name(ruling.verdict);
    if (ruling.after == UINT64_MAX) {
        (void)snprintf(out, size, "%s", name);
    } else {
        (void)snprintf(out, size, "%s: %llu", name, (unsigned long long)ruling.after);
    }
}

/* When the next recipient is released; 0 when the ramp is done. */
static int64_t next_release(struct ramp_entry *entry)
{
    const struct config_warmup *warmup =
        &entry->core->snapshot->config->warmups[entry->warmup];
    uint64_t cap = ramps_cap(entry);
    if (cap == UINT64_MAX) {
        return 0;
    }
    int64_t opens_s = daywindow_opens(&warmup->window, entry->zone, now_unix_ms() / 1000);
    if (preflight_holds(entry->source)) {
        return 0;
    }
    if (entry->ledger.spent >= cap) {
        return ramps_day_end_ms(entry);
    }
    if (opens_s != 0) {
        return opens_s * 1000;
    }
    struct pace_limit release = ramp_release(cap, entry->window_ns);
    return view_unix_ms(pace_ask(&entry->pace, &release, now_ns()).earliest_ns);
}

static void hand_over_warmup(struct view *view, struct ramp_entry *entry,
                             struct api_answer *answer)
{
    const struct core *core = view->core;
    const struct config_warmup *warmup = &core->snapshot->config->warmups[entry->warmup];
    uint64_t cap = ramps_cap(entry);
    bool is_done = cap == UINT64_MAX;
    const struct ramp_day *day = &entry->day;
    char evidence[160];
    char verdict[120];
    char preflight[PREFLIGHT_TEXT + 40];
    char findings[PREFLIGHT_FINDINGS * (PREFLIGHT_TEXT + 20)];
    preflight_say(entry->source, preflight);
    say_evidence(day, evidence, sizeof evidence);
    say_verdict(entry, verdict, sizeof verdict);
    struct api_warmup row = {
        .source = entry->source->name,
        .site = entry->site,
        .ramp = warmup->name,
        .state = entry->ramp.paused               ? "paused"
                 : is_done                        ? "done"
                 : preflight_holds(entry->source) ? "preflight"
                 : ramps_is_met(entry)            ? "met"
                                                  : "running",
        .preflight = preflight,
        .findings = entry->site[0] == '\0'
                        ? preflight_list(entry->source, findings, sizeof findings)
                        : "",
        .evidence = evidence,
        .verdict = verdict,
        .day = entry->ramp.step + 1,
        .days = warmup->steps.count > 0 ? (unsigned)warmup->steps.count : warmup->days,
        .cap = is_done ? 0 : cap,
        .released = entry->ledger.spent,
        .sent = day->accepted < entry->ledger.spent ? day->accepted : entry->ledger.spent,
        .waiting = behind(view, entry),
        .next_unix_ms = next_release(entry),
        .day_end_unix_ms = ramps_day_end_ms(entry)};
    api_answer_warmup(answer, &row);
}

void view_warmups(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    (void)view_survey(view);
    list_each (node, &view->core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (entry->warmup != CONFIG_NONE) {
            hand_over_warmup(view, entry, answer);
        }
    }
}
