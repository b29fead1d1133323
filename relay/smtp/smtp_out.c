/* The client session.
 *
 *   GREETING -> EHLO -> (STARTTLS -> HANDSHAKE -> EHLO) -> (AUTH) -> IDLE
 *                 +-> HELO ------------------------------------------^
 *   IDLE -> MAIL -> RCPT -> DATA -> BODY -> RELEASE -> DOT -> IDLE
 *                      +---> BODY                   (BDAT needs no permission)
 *             +--------+-----+--> RSET -> IDLE      (refused, all or in part)
 *                            +--> EMPTY_DOT -> RSET (354 though nobody was accepted)
 *   IDLE -> QUIT -> CLOSED; any -> CLOSED
 *
 * With PIPELINING the state names the answer that is awaited, not what was sent last.
 * Suspended: IDLE (smtp_out_begin, smtp_out_quit), HANDSHAKE (smtp_out_tls_done), BODY
 * (smtp_out_body_done), RELEASE (smtp_out_release, and the answer to a chunk that came
 * before it); all others by smtp_out_feed. */

#include "relay/smtp/smtp_out.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/smtp/smtp_out_parts.h"

#define WAITING ((unsigned)SMTP_OUT_FATE_OPEN | (unsigned)SMTP_OUT_FATE_ACCEPTED)

static void on_line(void *owner, unsigned index, const char *text, size_t length)
{
    struct smtp_out *engine = owner;
    if (engine->state == SMTP_OUT_STATE_EHLO && index > 0) {
        ehlo_line(&engine->peer, text, length);
    }
}

struct smtp_out *smtp_out_new(const struct smtp_out_options *options,
                              smtp_out_trace_cb trace_cb, void *owner)
{
    struct smtp_out *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        abort();
    }
    engine->options = options;
    engine->trace_cb = trace_cb;
    engine->owner = owner;
    engine->state = SMTP_OUT_STATE_GREETING;
    engine->is_tls = options->tls == SMTP_OUT_TLS_IMPLICIT;
    reply_parse_init(&engine->parser, on_line, engine);
    return engine;
}

void smtp_out_free(struct smtp_out *engine)
{
    free(engine);
}

size_t smtp_out_size_bytes(void)
{
    return sizeof(struct smtp_out);
}

void smtp_out_move(struct smtp_out *engine, enum smtp_out_state state)
{
    enum smtp_out_state from = engine->state;
    engine->deadline_turn++;
    if (from == state) {
        return;
    }
    assert(smtp_out_state_may_follow(from, state));
    assert(state != SMTP_OUT_STATE_DOT || engine->is_released);
    engine->state = state;
    if (engine->trace_cb != NULL) {
        engine->trace_cb(engine->owner, smtp_out_state_row(from)->name,
                         smtp_out_state_row(state)->name);
    }
}

void smtp_out_send(struct smtp_out *engine, const char *text)
{
    size_t length = strlen(text);
    assert(length <= sizeof engine->output - engine->output_length);
    memcpy(engine->output + engine->output_length, text, length);
    engine->output_length += length;
}

void smtp_out_tell(struct smtp_out *engine, const struct reply *reply, unsigned fates)
{
    assert(engine->result_fates == 0);
    engine->result = *reply;
    engine->result_fates = fates;
    engine->result_scan = 0;
}

/* A server that still listens gets its QUIT (RFC 5321 3.8); nobody waits for the answer.
 * Not within a transaction: there only closing says that the message is not complete. */
static bool is_polite(enum smtp_out_state state, const struct reply *reply)
{
    bool is_outside = state < SMTP_OUT_STATE_IDLE || state == SMTP_OUT_STATE_RSET;
    bool is_heard = reply->origin == REPLY_REMOTE || reply->origin == REPLY_LOCAL;
    return is_outside && is_heard && reply->code != 421;
}

void smtp_out_fail(struct smtp_out *engine, const struct reply *reply)
{
    if (engine->state == SMTP_OUT_STATE_CLOSED) {
        return;
    }
    engine->failure = *reply;
    engine->has_failure = true;
    engine->output_length = 0;
    engine->say_body = false;
    engine->say_start_tls = false;
    if (is_polite(engine->state, reply)) {
        smtp_out_send(engine, "QUIT\r\n");
    }
    smtp_out_move(engine, SMTP_OUT_STATE_CLOSED);
}

void smtp_out_fail_text(struct smtp_out *engine, enum reply_stage stage,
                        enum reply_origin origin, const char *enhanced, const char *text)
{
    struct reply reply;
    reply_parse_make(&reply, stage, origin, 0, enhanced, text);
    smtp_out_fail(engine, &reply);
}

void smtp_out_fail_strange(struct smtp_out *engine, const struct reply *reply,
                           const char *why)
{
    char text[REPLY_TEXT_BYTES];
    (void)snprintf(text, sizeof text, "%s: %u %.500s", why, reply->code, reply->text);
    smtp_out_fail_text(engine, reply->stage, REPLY_MALFORMED, "", text);
}

/* 3xx where nothing asks for more. */
static bool is_misplaced(enum smtp_out_state state, uint16_t code)
{
    return code >= 300 && code <= 399 && state != SMTP_OUT_STATE_DATA &&
           state != SMTP_OUT_STATE_AUTH && state != SMTP_OUT_STATE_QUIT;
}

static void take_reply(struct smtp_out *engine, bool more)
{
    struct reply *reply = &engine->parser.reply;
    enum smtp_out_state state = engine->state;

    reply->stage = smtp_out_state_row(state)->stage;
    engine->deadline_turn++;
    if (engine->parser.status == REPLY_PARSE_BAD) {
        if (state == SMTP_OUT_STATE_QUIT) {
            smtp_out_session_end(engine);
        } else {
            smtp_out_fail(engine, reply);
        }
        return;
    }
    if (is_misplaced(state, reply->code)) {
        smtp_out_fail_strange(engine, reply, "this answer makes no sense here");
        return;
    }
    if (reply->code == 421 && state != SMTP_OUT_STATE_QUIT) {
        smtp_out_fail(engine, reply);
        return;
    }
    switch (state) {
    case SMTP_OUT_STATE_GREETING:
    case SMTP_OUT_STATE_EHLO:
    case SMTP_OUT_STATE_HELO:
    case SMTP_OUT_STATE_STARTTLS:
    case SMTP_OUT_STATE_HANDSHAKE:
    case SMTP_OUT_STATE_AUTH:
    case SMTP_OUT_STATE_IDLE:
    case SMTP_OUT_STATE_RSET:
    case SMTP_OUT_STATE_QUIT: smtp_out_session_reply(engine, reply, more); return;
    case SMTP_OUT_STATE_MAIL:
    case SMTP_OUT_STATE_RCPT:
    case SMTP_OUT_STATE_DATA:
    case SMTP_OUT_STATE_BODY:
    case SMTP_OUT_STATE_RELEASE:
    case SMTP_OUT_STATE_DOT:
    case SMTP_OUT_STATE_EMPTY_DOT: smtp_out_mail_reply(engine, reply); return;
    case SMTP_OUT_STATE_CLOSED:
    case SMTP_OUT_STATE_COUNT: return;
    }
}

size_t smtp_out_feed(struct smtp_out *engine, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length) {
        if (engine->state == SMTP_OUT_STATE_CLOSED) {
            return length; /* nobody listens any more */
        }
        if (engine->result_fates != 0) {
            return used; /* suspended: smtp_out_next tells the results first */
        }
        if (engine->state == SMTP_OUT_STATE_HANDSHAKE) {
            smtp_out_tls_done(engine, NULL, true);
            return length;
        }
        used += reply_parse_feed(&engine->parser, bytes + used, length - used);
        if (engine->parser.status != REPLY_PARSE_MORE) {
            take_reply(engine, used < length);
            reply_parse_reset(&engine->parser);
        }
    }
    return used;
}

/* Find the next recipient of the result that is being told. */
static bool next_result(struct smtp_out *engine)
{
    while (engine->mail != NULL && engine->result_scan < engine->mail->rcpt_count) {
        uint32_t rcpt = engine->result_scan++;
        if ((engine->fates[rcpt] & engine->result_fates) != 0) {
            engine->fates[rcpt] = SMTP_OUT_FATE_DONE;
            engine->result_rcpt = rcpt;
            return true;
        }
    }
    engine->result_fates = 0;
    return false;
}

static bool has_waiting(const struct smtp_out *engine)
{
    for (uint32_t i = 0; engine->mail != NULL && i < engine->mail->rcpt_count; i++) {
        if ((engine->fates[i] & WAITING) != 0) {
            return true;
        }
    }
    return false;
}

static bool is_last_mail(const struct smtp_out *engine)
{
    uint32_t ours = engine->options->mail_max;
    uint32_t theirs = engine->peer.mail_max;
    return (ours > 0 && engine->mail_count >= ours) ||
           (theirs > 0 && engine->mail_count >= theirs);
}

/* What the session does by itself: write commands, say goodbye. */
static void tick(struct smtp_out *engine)
{
    switch (engine->state) {
    case SMTP_OUT_STATE_MAIL:
    case SMTP_OUT_STATE_RCPT:
    case SMTP_OUT_STATE_DATA: smtp_out_mail_produce(engine); return;
    case SMTP_OUT_STATE_RELEASE: smtp_out_mail_end(engine); return;
    case SMTP_OUT_STATE_IDLE:
        engine->mail = NULL;
        if (engine->quit_asked || is_last_mail(engine)) {
            smtp_out_send(engine, "QUIT\r\n");
            smtp_out_move(engine, SMTP_OUT_STATE_QUIT);
        }
        return;
    case SMTP_OUT_STATE_GREETING:
    case SMTP_OUT_STATE_EHLO:
    case SMTP_OUT_STATE_HELO:
    case SMTP_OUT_STATE_STARTTLS:
    case SMTP_OUT_STATE_HANDSHAKE:
    case SMTP_OUT_STATE_AUTH:
    case SMTP_OUT_STATE_BODY:
    case SMTP_OUT_STATE_DOT:
    case SMTP_OUT_STATE_EMPTY_DOT:
    case SMTP_OUT_STATE_RSET:
    case SMTP_OUT_STATE_QUIT:
    case SMTP_OUT_STATE_CLOSED:
    case SMTP_OUT_STATE_COUNT: return;
    }
}

static bool once(bool *flag)
{
    bool was = *flag;
    *flag = false;
    return was;
}

enum smtp_out_action smtp_out_next(struct smtp_out *engine)
{
    for (;;) {
        if (engine->result_fates != 0) {
            if (next_result(engine)) {
                return SMTP_OUT_RESULT;
            }
            continue;
        }
        if (!smtp_out_mail_refuse(engine)) {
            break;
        }
    }
    if (engine->state == SMTP_OUT_STATE_CLOSED) {
        if (has_waiting(engine)) {
            smtp_out_tell(engine, &engine->failure, WAITING);
            (void)next_result(engine);
            return SMTP_OUT_RESULT;
        }
        engine->mail = NULL;
        if (engine->output_length > 0) {
            return SMTP_OUT_SEND;
        }
        bool is_first = !engine->close_said;
        engine->close_said = true;
        return is_first ? SMTP_OUT_CLOSE : SMTP_OUT_WAIT;
    }
    tick(engine);
    if (engine->output_length > 0) {
        return SMTP_OUT_SEND;
    }
    if (once(&engine->say_start_tls)) {
        return SMTP_OUT_START_TLS;
    }
    if (once(&engine->say_body)) {
        return SMTP_OUT_SEND_BODY;
    }
    if (engine->state == SMTP_OUT_STATE_IDLE && !engine->ready_said) {
        engine->ready_said = true;
        return SMTP_OUT_READY;
    }
    return SMTP_OUT_WAIT;
}

const char *smtp_out_output(const struct smtp_out *engine, size_t *out_length)
{
    *out_length = engine->output_length;
    return engine->output;
}

void smtp_out_sent(struct smtp_out *engine, size_t length)
{
    assert(length <= engine->output_length);
    engine->output_length -= length;
    memmove(engine->output, engine->output + length, engine->output_length);
    if (engine->state == SMTP_OUT_STATE_AUTH) {
        explicit_bzero(engine->output + engine->output_length,
                       sizeof engine->output - engine->output_length);
    }
}

uint32_t smtp_out_result(const struct smtp_out *engine, const struct reply **out)
{
    *out = &engine->result;
    return engine->result_rcpt;
}

void smtp_out_tls_done(struct smtp_out *engine, const char *problem, bool leftover)
{
    if (engine->state != SMTP_OUT_STATE_HANDSHAKE) {
        return;
    }
    if (leftover) {
        smtp_out_fail_text(engine, REPLY_STAGE_STARTTLS, REPLY_MALFORMED, "",
                           "bytes followed the answer to STARTTLS");
        return;
    }
    if (problem != NULL) {
        char text[REPLY_TEXT_BYTES];
        (void)snprintf(text, sizeof text, "TLS handshake failed: %s", problem);
        smtp_out_fail_text(engine, REPLY_STAGE_STARTTLS, REPLY_NETWORK, "4.7.5", text);
        return;
    }
    engine->is_tls = true;
    smtp_out_session_ehlo(engine);
}

void smtp_out_begin(struct smtp_out *engine, const struct smtp_out_mail *mail)
{
    assert(engine->state == SMTP_OUT_STATE_IDLE);
    assert(engine->ready_said);
    assert(mail->rcpt_count > 0);
    assert(mail->rcpt_count <= smtp_out_rcpt_max(engine));
    engine->ready_said = false;
    engine->mail = mail;
    smtp_out_mail_start(engine);
}

void smtp_out_release(struct smtp_out *engine)
{
    engine->is_released = true; /* smtp_out_next sends the dot when it is its turn */
}

void smtp_out_body_done(struct smtp_out *engine, bool ends_in_crlf)
{
    if (engine->state != SMTP_OUT_STATE_BODY) {
        return;
    }
    engine->ends_in_crlf = ends_in_crlf;
    smtp_out_mail_end(engine);
}

bool smtp_out_is_chunked(const struct smtp_out *engine)
{
    return engine->is_chunked;
}

void smtp_out_body_failed(struct smtp_out *engine, const char *problem)
{
    if (engine->state == SMTP_OUT_STATE_BODY) {
        smtp_out_fail_text(engine, REPLY_STAGE_BODY, REPLY_LOCAL, "4.3.0", problem);
    }
}

void smtp_out_quit(struct smtp_out *engine)
{
    engine->quit_asked = true;
}

void smtp_out_lost(struct smtp_out *engine, const char *cause)
{
    if (engine->state == SMTP_OUT_STATE_QUIT) {
        smtp_out_session_end(engine);
        return;
    }
    char text[REPLY_TEXT_BYTES];
    const struct smtp_out_state_row *row = smtp_out_state_row(engine->state);
    (void)snprintf(text, sizeof text, "%s while %s", cause, row->words);
    smtp_out_fail_text(engine, row->stage, REPLY_NETWORK, "4.4.2", text);
}

void smtp_out_deadline(struct smtp_out *engine)
{
    smtp_out_lost(engine, "timed out");
}

uint32_t smtp_out_deadline_ms(const struct smtp_out *engine)
{
    uint64_t ms = smtp_out_state_row(engine->state)->deadline_ms;
    uint32_t percent = engine->options->deadline_percent;
    if (ms == 0 || percent == 0) {
        return (uint32_t)ms;
    }
    ms = ms * percent / 100;
    return ms == 0 ? 1 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

uint32_t smtp_out_deadline_turn(const struct smtp_out *engine)
{
    return engine->deadline_turn;
}

enum smtp_out_state smtp_out_state(const struct smtp_out *engine)
{
    return engine->state;
}

const struct ehlo *smtp_out_peer(const struct smtp_out *engine)
{
    return &engine->peer;
}

uint32_t smtp_out_rcpt_max(const struct smtp_out *engine)
{
    uint32_t theirs = engine->peer.rcpt_max;
    return theirs > 0 && theirs < LIMIT_OUT_RCPTS ? theirs : LIMIT_OUT_RCPTS;
}

uint32_t smtp_out_mail_count(const struct smtp_out *engine)
{
    return engine->mail_count;
}

bool smtp_out_is_tls(const struct smtp_out *engine)
{
    return engine->is_tls;
}

const struct reply *smtp_out_failure(const struct smtp_out *engine)
{
    return engine->has_failure ? &engine->failure : NULL;
}
