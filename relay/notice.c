/* Good path: pin and read the original; gather what is owed; bounce_build; encode an
 * accept record that closes it; submit; on_landed queues it like any message.
 *
 * Failure modes: the original cannot be read (the bounce goes without its header); the
 * record does not fit on the disk (again in a minute); the queue has failed (the process
 * ends, the next start finds it owed). A crash between decision and record: as the
 * last. */

#include "relay/notice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/arena.h"
#include "relay/bounce.h"
#include "relay/core.h"
#include "relay/entropy.h"
#include "relay/id.h"
#include "relay/inject.h"
#include "relay/job.h"
#include "relay/log.h"
#include "relay/maildate.h"
#include "relay/now.h"
#include "relay/smtp/params.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/textbuf.h"

#define HEADER_MAX ((size_t)64 * 1024)
#define BODY_MAX   ((size_t)2 * 1024 * 1024)
#define CHUNK      256

void notices_init(struct notices *notices)
{
    inject_flight_init(&notices->flying);
}

void notices_done(struct notices *notices)
{
    inject_drop_all(&notices->flying);
}

/* ---- bounces ---- */

/* One recipient of a notice with the memory its texts need. */
struct owed {
    struct reply reply;
    char remote[CHANGE_HOST + CHANGE_ADDRESS + 8];
};

/* The last reply that a recipient had: of its last record, or of one before it. */
static void read_reply(struct core *core, const struct recipient_view *view,
                       struct owed *out, struct bounce_rcpt *rcpt)
{
    struct place place = view->last;
    for (unsigned step = 0; step < 8 && place.segment != 0; step++) {
        struct queue_pin pin = {0};
        struct change change;
        uint8_t *block = NULL;
        if (queue_pin_place(core->queue, &place, &pin) != 0) {
            return;
        }
        int rc = queue_read_change(&pin, view->id, view->number, &change, &block);
        queue_unpin(&pin);
        if (rc != 0) {
            return;
        }
        place = change.previous;
        if (change.code == 0 && change.text[0] == '\0') {
            free(block);
            continue;
        }
        out->reply = (struct reply){.stage = (enum reply_stage)change.stage,
                                    .origin = (enum reply_origin)change.origin,
                                    .code = change.code};
        memcpy(out->reply.enhanced, change.enhanced, sizeof out->reply.enhanced);
        (void)snprintf(out->reply.text, sizeof out->reply.text, "%s", change.text);
        if (change.host[0] != '\0') {
            (void)snprintf(out->remote, sizeof out->remote, "%s [%s]", change.host,
                           change.address);
        }
        rcpt->reply = &out->reply;
        rcpt->remote = out->remote;
        rcpt->last_attempt_unix_ms = (int64_t)change.when_unix_ms;
        free(block);
        return;
    }
}

/* What the notice is about, and what of it is at hand. */
struct original {
    uint32_t message;
    struct message_view view;
    struct queue_message content;
    bool is_read;
};

static bool read_original(struct core *core, uint32_t message, struct original *out)
{
    struct queue_pin pin = {0};
    *out = (struct original){.message = message};
    index_message(core->index, message, &out->view);
    if (queue_pin_message(core->queue, message, &pin) != 0) {
        return false;
    }
    out->is_read = queue_read_message(&pin, false, &out->content) == 0;
    queue_unpin(&pin);
    return out->is_read;
}

typedef bool (*owed_cb)(const struct recipient_view *view);

static bool is_owed(const struct recipient_view *view)
{
    return !view->ended &&
           (view->state == CHANGE_FAILED || view->state == CHANGE_EXPIRED) &&
           view->last.segment != 0;
}

static bool is_waiting(const struct recipient_view *view)
{
    return !view->ended && view->state == CHANGE_WAITING;
}

static enum bounce_action action_of(const struct recipient_view *view)
{
    switch (view->state) {
    case CHANGE_FAILED: return BOUNCE_FAILED;
    case CHANGE_EXPIRED: return BOUNCE_EXPIRED;
    case CHANGE_WAITING:
    case CHANGE_HELD:
    case CHANGE_DELIVERED:
    case CHANGE_RELAYED:
    case CHANGE_PURGED:
    case CHANGE_NOTICED:
    case CHANGE_STATES: break;
    }
    return BOUNCE_DELAYED;
}

/* The recipients of a notice; what nobody wants to hear of is closed without one. */
struct party {
    struct bounce_rcpt rcpts[CHUNK];
    struct owed owed[CHUNK];
    struct envelope_close closes[CHUNK];
    unsigned count;
};

static void end_silently(struct core *core, const struct original *original,
                         const struct recipient_view *view)
{
    struct change change;
    change_init(&change);
    change.id = original->view.id;
    change.home = original->view.place.segment;
    change.number = view->number;
    change.state = view->state;
    change.ended = true;
    change.attempts = view->attempts;
    change.when_unix_ms = (uint64_t)now_unix_ms();
    change.previous = view->last;
    (void)records_add(core, &change);
}

static void gather(struct core *core, const struct original *original, owed_cb wants,
                   struct party *party)
{
    const struct envelope *envelope = &original->content.envelope;
    struct recipient_view view;
    party->count = 0;
    for (uint32_t at = original->view.first; at != 0 && party->count < CHUNK;
         at = view.next) {
        index_recipient(core->index, at, &view);
        if (!wants(&view)) {
            continue;
        }
        const struct envelope_recipient *from = &envelope->recipients[view.number];
        enum bounce_action action = action_of(&view);
        if (!bounce_is_owed(envelope->sender, from->notify, action)) {
            if (action != BOUNCE_DELAYED) {
                end_silently(core, original, &view);
            }
            continue;
        }
        unsigned i = party->count++;
        party->owed[i].remote[0] = '\0';
        party->rcpts[i] = (struct bounce_rcpt){
            .address = from->address,
            .orcpt = from->orcpt,
            .action = action,
            .remote = "",
            .retry_until_unix_ms = (int64_t)original->view.expires_unix_ms,
            .attempts = view.attempts};
        party->closes[i] = (struct envelope_close){.id = original->view.id,
                                                   .home = original->view.place.segment,
                                                   .number = view.number};
        read_reply(core, &view, &party->owed[i], &party->rcpts[i]);
    }
}

/* What a notice is written into. */
struct texts {
    struct textbuf header;
    struct textbuf body;
};

static void texts_init(struct texts *texts)
{
    textbuf_init(&texts->header, HEADER_MAX);
    textbuf_init(&texts->body, BODY_MAX);
}

/* Write it; returns the flags of its envelope. */
static unsigned build(struct core *core, const struct original *original,
                      const struct bounce_rcpt *rcpts, size_t count, uint64_t id,
                      struct texts *texts)
{
    const struct envelope *envelope = &original->content.envelope;
    const char *hostname = core->snapshot->config->hostname;
    char text[ID_BYTES];
    char message_id[ID_BYTES + LIMIT_DOMAIN + 2];
    char queue_id[ID_BYTES];
    id_print(id, text);
    id_print(original->view.id, queue_id);
    (void)snprintf(message_id, sizeof message_id, "%s@%s", text, hostname);
    bool full = envelope->ret == PARAMS_RET_FULL &&
                (envelope->flags & ENVELOPE_REQUIRETLS) == 0 && /* RFC 8689 5 */
                original->content.body_length <= BOUNCE_FULL_BYTES &&
                envelope->piece_count == 0;
    struct bounce_mail mail = {
        .hostname = hostname,
        .sender = envelope->sender,
        .envid = envelope->envid,
        .message_id = message_id,
        .queue_id = queue_id,
        .postmaster = core->snapshot->config->alerts.mail,
        .original_header = (const char *)original->content.header,
        .original_header_length = original->content.header_length,
        .original_body = full ? (const char *)original->content.body : NULL,
        .original_body_length = full ? original->content.body_length : 0,
        .arrival_unix_ms = id_unix_ms(original->view.id),
        .unix_ms = now_unix_ms(),
        .boundary_seed = entropy_roll(),
        .is_utf8 = (envelope->flags & ENVELOPE_SMTPUTF8) != 0,
        .rcpts = rcpts,
        .rcpt_count = count};
    struct bounce_result result = {0};
    bounce_build(&mail, &texts->header, &texts->body, &result);
    return ENVELOPE_IS_DSN | (result.is_8bit ? ENVELOPE_EIGHT_BIT : 0) |
           (result.is_utf8 ? ENVELOPE_SMTPUTF8 : 0) | ENVELOPE_HAS_DOT_LINE;
}

static void notices_begin(struct core *core, uint64_t id);

static void on_bounce_landed(struct core *core, uint64_t about, int rc)
{
    if (rc == 0 && about != 0) {
        notices_begin(core, about); /* more may have failed meanwhile */
    }
}

static bool send_notice(struct core *core, const struct original *original,
                        const struct bounce_rcpt *rcpts,
                        const struct envelope_close *closes, unsigned count)
{
    uint64_t id = core_next_id(core);
    struct texts texts;
    texts_init(&texts);
    unsigned flags = build(core, original, rcpts, count, id, &texts);
    struct inject_letter letter = {.id = id,
                                   .to = original->content.envelope.sender,
                                   .stream = core->snapshot->config->default_stream,
                                   .flags = flags,
                                   .subject = "delivery status notification",
                                   .header = &texts.header,
                                   .body = &texts.body,
                                   .closes = closes,
                                   .close_count = closes != NULL ? count : 0,
                                   .about = closes != NULL ? original->view.id : 0,
                                   .landed_cb = on_bounce_landed};
    return inject_send(core, &core->notices.flying, &letter);
}

/* There is nobody to tell: what is owed is put to rest, or it would stay for ever. */
static void end_all(struct core *core, const struct original *original)
{
    struct recipient_view view;
    for (uint32_t at = original->view.first; at != 0; at = view.next) {
        index_recipient(core->index, at, &view);
        if (is_owed(&view)) {
            end_silently(core, original, &view);
        }
    }
}

/* Begin the bounce of a message, unless one is on its way already. */
static void notices_begin(struct core *core, uint64_t id)
{
    uint32_t message = index_find(core->index, id);
    struct original original;
    if (message == 0 || inject_is_flying(&core->notices.flying, id)) {
        return;
    }
    if (!read_original(core, message, &original)) {
        char text[ID_BYTES];
        id_print(id, text);
        log_error("message %s cannot be read; its bounce is owed still", text);
        return;
    }
    struct party *party = arena_must(1, sizeof *party);
    gather(core, &original, is_owed, party);
    if (party->count > 0 &&
        !send_notice(core, &original, party->rcpts, party->closes, party->count)) {
        end_all(core, &original);
    }
    free(party);
    queue_message_free(&original.content);
}

void notices_look(struct core *core, const void *changes, size_t length)
{
    const uint8_t *at = changes;
    size_t left = length;
    struct change change;
    uint64_t last = 0;
    while (change_next(&at, &left, &change) == 1) {
        bool owed = !change.ended &&
                    (change.state == CHANGE_FAILED || change.state == CHANGE_EXPIRED);
        if (owed && change.id != last) {
            last = change.id;
            notices_begin(core, change.id);
        }
    }
}

/* Has a crash left a bounce of this message owed? */
static bool owes(struct core *core, const struct message_view *message)
{
    struct recipient_view view;
    for (uint32_t at = message->first; at != 0; at = view.next) {
        index_recipient(core->index, at, &view);
        if (is_owed(&view)) {
            return true;
        }
    }
    return false;
}

void notices_recover(struct core *core)
{
    uint32_t cursor = 0;
    uint32_t messages[CHUNK];
    do {
        unsigned count = index_each_idle(core->index, &cursor, messages, CHUNK);
        for (unsigned i = 0; i < count; i++) {
            struct message_view message;
            index_message(core->index, messages[i], &message);
            if (owes(core, &message)) {
                notices_begin(core, message.id);
            }
        }
    } while (cursor != 0);
}

void notices_delayed(struct core *core, uint32_t message)
{
    struct original original;
    if (!read_original(core, message, &original)) {
        return;
    }
    struct change change;
    change_init(&change);
    change.id = original.view.id;
    change.home = original.view.place.segment;
    change.number = CHANGE_MESSAGE;
    change.state = CHANGE_NOTICED;
    change.when_unix_ms = (uint64_t)now_unix_ms();
    (void)records_add(core, &change);

    struct party *party = arena_must(1, sizeof *party);
    gather(core, &original, is_waiting, party);
    if (party->count > 0) {
        (void)send_notice(core, &original, party->rcpts, NULL, party->count);
    }
    free(party);
    queue_message_free(&original.content);
}

void notices_relayed(struct core *core, const struct job *job, unsigned rcpt)
{
    const struct envelope *envelope = &job->content.envelope;
    const struct envelope_recipient *from =
        &envelope->recipients[job->rcpts[rcpt].number];
    if (!bounce_is_owed(envelope->sender, from->notify, BOUNCE_RELAYED)) {
        return;
    }
    struct original original = {
        .message = job->message, .content = job->content, .is_read = true};
    index_message(core->index, job->message, &original.view);
    char remote[LIMIT_DOMAIN + NETADDR_TEXT_BYTES + 8];
    char ip[NETADDR_TEXT_BYTES];
    (void)snprintf(remote, sizeof remote, "%s [%s]", job->remote_host,
                   netaddr_format(&job->remote, ip));
    struct bounce_rcpt relayed = {.address = from->address,
                                  .orcpt = from->orcpt,
                                  .action = BOUNCE_RELAYED,
                                  .reply = &job->rcpts[rcpt].reply,
                                  .remote = remote,
                                  .last_attempt_unix_ms = now_unix_ms(),
                                  .attempts = 1};
    (void)send_notice(core, &original, &relayed, NULL, 1);
}

/* ---- alerts ---- */

/* A stream that does not need the source in trouble; the default one when all do. */
static uint32_t stream_apart_from(const struct core *core, const char *avoid)
{
    const struct config *config = core->snapshot->config;
    int64_t until_ns = 0;
    for (uint32_t pass = 0; pass < config->stream_count; pass++) {
        uint32_t s = (config->default_stream + pass) % (uint32_t)config->stream_count;
        for (size_t i = 0; i < config->streams[s].sources.count; i++) {
            const struct source *source =
                sources_at(&core->sources, config->streams[s].sources.items[i]);
            if (strcmp(source->name, avoid) != 0 &&
                !stops_source_holds(source, &config->streams[s], &until_ns)) {
                return s;
            }
        }
    }
    return config->default_stream;
}

void notices_alert(struct core *core, const char *avoid_source, const char *subject,
                   const char *body)
{
    const struct config *config = core->snapshot->config;
    if (config->alerts.mail[0] == '\0') {
        return;
    }
    uint64_t id = core_next_id(core);
    char text[ID_BYTES];
    char date[MAILDATE_BYTES];
    id_print(id, text);
    (void)maildate_format(now_unix_ms(), 0, date);
    struct texts texts;
    texts_init(&texts);
    textbuf_printf(&texts.header,
                   "From: Mesura <postmaster@%s>\r\nTo: <%s>\r\nSubject: %s\r\n"
                   "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n"
                   "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
                   config->hostname, config->alerts.mail, subject, date, text,
                   config->hostname);
    for (const char *at = body; *at != '\0';) {
        size_t line = strcspn(at, "\r\n");
        textbuf_append(&texts.body, at, line);
        textbuf_text(&texts.body, "\r\n");
        at += line;
        at += strspn(at, "\r");
        at += *at == '\n';
    }
    struct inject_letter letter = {.id = id,
                                   .to = config->alerts.mail,
                                   .stream = stream_apart_from(core, avoid_source),
                                   .flags = ENVELOPE_IS_DSN | ENVELOPE_HAS_DOT_LINE,
                                   .subject = "alert",
                                   .header = &texts.header,
                                   .body = &texts.body};
    (void)inject_send(core, &core->notices.flying, &letter);
}
