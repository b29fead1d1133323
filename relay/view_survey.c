/* Recipients counted by site, stream and source. Good path: one walk over all flows into
 * a hash of cells, then the cells sorted by site, so that each site finds its own. */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"

/* A survey is used again for so many times what it took. */
#define SHARE 100

/* Messages looked at for their age in one call. */
#define AGES_A_CALL 20000

#define FIRST_CELLS 64

void view_survey_done(struct view_survey *survey)
{
    free(survey->cells);
    free(survey->slots);
    free(survey->sources);
    *survey = (struct view_survey){0};
}

static void *grown(void *items, size_t count, size_t item_bytes)
{
    void *bigger = realloc(items, count * item_bytes);
    if (bigger == NULL) {
        abort(); /* the queue is durable, a restart is safe */
    }
    return bigger;
}

/* ---- cells ---- */

static size_t hash_of(const struct view_cell *key)
{
    uint64_t hash = (uint64_t)(uintptr_t)key->site;
    hash = (hash ^ (hash >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash += ((uint64_t)key->stream << 33) + ((uint64_t)key->source << 1) + key->is_shut;
    hash = (hash ^ (hash >> 32)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)(hash ^ (hash >> 31));
}

static bool is_same(const struct view_cell *one, const struct view_cell *other)
{
    return one->site == other->site && one->stream == other->stream &&
           one->source == other->source && one->is_shut == other->is_shut;
}

static size_t slot_of(const struct view_survey *survey, const struct view_cell *key)
{
    size_t at = hash_of(key) & (survey->slot_count - 1);
    while (survey->slots[at] != 0 &&
           !is_same(&survey->cells[survey->slots[at] - 1], key)) {
        at = (at + 1) & (survey->slot_count - 1);
    }
    return at;
}

/* Twice as many slots as cells. */
static void make_room(struct view_survey *survey)
{
    if (survey->cell_count < survey->cell_room) {
        return;
    }
    survey->cell_room = survey->cell_room == 0 ? FIRST_CELLS : survey->cell_room * 2;
    survey->cells = grown(survey->cells, survey->cell_room, sizeof *survey->cells);
    free(survey->slots);
    survey->slot_count = survey->cell_room * 2;
    survey->slots = arena_must(survey->slot_count, sizeof *survey->slots);
    for (size_t i = 0; i < survey->cell_count; i++) {
        survey->slots[slot_of(survey, &survey->cells[i])] = (uint32_t)i + 1;
    }
}

static struct view_sums *sums_of(struct view_survey *survey, const struct view_cell *key)
{
    make_room(survey);
    size_t at = slot_of(survey, key);
    if (survey->slots[at] == 0) {
        survey->cells[survey->cell_count++] = *key;
        survey->slots[at] = (uint32_t)survey->cell_count;
    }
    return &survey->cells[survey->slots[at] - 1].sums;
}

static void add(struct view_sums *sums, const struct flow *flow)
{
    sums->ready += flow->ready;
    sums->deferred += flow->deferred;
    sums->active += flow->out;
    sums->held += flow->idle;
}

/* ---- what is shut before any gate of a lane ---- */

static bool is_open(const struct dest *dest)
{
    return dest->state == DEST_OPEN || (dest->state == DEST_HALF && !dest->is_probing);
}

static void note_down(struct view_survey *survey, const struct dest *dest,
                      uint64_t recipients)
{
    struct view_down *down = NULL;
    for (unsigned i = 0; i < survey->down_count; i++) {
        if (strcmp(survey->downs[i].domain, dest->domain->name) == 0) {
            survey->downs[i].recipients += recipients;
            return;
        }
    }
    if (survey->down_count < VIEW_DOWNS) {
        down = &survey->downs[survey->down_count++];
    } else {
        down = &survey->downs[0];
        for (unsigned i = 1; i < VIEW_DOWNS; i++) {
            down =
                survey->downs[i].recipients < down->recipients ? &survey->downs[i] : down;
        }
        survey->other_downs++;
        if (down->recipients >= recipients) {
            survey->other_down_recipients += recipients;
            return;
        }
        survey->other_down_recipients += down->recipients;
    }
    *down = (struct view_down){
        .state = (int)dest->state,
        .recipients = recipients,
        .since_unix_ms = dest->failures > 0 ? view_unix_ms(dest->down_since_ns) : 0,
        .opens_unix_ms =
            dest->state == DEST_DOWN ? view_unix_ms(dest->down_until_ns) : 0};
    (void)snprintf(down->domain, sizeof down->domain, "%s", dest->domain->name);
    if (dest->reply != NULL) {
        (void)settle_reply_text(dest->reply, down->reply, sizeof down->reply);
    }
}

static void note_user(struct view_survey *survey, const char *name, uint64_t recipients)
{
    unsigned at = 0;
    while (at < survey->user_count && strcmp(survey->users[at].name, name) != 0) {
        at++;
    }
    if (at == VIEW_USERS) {
        return;
    }
    if (at == survey->user_count) {
        survey->user_count++;
        (void)snprintf(survey->users[at].name, sizeof survey->users[at].name, "%s", name);
    }
    survey->users[at].recipients += recipients;
}

/* ---- the walk ---- */

static uint32_t source_number(const struct core *core, const char *name)
{
    for (uint32_t i = 0; name[0] != '\0' && i < core->sources.count; i++) {
        if (strcmp(core->sources.items[i]->name, name) == 0) {
            return i;
        }
    }
    return CONFIG_NONE;
}

static void count_flow(struct view *view, struct flow *flow)
{
    struct core *core = view->core;
    struct view_survey *survey = &view->survey;
    const struct lading *lading = flow->owner;
    const struct dest *dest = lading != NULL ? lading->dest : NULL;
    struct view_cell key = {.site = dest != NULL ? dest->site : NULL,
                            .stream = view_stream(core, flow->stream),
                            .source = source_number(core, flow->source)};
    if (dest != NULL && !is_open(dest)) {
        key.is_shut = true;
        if (flow->ready > 0) {
            note_down(survey, dest, flow->ready);
        }
    } else if (flow->user[0] != '\0' && !list_is_empty(&core->freezes.list) &&
               freezes_find(&core->freezes, FREEZE_USER, flow->user) != NULL) {
        key.is_shut = true;
        note_user(survey, flow->user, flow->ready);
    }
    add(sums_of(survey, &key), flow);
    if (key.stream < sizeof survey->streams / sizeof survey->streams[0]) {
        add(&survey->streams[key.stream], flow);
    }
    if (key.source != CONFIG_NONE) {
        add(&survey->sources[key.source], flow);
    }
}

static int by_site(const void *one, const void *other)
{
    const struct view_cell *a = one;
    const struct view_cell *b = other;
    if (a->site != b->site) {
        return (uintptr_t)a->site < (uintptr_t)b->site ? -1 : 1;
    }
    if (a->stream != b->stream) {
        return a->stream < b->stream ? -1 : 1;
    }
    return a->source == b->source ? 0 : a->source < b->source ? -1 : 1;
}

static void make(struct view *view)
{
    struct core *core = view->core;
    struct view_survey *survey = &view->survey;
    int64_t begun_ns = now_ns();
    if (survey->config != core->snapshot) {
        view->ages = (struct view_ages){0}; /* streams have other numbers */
    }
    view_survey_done(survey);
    survey->config = core->snapshot;
    survey->source_count = core->sources.count;
    survey->sources = arena_must(core->sources.count + 1, sizeof *survey->sources);
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        count_flow(view, flow);
    }
    if (survey->cell_count > 1) {
        qsort(survey->cells, survey->cell_count, sizeof *survey->cells, by_site);
    }
    survey->made_ns = now_ns();
    survey->cost_ns = survey->made_ns - begun_ns;
}

const struct view_survey *view_survey(struct view *view)
{
    const struct view_survey *survey = &view->survey;
    bool is_old = survey->config != view->core->snapshot ||
                  survey->source_count != view->core->sources.count ||
                  now_ns() - survey->made_ns > SHARE * survey->cost_ns;
    if (is_old) {
        make(view);
    }
    return survey;
}

const struct view_cell *view_survey_site(const struct view_survey *survey,
                                         const struct site *site, size_t *out_count)
{
    size_t low = 0;
    size_t high = survey->cell_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)survey->cells[middle].site < (uintptr_t)site) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < survey->cell_count && survey->cells[end].site == site) {
        end++;
    }
    *out_count = end - low;
    return end == low ? NULL : survey->cells + low; /* there may be no cells at all */
}

bool view_may_carry(const struct core *core, uint32_t stream, const struct source *source)
{
    const struct config_stream *config = &core->snapshot->config->streams[stream];
    for (size_t i = 0; source->index != CONFIG_NONE && i < config->sources.count; i++) {
        if (config->sources.items[i] == source->index) {
            return true;
        }
    }
    return false;
}

uint64_t view_survey_ready(struct view *view, const struct source *source,
                           const struct site *site)
{
    const struct view_survey *survey = &view->survey;
    size_t count = survey->cell_count;
    const struct view_cell *cells =
        site == NULL ? survey->cells : view_survey_site(survey, site, &count);
    uint64_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        bool takes = cells[i].source == CONFIG_NONE
                         ? view_may_carry(view->core, cells[i].stream, source)
                         : view->core->sources.items[cells[i].source] == source;
        ready += takes ? cells[i].sums.ready : 0;
    }
    return ready;
}

/* ---- ages ---- */

static void end_round(struct view_ages *ages)
{
    memcpy(ages->best, ages->seen, sizeof ages->best);
    memset(ages->seen, 0, sizeof ages->seen);
}

static void see(struct view_ages *ages, size_t place, uint64_t id)
{
    if (ages->seen[place] == 0 || id < ages->seen[place]) {
        ages->seen[place] = id;
    }
}

void view_ages_walk(struct view *view)
{
    struct core *core = view->core;
    (void)view_survey(view); /* begins anew after a reload */
    struct view_ages *ages = &view->ages;
    uint32_t messages[256];
    for (unsigned looked = 0; looked < AGES_A_CALL; looked += 256) {
        unsigned count = index_each(core->index, &ages->cursor, messages, 256);
        for (unsigned i = 0; i < count; i++) {
            struct message_view message;
            index_message(core->index, messages[i], &message);
            uint32_t stream = view_stream(core, message.stream);
            see(ages, 64, message.id);
            if (stream < 64) {
                see(ages, stream, message.id);
            }
        }
        if (ages->cursor == 0) {
            end_round(ages);
            return;
        }
    }
}

int64_t view_oldest(struct view *view, uint32_t stream)
{
    const struct view_ages *ages = &view->ages;
    size_t place = stream < 64 ? stream : 64;
    uint64_t id = ages->best[place];
    uint32_t message = id != 0 ? index_find(view->core->index, id) : 0;
    if (message == 0) {
        id = ages->seen[place];
        message = id != 0 ? index_find(view->core->index, id) : 0;
    }
    if (message == 0) {
        return 0;
    }
    struct message_view found;
    index_message(view->core->index, message, &found);
    return (int64_t)found.accepted_unix_ms;
}
