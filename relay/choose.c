#include "relay/choose.h"

#include <assert.h>

#include "policy/split.h"

#include "relay/core.h"
#include "relay/entropy.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/overflow.h"
#include "relay/scheduler.h"
#include "relay/slots.h"
#include "relay/snapshot.h"

/* Mail leaves by the fallback: said once an hour for each site. */
#define FALLBACK_NOTE_MS INT64_C(3600000)

/* Flows of a site that are looked at for an archive's. */
#define ARCHIVE_LOOKS 64

/* Whose turn it is. */
struct look {
    struct core *core;
    const struct config_stream *config;
    uint32_t stream;
    struct site *site;
    int64_t now;
    bool is_archive; /* first in the list that is looked at: no ramp counts it */
};

/* May the source's mail of this stream go now? out_live: it is neither frozen nor
 * stopped, so that waiting for it is only a matter of pace. */
static bool lane_goes(const struct look *look, struct source *source,
                      struct choose_pick *pick, bool *out_live, enum gate *out_gate)
{
    struct lane *lane = sites_lane(look->site, source, look->now);
    struct scheduler_gates gates;
    scheduler_gates(look->core, look->stream, look->site, lane, look->now, &gates);
    if (look->is_archive) {
        gates.ask.ramp_count = 0;
        gates.ask.ramp_pace_count = 0;
    }
    struct gate_answer answer = gate_first(&gates.ask);
    *out_gate = answer.gate;
    bool paused = gates.ask.lane_stop != NULL && lane->stop.state == STOP_CLEAR;
    *out_live = gates.ask.freeze_source == NULL && gates.ask.source_stop == NULL &&
                (gates.ask.lane_stop == NULL || paused);
    if (answer.holds && answer.gate == GATE_CONNECTIONS) {
        slots_yield(look->core);
    }
    if (answer.holds) {
        if (answer.earliest_ns < pick->earliest_ns) {
            pick->earliest_ns = answer.earliest_ns;
        }
        return false;
    }
    bool canary = gates.pass.is_source_canary || gates.pass.is_lane_canary;
    pick->units = canary ? 1 : answer.units;
    pick->pass = gates.pass;
    pick->resuming = gates.limits[4];
    pick->lane = lane;
    return true;
}

/* The stream's configured way out, when every source of its own is out of service. */
static struct source *fallback_of(const struct core *core,
                                  const struct config_stream *config)
{
    return config->fallback_source != CONFIG_NONE
               ? sources_at(&core->sources, config->fallback_source)
               : NULL;
}

static void note_fallback(struct core *core, const struct config_stream *config,
                          struct site *site, const struct source *to)
{
    int64_t now = now_unix_ms();
    if (site->fallback_unix_ms != 0 && now - site->fallback_unix_ms < FALLBACK_NOTE_MS) {
        return;
    }
    site->fallback_unix_ms = now;
    journal_record(core->store, LOG_LIMIT,
                   &(struct journal_entry){
                       .unix_ms = now,
                       .actor = "split",
                       .kind = "fallback",
                       .stream = config->name,
                       .source = to->name,
                       .site = site->name,
                       .before = "its own sources",
                       .after = to->name,
                       .evidence = "they are stopped, and fallback_source names it"},
                   NULL);
}

/* Who carries what waits in this list: the source it is bound to, else any of the stream;
 * the fallback while those are out of service. split decides, the gates of each source
 * say who is live and who may go now. */
struct choice {
    struct split_source candidates[64];
    struct choose_pick picks[64];
    struct lane *lanes[64];
    size_t count;
    uint64_t ramped; /* held by their warm-up */
};

static void add_candidate(const struct look *look, struct source *source,
                          struct choice *choice, int64_t *earliest_ns)
{
    size_t at = choice->count++;
    struct choose_pick *pick = &choice->picks[at];
    enum gate gate = GATE_COUNT;
    bool live = false;
    *pick = (struct choose_pick){.earliest_ns = INT64_MAX};
    (void)lane_goes(look, source, pick, &live, &gate);
    if (pick->earliest_ns < *earliest_ns) {
        *earliest_ns = pick->earliest_ns;
    }
    choice->lanes[at] = sites_lane(look->site, source, look->now);
    choice->ramped |= (uint64_t)(gate == GATE_RAMP) << at;
    choice->candidates[at] =
        (struct split_source){.source = (uint32_t)at, .weight = 1, .live = live};
}

/* sticky: of the candidates, -1 none. */
static bool choose_of(const struct look *look, const struct choice *choice,
                      int32_t sticky, struct choose_pick *pick)
{
    struct source *fallback = fallback_of(look->core, look->config);
    struct split_ask ask = {.sources = choice->candidates,
                            .count = choice->count,
                            .sticky = sticky,
                            .fallback = fallback != NULL ? INT32_MAX : -1,
                            .fallback_live = fallback != NULL,
                            .roll = entropy_roll()};
    struct split_answer answer = split_choose(&ask);
    int64_t earliest_ns = pick->earliest_ns;
    bool live = false;
    enum gate gate = GATE_COUNT;
    if (answer.waits) {
        return false;
    }
    if (answer.why == SPLIT_FALLBACK) {
        if (!lane_goes(look, fallback, pick, &live, &gate)) {
            return false;
        }
        note_fallback(look->core, look->config, look->site, fallback);
        return true;
    }
    const struct choose_pick *chosen = &choice->picks[answer.source];
    if (chosen->lane == NULL) {
        return false; /* live, but not just now */
    }
    *pick = *chosen;
    pick->earliest_ns = earliest_ns;
    return true;
}

static struct lading *first_in(const struct look *look, uint32_t number)
{
    struct bay *bay = &look->site->bays[look->stream];
    struct list_node *node = list_first(&bay->ready[number]);
    assert(node != NULL);
    return LIST_OWNER(node, struct lading, node);
}

/* A list bound to one source: that source's lane, or the fallback. */
static bool pick_bound(const struct look *look, uint32_t number, struct choose_pick *pick)
{
    struct choice choice;
    choice.count = 0;
    choice.ramped = 0;
    add_candidate(look, look->core->sources.items[number - 1], &choice,
                  &pick->earliest_ns);
    bool chosen = choose_of(look, &choice, 0, pick);
    pick->list = &look->site->bays[look->stream].ready[number];
    return chosen;
}

/* Who goes now stands before who only waits for its pace; what a warm-up does not let
 * overflow goes by nobody. False: something was held, look again. */
static bool rank(const struct look *look, struct choice *choice)
{
    bool live[64] = {false};
    bool any = false;
    for (size_t i = 0; i < choice->count; i++) {
        live[i] = choice->candidates[i].live;
        choice->candidates[i].live = choice->picks[i].lane != NULL;
    }
    if (choice->ramped != 0 &&
        overflow_split(look->core, first_in(look, 0), choice->lanes, choice->candidates,
                       choice->count, choice->ramped)) {
        return false;
    }
    for (size_t i = 0; i < choice->count; i++) {
        any = any || choice->candidates[i].live;
    }
    for (size_t i = 0; i < choice->count && !any; i++) {
        choice->candidates[i].live = live[i];
        choice->picks[i].lane = NULL; /* it may not just now */
    }
    return true;
}

/* The free list: any source of the stream whose lane goes, by split. */
static bool pick_free(const struct look *look, struct choose_pick *pick)
{
    const struct config_stream *config = look->config;
    struct choice choice;
    choice.count = 0;
    choice.ramped = 0;
    for (size_t i = 0; i < config->sources.count && i < 64; i++) {
        add_candidate(look, sources_at(&look->core->sources, config->sources.items[i]),
                      &choice, &pick->earliest_ns);
    }
    if (!rank(look, &choice)) {
        pick->earliest_ns = look->now;
        return false;
    }
    bool chosen = choose_of(look, &choice, -1, pick);
    pick->list = &look->site->bays[look->stream].ready[0];
    return chosen;
}

/* What a warm-up holds at the head does not hold copies for an archive behind it: the
 * first of them, among the next few, comes to the front. */
static bool raise_archive(struct list *list)
{
    unsigned seen = 0;
    list_each_safe (node, list) {
        const struct lading *lading = LIST_OWNER(node, struct lading, node);
        if (lading->dest->is_archive) {
            list_remove(node);
            list_push_front(list, node);
            return true;
        }
        if (++seen == ARCHIVE_LOOKS) {
            return false;
        }
    }
    return false;
}

bool choose_in_bay(struct core *core, uint32_t stream, struct site *site, int64_t now,
                   struct choose_pick *pick)
{
    struct look look = {.core = core,
                        .config = &core->snapshot->config->streams[stream],
                        .stream = stream,
                        .site = site,
                        .now = now};
    struct bay *bay = &site->bays[stream];
    /* Retries first: they are older, and bound. */
    for (uint32_t n = 1; n < bay->ready_room; n++) {
        if (list_is_empty(&bay->ready[n])) {
            continue;
        }
        look.is_archive = first_in(&look, n)->dest->is_archive;
        if (pick_bound(&look, n, pick)) {
            return true;
        }
    }
    if (bay->ready_room == 0 || list_is_empty(&bay->ready[0])) {
        return false;
    }
    look.is_archive = first_in(&look, 0)->dest->is_archive;
    if (pick_free(&look, pick)) {
        return true;
    }
    if (look.is_archive || !raise_archive(&bay->ready[0])) {
        return false;
    }
    look.is_archive = true;
    return pick_free(&look, pick);
}
