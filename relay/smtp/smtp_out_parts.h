/* What the files of the client engine share. Not for others: they include smtp_out.h.
 *
 *   smtp_out.c          the session: events in, actions out
 *   smtp_out_session.c  greeting, EHLO, STARTTLS, AUTH, and the end
 *   smtp_out_mail.c     a transaction: what we send, what the answers mean for whom */

#ifndef RELAY_SMTP_SMTP_OUT_PARTS_H
#define RELAY_SMTP_SMTP_OUT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/smtp/reply_parse.h"
#include "relay/smtp/smtp_out.h"

/* A group of commands leaves in one write when it fits; the rest follows. */
#define SMTP_OUT_OUTPUT_BYTES \
    6400 /* and a bearer token of SMTP_OUT_TOKEN_BYTES in base64 */
#define SMTP_OUT_TOKEN_BYTES  4096 /* the largest in use have about 2,500 */
#define SMTP_OUT_COMMAND_ROOM LIMIT_COMMAND_LINE

/* What is known of a recipient, one bit each, so that a result can name a set. */
enum smtp_out_fate {
    SMTP_OUT_FATE_DONE = 0,     /* its result was told */
    SMTP_OUT_FATE_OPEN = 1,     /* no answer yet */
    SMTP_OUT_FATE_ACCEPTED = 2, /* RCPT was accepted */
    SMTP_OUT_FATE_REFUSED = 4,  /* RCPT was refused; the result is being told */
    SMTP_OUT_FATE_NO_UTF8 = 8,  /* the server cannot take this address */
    SMTP_OUT_FATE_BAD = 16,     /* an address that cannot be written in a command */
};

struct smtp_out {
    const struct smtp_out_options *options; /* borrowed */
    smtp_out_trace_cb trace_cb;
    void *owner; /* borrowed */

    enum smtp_out_state state;
    uint32_t deadline_turn;
    bool is_tls;
    bool ready_said;
    bool say_start_tls;
    bool say_body;
    bool close_said;
    bool quit_asked;
    bool has_failure;
    enum smtp_out_auth auth; /* the mechanism in use */
    unsigned auth_step;      /* how many of its answers were sent */
    struct ehlo peer;
    struct reply_parse parser;
    struct reply failure;

    const struct smtp_out_mail *mail; /* borrowed; NULL between transactions */
    uint32_t mail_count;
    bool mail_sent;
    bool mail_refused;
    bool uses_utf8; /* MAIL carries SMTPUTF8 */
    bool data_sent;
    bool is_released;
    bool ends_in_crlf;
    bool is_chunked;       /* the content goes by BDAT */
    bool is_last_sent;     /* ... in one chunk that says LAST */
    bool chunk_out;        /* a chunk without LAST waits for its answer */
    uint32_t rcpt_next;    /* the recipient whose RCPT is sent next */
    uint32_t rcpt_awaited; /* the recipient whose answer comes next */
    uint32_t outstanding;  /* commands without an answer */
    uint32_t rcpts_out;    /* of these, RCPTs */
    uint32_t accepted;
    uint8_t fates[LIMIT_OUT_RCPTS]; /* bits of smtp_out_fate */
    bool was_sent[LIMIT_OUT_RCPTS]; /* an RCPT went out for it */

    unsigned result_fates; /* the set a result is being told to; 0: none */
    uint32_t result_scan;
    uint32_t result_rcpt;
    struct reply result;

    size_t output_length;
    char output[SMTP_OUT_OUTPUT_BYTES];
};

/* smtp_out.c */
void smtp_out_move(struct smtp_out *engine, enum smtp_out_state state);
void smtp_out_send(struct smtp_out *engine, const char *text);
/* The session is over: what is open gets this reply, then CLOSE. */
void smtp_out_fail(struct smtp_out *engine, const struct reply *reply);
void smtp_out_fail_text(struct smtp_out *engine, enum reply_stage stage,
                        enum reply_origin origin, const char *enhanced, const char *text);
/* The server answered what makes no sense here: code 0, so that no 250 among the strange
 * answers is ever taken for a success. */
void smtp_out_fail_strange(struct smtp_out *engine, const struct reply *reply,
                           const char *why);
/* Tell the reply to all recipients whose fate is in the set. */
void smtp_out_tell(struct smtp_out *engine, const struct reply *reply, unsigned fates);

/* smtp_out_session.c; more: bytes follow the reply in the same read. */
void smtp_out_session_reply(struct smtp_out *engine, const struct reply *reply,
                            bool more);
void smtp_out_session_ehlo(struct smtp_out *engine);
void smtp_out_session_end(struct smtp_out *engine);

/* smtp_out_mail.c */
void smtp_out_mail_start(struct smtp_out *engine);
void smtp_out_mail_reply(struct smtp_out *engine, const struct reply *reply);
/* Write the commands that may go now. */
void smtp_out_mail_produce(struct smtp_out *engine);
/* The content was handed over: what ends it, once that may go. */
void smtp_out_mail_end(struct smtp_out *engine);
/* The first local refusal not told yet; false when there is none. */
bool smtp_out_mail_refuse(struct smtp_out *engine);

#endif
