/* One path a message could take: all its gates, asked and put into words. */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/view_parts.h"
#include "relay/view_words.h"

int64_t view_unix_ms(int64_t mono_ns)
{
    return mono_ns == INT64_MAX || mono_ns == 0 ? 0 : now_to_unix_ms(mono_ns);
}

uint32_t view_stream(const struct core *core, const char *name)
{
    uint32_t stream = config_stream_find(core->snapshot->config, name);
    return stream != CONFIG_NONE ? stream : core->snapshot->config->default_stream;
}

unsigned view_ramps_of(struct core *core, const struct lane *lane,
                       struct ramp_entry *out[2])
{
    const struct config *config = core->snapshot->config;
    bool named = config_site_find(config, lane->site->name) != CONFIG_NONE;
    unsigned count = 0;
    out[0] = NULL;
    out[1] = NULL;
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (entry->source != lane->source || entry->warmup == CONFIG_NONE ||
            ramps_cap(entry) == UINT64_MAX) {
            continue;
        }
        if (entry->site[0] == '\0') {
            out[1] = entry;
        } else if (strcmp(entry->site, named ? lane->site->name : RAMPS_OTHER) == 0) {
            out[0] = entry;
        }
    }
    if (out[0] == NULL) {
        out[0] = out[1];
        out[1] = NULL;
    }
    count += out[0] != NULL;
    count += out[1] != NULL;
    return count;
}

/* ---- asking ---- */

static const struct gate_block *shut(struct gate_block *block, int64_t until_ns,
                                     enum gate_owner owner)
{
    *block = (struct gate_block){.until_ns = until_ns, .owner = owner};
    return block;
}

static const struct gate_block *frozen(struct core *core, enum freeze_kind kind,
                                       const char *name, struct gate_block *block)
{
    const struct freeze *freeze = freezes_find(&core->freezes, kind, name);
    if (freeze == NULL) {
        return NULL;
    }
    return shut(block,
                freeze->until_unix_ms == 0 ? INT64_MAX
                                           : now_from_unix_ms(freeze->until_unix_ms),
                GATE_OWNER_OPERATOR);
}

static const struct gate_block *ask_destination(const struct dest *dest,
                                                struct gate_block *block)
{
    switch (dest->state) {
    case DEST_OPEN: return NULL;
    case DEST_HALF:
        return dest->is_probing ? shut(block, INT64_MAX, GATE_OWNER_RULE) : NULL;
    case DEST_DOWN: return shut(block, dest->down_until_ns, GATE_OWNER_RULE);
    case DEST_UNKNOWN:
    case DEST_PENDING:
    case DEST_REFUSED: break;
    }
    return shut(block, INT64_MAX, GATE_OWNER_RULE);
}

static void ask_recipient(struct view_path *path, struct gate_ask *ask)
{
    const struct recipient_view *recipient = path->recipient;
    if (path->message != NULL) {
        ask->expires_ns = now_from_unix_ms((int64_t)path->message->expires_unix_ms);
    }
    if (recipient == NULL) {
        return;
    }
    if (recipient->state == CHANGE_HELD) {
        ask->hold = shut(&path->blocks[0], INT64_MAX, GATE_OWNER_OPERATOR);
    }
    if (recipient->phase == INDEX_DEFERRED) {
        ask->due_ns = now_from_unix_ms((int64_t)recipient->next_unix_ms);
        ask->due_owner = GATE_OWNER_RULE;
    }
}

void view_path_ask(struct view_path *path)
{
    struct core *core = path->core;
    int64_t now = now_ns();
    struct gate_ask *ask = &path->gates.ask;
    if (path->lane == NULL && path->site != NULL) {
        path->lane = sites_lane(path->site, path->source, now);
    }
    if (path->lane != NULL) {
        scheduler_gates(core, path->stream, path->site, path->lane, now, &path->gates);
        for (uint32_t i = 0; i < 3; i++) {
            path->gates.connections[i].ref = i;
        }
        path->gates.rates[1].ref = 1;
    } else {
        path->gates =
            (struct scheduler_gates){.ask = {.now_ns = now, .expires_ns = INT64_MAX}};
        ask->freeze_stream = frozen(core, FREEZE_STREAM,
                                    core->snapshot->config->streams[path->stream].name,
                                    &path->gates.blocks[0]);
        ask->freeze_source =
            frozen(core, FREEZE_SOURCE, path->source->name, &path->gates.blocks[1]);
    }
    if (path->user != NULL && path->user[0] != '\0') {
        ask->freeze_user = frozen(core, FREEZE_USER, path->user, &path->blocks[1]);
    }
    if (path->dest != NULL) {
        ask->destination = ask_destination(path->dest, &path->blocks[2]);
    }
    ask_recipient(path, ask);
    gate_all(ask, path->answers);
    path->holds = GATE_COUNT;
    for (int gate = GATE_COUNT - 1; gate >= 0; gate--) {
        if (path->answers[gate].holds) {
            path->holds = (enum gate)gate;
        }
    }
}

static bool is_better(const struct view_path *one, const struct view_path *other)
{
    if (one->holds == GATE_COUNT || other->holds == GATE_COUNT) {
        return one->holds == GATE_COUNT;
    }
    return one->answers[one->holds].earliest_ns <
           other->answers[other->holds].earliest_ns;
}

bool view_path_best(struct view_path *path, uint32_t bound)
{
    struct core *core = path->core;
    const struct config_stream *stream = &core->snapshot->config->streams[path->stream];
    if (bound != CONFIG_NONE) {
        path->source = core->sources.items[bound];
        view_path_ask(path);
        return true;
    }
    struct view_path best = {0};
    for (size_t i = 0; i < stream->sources.count; i++) {
        struct view_path other = *path;
        other.source = sources_at(&core->sources, stream->sources.items[i]);
        other.lane = NULL;
        view_path_ask(&other);
        if (best.core == NULL || is_better(&other, &best)) {
            best = other;
        }
        if (best.holds == GATE_COUNT) {
            break;
        }
    }
    if (best.core == NULL) {
        return false;
    }
    *path = best;
    return true;
}

const char *view_lane_phase(const struct lane *lane, int64_t now_ns)
{
    const struct control_limits *limits = sites_limits(lane->site);
    const struct control *control = &lane->control;
    if (lane->stop.state != STOP_CLEAR || lane->source->stop.state != STOP_CLEAR) {
        return "stopped";
    }
    switch (control->state) {
    case CONTROL_PAUSED:
        return control_ask(control, limits, now_ns).go ? "probing" : "paused";
    case CONTROL_PROBING: return "probing";
    case CONTROL_OPEN: break;
    }
    struct pace_limit rate = control_rate(control, limits, now_ns);
    double most = pace_is_unlimited(&limits->max_rate)
                      ? HUGE_VAL
                      : pace_per_second(&limits->max_rate);
    bool is_full = pace_is_unlimited(&rate) || pace_per_second(&rate) >= 0.999 * most;
    bool is_near = control->ceiling > 0 && control->rate >= 0.94 * control->ceiling;
    return !limits->enabled || is_full || is_near ? "holding" : "growing";
}

/* ---- in words ---- */

void view_path_gate(const struct view_path *path, enum gate gate,
                    struct view_words *words, struct api_gate *out_gate)
{
    const struct gate_answer *answer = &path->answers[gate];
    memset(words, 0, sizeof *words);
    *out_gate =
        (struct api_gate){.name = gate_name(gate),
                          .state = answer->holds ? API_GATE_CLOSED : API_GATE_OPEN,
                          .value = words->value,
                          .limit = words->limit,
                          .owner = words->owner,
                          .reply = words->reply};
    if (answer->holds) {
        out_gate->opens_unix_ms = view_unix_ms(answer->earliest_ns);
    }
    if (path->lane == NULL && (gate == GATE_LANE_STOP || gate >= GATE_RECIPIENT_RATE)) {
        out_gate->state = API_GATE_NOT_ASKED;
        return;
    }
    view_words_of(path, gate, words, out_gate);
    if (answer->holds && words->owner[0] == '\0') {
        view_words_put(words->owner, "%s", gate_owner_name(answer->owner));
    }
}
