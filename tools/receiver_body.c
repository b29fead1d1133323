#include "tools/receiver_body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/dice.h"
#include "tools/receiver_gates.h"
#include "tools/receiver_talk.h"

#define SAY_BYTES 256
#define TAIL      4 /* of "\r\n.\r\n" that may stand at the end of what came so far */

static void begin(struct receiver_session *session)
{
    session->size = 0;
    session->header_used = 0;
    session->header_done = false;
}

void receiver_body_data(struct receiver_session *session)
{
    begin(session);
    session->line_start = true;
    session->state = RECEIVER_SESSION_DATA;
}

void receiver_body_chunk(struct receiver_session *session, uint64_t size, bool last)
{
    if (!session->chunked) {
        begin(session);
    }
    session->chunked = true;
    session->chunk_left = size;
    session->chunk_last = last;
    session->state = RECEIVER_SESSION_BDAT;
}

/* Keep what the answer needs: the start of the header, and all of it for the record. */
static void keep(struct receiver_session *session, const char *bytes, size_t size)
{
    size_t room = sizeof session->header - session->header_used;
    size_t part = size < room ? size : room;

    session->size += size;
    if (!session->header_done) {
        size_t before = session->header_used > 3 ? session->header_used - 3 : 0;

        memcpy(session->header + session->header_used, bytes, part);
        session->header_used += part;
        session->header_done =
            part < size || memmem(session->header + before, session->header_used - before,
                                  "\r\n\r\n", 4) != NULL;
    }
    if (session->desk->record != NULL &&
        session->size <= session->provider->spec.max_size) {
        receiver_record_add(&session->content, bytes, size);
    }
}

/* The value of a header field, without folding; "" when it is not there. */
static void field(const struct receiver_session *session, const char *name, char *out,
                  size_t size)
{
    const char *line = session->header;
    const char *end = session->header + session->header_used;
    size_t length = strlen(name);

    out[0] = '\0';
    while (line < end && *line != '\r') {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        if (stop == NULL) {
            return;
        }
        if ((size_t)(stop - line) > length && strncasecmp(line, name, length) == 0) {
            const char *value = line + length;

            while (value < stop && (*value == ' ' || *value == '\t')) {
                value++;
            }
            while (stop > value && (stop[-1] == '\r' || stop[-1] == ' ')) {
                stop--;
            }
            (void)snprintf(out, size, "%.*s", (int)(stop - value), value);
            return;
        }
        line = stop + 1;
    }
}

static void message_id(const struct receiver_session *session,
                       char out[RECEIVER_SESSION_ID_BYTES])
{
    field(session, "X-Bench-Id:", out, RECEIVER_SESSION_ID_BYTES);
    if (out[0] == '\0') {
        field(session, "Message-ID:", out, RECEIVER_SESSION_ID_BYTES);
    }
}

/* Each recipient: seen before? and a line in the trail. */
static void each_recipient(struct receiver_session *session,
                           struct receiver_decision *decision)
{
    struct receiver_desk *desk = session->desk;
    const char *id = decision->message_id;
    uint64_t id_hash = dice_hash(0, id, strlen(id));
    const char *text = session->recipients.bytes;

    for (size_t i = 0; i < session->recipients_count; i++) {
        size_t length = strlen(text);

        if (id[0] != '\0' &&
            receiver_seen_add(&desk->seen, dice_hash(id_hash, text, length))) {
            session->source->tally.duplicates++;
        }
        decision->recipient = text;
        receiver_trail_write(desk->trail, decision);
        text += length + 1;
        text += strlen(text) + 1;
    }
    decision->recipient = "";
}

static void record(struct receiver_session *session,
                   const struct receiver_decision *decision)
{
    struct receiver_desk *desk = session->desk;
    struct receiver_record_facts facts = {
        .decision = decision,
        .helo = session->helo,
        .sender_parameters = session->sender_parameters,
        .recipients = session->recipients.bytes,
        .recipients_count = session->recipients_count,
        .tls = session->tls,
        .chunked = session->chunked,
    };
    struct errmsg err;

    if (desk->record != NULL &&
        receiver_record_write(desk->record, &session->content, &facts, &err) != 0 &&
        desk->record_error.text[0] == '\0') {
        desk->record_error = err;
    }
}

static void took(struct receiver_session *session, struct receiver_decision *decision)
{
    struct receiver_tally *tally = &session->source->tally;

    receiver_book_count(session->source, decision->class, decision->code,
                        session->recipients_count, decision->now_ns);
    each_recipient(session, decision);
    record(session, decision);
    if (decision->code == 250) {
        session->messages++;
        session->desk->messages++;
        tally->messages++;
        tally->bytes += session->size;
        receiver_gates_took(session->provider, session->source,
                            session->recipients_count);
    }
}

/* The provider keeps the message and never says so. */
static bool ends_badly(struct receiver_session *session, const char *id)
{
    struct receiver_decision decision =
        receiver_talk_decision(session, RECEIVER_DOT, RECEIVER_HOSTILE, 0);

    decision.message_id = id;
    if (session->hostile == RECEIVER_HOSTILE_DOTCLOSE) {
        session->end = RECEIVER_SESSION_END_NOW;
    } else if (session->hostile == RECEIVER_HOSTILE_DOTMUTE) {
        session->state = RECEIVER_SESSION_SILENT;
    } else {
        return false;
    }
    took(session, &decision);
    return true;
}

static void accept_message(struct receiver_session *session, const char *id)
{
    const struct receiver_spec *spec = &session->provider->spec;
    struct receiver_decision decision =
        receiver_talk_decision(session, RECEIVER_DOT, RECEIVER_ACCEPTED, 250);
    char reply[SAY_BYTES];

    (void)snprintf(reply, sizeof reply, "250 2.0.0 OK: queued as %" PRIu64,
                   session->desk->messages + 1);
    decision.message_id = id;
    decision.reply = reply;
    took(session, &decision);
    if (session->hostile != RECEIVER_HOSTILE_EARLY) {
        receiver_session_say(session, reply);
        receiver_session_hold(session, &spec->latency_dot);
    }
    if (spec->per_connection > 0 && session->messages >= spec->per_connection &&
        spec->how_per_connection != RECEIVER_HOW_REPLY) {
        session->end = spec->how_per_connection == RECEIVER_HOW_RESET
                           ? RECEIVER_SESSION_END_RESET
                           : RECEIVER_SESSION_END_NOW;
    }
}

static void end_of_message(struct receiver_session *session)
{
    char id[RECEIVER_SESSION_ID_BYTES];

    session->state = RECEIVER_SESSION_COMMAND;
    message_id(session, id);
    if (session->size > session->provider->spec.max_size) {
        receiver_book_count(session->source, RECEIVER_PROTOCOL, 552,
                            session->recipients_count, session->desk->reactor.now_ns);
        receiver_session_say(session, "552 5.3.4 Message too big");
    } else if (!ends_badly(session, id) &&
               receiver_talk_passes(session, RECEIVER_DOT, "", id)) {
        accept_message(session, id);
    }
    receiver_talk_reset(session);
}

/* Take content up to CRLF.CRLF. What could be the beginning of that stays behind until
 * more has come. */
static size_t take_data(struct receiver_session *session, const char *bytes, size_t size)
{
    const char *end = NULL;
    size_t take = size;

    if (session->line_start) {
        if (size < 3) {
            return 0;
        }
        session->line_start = false;
        if (memcmp(bytes, ".\r\n", 3) == 0) {
            keep(session, bytes, 3);
            end_of_message(session);
            return 3;
        }
    }
    end = memmem(bytes, size, "\r\n.\r\n", 5);
    if (end == NULL) {
        take = size > TAIL ? size - TAIL : 0;
        keep(session, bytes, take);
        return take;
    }
    take = (size_t)(end - bytes) + 5;
    keep(session, bytes, take);
    end_of_message(session);
    return take;
}

static void end_of_chunk(struct receiver_session *session)
{
    char reply[SAY_BYTES];

    session->state = RECEIVER_SESSION_COMMAND;
    if (session->chunk_refuse) {
        receiver_book_count(session->source, RECEIVER_PROTOCOL, 503, 1,
                            session->desk->reactor.now_ns);
        receiver_session_say(session, "503 5.5.1 No valid recipients");
        if (session->chunk_last) {
            receiver_talk_reset(session);
        }
    } else if (session->chunk_last) {
        end_of_message(session);
    } else {
        (void)snprintf(reply, sizeof reply, "250 2.0.0 %" PRIu64 " octets so far",
                       session->size);
        receiver_session_say(session, reply);
    }
}

static size_t take_chunk(struct receiver_session *session, const char *bytes, size_t size)
{
    size_t take = size < session->chunk_left ? size : (size_t)session->chunk_left;

    if (!session->chunk_refuse) {
        keep(session, bytes, take);
    }
    session->chunk_left -= take;
    if (session->chunk_left == 0) {
        end_of_chunk(session);
    }
    return take;
}

size_t receiver_body_take(struct receiver_session *session, const char *bytes,
                          size_t size)
{
    return session->state == RECEIVER_SESSION_BDAT ? take_chunk(session, bytes, size)
                                                   : take_data(session, bytes, size);
}
