/* Messages that another relay has exported, into this queue.
 *
 * Good path: the porter checks the directory as a whole; some messages at a time are
 * read, judged here, written as one durable record each, told to the index in the state
 * they had, and their last replies written behind them; the journal; the answer.
 *
 * Failure modes: a message that is queued here already, was imported before, or is for a
 * stream that is not configured: refused, and named in the answer; the others go on. The
 * queue has no room, or a stop: it ends there; what was taken is whole, and a second
 * import takes the rest. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/unpacker.h"
#include "relay/view_parts.h"

/* Refused messages that are named; the rest is counted. */
#define NAMED_MOST 20

struct unpacking {
    struct view *view;
    struct core *core;
    struct api_answer *answer;
    struct unpacker_ask ask;
    char dir[LIMIT_CONFIG_STRING + 1];
    char spool[LIMIT_CONFIG_STRING + 1];
    char by[CHANGE_ACTOR + 1];
    uint64_t messages;
    uint64_t recipients;
    uint64_t refused;
    int rc;
};

static void post(struct unpacking *unpacking, enum unpacker_step step, letter_cb done_cb)
{
    struct unpacker_ask *ask = &unpacking->ask;
    ask->step = step;
    ask->done_cb = done_cb;
    ask->rc = 0;
    unpacker_post(ask);
}

/* ---- the end ---- */

static void note(const struct unpacking *unpacking)
{
    char after[128];
    (void)snprintf(after, sizeof after, "%llu recipients of %llu messages; %llu refused",
                   (unsigned long long)unpacking->recipients,
                   (unsigned long long)unpacking->messages,
                   (unsigned long long)unpacking->refused);
    journal_record(unpacking->core->store, LOG_ADMIN,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = unpacking->by,
                                           .kind = "import",
                                           .subject = unpacking->dir,
                                           .after = after},
                   NULL);
}

static void finish(struct unpacking *unpacking)
{
    struct api_answer *answer = unpacking->answer;
    bool is_cut = unpacking->view->is_stopping;
    int rc = unpacking->rc;
    uint64_t refused = unpacking->refused;
    char text[ERRMSG_BYTES + 160];
    if (unpacking->messages > 0) {
        note(unpacking);
    }
    (void)snprintf(text, sizeof text, "%llu recipients of %llu messages imported%s%s",
                   (unsigned long long)unpacking->recipients,
                   (unsigned long long)unpacking->messages, rc != 0 ? "; then: " : "",
                   rc != 0 ? unpacking->ask.err.text : "");
    api_answer_count(answer, unpacking->recipients);
    api_answer_number(answer, "messages", unpacking->messages);
    api_answer_number(answer, "refused", refused);
    unpacking->view->tickets--;
    unpacker_done(&unpacking->ask);
    free(unpacking);
    if (rc != 0) {
        api_answer_done(answer, API_FAILED, text);
    } else if (is_cut) {
        api_answer_done(answer, API_BUSY, "the relay stops; not all were taken");
    } else if (refused > 0) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "; %llu refused",
                       (unsigned long long)refused);
        api_answer_done(answer, API_CONFLICT, text);
    } else {
        api_answer_done(answer, API_DONE, text);
    }
}

static void refuse(struct unpacking *unpacking, const struct unpacker_item *item)
{
    unpacking->refused++;
    if (unpacking->refused <= NAMED_MOST) {
        char id[ID_BYTES];
        char line[ERRMSG_BYTES + 32];
        id_print(item->id, id);
        (void)snprintf(line, sizeof line, "%s: %s", id, item->err.text);
        api_answer_note(unpacking->answer, line);
    }
}

/* ---- a batch has been written ---- */

/* What was last said to them: looked for by `queue show`, bounces and `why`. */
static bool add_texts(struct unpacking *unpacking, const struct unpacker_item *item,
                      uint32_t message)
{
    struct core *core = unpacking->core;
    struct message_view view;
    bool added = false;
    index_message(core->index, message, &view);
    for (unsigned i = 0; i < item->parcel.envelope.recipient_count; i++) {
        struct change change = item->parcel.states[i];
        bool has_text = change.code != 0 || change.text[0] != '\0' ||
                        change.actor[0] != '\0' || change.state == CHANGE_HELD;
        if (!change.ended && has_text) {
            change.home = view.place.segment;
            added |= records_add(core, &change) != 0;
        }
    }
    return added;
}

static void tell_log(const struct unpacking *unpacking, const struct unpacker_item *item)
{
    const struct envelope *envelope = &item->parcel.envelope;
    char text[LIMIT_CONFIG_STRING + 32];
    (void)snprintf(text, sizeof text, "imported from %s", unpacking->dir);
    log_event(&(struct log_event){.kind = LOG_ACCEPTED,
                                  .unix_ms = now_unix_ms(),
                                  .id = envelope->id,
                                  .stream = envelope->stream,
                                  .sender = envelope->sender,
                                  .recipient = envelope->recipients[0].address,
                                  .user = envelope->user,
                                  .job = envelope->job,
                                  .size_bytes = envelope->size_bytes,
                                  .recipients = item->parcel.here,
                                  .message_id = envelope->message_id,
                                  .client_ip = envelope->client,
                                  .helo = envelope->helo,
                                  .actor = unpacking->by,
                                  .text = text});
}

static void touch_all(struct core *core, uint32_t message)
{
    struct message_view view;
    struct recipient_view recipient;
    index_message(core->index, message, &view);
    for (uint32_t at = view.first; at != 0; at = recipient.next) {
        index_recipient(core->index, at, &recipient);
        if (recipient.flow != NULL) {
            scheduler_touch(core, recipient.flow);
        }
    }
}

/* It is in the log: now also in the index. True when a record follows. */
static bool take_in(struct unpacking *unpacking, struct unpacker_item *item)
{
    struct core *core = unpacking->core;
    const struct envelope *envelope = &item->parcel.envelope;
    const struct iovec states = {item->states, item->states_length};
    bool added = false;
    uint32_t message = queue_restored(core->queue, envelope, &states, &item->place);
    if (item->is_uploading) {
        queue_upload_end(core->queue, &item->upload);
        item->is_uploading = false;
    }
    queue_unreserve(core->queue, item->reserved_bytes, envelope->recipient_count);
    if (message != 0) {
        core->counts.accepted++;
        unpacking->messages++;
        unpacking->recipients += item->parcel.here;
        tell_log(unpacking, item);
        added = add_texts(unpacking, item, message);
        touch_all(core, message);
    }
    return added;
}

static void next_batch(struct unpacking *unpacking);

static void on_recorded(void *owner, int rc)
{
    struct unpacking *unpacking = owner;
    if (rc != 0 && unpacking->rc == 0) {
        unpacking->rc = rc;
        errmsg_set(&unpacking->ask.err, "the queue cannot be written");
    }
    next_batch(unpacking);
}

static void on_written(struct letter *letter)
{
    struct unpacker_ask *ask = LIST_OWNER(letter, struct unpacker_ask, letter);
    struct unpacking *unpacking = LIST_OWNER(ask, struct unpacking, ask);
    bool added = false;
    unpacking->rc = ask->rc;
    for (unsigned i = 0; i < ask->item_count; i++) {
        struct unpacker_item *item = &ask->items[i];
        if (item->is_written) {
            added |= take_in(unpacking, item);
        } else if (item->is_refused) {
            refuse(unpacking, item);
        }
    }
    unpacker_drop_items(ask);
    if (added) {
        records_when_done(unpacking->core, on_recorded, unpacking);
        return; /* suspended: on_recorded resumes */
    }
    next_batch(unpacking);
}

/* ---- a batch has been read ---- */

/* May it come in here? A source that is not here is forgotten: any may take it. */
static void judge(struct unpacking *unpacking, struct unpacker_item *item)
{
    const struct core *core = unpacking->core;
    const struct config *config = core->snapshot->config;
    struct parcel *parcel = &item->parcel;
    if (index_find(core->index, item->id) != 0) {
        errmsg_set(&item->err, "it is queued here already");
        item->is_refused = true;
    } else if (config_stream_find(config, parcel->envelope.stream) == CONFIG_NONE) {
        errmsg_set(&item->err, "there is no stream \"%s\" here: configure it first",
                   parcel->envelope.stream);
        item->is_refused = true;
    }
    for (unsigned i = 0; i < parcel->envelope.recipient_count; i++) {
        struct change *state = &parcel->states[i];
        if (state->source != NULL &&
            config_source_find(config, state->source) == CONFIG_NONE) {
            state->source = "";
        }
    }
}

static void on_loaded(struct letter *letter)
{
    struct unpacker_ask *ask = LIST_OWNER(letter, struct unpacker_ask, letter);
    struct unpacking *unpacking = LIST_OWNER(ask, struct unpacking, ask);
    if (ask->rc != 0) {
        unpacking->rc = ask->rc;
        finish(unpacking);
        return;
    }
    for (unsigned i = 0; i < ask->item_count; i++) {
        if (!ask->items[i].is_refused) {
            judge(unpacking, &ask->items[i]);
        }
    }
    post(unpacking, UNPACKER_WRITE, on_written);
}

static void next_batch(struct unpacking *unpacking)
{
    if (unpacking->rc != 0 || unpacking->view->is_stopping ||
        unpacking->ask.next == unpacking->ask.id_count) {
        finish(unpacking);
        return;
    }
    post(unpacking, UNPACKER_LOAD, on_loaded);
}

static void on_opened(struct letter *letter)
{
    struct unpacker_ask *ask = LIST_OWNER(letter, struct unpacker_ask, letter);
    struct unpacking *unpacking = LIST_OWNER(ask, struct unpacking, ask);
    unpacking->rc = ask->rc;
    next_batch(unpacking);
}

void view_unpack(void *owner, const struct api_unpack_ask *wish,
                 struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    struct unpacking *unpacking = arena_must(1, sizeof *unpacking);
    unpacking->view = view;
    unpacking->core = core;
    unpacking->answer = answer;
    (void)snprintf(unpacking->dir, sizeof unpacking->dir, "%s", wish->dir);
    settle_clean(wish->by, unpacking->by, sizeof unpacking->by);
    unpacking->ask.home = &core->mailbox;
    unpacking->ask.queue = core->queue;
    unpacking->ask.dir = unpacking->dir;
    (void)snprintf(unpacking->spool, sizeof unpacking->spool, "%s",
                   core->snapshot->config->spool); /* a reload may free that */
    unpacking->ask.spool = unpacking->spool;
    unpacking->ask.again = wish->again;
    view->tickets++;
    post(unpacking, UNPACKER_OPEN, on_opened);
}
