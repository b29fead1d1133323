/* Content on its way in: DATA up to CRLF.CRLF, BDAT by count. What is refused is still
 * read to its real end, so that the next command starts clean. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "relay/smtp/smtp_in_parts.h"

void smtp_in_refuse_content(struct smtp_in *engine, unsigned code, const char *text)
{
    if (engine->refusal_code != 0 || !engine->txn.has_content) {
        return;
    }
    engine->refusal_code = code;
    (void)snprintf(engine->refusal, sizeof engine->refusal, "%s", text);
}

/* What the protocol has against the content so far. */
static void judge(struct smtp_in *engine)
{
    const struct dot_facts *facts = &engine->dot.facts;
    const struct smtp_in_options *options = engine->options;

    if (options->size_max_bytes > 0 && facts->size_bytes > options->size_max_bytes) {
        smtp_in_refuse_content(engine, 552, "5.3.4 Message too big");
    } else if (facts->has_nul) {
        smtp_in_refuse_content(engine, 550, "5.6.0 Message contains a NUL byte");
    } else if (!options->normalise_lines && (facts->has_bare_cr || facts->has_bare_lf)) {
        smtp_in_refuse_content(engine, 550,
                               facts->has_bare_cr ? "5.6.11 Message contains a bare CR"
                                                  : "5.6.11 Message contains a bare LF");
    } else if (!options->accept_long_lines && facts->longest_line > LIMIT_TEXT_LINE - 2) {
        smtp_in_refuse_content(engine, 550, "5.6.0 Message has a line above 998 bytes");
    }
}

static void on_bytes(void *owner, const char *bytes, size_t length)
{
    struct smtp_in *engine = owner;
    if (engine->refusal_code == 0) {
        judge(engine);
    }
    if (engine->refusal_code == 0) {
        engine->ops->on_content(engine->owner, bytes, length);
    }
}

void smtp_in_content_begin(struct smtp_in *engine, bool is_chunked)
{
    engine->txn.has_content = true;
    engine->txn.is_chunked = is_chunked;
    engine->refusal_code = 0;
    dot_decode_init(&engine->dot, engine->options->normalise_lines, is_chunked, on_bytes,
                    engine);
}

/* All of it is there. */
static void content_end(struct smtp_in *engine)
{
    judge(engine);
    if (engine->refusal_code != 0) {
        unsigned code = engine->refusal_code;
        smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
        smtp_in_reply(engine, code, engine->refusal);
        if (code == 421) {
            smtp_in_move(engine, SMTP_IN_STATE_CLOSING);
        }
        smtp_in_txn_reset(engine, SMTP_IN_END_REFUSED);
        return;
    }
    const struct dot_facts *facts = &engine->dot.facts;
    struct smtp_in_content content = {.facts = *facts,
                                      .was_normalised =
                                          facts->has_bare_cr || facts->has_bare_lf,
                                      .is_chunked = engine->txn.is_chunked};
    smtp_in_ask(engine, SMTP_IN_ASK_END);
    engine->ops->on_content_end(engine->owner, &content);
    smtp_in_asked(engine);
}

size_t smtp_in_content_feed(struct smtp_in *engine, const char *bytes, size_t length)
{
    engine->in_hook = true; /* on_content may not feed or free */
    size_t used = dot_decode(&engine->dot, bytes, length);
    engine->in_hook = false;
    if (engine->dot.place == DOT_ENDED) {
        content_end(engine);
    }
    return used;
}

/* The chunk's bytes were read: say so, or end the message. */
static void chunk_end(struct smtp_in *engine)
{
    judge(engine);
    if (!engine->txn.has_content || engine->refusal_code != 0) {
        bool is_refused = engine->refusal_code != 0;
        smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
        smtp_in_reply(engine, is_refused ? engine->refusal_code : 503,
                      is_refused ? engine->refusal : "5.5.1 Send MAIL and RCPT first");
        smtp_in_txn_reset(engine, SMTP_IN_END_REFUSED);
        return;
    }
    if (engine->txn.chunk_is_last) {
        engine->in_hook = true;
        dot_decode_end(&engine->dot);
        engine->in_hook = false;
        content_end(engine);
        return;
    }
    smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
    smtp_in_reply(engine, 250, "2.0.0 Chunk received");
}

/* Read the chunk's bytes, to the owner or to nobody. */
static void chunk_start(struct smtp_in *engine)
{
    smtp_in_move(engine, SMTP_IN_STATE_CHUNK);
    if (engine->chunk_left == 0) {
        chunk_end(engine);
    }
}

void smtp_in_chunk(struct smtp_in *engine, const struct command *command)
{
    bool is_last = false;
    if (!engine->options->offer_chunking ||
        !command_chunk(command, &engine->chunk_left, &is_last)) {
        /* How many bytes follow is not known: none of them may become a command. */
        smtp_in_close(engine, 501, "5.5.4 BDAT not understood, closing");
        return;
    }
    engine->txn.chunk_is_last = is_last;
    if (!engine->txn.is_open || engine->txn.rcpts == 0) {
        chunk_start(engine);
        return;
    }
    engine->txn.chunks++;
    if (engine->txn.chunks > LIMIT_CHUNKS) {
        smtp_in_refuse_content(engine, 554, "5.5.0 Too many chunks");
    }
    if (engine->txn.has_content) {
        chunk_start(engine);
        return;
    }
    engine->txn.is_chunked = true;
    smtp_in_ask(engine, SMTP_IN_ASK_CHUNK);
    engine->ops->on_data(engine->owner);
    smtp_in_asked(engine);
}

void smtp_in_chunk_go(struct smtp_in *engine)
{
    if (engine->refusal_code == 0) {
        smtp_in_content_begin(engine, true);
    }
    chunk_start(engine);
}

size_t smtp_in_chunk_feed(struct smtp_in *engine, const char *bytes, size_t length)
{
    size_t part = engine->chunk_left < length ? (size_t)engine->chunk_left : length;
    assert(part > 0);
    engine->chunk_left -= part;
    if (engine->txn.has_content && engine->refusal_code == 0) {
        engine->in_hook = true;
        (void)dot_decode(&engine->dot, bytes, part);
        engine->in_hook = false;
    }
    if (engine->chunk_left == 0) {
        chunk_end(engine);
    }
    return part;
}
