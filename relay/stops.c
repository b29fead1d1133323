#include "relay/stops.h"

#include <string.h>

#include "relay/caught.h"
#include "relay/core.h"
#include "relay/job.h"
#include "relay/now.h"
#include "relay/slot.h"
#include "relay/snapshot.h"
#include "relay/stops_parts.h"
#include "relay/store.h"

bool stops_is_bulk(const struct config *config, const struct config_stream *stream)
{
    return config_stream_is_bulk(config, stream);
}

/* ---- asking ---- */

/* What is over is lifted by the next tick, and holds until then: the workers still see
 * the flag. */
static int64_t to_ns(int64_t unix_ms)
{
    int64_t tick_ns = now_ns() + NOW_NS_PER_S;
    int64_t until_ns = unix_ms == INT64_MAX ? INT64_MAX : now_from_unix_ms(unix_ms);
    return until_ns > tick_ns ? until_ns : tick_ns;
}

/* As stop_ask, and while the workers' flag is up without a stop: one of them has read a
 * reply that core has not seen yet. It will. */
static struct stop_answer ask_source(const struct source *source, bool bulk)
{
    if (source->stop.state == STOP_CLEAR) {
        bool raised = atomic_load_explicit(&source->stop_flag, memory_order_acquire);
        return (struct stop_answer){
            .go = !raised, .fraction = 1.0, .earliest_unix_ms = INT64_MAX};
    }
    return stop_ask(&source->stop, bulk, now_unix_ms());
}

bool stops_source_holds(const struct source *source, const struct config *config,
                        const struct config_stream *stream, int64_t *out_until_ns)
{
    struct stop_answer answer = ask_source(source, stops_is_bulk(config, stream));
    *out_until_ns = to_ns(answer.earliest_unix_ms);
    return !answer.go || answer.canary;
}

/* A canary waits for the right site or for its turn. */
static bool is_canary_here(const struct stop *stop, const struct stop_answer *answer,
                           const struct site *site)
{
    return answer->go && answer->canary &&
           stop_canary_fits(stop, site->name, now_unix_ms());
}

static void ask_lane(const struct lane *lane, bool bulk, int64_t now_ns,
                     struct stops_pass *pass)
{
    struct stop_answer answer = stop_ask(&lane->stop, bulk, now_unix_ms());
    struct control_answer control =
        control_ask(&lane->control, sites_limits(lane->site), now_ns);
    pass->is_lane_canary = answer.go && answer.canary;
    pass->lane_holds = !answer.go || !control.go;
    pass->lane_until_ns =
        !answer.go ? to_ns(answer.earliest_unix_ms) : control.earliest_ns;
    if (answer.go && !answer.canary && answer.fraction < pass->fraction) {
        pass->fraction = answer.fraction;
    }
}

void stops_ask(const struct lane *lane, const struct config *config,
               const struct config_stream *stream, int64_t now_ns,
               struct stops_pass *out_pass)
{
    const struct source *source = lane->source;
    bool bulk = stops_is_bulk(config, stream);
    struct stop_answer answer = ask_source(source, bulk);
    *out_pass = (struct stops_pass){.fraction = 1.0};
    ask_lane(lane, bulk, now_ns, out_pass);
    out_pass->is_source_canary = is_canary_here(&source->stop, &answer, lane->site);
    out_pass->source_holds = !answer.go || (answer.canary && !out_pass->is_source_canary);
    out_pass->source_until_ns = to_ns(answer.earliest_unix_ms);
    out_pass->is_careful = answer.careful;
    if (answer.go && !answer.canary && answer.fraction < 1.0) {
        out_pass->fraction =
            answer.fraction < out_pass->fraction ? answer.fraction : out_pass->fraction;
        bool resumes = source->stop.state == STOP_RESUMING;
        out_pass->resuming = resumes ? answer.fraction : 0;
    }
}

bool stops_lane_holds(const struct lane *lane, const struct config *config,
                      const struct config_stream *stream, int64_t now_ns,
                      int64_t *out_until_ns)
{
    struct stops_pass pass = {.fraction = 1.0};
    ask_lane(lane, stops_is_bulk(config, stream), now_ns, &pass);
    *out_until_ns = pass.lane_until_ns;
    return pass.lane_holds || pass.is_lane_canary;
}

/* ---- acting ---- */

static bool is_shut(const struct stop *stop, bool bulk)
{
    return (stop->state == STOP_CHECKING || stop->state == STOP_HELD) &&
           !stop_ask(stop, bulk, 0).go;
}

void stops_changed(struct core *core, struct source *source, struct lane *lane,
                   struct store_ticket *ticket)
{
    if (lane != NULL) {
        atomic_store_explicit(&lane->stop_flag, is_shut(&lane->stop, true),
                              memory_order_release);
    } else {
        atomic_store_explicit(&source->stop_flag, is_shut(&source->stop, false),
                              memory_order_release);
        atomic_store_explicit(&source->bulk_flag, is_shut(&source->stop, true),
                              memory_order_release);
    }
    stops_book_stop(core, source, lane, ticket);
    stops_kick(core, source, lane);
}

void stops_kick(struct core *core, const struct source *source, const struct lane *lane)
{
    if (lane != NULL) {
        scheduler_kick(core, lane->site);
        return;
    }
    list_each (node, &source->lanes) {
        scheduler_kick(core, LIST_OWNER(node, struct lane, by_source)->site);
    }
}

void stops_started(struct core *core, const struct job *job)
{
    struct lane *lane = job->slot->lane;
    (void)core;
    if (job->is_source_canary) {
        stop_canary_started(&lane->source->stop);
    }
    if (job->is_lane_canary) {
        stop_canary_started(&lane->stop);
    }
}

void stops_untried(struct core *core, const struct job *job)
{
    struct lane *lane = job->slot->lane;
    (void)core;
    if (job->is_source_canary) {
        stop_canary_done(&lane->source->stop, STOP_CANARY_LOST, now_unix_ms());
    }
    if (job->is_lane_canary) {
        stop_canary_done(&lane->stop, STOP_CANARY_LOST, now_unix_ms());
    }
}

/* ---- an operator ---- */

static struct stops_said said_by(const struct source *source, const struct lane *lane,
                                 const char *by)
{
    return (struct stops_said){.source = source,
                               .lane = lane,
                               .actor = by,
                               .before = "stopped",
                               .after = "live",
                               .evidence = ""};
}

static unsigned clear_one(struct core *core, struct source *source, struct lane *lane,
                          const char *by)
{
    struct stop *stop = lane != NULL ? &lane->stop : &source->stop;
    if (stop->state == STOP_CLEAR) {
        return 0;
    }
    stop_clear(stop);
    stops_changed(core, source, lane, NULL);
    struct stops_said said = said_by(source, lane, by);
    stops_say(core, &said, LOG_UNBLOCKED, "");
    return 1;
}

static bool is_meant(const struct lane *lane, const char *site)
{
    return site[0] == '\0' || strcmp(lane->site->name, site) == 0;
}

unsigned stops_clear(struct core *core, struct source *source, const char *site,
                     const char *by, struct store_ticket *ticket)
{
    unsigned count = 0;
    list_each (node, &source->lanes) {
        struct lane *lane = LIST_OWNER(node, struct lane, by_source);
        count += is_meant(lane, site) ? clear_one(core, source, lane, by) : 0;
    }
    count += site[0] == '\0' ? clear_one(core, source, NULL, by) : 0;
    if (count > 0) {
        caught_release(core, source, site);
        scheduler_kick_all(core);
        if (ticket != NULL) {
            store_sync(core->store, ticket);
        }
    }
    return count;
}

/* ---- time ---- */

static void tick_one(struct core *core, struct source *source, struct lane *lane,
                     int64_t now_unix_ms)
{
    struct stop *stop = lane != NULL ? &lane->stop : &source->stop;
    enum stop_state before = stop->state;
    if (before == STOP_CLEAR) {
        return;
    }
    bool witnessed = stop_witnessed(&source->listed_by, now_unix_ms);
    if (!stop_tick(stop, witnessed, now_unix_ms)) {
        return;
    }
    stops_changed(core, source, lane, NULL);
    struct stops_said said = said_by(source, lane, "stop");
    said.before = stop_state_name(before);
    said.after = stop->state == STOP_CLEAR ? "live" : stop_state_name(stop->state);
    said.evidence = stop->why;
    stops_say(core, &said, stop->state == STOP_CLEAR ? LOG_UNBLOCKED : LOG_LIMIT, "");
    if (stop->state == STOP_CLEAR) {
        caught_release(core, source, lane != NULL ? lane->site->name : "");
    }
}

void stops_tick(struct core *core, int64_t now_unix_ms)
{
    for (uint32_t i = 0; i < core->sources.count; i++) {
        struct source *source = core->sources.items[i];
        tick_one(core, source, NULL, now_unix_ms);
        list_each (node, &source->lanes) {
            tick_one(core, source, LIST_OWNER(node, struct lane, by_source), now_unix_ms);
        }
    }
}

#define DAY_MS INT64_C(86400000)

void stops_sent(struct core *core, struct lane *lane, uint32_t accepted)
{
    struct source *source = lane->source;
    int32_t day = (int32_t)(now_unix_ms() / DAY_MS);
    bool new_day = source->volume.day != 0 && source->volume.day != day;
    if (accepted == 0) {
        return;
    }
    volume_add(&source->volume, accepted, day);
    source->unsaved_volume += accepted;
    if (new_day || source->unsaved_volume >= 1000) {
        source->unsaved_volume = 0;
        stops_book_volume(core, source);
    }
}
