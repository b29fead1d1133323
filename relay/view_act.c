/* An operator's act on many recipients: hold, release, retry, bounce.
 *
 * Good path: the walk finds some; their changes go into this turn's record; the walk
 * pauses until that is on the disk; so on; the journal; the answer.
 *
 * Failure modes: the queue cannot be written (the process ends; what was written counts);
 * a stop (the answer says how far it came). Recipients in a conversation are left alone:
 * its result is not known yet. */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/arena.h"
#include "relay/bounce.h"
#include "relay/core.h"
#include "relay/domains.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"

/* Changes on their way to the disk: a part of one record, a millisecond of core. */
#define CHANGES_AT_ONCE 200

struct acting {
    struct view_walk walk; /* first */
    enum api_act act;
    char by[CHANGE_ACTOR + 1];
    char why[CHANGE_REASON + 1];
    uint64_t changed;
    uint64_t skipped; /* in a conversation */
    unsigned flying;  /* changes that are not on the disk yet */
    bool is_walked;   /* only these are waited for */
    int rc;
};

static const char *word_of(enum api_act act)
{
    switch (act) {
    case API_ACT_HOLD: return "hold";
    case API_ACT_RELEASE: return "release";
    case API_ACT_RETRY: return "retry";
    case API_ACT_BOUNCE: return "bounce";
    }
    return "";
}

/* ---- the record ---- */

static void finish(struct acting *acting);

static void on_written(void *owner, int rc)
{
    struct acting *acting = owner;
    if (acting->walk.view == NULL) {
        return; /* given up at the end of a failed queue: view_stop has answered */
    }
    acting->rc = acting->rc != 0 ? acting->rc : rc;
    assert(acting->flying > 0);
    acting->flying--;
    if (acting->flying > 0) {
        return;
    }
    if (acting->is_walked) {
        finish(acting);
    } else if (acting->walk.is_paused) {
        view_walk_go(&acting->walk);
    }
}

/* ---- one recipient ---- */

/* Is there anything to change? */
static bool applies(enum api_act act, enum api_state state)
{
    switch (act) {
    case API_ACT_HOLD: return state != API_STATE_HELD;
    case API_ACT_RELEASE: return state == API_STATE_HELD;
    case API_ACT_RETRY: return state != API_STATE_HELD;
    case API_ACT_BOUNCE: return true;
    }
    return false;
}

static void fill_change(const struct acting *acting, const struct view_match *match,
                        struct change *change)
{
    const struct recipient_view *view = &match->view;
    change_init(change);
    change->id = match->message_view.id;
    change->home = match->message_view.place.segment;
    change->number = view->number;
    change->attempts = view->attempts;
    change->when_unix_ms = (uint64_t)now_unix_ms();
    change->source = view->flow->source;
    change->previous = view->last;
    change->actor = acting->by;
    change->reason = acting->why;
}

static void fill_bounce(const struct view_match *match, const char *text,
                        struct change *change)
{
    const struct envelope *envelope = match->envelope;
    change->state = CHANGE_FAILED;
    change->origin = REPLY_LOCAL;
    change->enhanced[0] = 5;
    change->text = text;
    /* Without the envelope at hand a bounce is taken as owed; notice looks again. */
    change->ended =
        envelope != NULL && match->view.number < envelope->recipient_count &&
        !bounce_is_owed(envelope->sender, envelope->recipients[match->view.number].notify,
                        BOUNCE_FAILED);
}

static enum log_kind kind_of(enum api_act act)
{
    switch (act) {
    case API_ACT_HOLD: return LOG_HELD;
    case API_ACT_BOUNCE: return LOG_BOUNCED;
    case API_ACT_RELEASE:
    case API_ACT_RETRY: break;
    }
    return LOG_RELEASED;
}

static void tell_log(const struct acting *acting, const struct view_match *match,
                     const struct change *change)
{
    struct reply reply = {.origin = REPLY_LOCAL, .enhanced = {5, 0, 0}};
    (void)snprintf(reply.text, sizeof reply.text, "%s", change->text);
    log_event(&(struct log_event){
        .kind = kind_of(acting->act),
        .unix_ms = (int64_t)change->when_unix_ms,
        .id = change->id,
        .stream = match->row.stream,
        .source = match->row.source,
        .site = match->row.site,
        .sender = match->row.sender,
        .recipient = match->row.recipient,
        .user = match->row.user,
        .job = match->row.job,
        .message_id = match->envelope != NULL ? match->envelope->message_id : "",
        .size_bytes = match->row.size_bytes,
        .reply = acting->act == API_ACT_BOUNCE ? &reply : NULL,
        .delay_ms = (int64_t)change->when_unix_ms - match->row.accepted_unix_ms,
        .attempt = match->view.attempts,
        .actor = acting->by,
        .text = acting->why,
        .message_ends = change->ended && match->message_view.live == 1});
}

/* What its flow must do now. */
static void touch(struct core *core, const struct view_match *match)
{
    struct recipient_view view;
    uint32_t recipient =
        index_recipient_of(core->index, match->message, match->view.number);
    if (recipient != 0) {
        index_recipient(core->index, recipient, &view);
        scheduler_touch(core, view.flow);
    }
}

static void change_one(struct acting *acting, const struct view_match *match)
{
    struct core *core = acting->walk.view->core;
    struct change change;
    char text[CHANGE_TEXT + 1];
    (void)snprintf(text, sizeof text, "returned by the operator%s%s",
                   acting->why[0] != '\0' ? ": " : "", acting->why);
    fill_change(acting, match, &change);
    switch (acting->act) {
    case API_ACT_HOLD: change.state = CHANGE_HELD; break;
    case API_ACT_RELEASE:
    case API_ACT_RETRY:
        change.state = CHANGE_WAITING;
        change.next_unix_ms = 0; /* at once */
        break;
    case API_ACT_BOUNCE: fill_bounce(match, text, &change); break;
    }
    if (records_add(core, &change) == 0) {
        return;
    }
    acting->flying++;
    records_when_done(core, on_written, acting);
    if (acting->act == API_ACT_BOUNCE) {
        core->counts.bounced++;
        stream_tally(&core->stream_tallies, match->row.stream)->bounced++;
    }
    if (acting->act != API_ACT_RETRY) {
        tell_log(acting, match, &change);
    }
    if (change.state == CHANGE_WAITING) {
        touch(core, match);
    }
}

/* Retry: a destination that is left alone for a while is asked again, too. */
static void open_dest(const struct view_match *match)
{
    const struct lading *lading = match->view.flow->owner;
    if (lading != NULL && lading->dest->state == DEST_DOWN) {
        domains_forget(match->view.flow->domain);
    }
}

/* ---- the walk ---- */

static enum view_step on_match(struct view_walk *walk, const struct view_match *match)
{
    struct acting *acting = (struct acting *)walk;
    if (acting->rc != 0) {
        return VIEW_END;
    }
    if (!applies(acting->act, match->row.state)) {
        return VIEW_GO;
    }
    if (match->row.state == API_STATE_ACTIVE) {
        acting->skipped++;
        return VIEW_GO;
    }
    acting->changed++;
    if (acting->act == API_ACT_RETRY) {
        open_dest(match);
    }
    if (acting->act != API_ACT_RETRY || match->view.phase == INDEX_DEFERRED) {
        change_one(acting, match);
    }
    return acting->flying < CHANGES_AT_ONCE ? VIEW_GO : VIEW_PAUSE;
}

static void note(const struct acting *acting)
{
    char subject[LOG_TEXT_BYTES];
    char after[64];
    struct core *core = acting->walk.view->core;
    api_filter_describe(&acting->walk.filter, subject, sizeof subject);
    (void)snprintf(after, sizeof after, "%llu recipients",
                   (unsigned long long)acting->changed);
    journal_record(core->store, LOG_ADMIN,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = acting->by,
                                           .kind = word_of(acting->act),
                                           .subject = subject,
                                           .after = after,
                                           .evidence = acting->why},
                   NULL);
}

static void finish(struct acting *acting)
{
    struct api_answer *answer = acting->walk.answer;
    bool is_stopping = acting->walk.view->is_stopping;
    bool is_all = api_filter_is_empty(&acting->walk.filter);
    uint64_t changed = acting->changed;
    int rc = acting->rc;
    if (changed > 0) {
        note(acting);
    }
    if (acting->skipped > 0) {
        char line[128];
        (void)snprintf(line, sizeof line,
                       "%llu are in a conversation just now and were left alone",
                       (unsigned long long)acting->skipped);
        api_answer_note(answer, line);
    }
    api_answer_count(answer, changed);
    view_walk_done(&acting->walk);
    free(acting);
    if (rc != 0) {
        api_answer_done(answer, API_FAILED, "the queue cannot be written");
    } else if (is_stopping) {
        api_answer_done(answer, API_BUSY, "the relay stops; not all were looked at");
    } else if (changed == 0 && !is_all) { /* an empty queue is no failure */
        api_answer_done(answer, API_NOT_FOUND, "nothing matches");
    } else {
        api_answer_done(answer, API_DONE, "");
    }
}

static void on_walked(struct view_walk *walk)
{
    struct acting *acting = (struct acting *)walk;
    acting->is_walked = true;
    if (acting->flying > 0) {
        walk->is_paused = true; /* on_written finishes */
        return;
    }
    finish(acting);
}

void view_act(void *owner, const struct api_action *action, struct api_answer *answer)
{
    struct view *view = owner;
    struct acting *acting = arena_must(1, sizeof *acting);
    acting->act = action->act;
    acting->walk.view = view;
    acting->walk.answer = answer;
    acting->walk.match_cb = on_match;
    acting->walk.done_cb = on_walked;
    settle_clean(action->by, acting->by, sizeof acting->by);
    settle_clean(action->why, acting->why, sizeof acting->why);
    if (!view_walk_start(&acting->walk, &action->filter, "")) {
        free(acting);
        api_answer_done(answer, API_FAILED, "");
    }
}
