/* The server session.
 *
 *   NEW -> COMMAND <-> ASK (a question to the owner is open: suspended, smtp_in_answer
 *             |         |    resumes)
 *             |         +-> CONTENT (354 was said) -> ASK
 *             |         +-> CHUNK   (BDAT)         -> COMMAND or ASK
 *             +-> AUTH_PLAIN, AUTH_USER -> AUTH_PASSWORD -> ASK or COMMAND
 *             +-> TLS (suspended: smtp_in_tls_started resumes) -> COMMAND
 *   any -> CLOSING (suspended: the owner writes the rest) -> CLOSED */

#include "relay/smtp/smtp_in.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/smtp/smtp_in_parts.h"

#define CLOSING_MS 10000 /* a client that does not read its last answer */

#define BIT(STATE) (1U << (unsigned)SMTP_IN_STATE_##STATE)
#define END_BITS   (BIT(CLOSING) | BIT(CLOSED))

struct state_row {
    const char *name;
    const char *words;
    uint32_t next; /* a bit per state that may follow */
};

static const struct state_row states[SMTP_IN_STATE_COUNT] = {
    [SMTP_IN_STATE_NEW] = {"NEW", "before the greeting", BIT(COMMAND) | END_BITS},
    [SMTP_IN_STATE_COMMAND] = {"COMMAND", "waiting for a command",
                               BIT(ASK) | BIT(AUTH_PLAIN) | BIT(AUTH_USER) |
                                   BIT(AUTH_PASSWORD) | BIT(CHUNK) | BIT(TLS) | END_BITS},
    [SMTP_IN_STATE_AUTH_PLAIN] = {"AUTH_PLAIN", "waiting for the credentials",
                                  BIT(COMMAND) | BIT(ASK) | END_BITS},
    [SMTP_IN_STATE_AUTH_USER] = {"AUTH_USER", "waiting for the user name",
                                 BIT(COMMAND) | BIT(AUTH_PASSWORD) | END_BITS},
    [SMTP_IN_STATE_AUTH_PASSWORD] = {"AUTH_PASSWORD", "waiting for the password",
                                     BIT(COMMAND) | BIT(ASK) | END_BITS},
    [SMTP_IN_STATE_ASK] = {"ASK", "waiting for our own decision",
                           BIT(COMMAND) | BIT(CONTENT) | BIT(CHUNK) | END_BITS},
    [SMTP_IN_STATE_CONTENT] = {"CONTENT", "receiving the message",
                               BIT(COMMAND) | BIT(ASK) | END_BITS},
    [SMTP_IN_STATE_CHUNK] = {"CHUNK", "receiving a chunk of the message",
                             BIT(COMMAND) | BIT(ASK) | END_BITS},
    [SMTP_IN_STATE_TLS] = {"TLS", "waiting for the TLS handshake",
                           BIT(COMMAND) | END_BITS},
    [SMTP_IN_STATE_CLOSING] = {"CLOSING", "writing the last answer", BIT(CLOSED)},
    [SMTP_IN_STATE_CLOSED] = {"CLOSED", "closed", 0},
};

void smtp_in_move(struct smtp_in *engine, enum smtp_in_state state)
{
    enum smtp_in_state from = engine->state;
    if (from == state) {
        return;
    }
    assert((states[from].next & 1U << (unsigned)state) != 0);
    assert(from != SMTP_IN_STATE_ASK || engine->question == SMTP_IN_ASK_NONE);
    engine->state = state;
    if (engine->ops->on_state != NULL) {
        engine->ops->on_state(engine->owner, states[from].name, states[state].name);
    }
}

struct smtp_in *smtp_in_new(const struct smtp_in_options *options,
                            const struct smtp_in_ops *ops, void *owner, bool under_tls)
{
    assert(options->rcpt_max > 0);
    struct smtp_in *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        abort();
    }
    engine->options = options;
    engine->ops = ops;
    engine->owner = owner;
    engine->is_tls = under_tls;
    line_init(&engine->line, engine->line_bytes, sizeof engine->line_bytes);
    return engine;
}

void smtp_in_free(struct smtp_in *engine)
{
    if (engine == NULL) {
        return;
    }
    assert(!engine->in_hook);
    smtp_in_lost(engine);
    free(engine);
}

size_t smtp_in_size_bytes(void)
{
    return sizeof(struct smtp_in);
}

void smtp_in_raw(struct smtp_in *engine, const char *text)
{
    size_t length = strlen(text);
    assert(length <= sizeof engine->output - engine->output_length);
    memcpy(engine->output + engine->output_length, text, length);
    engine->output_length += length;
}

void smtp_in_reply(struct smtp_in *engine, unsigned code, const char *text)
{
    char line[LIMIT_REPLY_LINE - 1];
    assert(code >= 200 && code <= 599);
    (void)snprintf(line, sizeof line, "%u %s", code, text);
    for (char *at = line; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
    smtp_in_raw(engine, line);
    smtp_in_raw(engine, "\r\n");
    if (code < 500) {
        return;
    }
    engine->errors++;
    if (engine->errors >= engine->options->errors_max &&
        engine->options->errors_max > 0) {
        smtp_in_raw(engine, "421 4.7.0 Too many errors, closing\r\n");
        engine->question = SMTP_IN_ASK_NONE;
        engine->has_answer = false;
        smtp_in_move(engine, SMTP_IN_STATE_CLOSING);
    }
}

/* The one exit of a transaction. */
void smtp_in_txn_reset(struct smtp_in *engine, enum smtp_in_end end)
{
    bool was_open = engine->txn.is_open;
    engine->txn = (struct smtp_in_txn){0};
    engine->refusal_code = 0;
    if (was_open) {
        engine->ops->on_reset(engine->owner, end);
    }
}

void smtp_in_close(struct smtp_in *engine, unsigned code, const char *text)
{
    if (engine->state >= SMTP_IN_STATE_CLOSING) {
        return;
    }
    engine->question = SMTP_IN_ASK_NONE;
    engine->has_answer = false;
    smtp_in_reply(engine, code, text);
    smtp_in_move(engine, SMTP_IN_STATE_CLOSING);
    smtp_in_txn_reset(engine, SMTP_IN_END_LOST);
}

void smtp_in_start(struct smtp_in *engine)
{
    assert(engine->state == SMTP_IN_STATE_NEW);
    char text[LIMIT_REPLY_LINE];
    (void)snprintf(text, sizeof text, "%.255s ESMTP", engine->options->hostname);
    smtp_in_reply(engine, 220, text);
    smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
}

void smtp_in_refuse(struct smtp_in *engine, unsigned code, const char *text)
{
    assert(!engine->in_hook);
    if (sizeof engine->output - engine->output_length < SMTP_IN_REPLY_ROOM / 2) {
        engine->output_length =
            0; /* a client that reads nothing gets the last word only */
    }
    smtp_in_close(engine, code, text);
}

void smtp_in_ask(struct smtp_in *engine, enum smtp_in_question question)
{
    assert(!engine->in_hook);
    smtp_in_move(engine, SMTP_IN_STATE_ASK);
    engine->question = question;
    engine->in_hook = true;
}

static bool is_yes(unsigned code)
{
    return code >= 200 && code <= 299;
}

static void settle_content_end(struct smtp_in *engine, unsigned code)
{
    if (is_yes(code)) {
        engine->errors = 0;
        engine->idle_commands = 0;
    }
    smtp_in_txn_reset(engine, SMTP_IN_END_ANSWERED);
}

/* An answer is there and its reply is in the output. */
static void settle(struct smtp_in *engine)
{
    enum smtp_in_question question = engine->question;
    unsigned code = engine->answer_code;

    engine->question = SMTP_IN_ASK_NONE;
    engine->has_answer = false;
    if (code == 421) {
        smtp_in_move(engine, SMTP_IN_STATE_CLOSING);
        smtp_in_txn_reset(engine, question == SMTP_IN_ASK_END ? SMTP_IN_END_ANSWERED
                                                              : SMTP_IN_END_LOST);
        return;
    }
    switch (question) {
    case SMTP_IN_ASK_MAIL:
        smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
        engine->txn.is_open = is_yes(code);
        engine->txn.smtputf8 = engine->txn.smtputf8 && is_yes(code);
        engine->mails += is_yes(code) ? 1 : 0;
        return;
    case SMTP_IN_ASK_RCPT:
        smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
        engine->txn.rcpts += is_yes(code) ? 1 : 0;
        return;
    case SMTP_IN_ASK_DATA:
        if (code == 354) {
            smtp_in_content_begin(engine, false);
            smtp_in_move(engine, SMTP_IN_STATE_CONTENT);
        } else {
            smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
            smtp_in_txn_reset(engine, SMTP_IN_END_RESET);
        }
        return;
    case SMTP_IN_ASK_CHUNK: smtp_in_chunk_go(engine); return;
    case SMTP_IN_ASK_END:
        smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
        settle_content_end(engine, code);
        return;
    case SMTP_IN_ASK_AUTH:
        engine->is_authenticated = code == 235;
        smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
        return;
    case SMTP_IN_ASK_NONE: return;
    }
}

void smtp_in_asked(struct smtp_in *engine)
{
    engine->in_hook = false;
    if (engine->has_answer) {
        settle(engine);
    }
}

void smtp_in_answer(struct smtp_in *engine, unsigned code, const char *text)
{
    if (engine->state != SMTP_IN_STATE_ASK || engine->has_answer) {
        return;
    }
    /* 2xx to on_data means the same as 354. */
    bool is_go = code == 354 || is_yes(code);
    if (engine->question == SMTP_IN_ASK_DATA && is_go) {
        text = code == 354 ? text : "End data with <CR><LF>.<CR><LF>";
        code = 354;
    }
    engine->has_answer = true;
    engine->answer_code = code;
    if (engine->question == SMTP_IN_ASK_CHUNK && code != 421) {
        /* The chunk is read first; its answer comes behind it. */
        engine->refusal_code = is_go ? 0 : code;
        (void)snprintf(engine->refusal, sizeof engine->refusal, "%s", text);
    } else {
        smtp_in_reply(engine, code, text);
    }
    if (engine->state == SMTP_IN_STATE_CLOSING) {
        smtp_in_txn_reset(engine, engine->txn.has_content ? SMTP_IN_END_ANSWERED
                                                          : SMTP_IN_END_LOST);
        return;
    }
    if (!engine->in_hook) {
        settle(engine);
    }
}

static size_t feed_line(struct smtp_in *engine, const char *bytes, size_t length)
{
    size_t used = line_feed(&engine->line, bytes, length);
    if (!engine->line.complete) {
        return used;
    }
    if (engine->line.has_bare_lf) {
        smtp_in_close(engine, 500, "5.5.2 A line must end with CR LF, closing");
    } else if (engine->state == SMTP_IN_STATE_COMMAND) {
        smtp_in_command(engine, used < length);
    } else {
        smtp_in_auth_line(engine);
    }
    line_reset(&engine->line);
    return used;
}

size_t smtp_in_feed(struct smtp_in *engine, const char *bytes, size_t length)
{
    assert(!engine->in_hook);
    size_t used = 0;
    while (used < length && smtp_in_wants_input(engine)) {
        const char *at = bytes + used;
        if (engine->state == SMTP_IN_STATE_CONTENT) {
            used += smtp_in_content_feed(engine, at, length - used);
        } else if (engine->state == SMTP_IN_STATE_CHUNK) {
            used += smtp_in_chunk_feed(engine, at, length - used);
        } else {
            used += feed_line(engine, at, length - used);
        }
    }
    return used;
}

const char *smtp_in_output(const struct smtp_in *engine, size_t *out_length)
{
    *out_length = engine->output_length;
    return engine->output;
}

void smtp_in_sent(struct smtp_in *engine, size_t length)
{
    assert(length <= engine->output_length);
    engine->output_length -= length;
    memmove(engine->output, engine->output + length, engine->output_length);
}

void smtp_in_tls_started(struct smtp_in *engine)
{
    if (engine->state != SMTP_IN_STATE_TLS) {
        return;
    }
    engine->is_tls = true;
    engine->is_esmtp = false;
    engine->is_authenticated = false;
    engine->helo[0] = '\0';
    line_reset(&engine->line);
    smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
}

void smtp_in_deadline(struct smtp_in *engine)
{
    if (engine->state == SMTP_IN_STATE_CLOSING || engine->state == SMTP_IN_STATE_TLS) {
        engine->output_length = 0;
        smtp_in_lost(engine);
        return;
    }
    if (engine->state != SMTP_IN_STATE_ASK) {
        smtp_in_refuse(engine, 421, "4.4.2 Waited too long, closing");
    }
}

void smtp_in_lost(struct smtp_in *engine)
{
    assert(!engine->in_hook);
    if (engine->state == SMTP_IN_STATE_CLOSED) {
        return;
    }
    engine->question = SMTP_IN_ASK_NONE;
    engine->has_answer = false;
    engine->output_length = 0;
    smtp_in_move(engine, SMTP_IN_STATE_CLOSED);
    smtp_in_txn_reset(engine, SMTP_IN_END_LOST);
}

bool smtp_in_wants_input(const struct smtp_in *engine)
{
    switch (engine->state) {
    case SMTP_IN_STATE_COMMAND:
    case SMTP_IN_STATE_AUTH_PLAIN:
    case SMTP_IN_STATE_AUTH_USER:
    case SMTP_IN_STATE_AUTH_PASSWORD:
    case SMTP_IN_STATE_CONTENT:
    case SMTP_IN_STATE_CHUNK:
        return sizeof engine->output - engine->output_length >= SMTP_IN_REPLY_ROOM;
    case SMTP_IN_STATE_NEW:
    case SMTP_IN_STATE_ASK:
    case SMTP_IN_STATE_TLS:
    case SMTP_IN_STATE_CLOSING:
    case SMTP_IN_STATE_CLOSED:
    case SMTP_IN_STATE_COUNT: return false;
    }
    return false;
}

bool smtp_in_closing(const struct smtp_in *engine)
{
    return engine->state == SMTP_IN_STATE_CLOSING ||
           engine->state == SMTP_IN_STATE_CLOSED;
}

uint32_t smtp_in_deadline_ms(const struct smtp_in *engine)
{
    switch (engine->state) {
    case SMTP_IN_STATE_CONTENT:
    case SMTP_IN_STATE_CHUNK: return engine->options->content_ms;
    case SMTP_IN_STATE_COMMAND:
    case SMTP_IN_STATE_AUTH_PLAIN:
    case SMTP_IN_STATE_AUTH_USER:
    case SMTP_IN_STATE_AUTH_PASSWORD:
    case SMTP_IN_STATE_TLS: return engine->options->command_ms;
    case SMTP_IN_STATE_CLOSING: return CLOSING_MS;
    case SMTP_IN_STATE_NEW:
    case SMTP_IN_STATE_ASK:
    case SMTP_IN_STATE_CLOSED:
    case SMTP_IN_STATE_COUNT: return 0;
    }
    return 0;
}

const char *smtp_in_helo(const struct smtp_in *engine)
{
    return engine->helo;
}

bool smtp_in_is_esmtp(const struct smtp_in *engine)
{
    return engine->is_esmtp;
}

bool smtp_in_is_tls(const struct smtp_in *engine)
{
    return engine->is_tls;
}

bool smtp_in_is_authenticated(const struct smtp_in *engine)
{
    return engine->is_authenticated;
}

uint32_t smtp_in_rcpt_count(const struct smtp_in *engine)
{
    return engine->txn.rcpts;
}

const char *smtp_in_state_name(const struct smtp_in *engine)
{
    return states[engine->state].name;
}

const char *smtp_in_state_words(const struct smtp_in *engine)
{
    return states[engine->state].words;
}
