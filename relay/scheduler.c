#include "relay/scheduler.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/arena.h"
#include "relay/choose.h"
#include "relay/core.h"
#include "relay/daywindow.h"
#include "relay/dispatch.h"
#include "relay/now.h"
#include "relay/shares.h"
#include "relay/snapshot.h"
#include "relay/stops.h"

/* Jobs given out in one turn: the loop must breathe. */
#define JOBS_A_TURN 512

void scheduler_init(struct scheduler *scheduler)
{
    list_init(&scheduler->runnable);
    list_init(&scheduler->frozen);
    atomic_init(&scheduler->never_stops, false);
    scheduler->slots = 0;
}

/* ---- ladings ---- */

static void on_lading_due(struct agenda_item *item)
{
    struct lading *lading = LIST_OWNER(item, struct lading, due);
    scheduler_touch(lading->core, lading->flow);
}

void scheduler_flow_born(struct core *core, struct flow *flow)
{
    struct lading *lading = arena_must(1, sizeof *lading);
    lading->core = core;
    lading->flow = flow;
    lading->due.due_cb = on_lading_due;
    lading->dest = domains_dest(core, flow);
    flow->owner = lading;
    scheduler_touch(core, flow);
}

void scheduler_leave_bay(struct lading *lading)
{
    if (lading->bay != NULL) {
        lading->bay->flows--;
        lading->bay = NULL;
        round_remove(lading);
    } else if (list_is_linked(&lading->node)) {
        list_remove(&lading->node);
    }
}

void scheduler_flow_gone(struct core *core, struct flow *flow)
{
    struct lading *lading = flow->owner;
    flow->owner = NULL;
    if (lading == NULL) {
        return;
    }
    scheduler_leave_bay(lading);
    agenda_drop(&core->agenda, &lading->due);
    free(lading);
}

void scheduler_touch(struct core *core, struct flow *flow)
{
    struct lading *lading = flow->owner;
    if (lading == NULL || list_is_linked(&lading->node)) {
        return; /* in a bay or at its dest already: it will be looked at there */
    }
    uint64_t due_ms = flow_next_due_ms(core->index, flow);
    if (due_ms == UINT64_MAX) {
        return;
    }
    int64_t now_ms = now_unix_ms();
    if (due_ms <= (uint64_t)now_ms) {
        agenda_drop(&core->agenda, &lading->due);
        domains_ready(lading);
        return;
    }
    agenda_set(&core->agenda, &lading->due, (uint64_t)now_from_unix_ms((int64_t)due_ms));
}

/* ---- bays ---- */

static uint32_t source_number(const struct core *core, const char *name)
{
    for (uint32_t i = 0; i < core->sources.count; i++) {
        if (strcmp(core->sources.items[i]->name, name) == 0) {
            return i + 1;
        }
    }
    return 0; /* its source is gone for good: any of the stream's may carry it */
}

static void make_room(struct bay *bay, uint32_t room)
{
    if (bay->ready_room >= room) {
        return;
    }
    struct round *ready = arena_must(room, sizeof *ready);
    for (uint32_t i = 0; i < bay->ready_room; i++) {
        round_move(&ready[i], &bay->ready[i]);
    }
    free(bay->ready);
    bay->ready = ready;
    bay->ready_room = room;
}

void scheduler_enter_bay(struct core *core, struct lading *lading)
{
    struct site *site = lading->dest->site;
    assert(site != NULL);
    uint32_t stream = lading->dest->stream;
    if (stream == CONFIG_NONE) {
        stream = core->snapshot->config->default_stream;
    }
    struct bay *bay = &site->bays[stream];
    uint32_t number =
        lading->flow->source[0] == '\0' ? 0 : source_number(core, lading->flow->source);
    make_room(bay, core->sources.count + 1);
    if (bay->flows == 0 && bay->turn < site->turn) {
        bay->turn = site->turn; /* who was idle has saved nothing up */
    }
    round_add(&bay->ready[number], lading);
    lading->bay = bay;
    bay->flows++;
    scheduler_kick(core, site);
}

void scheduler_kick(struct core *core, struct site *site)
{
    agenda_drop(&core->agenda, &site->wake);
    if (!list_is_linked(&site->runnable)) {
        list_push_back(&core->scheduler.runnable, &site->runnable);
    }
}

void scheduler_on_wake(struct agenda_item *item)
{
    struct site *site = LIST_OWNER(item, struct site, wake);
    scheduler_kick(site->core, site);
}

static bool user_is_frozen(struct core *core, const struct flow *flow)
{
    return flow->user[0] != '\0' && !list_is_empty(&core->freezes.list) &&
           freezes_find(&core->freezes, FREEZE_USER, flow->user) != NULL;
}

bool scheduler_park_frozen(struct core *core, struct lading *lading)
{
    int64_t earliest_ns = 0;
    bool is_slowed = lading->flow->user[0] != '\0' &&
                     vigil_slows(core, lading->flow->user, now_ns(), &earliest_ns);
    if (!is_slowed && !user_is_frozen(core, lading->flow)) {
        return false;
    }
    if (is_slowed) {
        vigil_wait(core, earliest_ns);
    }
    scheduler_leave_bay(lading);
    list_push_back(&core->scheduler.frozen, &lading->node);
    return true;
}

static void release_thawed(struct core *core)
{
    struct list parked;
    list_init(&parked);
    struct list_node *node = NULL;
    while ((node = list_first(&core->scheduler.frozen)) != NULL) {
        list_remove(node);
        list_push_back(&parked, node);
    }
    while ((node = list_first(&parked)) != NULL) {
        struct lading *lading = LIST_OWNER(node, struct lading, node);
        list_remove(node);
        if (user_is_frozen(core, lading->flow)) {
            list_push_back(&core->scheduler.frozen, node);
        } else {
            scheduler_touch(core, lading->flow);
        }
    }
}

void scheduler_kick_all(struct core *core)
{
    release_thawed(core);
    for (struct site *site = sites_next(&core->sites, NULL); site != NULL;
         site = sites_next(&core->sites, site)) {
        scheduler_kick(core, site);
    }
}

/* ---- gates ---- */

static struct gate_block *shut(struct gate_block *block, int64_t until_ns,
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

/* A fraction of a rate while a stop is careful or comes back; of the shipped default
 * where there is no limit. */
static struct pace_limit slowed(struct pace_limit rate, double fraction)
{
    static const double unlimited = 20;
    if (fraction >= 1.0) {
        return rate;
    }
    double full = pace_is_unlimited(&rate) ? unlimited : pace_per_second(&rate);
    return pace_limit_of(full * fraction, 1);
}

/* What a source that comes back may send: of a normal day, a quarter of it at once, so
 * that a quiet one still answers a password reset. */
static struct pace_limit resuming_limit(const struct source *source, double fraction)
{
    static const double least = 100; /* a day */
    static const double day_s = 86400;
    double normal = volume_normal(&source->volume, (int32_t)(now_unix_ms() / 86400000));
    double allowed = (normal < least ? least : normal) * fraction;
    return pace_limit_of(allowed / day_s, (uint32_t)(allowed / 4) + 1);
}

static void add_limits(struct core *core, struct site *site, struct lane *lane,
                       bool observes, int64_t now, struct scheduler_gates *out)
{
    const struct control_limits *limits = sites_limits(site);
    const struct snapshot *snapshot = core->snapshot;
    const struct config_site *config = &snapshot->config->sites[site->config];
    out->limits[0] =
        observes ? limits->max_rate
                 : slowed(control_rate(&lane->control, limits, now), out->pass.fraction);
    out->limits[1] = snapshot->sites[site->config].total_rate;
    out->rates[0] = (struct gate_pace){
        .pace = &lane->pace, .limit = &out->limits[0], .owner = GATE_OWNER_LEARNT};
    out->rates[1] = (struct gate_pace){
        .pace = &site->total_pace, .limit = &out->limits[1], .owner = GATE_OWNER_CONFIG};
    out->rates[2] = (struct gate_pace){.pace = &lane->source->resuming,
                                       .limit = &out->limits[4],
                                       .owner = GATE_OWNER_RULE};
    out->ask.rates = out->rates;
    out->ask.rate_count = out->pass.resuming > 0 ? 3 : 2;

    uint32_t window = observes ? limits->max_connections
                               : control_connections(&lane->control, limits, now);
    if (out->pass.is_careful || out->pass.is_source_canary || out->pass.is_lane_canary) {
        window = 1;
    }
    out->share = observes ? 0 : shares_window(core, out->stream, site, lane, window);
    /* An idle connection may be used again, unless there are too many as it is. */
    bool has_idle = !list_is_empty(&lane->idle) &&
                    (window == 0 || lane->slots - lane->ending <= window);
    out->connections[0] = (struct gate_count){.used = has_idle ? 0 : lane->slots,
                                              .most = window,
                                              .earliest_ns = INT64_MAX,
                                              .owner = GATE_OWNER_LEARNT};
    out->connections[1] = (struct gate_count){.used = has_idle ? 0 : site->slots,
                                              .most = config->total_max_connections,
                                              .earliest_ns = INT64_MAX,
                                              .owner = GATE_OWNER_CONFIG};
    out->connections[2] =
        (struct gate_count){.used = has_idle ? 0 : core->scheduler.slots,
                            .most = snapshot->config->delivery.max_connections,
                            .earliest_ns = INT64_MAX,
                            .owner = GATE_OWNER_CONFIG};
    out->connections[3] = (struct gate_count){.used = shares_used(lane, out->stream),
                                              .most = out->share,
                                              .earliest_ns = INT64_MAX,
                                              .owner = GATE_OWNER_RULE};
    out->ask.connections = out->connections;
    out->ask.connection_count = out->share > 0 ? 4 : 3;
}

void scheduler_gates(struct core *core, uint32_t stream, struct site *site,
                     struct lane *lane, int64_t now, struct scheduler_gates *out)
{
    *out = (struct scheduler_gates){.ask = {.now_ns = now, .expires_ns = INT64_MAX},
                                    .stream = stream};
    struct gate_ask *ask = &out->ask;
    const struct config_stream *config = &core->snapshot->config->streams[stream];
    if (!list_is_empty(&core->freezes.list)) {
        ask->freeze_stream = frozen(core, FREEZE_STREAM, config->name, &out->blocks[0]);
        ask->freeze_site = frozen(core, FREEZE_SITE, site->name, &out->blocks[1]);
        ask->freeze_source =
            frozen(core, FREEZE_SOURCE, lane->source->name, &out->blocks[2]);
    }
    int64_t opens_s = daywindow_opens(
        &config->window, core->snapshot->streams[stream].zone, now_unix_ms() / 1000);
    if (opens_s != 0 && ask->freeze_stream == NULL) {
        ask->freeze_stream =
            shut(&out->blocks[5], now_from_unix_ms(opens_s * 1000), GATE_OWNER_CONFIG);
    }
    bool observes = config->mode == CONFIG_MODE_OBSERVE;
    out->pass.fraction = 1.0;
    if (!observes) {
        stops_ask(lane, core->snapshot->config, config, now, &out->pass);
        if (out->pass.source_holds) {
            ask->source_stop =
                shut(&out->blocks[3], out->pass.source_until_ns, GATE_OWNER_RULE);
        }
        if (out->pass.lane_holds) {
            ask->lane_stop =
                shut(&out->blocks[4], out->pass.lane_until_ns, GATE_OWNER_RULE);
        }
        if (ask->lane_stop == NULL && shares_yields(core, stream, site, lane)) {
            ask->lane_stop = shut(&out->blocks[4], INT64_MAX, GATE_OWNER_RULE);
        }
        if (out->pass.resuming > 0) {
            out->limits[4] = resuming_limit(lane->source, out->pass.resuming);
        }
    }
    ramps_gates(core, lane, now, out);
    add_limits(core, site, lane, observes, now, out);
}

/* ---- the round ---- */

/* The stream whose turn it is, of those not yet found closed in this round. */
static int32_t next_bay(const struct site *site, uint64_t closed)
{
    int32_t best = -1;
    for (uint32_t i = 0; i < site->bay_count && i < 64; i++) {
        if (site->bays[i].flows == 0 || (closed & (UINT64_C(1) << i)) != 0) {
            continue;
        }
        if (best < 0 || site->bays[i].turn < site->bays[best].turn) {
            best = (int32_t)i;
        }
    }
    return best;
}

/* Give out what may go of a site. Returns how many jobs; the site sleeps or stays
 * runnable. */
static unsigned run_site(struct core *core, struct site *site, unsigned most)
{
    int64_t now = now_ns();
    uint64_t closed = 0;
    int64_t earliest_ns = INT64_MAX;
    unsigned given = 0;
    unsigned tries = 0;
    while (given < most && tries++ < 8 * most) {
        int32_t stream = next_bay(site, closed);
        if (stream < 0) {
            break;
        }
        struct bay *bay = &site->bays[stream];
        struct choose_pick pick = {.earliest_ns = INT64_MAX};
        if (!choose_in_bay(core, (uint32_t)stream, site, now, &pick)) {
            closed |= UINT64_C(1) << stream;
            if (bay->turn < site->turn) {
                bay->turn = site->turn; /* who may not go saves nothing up either */
            }
            earliest_ns = pick.earliest_ns < earliest_ns ? pick.earliest_ns : earliest_ns;
            continue;
        }
        uint32_t units = dispatch_from(core, (uint32_t)stream, &pick, now);
        if (units == 0) {
            continue; /* the flow at the head had nothing, or was sent elsewhere */
        }
        uint32_t weight = core->snapshot->config->streams[stream].weight;
        site->turn = bay->turn;
        bay->turn += (uint64_t)units * 1000 / (weight == 0 ? 1 : weight);
        given++;
    }
    if (given == most || tries > 8 * most) {
        return most; /* stays runnable */
    }
    if (list_is_linked(&site->runnable)) {
        list_remove(&site->runnable);
    }
    if (earliest_ns != INT64_MAX) {
        agenda_set(&core->agenda, &site->wake, (uint64_t)earliest_ns);
    }
    return given;
}

bool scheduler_is_busy(const struct core *core)
{
    return core->snapshot->config->delivery.enabled && !core->is_stopping &&
           !list_is_empty(&core->scheduler.runnable);
}

void scheduler_run(struct core *core)
{
    if (!core->snapshot->config->delivery.enabled || core->is_stopping) {
        return;
    }
    unsigned left = JOBS_A_TURN;
    while (left > 0 && !list_is_empty(&core->scheduler.runnable)) {
        struct list_node *node = list_first(&core->scheduler.runnable);
        struct site *site = LIST_OWNER(node, struct site, runnable);
        /* To the back of the row: one busy site must not keep the others waiting. */
        list_remove(node);
        list_push_back(&core->scheduler.runnable, node);
        unsigned given = run_site(core, site, left < 16 ? left : 16);
        left -= given;
    }
}
