/* `mesura plan`: a campaign behind today's queue, run forward over what holds now.
 *
 * Good path: the mix as sites; what waits today, from the survey; a lane for each source
 * of the stream and each site, with its ramp and its rate; policy/forecast; rows.
 * Failure modes: a mix that is none, a stream that is none, more lanes than are run. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/forecast.h"
#include "policy/site.h"

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/daywindow.h"
#include "relay/now.h"
#include "relay/ramps_parts.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/view_parts.h"

#define PLAN_SITES 64

struct plan {
    struct view *view;
    struct api_answer *answer;
    uint32_t stream;
    const char *names[PLAN_SITES]; /* borrowed: of the configuration, or RAMPS_OTHER */
    struct forecast_site sites[PLAN_SITES];
    size_t site_count;
    struct forecast_lane *lanes; /* owned */
    struct forecast_source *sources;
};

static size_t site_at(struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->site_count; i++) {
        if (strcmp(plan->names[i], name) == 0) {
            return i;
        }
    }
    if (plan->site_count == PLAN_SITES) {
        return PLAN_SITES - 1;
    }
    if (plan->site_count == PLAN_SITES - 1) {
        name = RAMPS_OTHER; /* the last place is for all that is left */
    }
    plan->names[plan->site_count] = name;
    plan->sites[plan->site_count] = (struct forecast_site){.life_days = HUGE_VAL};
    return plan->site_count++;
}

/* The configured site of a name or a domain; RAMPS_OTHER when it is in no group. */
static const char *group_of(const struct plan *plan, const char *name)
{
    const struct core *core = plan->view->core;
    const struct snapshot *snapshot = core->snapshot;
    const struct config *config = snapshot->config;
    uint32_t found = config_site_find(config, name);
    if (found == CONFIG_NONE) {
        struct site_ask ask = {.domain = name, .organisational = ""};
        struct site_answer answer =
            site_of(snapshot->site_rules, snapshot->site_rule_count, &ask);
        found = answer.rule >= 0 ? snapshot->site_rule_sites[answer.rule] : CONFIG_NONE;
    }
    if (found == CONFIG_NONE) { /* known from its mail: its MX named the group */
        const struct domain *domain = index_domain(core->index, name);
        const struct dest *dest = domain != NULL ? domain->owner : NULL;
        found = dest != NULL && dest->site != NULL
                    ? config_site_find(config, dest->site->name)
                    : CONFIG_NONE;
    }
    return found != CONFIG_NONE && found != config->default_site
               ? config->sites[found].name
               : RAMPS_OTHER;
}

/* One "DOMAIN=SHARE" of a list; moves *at behind it and its comma. */
static bool next_part(const char **at, char name[256], double *out_share)
{
    const char *equals = strchr(*at, '=');
    char *end = NULL;
    if (equals == NULL || equals == *at || equals - *at > 255 ||
        (equals[1] != '.' && (equals[1] < '0' || equals[1] > '9'))) {
        return false;
    }
    (void)snprintf(name, 256, "%.*s", (int)(equals - *at), *at);
    *out_share = strtod(equals + 1, &end);
    *at = *end == ',' ? end + 1 : end;
    return (*end == ',' || *end == '\0') && *out_share < 1e12;
}

/* "gmail.com=60,outlook.com=30,other=10" as shares of the total. */
static bool read_mix(struct plan *plan, const char *mix, double total)
{
    double sum = 0;
    size_t parts = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (const char *at = mix; *at != '\0';) {
            char name[256];
            double share = 0;
            if (!next_part(&at, name, &share)) {
                return false;
            }
            if (pass == 0) {
                sum += share;
                parts++;
            } else {
                size_t site = site_at(plan, group_of(plan, name));
                plan->sites[site].waiting += total * share / sum;
            }
        }
        if (parts == 0 || parts > PLAN_SITES / 2 || !(sum > 0)) {
            return false;
        }
    }
    return true;
}

/* What waits today of the stream. */
static void add_queue(struct plan *plan)
{
    const struct view_survey *survey = view_survey(plan->view);
    for (size_t i = 0; i < survey->cell_count; i++) {
        const struct view_cell *cell = &survey->cells[i];
        uint64_t waiting = cell->sums.ready + cell->sums.deferred;
        if (cell->stream == plan->stream && waiting > 0) {
            const char *name =
                cell->site != NULL ? group_of(plan, cell->site->name) : RAMPS_OTHER;
            plan->sites[site_at(plan, name)].waiting += (double)waiting;
        }
    }
}

/* What the lane may do when it has found its limit. */
static double rate_of(const struct plan *plan, const struct source *source,
                      const char *name)
{
    struct core *core = plan->view->core;
    const struct config *config = core->snapshot->config;
    uint32_t index = config_site_find(config, name);
    index = index != CONFIG_NONE ? index : config->default_site;
    struct pace_limit most = core->snapshot->sites[index].limits.max_rate;
    double rate = pace_is_unlimited(&most) ? HUGE_VAL : pace_per_second(&most);
    struct site *site = sites_find(&core->sites, name);
    const struct lane *lane = site != NULL ? sites_lane_find(site, source) : NULL;
    if (lane != NULL && lane->control.ceiling > 0 && config->adapt.enabled) {
        rate = fmin(rate, lane->control.ceiling);
    }
    return rate;
}

static bool is_closed(const struct plan *plan, const struct source *source,
                      const char *name)
{
    struct core *core = plan->view->core;
    const struct config *config = core->snapshot->config;
    const struct config_stream *stream = &config->streams[plan->stream];
    int64_t until_ns = 0;
    return preflight_holds(source) ||
           freezes_find(&core->freezes, FREEZE_STREAM, stream->name) != NULL ||
           freezes_find(&core->freezes, FREEZE_SOURCE, source->name) != NULL ||
           freezes_find(&core->freezes, FREEZE_SITE, name) != NULL ||
           (stops_source_holds(source, core->snapshot->config, stream, &until_ns) &&
            until_ns == INT64_MAX);
}

static void fill_source(struct plan *plan, struct source *source,
                        struct forecast_source *out)
{
    struct core *core = plan->view->core;
    uint32_t warmup = core->snapshot->config->sources[source->index].warmup;
    if (warmup == CONFIG_NONE) {
        return;
    }
    const struct config_warmup *config = &core->snapshot->config->warmups[warmup];
    const struct ramp_entry *entry = ramps_find(core, source, "");
    out->total = config->total;
    out->spent_today = entry != NULL ? entry->ledger.spent : 0;
    if (config->per == CONFIG_WARMUP_PER_SOURCE) {
        out->is_ramped = true;
        out->ramp = entry != NULL ? entry->ramp : (struct ramp){0};
        ramps_plan(config, &out->plan);
    }
}

static void fill_lane(struct plan *plan, struct source *source, size_t site,
                      struct forecast_lane *out)
{
    struct core *core = plan->view->core;
    const char *name = plan->names[site];
    uint32_t warmup = core->snapshot->config->sources[source->index].warmup;
    out->site = (uint32_t)site;
    out->rate_per_s = rate_of(plan, source, name);
    out->rate_most_per_s = out->rate_per_s;
    out->is_closed = is_closed(plan, source, name);
    if (warmup == CONFIG_NONE ||
        core->snapshot->config->warmups[warmup].per != CONFIG_WARMUP_PER_SITE) {
        return;
    }
    const struct ramp_entry *entry = ramps_find(core, source, name);
    out->is_ramped = true;
    out->is_other = strcmp(name, RAMPS_OTHER) == 0;
    out->ramp = entry != NULL ? entry->ramp : (struct ramp){0};
    out->spent_today = entry != NULL ? entry->ledger.spent : 0;
    ramps_plan(&core->snapshot->config->warmups[warmup], &out->plan);
}

/* The part of the day that is still to come, by the day of a warming source, else UTC's.
 */
static double today_share(struct plan *plan, const struct config_stream *stream)
{
    struct core *core = plan->view->core;
    int64_t now_ms = now_unix_ms();
    int64_t end_ms = (now_ms / 86400000 + 1) * 86400000;
    for (size_t i = 0; i < stream->sources.count; i++) {
        struct ramp_entry *entry =
            ramps_find(core, sources_at(&core->sources, stream->sources.items[i]), "");
        if (entry != NULL && entry->warmup != CONFIG_NONE) {
            end_ms = ramps_day_end_ms(entry);
            break;
        }
    }
    return fmin(1, fmax(0, (double)(end_ms - now_ms) / 86400000.0));
}

static void on_row(const struct forecast_row *row, void *owner)
{
    const struct plan *plan = owner;
    api_answer_plan(plan->answer,
                    &(struct api_plan_row){.day = row->day,
                                           .site = plan->names[row->site],
                                           .leaves = (uint64_t)llround(row->leaves),
                                           .expires = (uint64_t)llround(row->expires),
                                           .left = (uint64_t)llround(row->left),
                                           .limit = forecast_limit_name(row->limit)});
}

/* A source of the stream that is warming and whose overflow is wait alone. */
static const char *strict_source(const struct plan *plan)
{
    const struct config *config = plan->view->core->snapshot->config;
    const struct config_stream *stream = &config->streams[plan->stream];
    for (size_t i = 0; i < stream->sources.count; i++) {
        const struct config_source *source = &config->sources[stream->sources.items[i]];
        if (source->warmup == CONFIG_NONE) {
            continue;
        }
        const struct config_strings *overflow = &config->warmups[source->warmup].overflow;
        if (overflow->count == 1 && strcmp(overflow->items[0], "wait") == 0) {
            return source->name;
        }
    }
    return NULL;
}

static const char *warm_source(const struct plan *plan)
{
    const struct config *config = plan->view->core->snapshot->config;
    const struct config_stream *stream = &config->streams[plan->stream];
    for (size_t i = 0; i < stream->sources.count; i++) {
        const struct config_source *source = &config->sources[stream->sources.items[i]];
        if (source->warmup == CONFIG_NONE) {
            return source->name;
        }
    }
    return NULL;
}

/* Why a warm source does not help, where it does not. */
static void add_overflow(const struct plan *plan, char *text, size_t size)
{
    const char *strict = strict_source(plan);
    const char *warm = warm_source(plan);
    size_t used = strlen(text);
    if (strict != NULL && warm != NULL) {
        (void)snprintf(
            text + used, size - used,
            "; the overflow of source %s is \"wait\" alone, so source %s beside "
            "it carries no more than its share: \"warm-source\" would let it",
            strict, warm);
    }
}

static void say(struct plan *plan, const struct forecast_answer *end)
{
    char text[500];
    if (end->days > FORECAST_DAYS) {
        (void)snprintf(text, sizeof text,
                       "not within %d days: %.0f leave, %.0f expire, %.0f are left",
                       FORECAST_DAYS, end->leaves, end->expires, end->left);
    } else {
        (void)snprintf(text, sizeof text, "%u day%s: %.0f leave, %.0f expire before",
                       end->days, end->days == 1 ? "" : "s", end->leaves, end->expires);
    }
    add_overflow(plan, text, sizeof text);
    api_answer_done(plan->answer, API_DONE, text);
}

static void run(struct plan *plan)
{
    struct core *core = plan->view->core;
    const struct config_stream *stream = &core->snapshot->config->streams[plan->stream];
    size_t sources = stream->sources.count;
    plan->lanes = arena_must(sources * plan->site_count + 1, sizeof *plan->lanes);
    plan->sources = arena_must(sources + 1, sizeof *plan->sources);
    double life =
        (double)core->snapshot->streams[plan->stream].life.lifetime_ns / 86400e9;
    for (size_t site = 0; site < plan->site_count; site++) {
        plan->sites[site].life_days = life;
        plan->sites[site].is_strict = strict_source(plan) != NULL;
        for (size_t i = 0; i < sources; i++) {
            struct source *source = sources_at(&core->sources, stream->sources.items[i]);
            struct forecast_lane *lane = &plan->lanes[site * sources + i];
            lane->source = (uint32_t)i;
            fill_lane(plan, source, site, lane);
            fill_source(plan, source, &plan->sources[i]);
        }
    }
    struct forecast_ask ask = {.lanes = plan->lanes,
                               .lane_count = sources * plan->site_count,
                               .sites = plan->sites,
                               .site_count = plan->site_count,
                               .sources = plan->sources,
                               .source_count = sources,
                               .window_share =
                                   daywindow_minutes(&stream->window) / 1440.0,
                               .today_share = today_share(plan, stream)};
    struct forecast_answer end = forecast_run(&ask, on_row, plan);
    say(plan, &end);
    free(plan->lanes);
    free(plan->sources);
}

void view_plan(void *owner, const struct api_plan_ask *ask, struct api_answer *answer)
{
    struct view *view = owner;
    const struct config *config = view->core->snapshot->config;
    struct plan plan = {.view = view, .answer = answer, .stream = config->default_stream};
    if (ask->stream[0] != '\0') {
        plan.stream = config_stream_find(config, ask->stream);
    }
    if (plan.stream == CONFIG_NONE) {
        api_answer_done(answer, API_NOT_FOUND, "there is no stream of that name");
        return;
    }
    if (!read_mix(&plan, ask->mix, (double)ask->total)) {
        api_answer_done(answer, API_BAD_ASK,
                        "mix is DOMAIN=SHARE,... such as gmail.com=60,other=40");
        return;
    }
    add_queue(&plan);
    if (plan.site_count * config->streams[plan.stream].sources.count > FORECAST_LANES) {
        api_answer_done(answer, API_CONFLICT,
                        "more lanes than a plan runs: fewer domains, please");
        return;
    }
    run(&plan);
}
