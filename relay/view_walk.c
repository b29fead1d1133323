/* The queue, recipient by recipient, a slice of a turn at a time.
 *
 * Good path: the next message of the index; for each of its recipients what the index
 * knows is matched first; only for those that are left the record is read, from memory or
 * by the reader's thread, then the last change; what still matches goes to the asker.
 *
 * Suspended: until the next turn (the slice is over), in the reader (on_content resumes),
 * paused (the asker calls view_walk_go). Messages may leave meanwhile: the one at hand is
 * found again by its id.
 *
 * Failure modes: a record that cannot be read matches only filters that do not need it;
 * a stop ends the walk where it is. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/core.h"
#include "relay/now.h"
#include "relay/route.h"
#include "relay/view_parts.h"

#define SLICE_NS (2 * NOW_NS_PER_MS)

/* An operator's acts in a row, behind which the last reply is looked for. */
#define ACTS_MOST 8

/* Between two looks at the clock. */
#define STEPS 32

/* ---- changes ---- */

bool view_read_change(struct core *core, const struct place *place, uint64_t id,
                      uint16_t number, struct change *out_change, uint8_t **out_block)
{
    struct queue_pin pin = {0};
    if (place->segment == 0 || queue_pin_place(core->queue, place, &pin) != 0) {
        return false;
    }
    int rc = queue_read_change(&pin, id, number, out_change, out_block);
    queue_unpin(&pin);
    return rc == 0;
}

char *view_change_reply(const struct change *change, char out[CHANGE_TEXT + 32])
{
    char codes[32] = "";
    if (change->code != 0 && change->enhanced[0] != 0) {
        (void)snprintf(codes, sizeof codes, "%u %u.%u.%u ", change->code,
                       change->enhanced[0], change->enhanced[1], change->enhanced[2]);
    } else if (change->code != 0) {
        (void)snprintf(codes, sizeof codes, "%u ", change->code);
    }
    (void)snprintf(out, CHANGE_TEXT + 32, "%s%s", codes, change->text);
    return out;
}

/* ---- the filter ---- */

/* Every text of a filter, so that all are treated alike. */
#define TEXTS 13

static void texts_of(struct api_filter *filter, const char **out[TEXTS])
{
    const char **texts[TEXTS] = {
        &filter->id,     &filter->domain, &filter->site,      &filter->stream,
        &filter->source, &filter->sender, &filter->recipient, &filter->user,
        &filter->client, &filter->job,    &filter->subject,   &filter->class_name,
        &filter->reply};
    memcpy(out, texts, sizeof texts);
}

void view_filter_copy(struct view_walk *walk, const struct api_filter *filter)
{
    const char **texts[TEXTS];
    size_t size = 0;
    walk->filter = *filter;
    texts_of(&walk->filter, texts);
    for (unsigned i = 0; i < TEXTS; i++) {
        *texts[i] = *texts[i] != NULL ? *texts[i] : "";
        size += strlen(*texts[i]) + 1;
    }
    walk->texts = malloc(size);
    if (walk->texts == NULL) {
        abort(); /* bounded by LIMIT_API_BODY */
    }
    char *at = walk->texts;
    for (unsigned i = 0; i < TEXTS; i++) {
        size_t length = strlen(*texts[i]) + 1;
        memcpy(at, *texts[i], length);
        *texts[i] = at;
        at += length;
    }
    walk->early = walk->filter;
    walk->early.sender = "";
    walk->early.recipient = "";
    walk->early.client = "";
    walk->early.job = "";
    walk->early.subject = "";
    walk->early.class_name = "";
    walk->early.reply = "";
}

static bool wants_change(const struct view_walk *walk)
{
    return walk->wants_last || walk->filter.class_name[0] != '\0' ||
           walk->filter.reply[0] != '\0';
}

/* ---- the cursor ---- */

void view_walk_cursor(const struct view_walk *walk, char out[VIEW_CURSOR_BYTES])
{
    (void)snprintf(out, VIEW_CURSOR_BYTES, "%" PRIu32 "-%" PRIx64 "-%u", walk->cursor,
                   walk->id, walk->number);
}

static bool read_number(const char **at, int base, char end, uint64_t most, uint64_t *out)
{
    char *stop = NULL;
    errno = 0;
    uint64_t value = strtoull(*at, &stop, base);
    if (stop == *at || *stop != end || errno != 0 || value > most || **at == '-') {
        return false;
    }
    *at = end == '\0' ? stop : stop + 1;
    *out = value;
    return true;
}

static bool read_cursor(struct view_walk *walk, const char *cursor)
{
    uint64_t slot = 0;
    uint64_t number = 0;
    if (cursor[0] == '\0') {
        return true;
    }
    if (!read_number(&cursor, 10, '-', UINT32_MAX, &slot) ||
        !read_number(&cursor, 16, '-', UINT64_MAX, &walk->from_id) ||
        !read_number(&cursor, 10, '\0', UINT16_MAX, &number)) {
        return false;
    }
    walk->after = (uint32_t)slot;
    walk->from = (uint16_t)number;
    return true;
}

/* ---- messages ---- */

static void drop_content(struct view_walk *walk)
{
    if (walk->has_content) {
        queue_message_free(&walk->content);
    }
    walk->has_content = false;
    walk->is_unreadable = false;
}

static void take_message(struct view_walk *walk, uint32_t message)
{
    struct message_view view;
    drop_content(walk);
    index_message(walk->view->core->index, message, &view);
    walk->message = message;
    walk->id = view.id;
    walk->number = view.id == walk->from_id ? walk->from : 0;
}

/* The next message, of the next few slots. False when there are no more. */
static bool find_message(struct view_walk *walk)
{
    struct core *core = walk->view->core;
    if (walk->is_begun && (walk->is_single || walk->after == 0)) {
        return false;
    }
    if (walk->is_single) {
        uint64_t id = 0;
        walk->is_begun = true;
        uint32_t message = id_parse(walk->filter.id, strlen(walk->filter.id), &id)
                               ? index_find(core->index, id)
                               : 0;
        if (message != 0) {
            take_message(walk, message);
        }
        return message != 0;
    }
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t message = 0;
        walk->is_begun = true;
        walk->cursor = walk->after;
        if (index_each(core->index, &walk->after, &message, 1) > 0) {
            take_message(walk, message);
            return true;
        }
        if (walk->after == 0) {
            return false;
        }
    }
    return true; /* none yet, and more to look at */
}

/* ---- content ---- */

static void run(struct view_walk *walk);

static void on_content(struct letter *letter)
{
    struct reader_ask *ask = LIST_OWNER(letter, struct reader_ask, letter);
    struct view_walk *walk = LIST_OWNER(ask, struct view_walk, read);
    walk->is_reading = false;
    queue_unpin(&walk->pin);
    walk->has_content = ask->rc == 0;
    walk->is_unreadable = ask->rc != 0;
    run(walk);
}

/* False: the reader has it, run goes on when it comes back. */
static bool have_content(struct view_walk *walk)
{
    struct core *core = walk->view->core;
    if (walk->has_content || walk->is_unreadable) {
        return true;
    }
    int rc = queue_pin_message(core->queue, walk->message, &walk->pin);
    if (rc == 0) {
        rc = queue_read_message(&walk->pin, true, &walk->content);
        if (rc == -EAGAIN) {
            walk->read = (struct reader_ask){.home = &core->mailbox,
                                             .done_cb = on_content,
                                             .pin = &walk->pin,
                                             .message = &walk->content};
            walk->is_reading = true;
            reader_fetch(&walk->read);
            return false;
        }
        queue_unpin(&walk->pin);
    }
    walk->has_content = rc == 0;
    walk->is_unreadable = rc != 0;
    return true;
}

/* ---- recipients ---- */

static bool state_of(const struct view_walk *walk, const struct recipient_view *view,
                     int64_t now_ms, enum api_state *out)
{
    switch (view->phase) {
    case INDEX_READY: *out = API_STATE_READY; return true;
    case INDEX_DEFERRED:
        *out =
            (int64_t)view->next_unix_ms <= now_ms ? API_STATE_READY : API_STATE_DEFERRED;
        return true;
    case INDEX_OUT: *out = API_STATE_ACTIVE; return true;
    case INDEX_IDLE: break;
    }
    bool is_held = view->state == CHANGE_HELD && !view->ended;
    *out = is_held ? API_STATE_HELD : API_STATE_ANY;
    return is_held || walk->wants_ended;
}

static void fill_row(struct view_match *match, char id[ID_BYTES])
{
    const struct message_view *message = &match->message_view;
    const struct recipient_view *view = &match->view;
    const struct flow *flow = view->flow; /* NULL: it has ended */
    const struct lading *lading = flow != NULL ? flow->owner : NULL;
    struct api_queue_row *row = &match->row;
    id_print(message->id, id);
    row->id = id;
    match->domain[0] = '\0';
    if (flow != NULL) {
        (void)route_unlabel(flow->domain->name, match->domain);
    }
    row->domain = match->domain;
    row->site =
        lading != NULL && lading->dest->site != NULL ? lading->dest->site->name : "";
    row->source = flow != NULL ? flow->source : "";
    row->stream = message->stream;
    row->user = message->user;
    row->priority = message->priority;
    row->attempts = view->attempts;
    row->size_bytes = message->size_bytes;
    row->accepted_unix_ms = (int64_t)message->accepted_unix_ms;
    row->expires_unix_ms = (int64_t)message->expires_unix_ms;
    row->next_unix_ms =
        row->state == API_STATE_DEFERRED ? (int64_t)view->next_unix_ms : 0;
    row->sender = row->recipient = row->client = row->job = row->subject = "";
    row->gate = row->reply = row->class_name = row->held_by = "";
}

static void fill_content(const struct view_walk *walk, struct view_match *match)
{
    struct api_queue_row *row = &match->row;
    if (!walk->has_content) {
        return;
    }
    const struct envelope *envelope = &walk->content.envelope;
    match->envelope = envelope;
    row->sender = envelope->sender;
    row->client = envelope->client;
    row->job = envelope->job;
    row->subject = envelope->subject;
    row->size_bytes = envelope->size_bytes;
    if (match->view.number < envelope->recipient_count) {
        row->recipient = envelope->recipients[match->view.number].address;
    }
}

/* The last reply: of the last record, or of one before it, when an operator has acted
 * since. */
static void fill_reply(struct core *core, const struct change *last,
                       struct view_match *match, char reply[CHANGE_TEXT + 32])
{
    struct change change = *last;
    uint8_t *block = NULL;
    for (unsigned i = 0; i < ACTS_MOST && change.actor[0] != '\0'; i++) {
        uint8_t *older = NULL;
        if (!view_read_change(core, &change.previous, match->view.id, match->view.number,
                              &change, &older)) {
            break;
        }
        free(block);
        block = older;
    }
    if (change.actor[0] == '\0' && (change.code != 0 || change.text[0] != '\0')) {
        match->row.reply = view_change_reply(&change, reply);
        match->row.class_name = finding_class_name(
            (enum finding_class)(change.reply_class % FINDING_CLASSES));
    }
    free(block);
}

/* The asker sees it, if it matches to the end. */
static enum view_step offer(struct view_walk *walk, struct view_match *match)
{
    struct core *core = walk->view->core;
    struct change last;
    uint8_t *block = NULL;
    char reply[CHANGE_TEXT + 32];
    char held_by[CHANGE_ACTOR + CHANGE_REASON + 8];
    enum view_step step = VIEW_GO;
    fill_content(walk, match);
    if (wants_change(walk) && view_read_change(core, &match->view.last, match->view.id,
                                               match->view.number, &last, &block)) {
        match->last = &last;
        fill_reply(core, &last, match, reply);
        if (match->view.state == CHANGE_HELD) {
            (void)snprintf(held_by, sizeof held_by, "%s%s%s", last.actor,
                           last.reason[0] != '\0' ? ": " : "", last.reason);
            match->row.held_by = held_by;
        }
    }
    if (api_filter_match(&walk->filter, &match->row, now_unix_ms())) {
        step = walk->match_cb(walk, match);
    }
    match->last = NULL;
    match->row.reply = match->row.class_name = match->row.held_by = "";
    free(block);
    return step;
}

enum went { WENT_ON, WENT_AWAY };

/* One recipient of the message at hand. WENT_AWAY: the walk is suspended. */
static enum went visit(struct view_walk *walk, uint32_t recipient)
{
    struct core *core = walk->view->core;
    struct view_match match = {.message = walk->message, .recipient = recipient};
    char id[ID_BYTES];
    int64_t now_ms = now_unix_ms();
    index_recipient(core->index, recipient, &match.view);
    index_message(core->index, walk->message, &match.message_view);
    bool wanted = state_of(walk, &match.view, now_ms, &match.row.state);
    if (wanted) {
        fill_row(&match, id);
        wanted = api_filter_match(&walk->early, &match.row, now_ms);
    }
    enum view_step step = VIEW_GO;
    if (wanted) {
        if (!have_content(walk)) {
            return WENT_AWAY;
        }
        step = offer(walk, &match);
    }
    if (step == VIEW_END) {
        walk->number = match.view.number;
        walk->is_over = true;
        return WENT_ON;
    }
    walk->number = (uint16_t)(match.view.number + 1);
    walk->is_paused = step == VIEW_PAUSE;
    return walk->is_paused ? WENT_AWAY : WENT_ON;
}

/* The recipients of the message at hand, from walk->number on. */
static enum went visit_message(struct view_walk *walk, int64_t until_ns)
{
    struct core *core = walk->view->core;
    struct message_view message;
    struct recipient_view view;
    unsigned steps = 0;
    if (index_find(core->index, walk->id) != walk->message) {
        walk->message = 0; /* it has ended while we were away */
        return WENT_ON;
    }
    index_message(core->index, walk->message, &message);
    uint32_t next = 0;
    for (uint32_t at = message.first; at != 0; at = next) {
        index_recipient(core->index, at, &view);
        next = view.next;
        if (view.number < walk->number) {
            continue; /* seen in an earlier slice, or on an earlier page */
        }
        if (visit(walk, at) == WENT_AWAY) {
            return WENT_AWAY;
        }
        if (walk->is_over || (++steps % STEPS == 0 && now_ns() > until_ns)) {
            return WENT_ON;
        }
    }
    walk->message = 0;
    return WENT_ON;
}

/* ---- the loop ---- */

static void on_slice(struct agenda_item *item)
{
    run(LIST_OWNER(item, struct view_walk, item));
}

static void run(struct view_walk *walk)
{
    struct core *core = walk->view->core;
    int64_t until_ns = now_ns() + SLICE_NS;
    if (view_waits_for_sites(walk)) {
        return;
    }
    while (!walk->is_over) {
        if (walk->view->is_stopping) {
            walk->is_over = true;
        } else if (walk->message == 0) {
            walk->is_over = !find_message(walk);
        } else if (visit_message(walk, until_ns) == WENT_AWAY) {
            return; /* suspended: on_content or view_walk_go resumes */
        }
        if (!walk->is_over && now_ns() > until_ns) {
            agenda_set(&core->agenda, &walk->item, (uint64_t)now_ns() + 1);
            return; /* suspended: on_slice resumes, in the next turn */
        }
    }
    walk->done_cb(walk);
}

bool view_walk_start(struct view_walk *walk, const struct api_filter *filter,
                     const char *cursor)
{
    if (!read_cursor(walk, cursor)) {
        return false;
    }
    view_filter_copy(walk, filter);
    walk->item.due_cb = on_slice;
    walk->is_single = walk->filter.id[0] != '\0' && strchr(walk->filter.id, '*') == NULL;
    walk->sites_until_ns =
        walk->filter.site[0] != '\0' && !walk->is_single ? now_ns() + VIEW_SITES_NS : 0;
    list_push_back(&walk->view->walks, &walk->node);
    run(walk);
    return true;
}

void view_walk_go(struct view_walk *walk)
{
    if (walk->is_reading) {
        return; /* on_content resumes */
    }
    walk->is_paused = false;
    if (walk->view->is_stopping) {
        agenda_drop(&walk->view->core->agenda, &walk->item);
        run(walk);
    } else {
        agenda_set(&walk->view->core->agenda, &walk->item, (uint64_t)now_ns() + 1);
    }
}

void view_walk_done(struct view_walk *walk)
{
    agenda_drop(&walk->view->core->agenda, &walk->item);
    drop_content(walk);
    free(walk->texts);
    list_remove(&walk->node);
}
