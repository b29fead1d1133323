/* One function for each kind of gate; all write into struct view_words. */

#include "relay/view_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"

void view_words_put(char *out, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(out, VIEW_TEXT, format, values);
    va_end(values);
}

/* A sentence; a reply may stand at its end. */
static void ATTR_PRINTF(2, 3) say(struct view_words *words, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(words->sentence, sizeof words->sentence, format, values);
    va_end(values);
}

static void put_reply(struct view_words *words, const char *reply)
{
    (void)snprintf(words->reply, sizeof words->reply, "%s", reply);
}

static void put_where(const struct view_path *path, const void *value, char *out)
{
    (void)config_where_print(path->core->snapshot->config, value, out, VIEW_TEXT);
}

static void put_duration(char *out, int64_t ms)
{
    int64_t ns = ms > 0 ? ms * NOW_NS_PER_MS : 0;
    (void)units_duration_print(ns - ns % NOW_NS_PER_S, out);
}

static const struct config_stream *stream_of(const struct view_path *path)
{
    return &path->core->snapshot->config->streams[path->stream];
}

static const struct config_site *site_of_path(const struct view_path *path)
{
    return &path->core->snapshot->config->sites[path->site->config];
}

/* ---- the message's own ---- */

static void say_lifetime(const struct view_path *path, struct view_words *words,
                         struct api_gate *row)
{
    const struct config_stream *stream = stream_of(path);
    int64_t life_ms = stream->lifetime_ns / NOW_NS_PER_MS;
    put_where(path, &stream->lifetime_ns, words->owner);
    if (path->message == NULL) {
        put_duration(words->value, life_ms);
        return;
    }
    int64_t accepted = (int64_t)path->message->accepted_unix_ms;
    int64_t own_ms = (int64_t)path->message->expires_unix_ms - accepted;
    if (own_ms > life_ms + 2000 || own_ms < life_ms - 2000) { /* kept to the second */
        view_words_put(words->owner, "the message's own lifetime");
        life_ms = own_ms;
    }
    put_duration(words->value, now_unix_ms() - accepted);
    put_duration(words->limit, life_ms);
    row->since_unix_ms = accepted;
    say(words, "its lifetime of %s is over: it expires", words->limit);
}

static void say_hold(const struct view_path *path, struct view_words *words,
                     struct api_gate *row)
{
    if (!path->answers[GATE_HOLD].holds) {
        return;
    }
    const struct change *last = path->last;
    bool knows = last != NULL && last->state == CHANGE_HELD;
    view_words_put(words->value, "held");
    view_words_put(words->owner, "%s",
                   knows && last->actor[0] != '\0' ? last->actor : "operator");
    if (knows) {
        put_reply(words, last->reason);
        row->since_unix_ms = (int64_t)last->when_unix_ms;
    }
    say(words, "held by %s%s%s; \"mesura queue release\" lets it go", words->owner,
        words->reply[0] != '\0' ? ": " : "", words->reply);
}

static void say_backoff(const struct view_path *path, struct view_words *words,
                        struct api_gate *row)
{
    const struct config *config = path->core->snapshot->config;
    const struct config_schedule *schedule = &config->schedules[stream_of(path)->retry];
    const struct recipient_view *recipient = path->recipient;
    const struct change *last = path->last;
    char where[VIEW_TEXT];
    if (recipient == NULL || row->state != API_GATE_CLOSED) {
        return;
    }
    put_where(path, &schedule->first_ns, where);
    view_words_put(words->owner, "schedule %s (%s)", schedule->name, where);
    view_words_put(words->value, "%u attempt%s", recipient->attempts,
                   recipient->attempts == 1 ? "" : "s");
    put_reply(words, path->reply != NULL ? path->reply : "");
    row->since_unix_ms = last != NULL ? (int64_t)last->when_unix_ms : 0;
    say(words, "waits for its next attempt%s%s",
        words->reply[0] != '\0' ? " after: " : "", words->reply);
}

/* ---- freezes and stops ---- */

static void say_freeze(const struct view_path *path, enum freeze_kind kind,
                       const char *name, struct view_words *words, struct api_gate *row)
{
    const struct freeze *freeze = freezes_find(&path->core->freezes, kind, name);
    if (freeze == NULL) {
        return;
    }
    view_words_put(words->value, "frozen");
    view_words_put(words->owner, "%s", freeze->by);
    put_reply(words, freeze->why);
    row->since_unix_ms = freeze->since_unix_ms;
    say(words, "%s %s is frozen by %s%s%s", freeze_kind_name(kind), name, freeze->by,
        freeze->why[0] != '\0' ? ": " : "", freeze->why);
}

static void say_stream(const struct view_path *path, struct view_words *words,
                       struct api_gate *row)
{
    const struct config_stream *stream = stream_of(path);
    say_freeze(path, FREEZE_STREAM, stream->name, words, row);
    if (row->state != API_GATE_CLOSED || words->owner[0] != '\0') {
        return;
    }
    view_words_put(words->value, "outside");
    view_words_put(words->limit, "%02u:%02u-%02u:%02u %s",
                   stream->window.from_minute / 60u, stream->window.from_minute % 60u,
                   stream->window.to_minute / 60u, stream->window.to_minute % 60u,
                   stream->timezone);
    put_where(path, &stream->window, words->owner);
    say(words, "stream %s sends only in its window of %s", stream->name, words->limit);
}

static void say_stop(const struct stop *stop, const char *whose, struct view_words *words,
                     struct api_gate *row)
{
    view_words_put(words->value, "%s%s%s", stop_state_name(stop->state),
                   stop->list[0] != '\0' ? ", " : "", stop->list);
    view_words_put(words->owner, "%s",
                   stop->cause == STOP_CAUSE_OPERATOR ? "operator"
                   : stop->cause == STOP_CAUSE_LISTED ? "rule: a reply names a list"
                   : stop->cause == STOP_CAUSE_REPUTATION
                       ? "rule: the receiver refuses us"
                       : "rule: the receiver asks for "
                         "more than we have");
    put_reply(words, stop->why);
    row->since_unix_ms = stop->since_unix_ms;
    say(words, "%s is stopped (%s)%s%s", whose, stop_cause_name(stop->cause),
        stop->why[0] != '\0' ? ": " : "", stop->why);
}

static void say_source_stop(const struct view_path *path, struct view_words *words,
                            struct api_gate *row)
{
    char whose[128];
    (void)snprintf(whose, sizeof whose, "source %s", path->source->name);
    if (path->source->stop.state != STOP_CLEAR) {
        say_stop(&path->source->stop, whose, words, row);
    } else if (row->state == API_GATE_CLOSED) {
        view_words_put(words->value, "just stopped");
        view_words_put(words->owner, "rule: a reply names a list");
        say(words, "%s was stopped a moment ago", whose);
    }
}

static void say_lane_stop(const struct view_path *path, struct view_words *words,
                          struct api_gate *row)
{
    const struct lane *lane = path->lane;
    char whose[400];
    (void)snprintf(whose, sizeof whose, "source %s at %s", lane->source->name,
                   lane->site->name);
    if (lane->stop.state != STOP_CLEAR) {
        say_stop(&lane->stop, whose, words, row);
        return;
    }
    if (row->state != API_GATE_CLOSED) {
        return;
    }
    bool probes = lane->control.state == CONTROL_PROBING;
    view_words_put(words->value, "%s", probes ? "probing" : "paused");
    view_words_put(words->owner, "learnt");
    put_reply(words, lane->cause);
    row->since_unix_ms = lane->cause_unix_ms;
    say(words, "%s %s%s%s", whose,
        probes ? "waits for the answer to one message" : "pauses",
        lane->cause[0] != '\0' ? " after: " : "", lane->cause);
}

static void say_destination(const struct view_path *path, struct view_words *words,
                            struct api_gate *row)
{
    const struct dest *dest = path->dest;
    if (dest == NULL) {
        return;
    }
    view_words_put(words->value, "%s", dest_state_name(dest->state));
    if (row->state != API_GATE_CLOSED) {
        return;
    }
    if (!path->core->snapshot->config->delivery.enabled) {
        view_words_put(words->owner, "configuration");
        say(words,
            "delivery.enabled is false: mail is accepted and kept, nothing is sent");
        return;
    }
    bool is_dns = dest->state == DEST_UNKNOWN || dest->state == DEST_PENDING ||
                  dest->state == DEST_REFUSED;
    view_words_put(words->owner, "%s",
                   is_dns ? "DNS" : "rule: 15 s, doubling up to 15 min");
    if (dest->reply != NULL && dest->failures + is_dns > 0) {
        (void)settle_reply_text(dest->reply, words->reply, sizeof words->reply);
    }
    row->since_unix_ms = dest->failures > 0 ? view_unix_ms(dest->down_since_ns) : 0;
    say(words, "%s: %s%s%s", dest->domain->name, dest_state_name(dest->state),
        words->reply[0] != '\0' ? ": " : "", words->reply);
}

/* ---- ramps, rates, connections ---- */

/* The ramp that holds, of those the lane counts in; else the first. */
static const struct ramp_entry *ramp_at_gate(const struct view_path *path)
{
    struct ramp_entry *entries[2];
    unsigned count = view_ramps_of(path->core, path->lane, entries);
    for (unsigned i = 0; i < count && i < path->gates.ask.ramp_count; i++) {
        const struct gate_count *gate = &path->gates.ramps[i];
        const struct gate_pace *pace = &path->gates.ramp_paces[i];
        if (gate->used >= gate->most ||
            !pace_ask(pace->pace, pace->limit, path->gates.ask.now_ns).go) {
            return entries[i];
        }
    }
    return count > 0 ? entries[0] : NULL;
}

static void say_ramp(const struct view_path *path, struct view_words *words)
{
    const struct ramp_entry *entry = ramp_at_gate(path);
    if (entry == NULL) {
        return;
    }
    const struct config_warmup *warmup =
        &path->core->snapshot->config->warmups[entry->warmup];
    uint64_t cap = ramps_cap(entry);
    view_words_put(words->value, "%llu of today",
                   (unsigned long long)entry->ledger.spent);
    view_words_put(words->limit, "%llu", (unsigned long long)cap);
    put_where(path, warmup, words->owner);
    if (strcmp(words->owner, "default") == 0) {
        view_words_put(words->owner, "warm-up %s", warmup->name);
    }
    if (preflight_holds(entry->source)) {
        char checks[PREFLIGHT_TEXT + 40];
        preflight_say(entry->source, checks);
        say(words, "the warm-up of source %s has not started: its checks: %s",
            entry->source->name, checks);
        return;
    }
    bool is_spent = entry->ledger.spent >= cap;
    say(words, "warm-up of source %s (%s, day %u): %llu of today's %llu%s",
        entry->source->name, entry->site[0] != '\0' ? entry->site : "in all",
        entry->ramp.step + 1, (unsigned long long)entry->ledger.spent,
        (unsigned long long)cap,
        is_spent ? " are sent, the rest waits for tomorrow"
                 : " are sent, the rest is released evenly over the day");
}

static void put_rate(char *out, const struct pace_limit *limit)
{
    if (pace_is_unlimited(limit)) {
        view_words_put(out, "unlimited");
    } else {
        view_words_put(out, "%.3g/s", pace_per_second(limit));
    }
}

/* Is the lane's learnt rate below what is configured? */
static bool is_learnt(const struct view_path *path)
{
    const struct control_limits *limits = sites_limits(path->site);
    const struct pace_limit *rate = &path->gates.limits[0];
    return limits->enabled && !pace_is_unlimited(rate) &&
           (pace_is_unlimited(&limits->max_rate) ||
            pace_per_second(rate) < 0.999 * pace_per_second(&limits->max_rate));
}

static void say_rate(const struct view_path *path, struct view_words *words,
                     struct api_gate *row)
{
    const struct config_site *site = site_of_path(path);
    int64_t now = path->gates.ask.now_ns;
    if (path->answers[GATE_RATE].ref == 1) {
        view_words_put(words->value, "%.3g/s", meter_per_second(&path->site->meter, now));
        put_rate(words->limit, &path->gates.limits[1]);
        put_where(path, &site->total_max_rate, words->owner);
        say(words, "site %s takes %s from all sources together", path->site->name,
            words->limit);
        return;
    }
    view_words_put(words->value, "%.3g/s", meter_per_second(&path->lane->meter, now));
    put_rate(words->limit, &path->gates.limits[0]);
    if (is_learnt(path)) {
        view_words_put(words->owner, "learnt");
        put_reply(words, path->lane->cause);
        row->since_unix_ms = path->lane->cause_unix_ms;
    } else {
        put_where(path, &site->max_rate, words->owner);
    }
    say(words, "source %s sends %s to %s (%s)", path->lane->source->name, words->limit,
        path->site->name, words->owner);
}

static void say_connections(const struct view_path *path, struct view_words *words)
{
    const struct core *core = path->core;
    const struct config_site *site = site_of_path(path);
    const struct gate_answer *answer = &path->answers[GATE_CONNECTIONS];
    const struct gate_count *count = &path->gates.connections[answer->ref];
    uint32_t used = answer->ref == 0   ? path->lane->slots
                    : answer->ref == 1 ? path->site->slots
                                       : core->scheduler.slots;
    view_words_put(words->value, "%u", used);
    if (count->most == 0) {
        view_words_put(words->limit, "unlimited");
    } else {
        view_words_put(words->limit, "%llu", (unsigned long long)count->most);
    }
    if (answer->ref == 2) {
        put_where(path, &core->snapshot->config->delivery.max_connections, words->owner);
        say(words, "the relay has %s connections out, all it may have", words->limit);
        return;
    }
    if (answer->ref == 1) {
        put_where(path, &site->total_max_connections, words->owner);
    } else if (count->most < site->max_connections || site->max_connections == 0) {
        view_words_put(words->owner, "learnt");
    } else {
        put_where(path, &site->max_connections, words->owner);
    }
    say(words, "all %s connections to %s are busy", words->limit, path->site->name);
}

void view_words_of(const struct view_path *path, enum gate gate, struct view_words *words,
                   struct api_gate *gate_row)
{
    switch (gate) {
    case GATE_LIFETIME: say_lifetime(path, words, gate_row); break;
    case GATE_HOLD: say_hold(path, words, gate_row); break;
    case GATE_FREEZE_STREAM: say_stream(path, words, gate_row); break;
    case GATE_FREEZE_SITE:
        if (path->site != NULL) {
            say_freeze(path, FREEZE_SITE, path->site->name, words, gate_row);
        }
        break;
    case GATE_FREEZE_SOURCE:
        say_freeze(path, FREEZE_SOURCE, path->source->name, words, gate_row);
        break;
    case GATE_FREEZE_USER:
        say_freeze(path, FREEZE_USER, path->user != NULL ? path->user : "", words,
                   gate_row);
        break;
    case GATE_SOURCE_STOP: say_source_stop(path, words, gate_row); break;
    case GATE_LANE_STOP: say_lane_stop(path, words, gate_row); break;
    case GATE_DESTINATION: say_destination(path, words, gate_row); break;
    case GATE_BACKOFF: say_backoff(path, words, gate_row); break;
    case GATE_RAMP: say_ramp(path, words); break;
    case GATE_RATE: say_rate(path, words, gate_row); break;
    case GATE_CONNECTIONS: say_connections(path, words); break;
    case GATE_SUPPRESSION:
    case GATE_SENDER_DOMAIN:
    case GATE_RECIPIENT_RATE:
    case GATE_COUNT: break;
    }
}
