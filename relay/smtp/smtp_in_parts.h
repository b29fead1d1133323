/* What the files of the server engine share. Not for others: they include smtp_in.h.
 *
 *   smtp_in.c           the session: states, output, questions and their answers
 *   smtp_in_commands.c  what each verb means, and in which order they may come
 *   smtp_in_content.c   DATA and BDAT: the content on its way to the owner
 *   smtp_in_auth.c      the SASL exchange */

#ifndef RELAY_SMTP_SMTP_IN_PARTS_H
#define RELAY_SMTP_SMTP_IN_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/smtp/command.h"
#include "relay/smtp/dot.h"
#include "relay/smtp/line.h"
#include "relay/smtp/smtp_in.h"

enum smtp_in_state {
    SMTP_IN_STATE_NEW,
    SMTP_IN_STATE_COMMAND,
    SMTP_IN_STATE_AUTH_PLAIN,
    SMTP_IN_STATE_AUTH_USER,
    SMTP_IN_STATE_AUTH_PASSWORD,
    SMTP_IN_STATE_ASK,
    SMTP_IN_STATE_CONTENT,
    SMTP_IN_STATE_CHUNK,
    SMTP_IN_STATE_TLS,
    SMTP_IN_STATE_CLOSING,
    SMTP_IN_STATE_CLOSED,
    SMTP_IN_STATE_COUNT,
};

/* What the owner was asked; NONE outside SMTP_IN_STATE_ASK. */
enum smtp_in_question {
    SMTP_IN_ASK_NONE,
    SMTP_IN_ASK_MAIL,
    SMTP_IN_ASK_RCPT,
    SMTP_IN_ASK_DATA,
    SMTP_IN_ASK_CHUNK, /* on_data, for the first BDAT */
    SMTP_IN_ASK_END,
    SMTP_IN_ASK_AUTH,
};

/* A reply of at most this fits when the engine takes input; EHLO's is the largest. */
#define SMTP_IN_OUTPUT_BYTES  2048
#define SMTP_IN_REPLY_ROOM    1152
#define SMTP_IN_USER_BYTES    256
#define SMTP_IN_REFUSAL_BYTES 256

/* The open transaction; zeroed by txn_reset and nowhere else. */
struct smtp_in_txn {
    bool is_open;
    bool smtputf8;
    bool is_chunked; /* a BDAT was seen */
    bool chunk_is_last;
    bool has_content; /* the owner let content begin */
    uint32_t rcpts;
    uint32_t chunks;
};

struct smtp_in {
    const struct smtp_in_options *options; /* borrowed */
    const struct smtp_in_ops *ops;         /* borrowed */
    void *owner;                           /* borrowed */

    enum smtp_in_state state;
    enum smtp_in_question question;
    bool in_hook;    /* an answer is only noted, and settled when the hook returns */
    bool has_answer; /* input: smtp_in_answer was called */
    unsigned answer_code;

    bool is_tls;
    bool is_esmtp;
    bool is_authenticated;
    uint32_t errors;
    uint32_t idle_commands;
    uint32_t mails;

    struct smtp_in_txn txn;
    struct dot_decoder dot;
    uint64_t chunk_left;
    unsigned refusal_code; /* the content's fate when not 0 */
    char refusal[SMTP_IN_REFUSAL_BYTES];

    struct line line;
    char line_bytes[LIMIT_COMMAND_LINE];
    char helo[LIMIT_DOMAIN + 1];
    char user[SMTP_IN_USER_BYTES]; /* between LOGIN's two answers */
    size_t output_length;
    char output[SMTP_IN_OUTPUT_BYTES];
};

/* smtp_in.c */
void smtp_in_move(struct smtp_in *engine, enum smtp_in_state state);
void smtp_in_reply(struct smtp_in *engine, unsigned code, const char *text);
void smtp_in_raw(struct smtp_in *engine, const char *text);
void smtp_in_close(struct smtp_in *engine, unsigned code, const char *text);
void smtp_in_txn_reset(struct smtp_in *engine, enum smtp_in_end end);
/* Around a hook that asks: the answer may come inside it. */
void smtp_in_ask(struct smtp_in *engine, enum smtp_in_question question);
void smtp_in_asked(struct smtp_in *engine);

/* smtp_in_commands.c: one complete line; more: bytes follow it in the same read. */
void smtp_in_command(struct smtp_in *engine, bool more);

/* smtp_in_content.c */
void smtp_in_content_begin(struct smtp_in *engine, bool is_chunked);
size_t smtp_in_content_feed(struct smtp_in *engine, const char *bytes, size_t length);
void smtp_in_chunk(struct smtp_in *engine, const struct command *command);
/* The owner said yes or no to the first chunk. */
void smtp_in_chunk_go(struct smtp_in *engine);
size_t smtp_in_chunk_feed(struct smtp_in *engine, const char *bytes, size_t length);

/* smtp_in_auth.c */
void smtp_in_auth(struct smtp_in *engine, const struct command *command);
void smtp_in_auth_line(struct smtp_in *engine);

#endif
