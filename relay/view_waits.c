/* What waits and why: for each cell of the survey the gate that holds it, summed up by
 * gate and subject. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/domains.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"

/* Gates asked in one call, about a microsecond each. */
#define CELLS_ASKED 5000
#define WAITS       256

struct wait {
    char gate[40];
    char subject[400];
    char sentence[2 * VIEW_TEXT + CHANGE_TEXT];
    uint64_t recipients;
    int64_t since_unix_ms;
    int64_t opens_unix_ms;
};

struct waits {
    struct wait *items; /* owned; WAITS of them, one more for all others */
    unsigned count;
    uint64_t others;
};

static struct wait *wait_of(struct waits *waits, const char *gate, const char *subject)
{
    for (unsigned i = 0; i < waits->count; i++) {
        if (strcmp(waits->items[i].gate, gate) == 0 &&
            strcmp(waits->items[i].subject, subject) == 0) {
            return &waits->items[i];
        }
    }
    if (waits->count == WAITS) {
        return NULL;
    }
    struct wait *wait = &waits->items[waits->count++];
    *wait = (struct wait){0};
    (void)snprintf(wait->gate, sizeof wait->gate, "%s", gate);
    (void)snprintf(wait->subject, sizeof wait->subject, "%s", subject);
    return wait;
}

/* Whom a gate is about. */
static void name_subject(const struct view_path *path, char out[400])
{
    switch (path->holds) {
    case GATE_FREEZE_STREAM:
        (void)snprintf(out, 400, "stream %s",
                       path->core->snapshot->config->streams[path->stream].name);
        return;
    case GATE_FREEZE_SITE: (void)snprintf(out, 400, "site %s", path->site->name); return;
    case GATE_FREEZE_SOURCE:
    case GATE_SOURCE_STOP:
        (void)snprintf(out, 400, "source %s", path->source->name);
        return;
    case GATE_LIFETIME:
    case GATE_HOLD:
    case GATE_FREEZE_USER:
    case GATE_SUPPRESSION:
    case GATE_SENDER_DOMAIN:
    case GATE_LANE_STOP:
    case GATE_DESTINATION:
    case GATE_BACKOFF:
    case GATE_RECIPIENT_RATE:
    case GATE_RAMP:
    case GATE_RATE:
    case GATE_CONNECTIONS:
    case GATE_COUNT: break;
    }
    (void)snprintf(out, 400, "source %s at %s", path->source->name, path->site->name);
}

static void add_cell(struct core *core, const struct view_cell *cell, struct waits *waits)
{
    struct view_path path = {.core = core, .stream = cell->stream, .site = cell->site};
    char subject[400];
    if (!view_path_best(&path, cell->source) || path.holds == GATE_COUNT) {
        return; /* it is on its way */
    }
    name_subject(&path, subject);
    struct wait *wait = wait_of(waits, gate_name(path.holds), subject);
    if (wait == NULL) {
        waits->others += cell->sums.ready;
        return;
    }
    if (wait->recipients == 0) {
        struct view_words words;
        struct api_gate gate;
        view_path_gate(&path, path.holds, &words, &gate);
        (void)snprintf(wait->sentence, sizeof wait->sentence, "%s", words.sentence);
        wait->since_unix_ms = gate.since_unix_ms;
        wait->opens_unix_ms = gate.opens_unix_ms;
    }
    wait->recipients += cell->sums.ready;
}

static void add_down(const struct view_down *down, struct waits *waits)
{
    char subject[400];
    (void)snprintf(subject, sizeof subject, "domain %s", down->domain);
    struct wait *wait = wait_of(waits, gate_name(GATE_DESTINATION), subject);
    if (wait == NULL) {
        waits->others += down->recipients;
        return;
    }
    (void)snprintf(wait->sentence, sizeof wait->sentence, "%s: %s%s%s", down->domain,
                   dest_state_name((enum dest_state)down->state),
                   down->reply[0] != '\0' ? ": " : "", down->reply);
    wait->recipients = down->recipients;
    wait->since_unix_ms = down->since_unix_ms;
    wait->opens_unix_ms = down->opens_unix_ms;
}

static void add_user(struct core *core, const struct view_user *user, struct waits *waits)
{
    char subject[400];
    const struct freeze *freeze = freezes_find(&core->freezes, FREEZE_USER, user->name);
    (void)snprintf(subject, sizeof subject, "user %s", user->name);
    struct wait *wait = wait_of(waits, gate_name(GATE_FREEZE_USER), subject);
    if (wait == NULL || freeze == NULL) {
        waits->others += user->recipients;
        return;
    }
    (void)snprintf(wait->sentence, sizeof wait->sentence, "frozen by %s%s%s", freeze->by,
                   freeze->why[0] != '\0' ? ": " : "", freeze->why);
    wait->recipients = user->recipients;
    wait->since_unix_ms = freeze->since_unix_ms;
    wait->opens_unix_ms = freeze->until_unix_ms;
}

/* What waits for its own next attempt, and what is held: no gate of a lane. */
static void add_own(struct core *core, struct waits *waits)
{
    struct index_stats stats;
    index_stats(core->index, &stats);
    if (stats.deferred > 0) {
        struct wait *wait = wait_of(waits, gate_name(GATE_BACKOFF), "recipients");
        if (wait != NULL) {
            (void)snprintf(wait->sentence, sizeof wait->sentence,
                           "were refused for now and wait for their next attempt");
            wait->recipients = stats.deferred;
        }
    }
    if (stats.held > 0) {
        struct wait *wait = wait_of(waits, gate_name(GATE_HOLD), "recipients");
        if (wait != NULL) {
            (void)snprintf(wait->sentence, sizeof wait->sentence,
                           "are held one by one: \"mesura queue --state held\"");
            wait->recipients = stats.held;
        }
    }
}

static int by_size(const void *one, const void *other)
{
    const struct wait *a = one;
    const struct wait *b = other;
    return a->recipients == b->recipients ? 0 : a->recipients > b->recipients ? -1 : 1;
}

static void hand_over(struct waits *waits, struct api_answer *answer)
{
    if (waits->count > 1) {
        qsort(waits->items, waits->count, sizeof *waits->items, by_size);
    }
    for (unsigned i = 0; i < waits->count; i++) {
        const struct wait *wait = &waits->items[i];
        if (wait->recipients == 0) {
            continue;
        }
        api_answer_wait(answer, &(struct api_wait){.gate = wait->gate,
                                                   .subject = wait->subject,
                                                   .sentence = wait->sentence,
                                                   .recipients = wait->recipients,
                                                   .since_unix_ms = wait->since_unix_ms,
                                                   .opens_unix_ms = wait->opens_unix_ms});
    }
    if (waits->others > 0) {
        api_answer_wait(answer,
                        &(struct api_wait){.gate = "others",
                                           .subject = "smaller ones, not shown",
                                           .sentence = "ask by name: mesura why SITE",
                                           .recipients = waits->others});
    }
}

void view_waits(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    const struct view_survey *survey = view_survey(view);
    struct waits waits = {.items = arena_must(WAITS, sizeof *waits.items)};
    add_own(core, &waits);
    unsigned asked = 0;
    for (size_t i = 0; i < survey->cell_count; i++) {
        const struct view_cell *cell = &survey->cells[i];
        if (cell->sums.ready == 0 || cell->is_shut || cell->site == NULL) {
            continue;
        }
        if (asked == CELLS_ASKED) {
            waits.others += cell->sums.ready;
            continue;
        }
        asked++;
        add_cell(core, cell, &waits);
    }
    for (unsigned i = 0; i < survey->down_count; i++) {
        add_down(&survey->downs[i], &waits);
    }
    for (unsigned i = 0; i < survey->user_count; i++) {
        add_user(core, &survey->users[i], &waits);
    }
    waits.others += survey->other_down_recipients;
    hand_over(&waits, answer);
    free(waits.items);
}
