/* The client side of one SMTP session: events in, actions out, no sockets.
 *
 * The engine speaks: greeting, EHLO or HELO, STARTTLS, AUTH, then transactions one after
 * another. The owner connects, writes, streams the content, does TLS, keeps the time, and
 * judges: the engine reports every answer as a struct reply with its stage and never
 * decides what it means for the message. One worker thread per engine.
 *
 * The owner's loop, after every event: call smtp_out_next until it says WAIT, then feed
 * what smtp_out_feed has not taken.
 *
 *   SEND        write smtp_out_output, tell smtp_out_sent
 *   START_TLS   when all is written, handshake; then smtp_out_tls_done
 *   READY       smtp_out_begin a transaction, or keep the session idle, or smtp_out_quit
 *   SEND_BODY   write header block and body through dot_encode (or as they are when
 *               dot_is_clean), without the final dot; as they are, size_bytes of them,
 *               when smtp_out_is_chunked; then smtp_out_body_done
 *   RESULT      smtp_out_result: one recipient's outcome; each recipient gets exactly one
 *   CLOSE       write what is left, close the connection; smtp_out_failure says why, when
 * it was no good end WAIT        nothing until the next event */

#ifndef RELAY_SMTP_SMTP_OUT_H
#define RELAY_SMTP_SMTP_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/reply.h"

#include "relay/smtp/ehlo.h"
#include "relay/smtp/smtp_out_states.h"

struct smtp_out;

enum smtp_out_tls {
    SMTP_OUT_TLS_NONE,          /* never, even when offered */
    SMTP_OUT_TLS_OPPORTUNISTIC, /* when offered; in clear when STARTTLS is refused */
    SMTP_OUT_TLS_REQUIRED,      /* else the session fails at REPLY_STAGE_STARTTLS */
    SMTP_OUT_TLS_IMPLICIT,      /* the connection already speaks TLS */
};

/* How to log in. */
enum smtp_out_auth {
    SMTP_OUT_AUTH_PASSWORD, /* PLAIN, or LOGIN where that is all there is */
    SMTP_OUT_AUTH_PLAIN,
    SMTP_OUT_AUTH_LOGIN,
    SMTP_OUT_AUTH_XOAUTH2, /* password is a bearer token */
};

/* Borrowed: lives as long as the engine. */
struct smtp_out_options {
    const char *helo; /* our name, or an address literal */
    enum smtp_out_tls tls;
    const char *user; /* AUTH when not ""; only under TLS unless auth_in_clear */
    const char *password;
    enum smtp_out_auth auth;
    bool auth_in_clear;
    bool requiretls;   /* the server must offer REQUIRETLS (RFC 8689), else the session
                          fails */
    uint32_t mail_max; /* transactions on this connection; 0: no limit of ours */
    uint32_t deadline_percent; /* of the table's deadlines; 0 means 100 */
};

/* One recipient of a transaction. Texts are never NULL; "" when absent. */
struct smtp_out_rcpt {
    const char *address; /* without brackets */
    const char
        *ascii_address; /* the same with an A-label domain when that helps, or "" */
    const char *notify; /* as the submitter wrote it: "SUCCESS,DELAY" */
    const char *orcpt;  /* "rfc822;xtext", verbatim */
};

/* Borrowed until the last result of the transaction was read. */
struct smtp_out_mail {
    const char *sender; /* without brackets; "" for <> */
    const char *ascii_sender;
    const struct smtp_out_rcpt *rcpts;
    uint32_t rcpt_count; /* 1 to smtp_out_rcpt_max */
    uint64_t size_bytes; /* header block and body, transparency not counted */
    bool is_8bit;        /* content has bytes above 127 */
    bool is_utf8_header; /* the header needs SMTPUTF8 */
    const char *ret;     /* "FULL", "HDRS" or "", verbatim */
    const char *envid;   /* xtext, verbatim */
    bool requiretls;     /* MAIL says REQUIRETLS */
    bool chunking;       /* by BDAT where that is offered (RFC 3030) */
};

enum smtp_out_action {
    SMTP_OUT_WAIT,
    SMTP_OUT_SEND,
    SMTP_OUT_START_TLS,
    SMTP_OUT_READY,
    SMTP_OUT_SEND_BODY,
    SMTP_OUT_RESULT,
    SMTP_OUT_CLOSE,
};

/* A state move, for debug logs. */
typedef void (*smtp_out_trace_cb)(void *owner, const char *from, const char *to);

/* Make an engine for a connection that is up; it waits for the greeting. One allocation
 * of fixed size. trace_cb may be NULL. Aborts when memory is gone. */
struct smtp_out *smtp_out_new(const struct smtp_out_options *options,
                              smtp_out_trace_cb trace_cb, void *owner);

/* Free in any state; NULL is allowed. Recipients without a result get none. */
void smtp_out_free(struct smtp_out *engine);

size_t smtp_out_size_bytes(void);

/* Bytes were read. Returns how many were taken; fewer than length only when a result must
 * be told first: call smtp_out_next until it says WAIT and feed the rest. */
size_t smtp_out_feed(struct smtp_out *engine, const char *bytes, size_t length);

/* The next thing to do. READY, START_TLS, SEND_BODY and CLOSE are said once each time. */
enum smtp_out_action smtp_out_next(struct smtp_out *engine);

/* SEND: the bytes; valid until smtp_out_sent. The connection has taken over length. */
const char *smtp_out_output(const struct smtp_out *engine, size_t *out_length);
void smtp_out_sent(struct smtp_out *engine, size_t length);

/* RESULT: whose and what; the reply is valid until the next smtp_out_next. A 552 to RCPT
 * comes as 452 with its class made 4 (RFC 5321 4.5.3.1.10). */
uint32_t smtp_out_result(const struct smtp_out *engine, const struct reply **out);

/* The handshake's end. problem is NULL when it is up, else what went wrong (the session
 * then fails at REPLY_STAGE_STARTTLS, REPLY_NETWORK, and the owner may try in clear where
 * policy allows). leftover: plaintext had come behind the 220 (RFC 3207, injection). */
void smtp_out_tls_done(struct smtp_out *engine, const char *problem, bool leftover);

/* Begin a transaction; only in READY. Recipients the server cannot take (SIZE, 8BITMIME,
 * SMTPUTF8) are told so by a REPLY_LOCAL result and not sent. The final dot is held back
 * until smtp_out_release, at any time from now on. */
void smtp_out_begin(struct smtp_out *engine, const struct smtp_out_mail *mail);

/* The previous transaction's results are written down: this one's final dot may go. */
void smtp_out_release(struct smtp_out *engine);

/* SEND_BODY: does this transaction's content go by BDAT, without transparency? */
bool smtp_out_is_chunked(const struct smtp_out *engine);

/* SEND_BODY: the connection has taken over all content. ends_in_crlf: as it was sent. */
void smtp_out_body_done(struct smtp_out *engine, bool ends_in_crlf);

/* SEND_BODY: the content cannot be read. The recipients get a REPLY_LOCAL result at
 * REPLY_STAGE_BODY and the connection is closed without the dot. */
void smtp_out_body_failed(struct smtp_out *engine, const char *problem);

/* End the session as soon as no transaction is open: QUIT, its answer, CLOSE. */
void smtp_out_quit(struct smtp_out *engine);

/* The connection ended. cause is for the log ("connection reset"). Open recipients get a
 * REPLY_NETWORK result; after the final dot it has REPLY_STAGE_DOT: outcome unknown. */
void smtp_out_lost(struct smtp_out *engine, const char *cause);

/* The state's deadline passed. As smtp_out_lost, with the state's words. */
void smtp_out_deadline(struct smtp_out *engine);

/* The deadline of this state in milliseconds, 0 for none, and a number that changes when
 * it must be set anew. While the body is sent the owner also re-arms on progress. */
uint32_t smtp_out_deadline_ms(const struct smtp_out *engine);
uint32_t smtp_out_deadline_turn(const struct smtp_out *engine);

enum smtp_out_state smtp_out_state(const struct smtp_out *engine);

/* What the server offered; all false before EHLO and after HELO. */
const struct ehlo *smtp_out_peer(const struct smtp_out *engine);

/* The most recipients one transaction may have: the server's RCPTMAX or LIMIT_OUT_RCPTS.
 */
uint32_t smtp_out_rcpt_max(const struct smtp_out *engine);

/* How many transactions began on this connection. */
uint32_t smtp_out_mail_count(const struct smtp_out *engine);

bool smtp_out_is_tls(const struct smtp_out *engine);

/* Why the session ended, or NULL when it ended by QUIT, ours or mail_max. A 421 or a
 * silent close while idle is reported here too (stage REPLY_STAGE_QUIT): no message was
 * hurt. */
const struct reply *smtp_out_failure(const struct smtp_out *engine);

#endif
