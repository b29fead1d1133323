/* Sites and their lanes as rows. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"

#define DEFERRALS_HALF_LIFE_NS (INT64_C(3600) * NOW_NS_PER_S)

static double per_second(const struct units_rate *rate)
{
    return units_rate_is_unlimited(rate) || rate->period_ns == 0
               ? 0
               : (double)rate->count * (double)NOW_NS_PER_S / (double)rate->period_ns;
}

/* ---- sites ---- */

/* A site with what the survey found: rows are sorted before they are handed over. */
struct spot {
    struct site *site;
    struct view_sums sums;
    uint64_t shut;  /* of ready: destination down, or user frozen */
    size_t biggest; /* cell with most ready */
};

/* What its lanes are, taken together. */
struct lanes {
    unsigned count;
    unsigned stopped;
    unsigned paused;
    double deferrals;
    double attempts;
};

static struct lanes look_at_lanes(const struct site *site, int64_t now)
{
    struct lanes lanes = {0};
    list_each (node, &site->lanes) {
        const struct lane *lane = LIST_OWNER(node, struct lane, by_site);
        const char *phase = view_lane_phase(lane, now);
        struct evidence recent = lane->deferrals;
        evidence_add(&recent, 0, 0, DEFERRALS_HALF_LIFE_NS, now);
        lanes.count++;
        lanes.stopped += strcmp(phase, "stopped") == 0;
        lanes.paused += strcmp(phase, "paused") == 0 || strcmp(phase, "probing") == 0;
        lanes.deferrals += recent.hits;
        lanes.attempts += recent.total;
    }
    return lanes;
}

/* Of a site with something ready for a lane: does it go, or which gate holds it? */
static const char *state_of_lanes(struct view *view, const struct spot *place,
                                  const struct lanes *lanes, struct view_words *words)
{
    const struct view_cell *cell = &view->survey.cells[place->biggest];
    struct view_path path = {
        .core = view->core, .stream = cell->stream, .site = place->site};
    struct api_gate gate;
    if (!view_path_best(&path, cell->source) || path.holds == GATE_COUNT ||
        path.holds == GATE_RATE || path.holds == GATE_CONNECTIONS) {
        return "moving";
    }
    view_path_gate(&path, path.holds, words, &gate);
    if (path.holds == GATE_LANE_STOP) {
        return lanes->stopped > 0 ? "stopped" : "paused";
    }
    if (path.holds == GATE_SOURCE_STOP) {
        return "stopped";
    }
    return path.holds <= GATE_FREEZE_USER ? "frozen" : "waiting";
}

/* The site's state, and what is said about it. */
static const char *state_of(struct view *view, const struct spot *place,
                            const struct lanes *lanes, struct view_words *words)
{
    struct core *core = view->core;
    uint64_t ready = place->sums.ready;
    const struct freeze *freeze =
        freezes_find(&core->freezes, FREEZE_SITE, place->site->name);
    if (freeze != NULL) {
        (void)snprintf(words->sentence, sizeof words->sentence, "frozen by %s%s%s",
                       freeze->by, freeze->why[0] != '\0' ? ": " : "", freeze->why);
        return "frozen";
    }
    if (ready > 0 && place->shut == ready) {
        (void)snprintf(words->sentence, sizeof words->sentence,
                       "no host of what waits here answers");
        return "down";
    }
    if (ready > 0) {
        return state_of_lanes(view, place, lanes, words);
    }
    if (place->sums.active > 0) {
        return "moving";
    }
    if (lanes->count > 0 && lanes->stopped == lanes->count) {
        (void)snprintf(words->sentence, sizeof words->sentence,
                       "no source that has sent here is in service");
        return "stopped";
    }
    return place->sums.deferred > 0 ? "waiting" : "idle";
}

static void hand_over_site(struct view *view, const struct spot *place,
                           struct api_answer *answer)
{
    const struct core *core = view->core;
    const struct site *site = place->site;
    const struct config_site *config = &core->snapshot->config->sites[site->config];
    int64_t now = now_ns();
    struct lanes lanes = look_at_lanes(site, now);
    struct view_words words = {.sentence = ""};
    const char *state = state_of(view, place, &lanes, &words);
    const struct view_sums *sums = &place->sums;
    struct api_site row = {
        .name = site->name,
        .state = state,
        .reason = words.sentence,
        .domains = site->domains,
        .lanes = lanes.count,
        .connections = site->slots,
        .queued = sums->ready + sums->deferred + sums->active + sums->held,
        .ready = sums->ready,
        .deferred = sums->deferred,
        .delivered = site->tally.delivered,
        .retried = site->tally.retried,
        .bounced = site->tally.bounced,
        .rate_per_second = meter_per_second(&site->meter, now),
        .set_per_second = per_second(&config->max_rate),
        .total_per_second = per_second(&config->total_max_rate),
        .deferral_share = lanes.attempts > 0 ? lanes.deferrals / lanes.attempts : 0,
        .set_connections = config->max_connections,
        .total_connections = config->total_max_connections};
    api_answer_site(answer, &row);
}

static struct spot place_of(struct view *view, struct site *site)
{
    const struct view_survey *survey = &view->survey;
    size_t count = 0;
    const struct view_cell *cells = view_survey_site(survey, site, &count);
    struct spot place = {.site = site};
    uint64_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const struct view_sums *sums = &cells[i].sums;
        place.sums.ready += sums->ready;
        place.sums.deferred += sums->deferred;
        place.sums.active += sums->active;
        place.sums.held += sums->held;
        place.shut += cells[i].is_shut ? sums->ready : 0;
        if (!cells[i].is_shut && sums->ready > most) {
            most = sums->ready;
            place.biggest = (size_t)(cells - survey->cells) + i;
        }
    }
    return place;
}

static uint64_t weight_of(const struct spot *place)
{
    return place->sums.ready + place->sums.deferred + place->sums.active;
}

/* Where most waits first; then where most went. */
static int by_weight(const void *one, const void *other)
{
    const struct spot *a = one;
    const struct spot *b = other;
    if (weight_of(a) != weight_of(b)) {
        return weight_of(a) > weight_of(b) ? -1 : 1;
    }
    if (a->site->tally.delivered != b->site->tally.delivered) {
        return a->site->tally.delivered > b->site->tally.delivered ? -1 : 1;
    }
    return strcmp(a->site->name, b->site->name);
}

/* All sites that were ever met, in order; *out_count of them. For free(). */
static struct spot *gather(struct view *view, size_t *out_count)
{
    const struct core *core = view->core;
    struct spot *places = arena_must(core->sites.count + 1, sizeof *places);
    size_t count = 0;
    (void)view_survey(view);
    for (struct site *site = sites_next(&core->sites, NULL); site != NULL;
         site = sites_next(&core->sites, site)) {
        places[count++] = place_of(view, site);
    }
    if (count > 1) {
        qsort(places, count, sizeof *places, by_weight);
    }
    *out_count = count;
    return places;
}

void view_sites(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    size_t count = 0;
    struct spot *places = gather(view, &count);
    for (size_t i = 0; i < count && i <= LIMIT_API_ROWS; i++) {
        hand_over_site(view, &places[i], answer);
    }
    free(places);
}

/* ---- lanes ---- */

static const char *reason_of(const struct lane *lane)
{
    if (lane->stop.state != STOP_CLEAR) {
        return lane->stop.why;
    }
    return lane->source->stop.state != STOP_CLEAR ? lane->source->stop.why : lane->cause;
}

static int64_t since_of(const struct lane *lane)
{
    if (lane->stop.state != STOP_CLEAR) {
        return lane->stop.since_unix_ms;
    }
    return lane->source->stop.state != STOP_CLEAR ? lane->source->stop.since_unix_ms
                                                  : lane->cause_unix_ms;
}

static int64_t opens_of(const struct lane *lane, int64_t now)
{
    if (lane->stop.state != STOP_CLEAR) {
        return lane->stop.until_unix_ms == INT64_MAX ? 0 : lane->stop.until_unix_ms;
    }
    return lane->control.state == CONTROL_PAUSED && lane->control.until_ns > now
               ? view_unix_ms(lane->control.until_ns)
               : 0;
}

static void hand_over_lane(struct view *view, const struct lane *lane,
                           struct api_answer *answer)
{
    const struct site *site = lane->site;
    const struct config_site *config = &view->core->snapshot->config->sites[site->config];
    const struct control_limits *limits = sites_limits(site);
    int64_t now = now_ns();
    struct pace_limit allowed = control_rate(&lane->control, limits, now);
    struct evidence_bounds deferrals =
        evidence_bounds(&lane->deferrals, DEFERRALS_HALF_LIFE_NS, now);
    struct api_lane row = {
        .source = lane->source->name,
        .site = site->name,
        .phase = view_lane_phase(lane, now),
        .reason = reason_of(lane),
        .connections = lane->slots,
        .window = control_connections(&lane->control, limits, now),
        .set_connections = config->max_connections,
        .per_connection = control_messages(&lane->control, limits),
        .rate_per_second = meter_per_second(&lane->meter, now),
        .allowed_per_second = pace_is_unlimited(&allowed) ? 0 : pace_per_second(&allowed),
        .set_per_second = per_second(&config->max_rate),
        .ceiling_per_second = lane->control.ceiling,
        .deferral_share = deferrals.share,
        .ready = view_survey_ready(view, lane->source, site),
        .delivered = lane->tally.delivered,
        .retried = lane->tally.retried,
        .bounced = lane->tally.bounced,
        .since_unix_ms = since_of(lane),
        .opens_unix_ms = opens_of(lane, now)};
    api_answer_lane(answer, &row);
}

/* Has it ever done or met anything? Lanes are made when a source is first considered. */
static bool is_known(const struct view_survey *survey, const struct lane *lane)
{
    size_t count = 0;
    (void)view_survey_site(survey, lane->site, &count);
    return count > 0 || lane->slots > 0 || lane->tally.delivered > 0 ||
           lane->tally.retried > 0 || lane->tally.bounced > 0 ||
           lane->control.ceiling > 0 || lane->stop.state != STOP_CLEAR;
}

void view_lanes(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    size_t count = 0;
    size_t rows = 0;
    struct spot *places = gather(view, &count);
    for (size_t i = 0; i < count && rows <= LIMIT_API_ROWS; i++) {
        list_each (node, &places[i].site->lanes) {
            const struct lane *lane = LIST_OWNER(node, struct lane, by_site);
            if (is_known(&view->survey, lane)) {
                hand_over_lane(view, lane, answer);
                rows++;
            }
        }
    }
    free(places);
}
