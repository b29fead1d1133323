/* Good path: a state record landed: the message's id is noted as owed; in one of the next
 * turns pin and read the original, once; for each 256 recipients, some in each turn, find
 * their replies; bounce_build; encode an accept record that closes them; submit;
 * on_landed queues it like any message.
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
#include "relay/lastwords.h"
#include "relay/log.h"
#include "relay/maildate.h"
#include "relay/now.h"
#include "relay/smtp/params.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/textbuf.h"

#define HEADER_MAX      ((size_t)64 * 1024)
#define BODY_MAX        ((size_t)2 * 1024 * 1024)
#define CHUNK           LASTWORDS_MAX
#define MESSAGES_A_TURN 32

/* ---- bounces ---- */

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
    core->notices.originals_read++;
    *out = (struct original){.message = message};
    index_message(core->index, message, &out->view);
    if (queue_pin_message(core->queue, message, &pin) != 0) {
        return false;
    }
    out->is_read = queue_read_message(&pin, false, &out->content) == 0;
    queue_unpin(&pin);
    return out->is_read;
}

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
    struct lastwords words[CHUNK];
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

/* Into the party, unless nobody wants to hear of it. */
static void invite(struct core *core, const struct original *original,
                   const struct recipient_view *view, struct party *party)
{
    const struct envelope *envelope = &original->content.envelope;
    if (view->number >= envelope->recipient_count) {
        return; /* the record is another than the index says: nothing can be told */
    }
    const struct envelope_recipient *from = &envelope->recipients[view->number];
    enum bounce_action action = action_of(view);
    if (!bounce_is_owed(envelope->sender, from->notify, action)) {
        if (action != BOUNCE_DELAYED) {
            end_silently(core, original, view);
        }
        return;
    }
    unsigned i = party->count++;
    party->words[i] = (struct lastwords){.number = view->number, .place = view->last};
    party->rcpts[i] = (struct bounce_rcpt){.address = from->address,
                                           .orcpt = from->orcpt,
                                           .action = action,
                                           .remote = "",
                                           .retry_until_unix_ms =
                                               (int64_t)original->view.expires_unix_ms,
                                           .attempts = view->attempts};
    party->closes[i] = (struct envelope_close){.id = original->view.id,
                                               .home = original->view.place.segment,
                                               .number = view->number};
}

/* What each of them was told last. */
static void find_replies(struct core *core, const struct original *original,
                         struct party *party)
{
    core->notices.records_read +=
        lastwords_find(core->queue, original->view.id, party->words, party->count);
    for (unsigned i = 0; i < party->count; i++) {
        struct lastwords *words = &party->words[i];
        if (words->has_reply) {
            party->rcpts[i].reply = &words->reply;
            party->rcpts[i].remote = words->remote;
            party->rcpts[i].last_attempt_unix_ms = words->when_unix_ms;
        }
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

static void on_bounce_landed(struct core *core, uint64_t about, int rc)
{
    if (rc == 0 && about != 0) {
        owed_add(&core->notices.owed, about); /* more may have failed meanwhile */
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

/* ---- bounces, some in each turn ---- */

/* The message whose bounces are being written: read once, told of in parties. */
struct notice_work {
    struct original original;
    uint16_t *numbers; /* owned; recipients that were owed one when it began */
    unsigned count;
    unsigned next;
};

static void end_work(struct notices *notices)
{
    struct notice_work *work = notices->work;
    notices->work = NULL;
    if (work != NULL) {
        queue_message_free(&work->original.content);
        free(work->numbers);
        free(work);
    }
}

/* Which recipients are owed one; how many. */
static unsigned find_owed(struct core *core, const struct message_view *message,
                          uint16_t *numbers, unsigned room)
{
    struct recipient_view view;
    unsigned count = 0;
    for (uint32_t at = message->first; at != 0 && count < room; at = view.next) {
        index_recipient(core->index, at, &view);
        if (is_owed(&view)) {
            numbers[count++] = view.number;
        }
    }
    return count;
}

/* Begin with a message, unless a bounce of it is on its way: when that has landed, it is
 * looked at again. */
static void begin_work(struct core *core, uint64_t id)
{
    uint32_t message = index_find(core->index, id);
    if (message == 0 || inject_is_flying(&core->notices.flying, id)) {
        return;
    }
    struct notice_work *work = arena_must(1, sizeof *work);
    struct message_view view;
    index_message(core->index, message, &view);
    work->numbers = arena_must(view.recipients, sizeof *work->numbers);
    work->count = find_owed(core, &view, work->numbers, view.recipients);
    core->notices.work = work;
    if (work->count > 0 && !read_original(core, message, &work->original)) {
        char text[ID_BYTES];
        id_print(id, text);
        log_error("message %s cannot be read; its bounce is owed still", text);
        work->count = 0;
    }
    if (work->count == 0) {
        end_work(&core->notices);
    }
}

/* One more notice; how many recipients it speaks of. */
static unsigned do_work(struct core *core)
{
    struct notice_work *work = core->notices.work;
    struct original *original = &work->original;
    original->message = index_find(core->index, original->view.id);
    if (original->message == 0) {
        end_work(&core->notices);
        return 0;
    }
    index_message(core->index, original->message, &original->view);
    struct party *party = arena_must(1, sizeof *party);
    unsigned looked = 0;
    for (; work->next < work->count && looked < CHUNK; looked++) {
        struct recipient_view view;
        uint32_t recipient = index_recipient_of(core->index, original->message,
                                                work->numbers[work->next++]);
        if (recipient != 0) {
            index_recipient(core->index, recipient, &view);
            if (is_owed(&view)) {
                invite(core, original, &view, party);
            }
        }
    }
    find_replies(core, original, party);
    if (party->count > 0 &&
        !send_notice(core, original, party->rcpts, party->closes, party->count)) {
        end_all(core, original);
        work->next = work->count;
    }
    free(party);
    if (work->next == work->count) {
        end_work(&core->notices);
    }
    return looked;
}

bool notices_are_busy(const struct notices *notices)
{
    return notices->work != NULL || notices->owed.count > 0 || notices->owed.has_more;
}

void notices_run(struct core *core)
{
    struct notices *notices = &core->notices;
    unsigned told = 0;
    for (unsigned i = 0; i < MESSAGES_A_TURN && told < CHUNK; i++) {
        if (notices->work == NULL) {
            uint64_t id = owed_take(&notices->owed);
            if (id == 0) {
                break;
            }
            begin_work(core, id);
        }
        if (notices->work != NULL) {
            told += do_work(core);
        }
    }
    notices->most_a_turn = told > notices->most_a_turn ? told : notices->most_a_turn;
    if (notices->work == NULL && notices->owed.count == 0 && notices->owed.has_more) {
        notices->owed.has_more = false;
        notices_recover(core);
    }
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
            owed_add(&core->notices.owed, change.id);
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
                owed_add(&core->notices.owed, message.id);
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
    struct recipient_view view;
    for (uint32_t at = original.view.first; at != 0 && party->count < CHUNK;
         at = view.next) {
        index_recipient(core->index, at, &view);
        if (is_waiting(&view)) {
            invite(core, &original, &view, party);
        }
    }
    find_replies(core, &original, party);
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

void notices_init(struct notices *notices)
{
    inject_flight_init(&notices->flying);
}

void notices_done(struct notices *notices)
{
    end_work(notices);
    owed_done(&notices->owed);
    inject_drop_all(&notices->flying);
}
