/* The server side of one SMTP session: bytes in, answers out, no sockets.
 *
 * The engine knows the protocol: order of commands, parameters, limits, transparency,
 * what must be refused. Who may send what, where the content goes and when it is safe are
 * the owner's, who is asked through struct smtp_in_ops and answers with smtp_in_answer,
 * from inside the hook or at any later time. While a question is open the engine takes no
 * input: bytes behind it (a pipelined command, the next message) stay with the owner, in
 * order. One worker thread per engine.
 *
 * The owner's loop, after every event:
 *   1. smtp_in_feed what has been read and not yet taken, while smtp_in_wants_input
 *   2. write smtp_in_output, tell smtp_in_sent
 *   3. if smtp_in_closing and no output is left: smtp_in_lost, close the connection
 *   4. read again only when smtp_in_wants_input; re-arm the timer with
 * smtp_in_deadline_ms */

#ifndef RELAY_SMTP_SMTP_IN_H
#define RELAY_SMTP_SMTP_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/smtp/address.h"
#include "relay/smtp/dot.h"
#include "relay/smtp/params.h"

struct smtp_in;

/* One listener's settings. Borrowed: lives as long as every engine made with it. */
struct smtp_in_options {
    const char *hostname;       /* in the greeting and in EHLO's answer */
    uint64_t size_max_bytes;    /* of content; 0: no limit */
    uint32_t rcpt_max;          /* per transaction; above: 452 4.5.3; at least 1 */
    uint32_t mail_max;          /* transactions per session; 0: no limit */
    uint32_t errors_max;        /* 5xx to commands in a session; then 421 */
    uint32_t idle_commands_max; /* NOOP, RSET, VRFY, HELP, EHLO between two messages; then
                                   421 */
    uint32_t command_ms;        /* deadline for the next command */
    uint32_t content_ms;        /* deadline for the next bytes of content */
    bool offer_starttls;
    bool require_tls;   /* MAIL and AUTH before TLS: 530 5.7.0 */
    bool offer_auth;    /* PLAIN and LOGIN, under TLS */
    bool auth_in_clear; /* also without TLS (loopback) */
    bool require_auth;  /* MAIL before AUTH: 530 5.7.0 */
    bool offer_smtputf8;
    bool offer_dsn;
    bool offer_priority; /* MT-PRIORITY, RFC 6710 */
    bool offer_chunking;
    bool normalise_lines;   /* bare CR and LF become CRLF; else 550 5.6.11 */
    bool accept_long_lines; /* lines above 998 are reported; else 550 5.6.0 */
};

/* What is known of a complete content; see struct dot_facts. */
struct smtp_in_content {
    struct dot_facts facts;
    bool was_normalised; /* bare CR or LF was turned into CRLF */
    bool is_chunked;     /* came by BDAT */
};

enum smtp_in_end {
    SMTP_IN_END_ANSWERED, /* on_content_end was answered, with whatever code */
    SMTP_IN_END_REFUSED, /* the engine refused the content (size, line ends, long line) */
    SMTP_IN_END_RESET,   /* RSET, EHLO or STARTTLS, or the owner refused DATA */
    SMTP_IN_END_LOST,    /* the connection ended, timed out, or QUIT came */
};

/* Hooks. Those marked (answer) must be followed by exactly one smtp_in_answer. No hook
 * may call smtp_in_feed or smtp_in_free. Pointers given are valid during the call only.
 */
struct smtp_in_ops {
    /* (answer) 2xx opens the transaction. params.size_bytes is within the limit. */
    void (*on_mail)(void *owner, const struct address *sender,
                    const struct mail_params *params);
    /* (answer) 2xx counts the recipient in. An address without domain is passed on. */
    void (*on_rcpt)(void *owner, const struct address *recipient,
                    const struct rcpt_params *params);
    /* (answer) 354 or 2xx lets content begin, for BDAT too; anything else ends the
     * transaction. At least one recipient was accepted. */
    void (*on_data)(void *owner);
    /* Content without transparency, in order. May call smtp_in_refuse_content. */
    void (*on_content)(void *owner, const char *bytes, size_t length);
    /* (answer) All content is there and was not refused. 2xx only when it is durable. */
    void (*on_content_end)(void *owner, const struct smtp_in_content *content);
    /* The transaction is over: exactly once for each MAIL that was answered 2xx. For LOST
     * while on_content_end is open the owner decides whether to keep the message; its
     * later smtp_in_answer is ignored. */
    void (*on_reset)(void *owner, enum smtp_in_end end);
    /* The 220 is in the output: write it, start the handshake, then call
     * smtp_in_tls_started. Never called with offer_starttls false. */
    void (*on_starttls)(void *owner);
    /* (answer) 235, 535 or 454. The strings are wiped when the hook returns. Never
     * called with offer_auth false. */
    void (*on_auth)(void *owner, const char *user, const char *password);
    /* A state move, for debug logs; may be NULL. */
    void (*on_state)(void *owner, const char *from, const char *to);
};

/* Make an engine; under_tls: the handshake is already done (implicit TLS). One
 * allocation, of fixed size (smtp_in_size_bytes). Aborts when memory is gone. */
struct smtp_in *smtp_in_new(const struct smtp_in_options *options,
                            const struct smtp_in_ops *ops, void *owner, bool under_tls);

/* Free in any state; NULL is allowed. Calls on_reset(LOST) when a transaction is open. */
void smtp_in_free(struct smtp_in *engine);

size_t smtp_in_size_bytes(void);

/* Greet with 220. */
void smtp_in_start(struct smtp_in *engine);

/* Say code and text (with the enhanced code in it) and close: instead of smtp_in_start,
 * or at any later time (421 at shutdown). An open transaction ends as LOST. */
void smtp_in_refuse(struct smtp_in *engine, unsigned code, const char *text);

/* Give bytes that were read. Returns how many were taken; the owner keeps the rest and
 * gives it again, in order, when smtp_in_wants_input. */
size_t smtp_in_feed(struct smtp_in *engine, const char *bytes, size_t length);

/* Answer the open question: code and text, which begins with the enhanced code
 * ("5.7.1 not allowed"). 421 also ends the session. Control bytes in text become '?', the
 * line is cut at 512 bytes. Ignored when no question is open. */
void smtp_in_answer(struct smtp_in *engine, unsigned code, const char *text);

/* From on_content, or between feeds: the content is read to its real end and then
 * answered with this instead of on_content_end; on_content is not called any more. The
 * first one counts. Ignored outside content. */
void smtp_in_refuse_content(struct smtp_in *engine, unsigned code, const char *text);

/* What is to be written now; valid until the next call that is not one of the questions
 * below. */
const char *smtp_in_output(const struct smtp_in *engine, size_t *out_length);

/* So much of the output has been taken over by the connection. */
void smtp_in_sent(struct smtp_in *engine, size_t length);

/* The handshake is done: everything said before is forgotten (RFC 3207 4.2). */
void smtp_in_tls_started(struct smtp_in *engine);

/* The deadline passed: 421 4.4.2 and closing. */
void smtp_in_deadline(struct smtp_in *engine);

/* The connection is gone or will be closed now. Idempotent. */
void smtp_in_lost(struct smtp_in *engine);

/* May smtp_in_feed take bytes? False while a question is open, the output is full, TLS
 * starts, or the session closes. */
bool smtp_in_wants_input(const struct smtp_in *engine);

/* The session is over: write what is left, then close. */
bool smtp_in_closing(const struct smtp_in *engine);

/* How long to wait for the next bytes in this state, in milliseconds; 0: no deadline (a
 * question is open). Re-arm it whenever bytes were taken or the state moved. */
uint32_t smtp_in_deadline_ms(const struct smtp_in *engine);

/* Facts for the Received field and the log. The name is "" before HELO or EHLO. */
const char *smtp_in_helo(const struct smtp_in *engine);
bool smtp_in_is_esmtp(const struct smtp_in *engine);
bool smtp_in_is_tls(const struct smtp_in *engine);
bool smtp_in_is_authenticated(const struct smtp_in *engine);
/* The open transaction's accepted recipients. */
uint32_t smtp_in_rcpt_count(const struct smtp_in *engine);
/* The state's name and what the session waits for, for logs. */
const char *smtp_in_state_name(const struct smtp_in *engine);
const char *smtp_in_state_words(const struct smtp_in *engine);

#endif
