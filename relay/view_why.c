/* Why does it not leave? Paths with their gates, for a message, an address, a domain or a
 * site. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/arena.h"
#include "relay/core.h"
#include "relay/domains.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"

/* Paths in one answer, 16 gates each: more is not read. */
#define PATHS_MOST 64

/* Sources shown for one recipient. */
#define SOURCES_MOST 8

/* ---- one path ---- */

struct telling {
    struct api_answer *answer;
    const char *subject;
    uint64_t recipients;
    bool is_active; /* in a conversation now */
    unsigned *paths;
};

static void tell_path(struct view_path *path, const struct telling *telling)
{
    struct view_words words[GATE_COUNT];
    struct api_gate gates[GATE_COUNT];
    const struct config *config = path->core->snapshot->config;
    if (*telling->paths == PATHS_MOST) {
        return;
    }
    (*telling->paths)++;
    for (int gate = 0; gate < GATE_COUNT; gate++) {
        view_path_gate(path, (enum gate)gate, &words[gate], &gates[gate]);
    }
    bool is_held = path->holds != GATE_COUNT && !telling->is_active;
    struct api_why why = {
        .subject = telling->subject,
        .stream = config->streams[path->stream].name,
        .source = path->source->name,
        .site = path->site != NULL ? path->site->name : "",
        .holds = is_held ? gate_name(path->holds) : "",
        .sentence = telling->is_active        ? "it is in a conversation just now"
                    : is_held                 ? words[path->holds].sentence
                    : telling->recipients > 0 ? "it leaves when its turn comes"
                                              : "nothing waits here",
        .recipients = telling->recipients,
        .opens_unix_ms = is_held ? gates[path->holds].opens_unix_ms : 0};
    api_answer_why(telling->answer, &why);
    for (int gate = 0; gate < GATE_COUNT; gate++) {
        api_answer_gate(telling->answer, &gates[gate]);
    }
}

/* The path from the source it is bound to, or one from each that may carry it. */
static void tell_sources(const struct view_path *from, const char *bound,
                         const struct telling *telling)
{
    struct core *core = from->core;
    const struct config_stream *stream = &core->snapshot->config->streams[from->stream];
    struct source *source = sources_find(&core->sources, bound);
    if (source != NULL) {
        struct view_path path = *from;
        path.source = source;
        view_path_ask(&path);
        tell_path(&path, telling);
        return;
    }
    for (size_t i = 0; i < stream->sources.count && i < SOURCES_MOST; i++) {
        struct view_path path = *from;
        path.source = sources_at(&core->sources, stream->sources.items[i]);
        view_path_ask(&path);
        tell_path(&path, telling);
    }
}

/* ---- a message, an address ---- */

struct asking {
    struct view_walk walk; /* first */
    unsigned paths;
};

static enum view_step on_recipient(struct view_walk *walk, const struct view_match *match)
{
    struct asking *asking = (struct asking *)walk;
    struct core *core = walk->view->core;
    const struct lading *lading = match->view.flow->owner;
    char subject[ID_BYTES + ENVELOPE_ADDRESS + 8];
    if (asking->paths == PATHS_MOST) {
        return VIEW_END;
    }
    if (lading == NULL) {
        return VIEW_GO;
    }
    (void)snprintf(subject, sizeof subject, "%s to %s", match->row.id,
                   match->row.recipient);
    struct view_path path = {.core = core,
                             .stream = view_stream(core, match->view.flow->stream),
                             .site = lading->dest->site,
                             .dest = lading->dest,
                             .user = match->view.flow->user,
                             .message = &match->message_view,
                             .recipient = &match->view,
                             .last = match->last,
                             .reply = match->row.reply};
    struct telling telling = {.answer = walk->answer,
                              .subject = subject,
                              .recipients = 1,
                              .is_active = match->row.state == API_STATE_ACTIVE,
                              .paths = &asking->paths};
    tell_sources(&path, match->view.flow->source, &telling);
    return VIEW_GO;
}

static void on_told(struct view_walk *walk)
{
    struct asking *asking = (struct asking *)walk;
    struct api_answer *answer = walk->answer;
    bool any = asking->paths > 0;
    bool is_stopping = walk->view->is_stopping;
    view_walk_done(walk);
    free(asking);
    if (is_stopping) {
        api_answer_done(answer, API_BUSY, "stopping");
    } else if (any) {
        api_answer_done(answer, API_DONE, "");
    } else {
        api_answer_done(answer, API_NOT_FOUND, "nothing of that is in the queue");
    }
}

static void walk_for(struct view *view, const struct api_filter *filter,
                     struct api_answer *answer)
{
    struct asking *asking = arena_must(1, sizeof *asking);
    asking->walk.view = view;
    asking->walk.answer = answer;
    asking->walk.match_cb = on_recipient;
    asking->walk.done_cb = on_told;
    asking->walk.wants_last = true;
    if (!view_walk_start(&asking->walk, filter, "")) {
        free(asking);
        api_answer_done(answer, API_FAILED, "");
    }
}

/* ---- a domain, a site ---- */

static void why_domain(struct view *view, const struct domain *domain,
                       struct api_answer *answer)
{
    struct core *core = view->core;
    unsigned paths = 0;
    for (struct flow *flow = domain->flows; flow != NULL;
         flow = index_flow_beside(core->index, flow)) {
        const struct lading *lading = flow->owner;
        if (lading == NULL) {
            continue;
        }
        /* What all of the flow share: the earliest of those that wait for their time. */
        struct recipient_view due = {.phase = INDEX_READY};
        if (flow->ready == 0 && flow->deferred > 0) {
            due.phase = INDEX_DEFERRED;
            due.next_unix_ms = flow_next_due_ms(core->index, flow);
        } else if (flow->ready + flow->out == 0 && flow->idle > 0) {
            due.phase = INDEX_IDLE;
            due.state = CHANGE_HELD;
        }
        struct view_path path = {.core = core,
                                 .stream = view_stream(core, flow->stream),
                                 .site = lading->dest->site,
                                 .dest = lading->dest,
                                 .user = flow->user,
                                 .recipient = &due};
        struct telling telling = {
            .answer = answer,
            .subject = domain->name,
            .recipients = (uint64_t)flow->ready + flow->deferred + flow->out + flow->idle,
            .is_active = flow->ready + flow->deferred == 0 && flow->out > 0,
            .paths = &paths};
        tell_sources(&path, flow->source, &telling);
    }
    api_answer_done(answer, API_DONE, "");
}

/* Nothing waits: the lanes as they are, each for the first stream that may use it. */
static void tell_idle(struct core *core, struct site *site, struct api_answer *answer)
{
    unsigned paths = 0;
    const struct config *config = core->snapshot->config;
    struct telling telling = {.answer = answer, .subject = site->name, .paths = &paths};
    list_each (node, &site->lanes) {
        struct lane *lane = LIST_OWNER(node, struct lane, by_site);
        struct view_path path = {.core = core, .site = site, .lane = lane};
        path.source = lane->source;
        while (path.stream < config->stream_count &&
               !view_may_carry(core, path.stream, lane->source)) {
            path.stream++;
        }
        if (path.stream < config->stream_count) {
            view_path_ask(&path);
            tell_path(&path, &telling);
        }
    }
}

static void why_site(struct view *view, struct site *site, struct api_answer *answer)
{
    struct core *core = view->core;
    const struct view_survey *survey = view_survey(view);
    size_t count = 0;
    unsigned paths = 0;
    const struct view_cell *cells = view_survey_site(survey, site, &count);
    for (size_t i = 0; i < count; i++) {
        const struct view_sums *sums = &cells[i].sums;
        struct view_path path = {.core = core, .stream = cells[i].stream, .site = site};
        struct telling telling = {
            .answer = answer,
            .subject = site->name,
            .recipients = sums->ready + sums->deferred + sums->active + sums->held,
            .is_active = sums->ready + sums->deferred == 0 && sums->active > 0,
            .paths = &paths};
        const char *bound = cells[i].source != CONFIG_NONE
                                ? core->sources.items[cells[i].source]->name
                                : "";
        tell_sources(&path, bound, &telling);
    }
    if (count == 0) {
        tell_idle(core, site, answer);
    }
    api_answer_done(answer, API_DONE, "");
}

/* ---- the question ---- */

void view_why(void *owner, const char *subject, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    struct api_filter filter;
    uint64_t id = 0;
    const char *at = strrchr(subject, '@');
    api_filter_init(&filter);
    if (id_parse(subject, strlen(subject), &id) && index_find(core->index, id) != 0) {
        filter.id = subject;
        walk_for(view, &filter, answer);
        return;
    }
    if (at != NULL) {
        filter.recipient = subject;
        filter.domain = index_domain(core->index, at + 1) != NULL ? at + 1 : "";
        walk_for(view, &filter, answer);
        return;
    }
    const struct domain *domain = index_domain(core->index, subject);
    struct site *site = sites_find(&core->sites, subject);
    if (domain != NULL) {
        why_domain(view, domain, answer);
    } else if (site != NULL) {
        why_site(view, site, answer);
    } else {
        api_answer_done(answer, API_NOT_FOUND,
                        "no message, recipient, domain or site of that name is known");
    }
}
