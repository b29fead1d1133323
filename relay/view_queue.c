/* The queue as a list, and one message with every attempt. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

#include "relay/api_filter.h"
#include "relay/arena.h"
#include "relay/core.h"
#include "relay/domains.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"

/* Records read back for one recipient; the chain may be long after days. */
#define CHAIN_MOST 64

/* ---- the list ---- */

struct listing {
    struct view_walk walk; /* first */
    unsigned left;
    bool is_cut;
};

/* The gate that holds the recipient now, and when it opens. */
static void fill_gate(struct view *view, const struct view_match *match,
                      struct api_queue_row *row)
{
    struct core *core = view->core;
    const struct lading *lading = match->view.flow->owner;
    if (row->state == API_STATE_ACTIVE || lading == NULL) {
        return;
    }
    struct view_path path = {.core = core,
                             .stream = view_stream(core, match->view.flow->stream),
                             .site = lading->dest->site,
                             .dest = lading->dest,
                             .user = match->view.flow->user,
                             .message = &match->message_view,
                             .recipient = &match->view};
    const struct source *bound = sources_find(&core->sources, row->source);
    uint32_t place = CONFIG_NONE;
    for (uint32_t i = 0; bound != NULL && i < core->sources.count; i++) {
        place = core->sources.items[i] == bound ? i : place;
    }
    if (row->state == API_STATE_DEFERRED) {
        row->gate = gate_name(GATE_BACKOFF); /* whatever else: not before then */
    } else if (row->state == API_STATE_HELD) {
        row->gate = gate_name(GATE_HOLD);
    } else if (view_path_best(&path, place) && path.holds != GATE_COUNT) {
        row->gate = gate_name(path.holds);
        row->next_unix_ms = view_unix_ms(path.answers[path.holds].earliest_ns);
    }
}

static enum view_step on_row(struct view_walk *walk, const struct view_match *match)
{
    struct listing *listing = (struct listing *)walk;
    if (listing->left == 0) {
        listing->is_cut = true;
        return VIEW_END;
    }
    struct api_queue_row row = match->row;
    fill_gate(walk->view, match, &row);
    api_answer_recipient(walk->answer, &row);
    listing->left--;
    return VIEW_GO;
}

static void on_listed(struct view_walk *walk)
{
    struct listing *listing = (struct listing *)walk;
    struct api_answer *answer = walk->answer;
    bool is_stopping = walk->view->is_stopping;
    if (listing->is_cut) {
        char cursor[VIEW_CURSOR_BYTES];
        view_walk_cursor(walk, cursor);
        api_answer_more(answer, cursor);
    }
    view_walk_done(walk);
    free(listing);
    api_answer_done(answer, is_stopping ? API_BUSY : API_DONE,
                    is_stopping ? "stopping" : "");
}

void view_queue(void *owner, const struct api_filter *filter, const struct api_page *page,
                struct api_answer *answer)
{
    struct listing *listing = arena_must(1, sizeof *listing);
    listing->walk.view = owner;
    listing->walk.answer = answer;
    listing->walk.match_cb = on_row;
    listing->walk.done_cb = on_listed;
    listing->walk.wants_last = true;
    listing->left = page->limit;
    if (!view_walk_start(&listing->walk, filter, page->cursor)) {
        free(listing);
        api_answer_done(answer, API_BAD_ASK, "cursor is none that was given");
    }
}

/* ---- one message ---- */

/* What of an attempt must outlive its record: it is sorted before it is handed over. */
struct attempt {
    int64_t when_unix_ms;
    size_t number;   /* as it was read */
    char *recipient; /* owned */
    struct reply reply;
    char source[64];
    char host[CHANGE_HOST + 1];
    char address[CHANGE_ADDRESS + 1];
    char tls[CHANGE_TLS + 1];
    int64_t took_ms;
    enum change_state state;
    uint8_t reply_class;
    bool is_act; /* an operator's */
    char actor[CHANGE_ACTOR + CHANGE_REASON + 8];
};

struct showing {
    struct view_walk walk; /* first */
    bool is_told;
    struct attempt **attempts; /* owned */
    size_t count;
    size_t room;
};

static const char *stage_name(enum reply_stage stage)
{
    switch (stage) {
    case REPLY_STAGE_DNS: return "DNS";
    case REPLY_STAGE_CONNECT: return "connect";
    case REPLY_STAGE_GREETING: return "greeting";
    case REPLY_STAGE_EHLO: return "EHLO";
    case REPLY_STAGE_STARTTLS: return "STARTTLS";
    case REPLY_STAGE_AUTH: return "AUTH";
    case REPLY_STAGE_MAIL: return "MAIL";
    case REPLY_STAGE_RCPT: return "RCPT";
    case REPLY_STAGE_DATA: return "DATA";
    case REPLY_STAGE_BODY: return "the message";
    case REPLY_STAGE_DOT: return "after the final dot";
    case REPLY_STAGE_QUIT: return "QUIT";
    }
    return "";
}

static const char *outcome_of(const struct attempt *attempt)
{
    switch (attempt->state) {
    case CHANGE_WAITING: return attempt->is_act ? "released" : "deferred";
    case CHANGE_HELD: return "held";
    case CHANGE_FAILED: return "bounced";
    case CHANGE_EXPIRED: return "expired";
    case CHANGE_DELIVERED:
    case CHANGE_RELAYED: return "delivered";
    case CHANGE_PURGED: return "purged";
    case CHANGE_NOTICED:
    case CHANGE_STATES: break;
    }
    return "";
}

static void remember(struct showing *showing, const struct change *change,
                     const char *recipient)
{
    if (showing->count == LIMIT_API_ROWS) {
        return;
    }
    if (showing->count == showing->room) {
        showing->room = showing->room == 0 ? 16 : showing->room * 2;
        struct attempt **bigger =
            realloc(showing->attempts, showing->room * sizeof(struct attempt *));
        if (bigger == NULL) {
            abort(); /* bounded by LIMIT_API_ROWS */
        }
        showing->attempts = bigger;
    }
    struct attempt *attempt = arena_must(1, sizeof *attempt);
    attempt->when_unix_ms = (int64_t)change->when_unix_ms;
    attempt->number = showing->count;
    attempt->recipient = view_copy(recipient);
    attempt->state = change->state;
    attempt->reply_class = change->reply_class;
    attempt->is_act = change->actor[0] != '\0';
    attempt->reply.stage = (enum reply_stage)(change->stage % (REPLY_STAGE_QUIT + 1));
    attempt->reply.origin = (enum reply_origin)(change->origin % (REPLY_LOCAL + 1));
    attempt->reply.code = change->code;
    memcpy(attempt->reply.enhanced, change->enhanced, sizeof attempt->reply.enhanced);
    (void)snprintf(attempt->reply.text, sizeof attempt->reply.text, "%s", change->text);
    (void)snprintf(attempt->source, sizeof attempt->source, "%s", change->source);
    (void)snprintf(attempt->host, sizeof attempt->host, "%s", change->host);
    (void)snprintf(attempt->address, sizeof attempt->address, "%s", change->address);
    (void)snprintf(attempt->tls, sizeof attempt->tls, "%s", change->tls);
    attempt->took_ms = (int64_t)change->took_ms;
    (void)snprintf(attempt->actor, sizeof attempt->actor, "%s%s%s", change->actor,
                   change->reason[0] != '\0' ? ": " : "", change->reason);
    showing->attempts[showing->count++] = attempt;
}

/* The chain of a recipient's records, newest first. Ends where a record is gone. */
static void read_chain(struct showing *showing, const struct view_match *match)
{
    struct core *core = showing->walk.view->core;
    struct place place = match->view.last;
    if (match->view.ended && place.segment == 0) {
        struct change change; /* the queue forgets how it ended, but not that */
        change_init(&change);
        change.state = match->view.state;
        change.actor = "ended: the event log has its last answer";
        remember(showing, &change, match->row.recipient);
        return;
    }
    for (unsigned i = 0; i < CHAIN_MOST && place.segment != 0; i++) {
        struct change change;
        uint8_t *block = NULL;
        if (!view_read_change(core, &place, match->view.id, match->view.number, &change,
                              &block)) {
            return;
        }
        remember(showing, &change, match->row.recipient);
        place = change.previous;
        free(block);
    }
}

static void tell_message(struct showing *showing, const struct view_match *match)
{
    const struct api_queue_row *row = &match->row;
    struct api_message message = {
        .id = row->id,
        .sender = row->sender,
        .stream = row->stream,
        .user = row->user,
        .client = row->client,
        .job = row->job,
        .subject = row->subject,
        .message_id = match->envelope != NULL ? match->envelope->message_id : "",
        .priority = row->priority,
        .size_bytes = row->size_bytes,
        .accepted_unix_ms = row->accepted_unix_ms,
        .expires_unix_ms = row->expires_unix_ms};
    api_answer_message(showing->walk.answer, &message);
    showing->is_told = true;
}

static enum view_step on_recipient(struct view_walk *walk, const struct view_match *match)
{
    struct showing *showing = (struct showing *)walk;
    if (!showing->is_told) {
        tell_message(showing, match);
    }
    if (match->row.state != API_STATE_ANY) {
        struct api_queue_row row = match->row;
        fill_gate(walk->view, match, &row);
        api_answer_recipient(walk->answer, &row);
    }
    read_chain(showing, match);
    return VIEW_GO;
}

static int by_time(const void *one, const void *other)
{
    const struct attempt *a = *(struct attempt *const *)one;
    const struct attempt *b = *(struct attempt *const *)other;
    if (a->when_unix_ms != b->when_unix_ms) {
        bool is_first = a->when_unix_ms != 0 &&
                        (b->when_unix_ms == 0 || a->when_unix_ms < b->when_unix_ms);
        return is_first ? -1 : 1; /* 0: at some time; last */
    }
    /* Within a millisecond: the chain was read newest first. */
    return a->number > b->number ? -1 : 1;
}

static void hand_over(struct showing *showing, const struct attempt *attempt)
{
    const struct core *core = showing->walk.view->core;
    const struct config *config = core->snapshot->config;
    bool has_reply = attempt->reply.code != 0 || attempt->reply.text[0] != '\0';
    bool is_said = has_reply && !attempt->is_act;
    uint32_t source = config_source_find(config, attempt->source);
    struct finding finding = {.list = ""};
    char reply[REPLY_TEXT_BYTES + 32] = "";
    if (is_said) {
        classify_reply(&attempt->reply, attempt->host, &core->snapshot->classify,
                       &finding);
    }
    if (has_reply) {
        (void)settle_reply_text(&attempt->reply, reply, sizeof reply);
    }
    struct api_attempt row = {
        .recipient = attempt->recipient,
        .source = attempt->source,
        .source_address =
            source != CONFIG_NONE ? config->sources[source].address.text : "",
        .host = attempt->host,
        .address = attempt->address,
        .tls = attempt->tls,
        .took_ms = attempt->took_ms,
        .outcome = outcome_of(attempt),
        .stage = is_said ? stage_name(attempt->reply.stage) : "",
        .reply = has_reply ? reply : attempt->actor,
        .class_name = is_said ? finding_class_name((enum finding_class)(
                                    attempt->reply_class % FINDING_CLASSES))
                              : "",
        .scope = is_said && finding.class != FINDING_NONE
                     ? finding_scope_name(finding.scope)
                     : "",
        .dnsbl = finding.list,
        .start_unix_ms = attempt->when_unix_ms};
    api_answer_attempt(showing->walk.answer, &row);
}

static void on_shown(struct view_walk *walk)
{
    struct showing *showing = (struct showing *)walk;
    struct api_answer *answer = walk->answer;
    bool is_told = showing->is_told;
    bool is_stopping = walk->view->is_stopping;
    if (showing->count > 1) {
        qsort(showing->attempts, showing->count, sizeof(struct attempt *), by_time);
    }
    for (size_t i = 0; i < showing->count; i++) {
        hand_over(showing, showing->attempts[i]);
        free(showing->attempts[i]->recipient);
        free(showing->attempts[i]);
    }
    free(showing->attempts);
    view_walk_done(walk);
    free(showing);
    if (is_stopping) {
        api_answer_done(answer, API_BUSY, "stopping");
    } else if (is_told) {
        api_answer_done(answer, API_DONE, "");
    } else {
        api_answer_done(answer, API_NOT_FOUND,
                        "no message of that id is in the queue; the event log has what "
                        "has ended");
    }
}

void view_message(void *owner, const char *id, struct api_answer *answer)
{
    struct api_filter filter;
    uint64_t number = 0;
    if (!id_parse(id, strlen(id), &number)) {
        api_answer_done(answer, API_NOT_FOUND, "that is no id: they have 13 letters");
        return;
    }
    struct showing *showing = arena_must(1, sizeof *showing);
    api_filter_init(&filter);
    filter.id = id;
    showing->walk.view = owner;
    showing->walk.answer = answer;
    showing->walk.match_cb = on_recipient;
    showing->walk.done_cb = on_shown;
    showing->walk.wants_ended = true;
    showing->walk.wants_last = true;
    if (!view_walk_start(&showing->walk, &filter, "")) {
        free(showing);
        api_answer_done(answer, API_FAILED, "");
    }
}
