#include "relay/smtp/smtp_out_states.h"

#include <assert.h>

#define SECONDS(N) ((N)*1000U)
#define MINUTES(N) SECONDS((N)*60U)
#define BIT(STATE) (1U << (unsigned)SMTP_OUT_STATE_##STATE)

/* Deadlines are those of RFC 5321 4.5.3.2; it has none for the handshake, RSET and QUIT,
 * where no message waits. */
static const struct smtp_out_state_row rows[SMTP_OUT_STATE_COUNT] = {
    [SMTP_OUT_STATE_GREETING] = {"GREETING", "waiting for the greeting", MINUTES(5),
                                 REPLY_STAGE_GREETING, BIT(EHLO) | BIT(CLOSED)},
    [SMTP_OUT_STATE_EHLO] = {"EHLO", "waiting for the answer to EHLO", MINUTES(5),
                             REPLY_STAGE_EHLO,
                             BIT(HELO) | BIT(STARTTLS) | BIT(AUTH) | BIT(IDLE) |
                                 BIT(CLOSED)},
    [SMTP_OUT_STATE_HELO] = {"HELO", "waiting for the answer to HELO", MINUTES(5),
                             REPLY_STAGE_EHLO, BIT(IDLE) | BIT(CLOSED)},
    [SMTP_OUT_STATE_STARTTLS] = {"STARTTLS", "waiting for the answer to STARTTLS",
                                 MINUTES(2), REPLY_STAGE_STARTTLS,
                                 BIT(HANDSHAKE) | BIT(AUTH) | BIT(IDLE) | BIT(CLOSED)},
    [SMTP_OUT_STATE_HANDSHAKE] = {"HANDSHAKE", "waiting for the TLS handshake",
                                  MINUTES(1), REPLY_STAGE_STARTTLS,
                                  BIT(EHLO) | BIT(CLOSED)},
    [SMTP_OUT_STATE_AUTH] = {"AUTH", "waiting for the answer to AUTH", MINUTES(2),
                             REPLY_STAGE_AUTH, BIT(IDLE) | BIT(CLOSED)},
    [SMTP_OUT_STATE_IDLE] = {"IDLE", "between two messages", 0, REPLY_STAGE_QUIT,
                             BIT(MAIL) | BIT(QUIT) | BIT(CLOSED)},
    [SMTP_OUT_STATE_MAIL] = {"MAIL", "waiting for the answer to MAIL", MINUTES(5),
                             REPLY_STAGE_MAIL,
                             BIT(RCPT) | BIT(DATA) | BIT(RSET) | BIT(CLOSED)},
    [SMTP_OUT_STATE_RCPT] = {"RCPT", "waiting for the answer to RCPT", MINUTES(5),
                             REPLY_STAGE_RCPT,
                             BIT(DATA) | BIT(BODY) | BIT(RSET) | BIT(CLOSED)},
    [SMTP_OUT_STATE_DATA] = {"DATA", "waiting for the answer to DATA", MINUTES(2),
                             REPLY_STAGE_DATA,
                             BIT(BODY) | BIT(EMPTY_DOT) | BIT(RSET) | BIT(CLOSED)},
    [SMTP_OUT_STATE_BODY] = {"BODY", "sending the message", MINUTES(3), REPLY_STAGE_BODY,
                             BIT(RELEASE) | BIT(DOT) | BIT(CLOSED)},
    [SMTP_OUT_STATE_RELEASE] =
        {"RELEASE", "holding the final dot until the previous result is written", 0,
         REPLY_STAGE_BODY, BIT(DOT) | BIT(CLOSED)},
    [SMTP_OUT_STATE_DOT] = {"DOT",
                            "waiting for the answer to the final dot "
                            "(the message may arrive twice)",
                            MINUTES(10), REPLY_STAGE_DOT,
                            BIT(IDLE) | BIT(RSET) | BIT(CLOSED)},
    [SMTP_OUT_STATE_EMPTY_DOT] = {"EMPTY_DOT",
                                  "waiting for the answer to an empty message to nobody",
                                  MINUTES(2), REPLY_STAGE_DATA, BIT(RSET) | BIT(CLOSED)},
    [SMTP_OUT_STATE_RSET] = {"RSET", "waiting for the answer to RSET", SECONDS(30),
                             REPLY_STAGE_QUIT, BIT(IDLE) | BIT(CLOSED)},
    [SMTP_OUT_STATE_QUIT] = {"QUIT", "waiting for the answer to QUIT", SECONDS(10),
                             REPLY_STAGE_QUIT, BIT(CLOSED)},
    [SMTP_OUT_STATE_CLOSED] = {"CLOSED", "closed", 0, REPLY_STAGE_QUIT, 0},
};

const struct smtp_out_state_row *smtp_out_state_row(enum smtp_out_state state)
{
    assert(state < SMTP_OUT_STATE_COUNT);
    return &rows[state];
}

bool smtp_out_state_may_follow(enum smtp_out_state from, enum smtp_out_state to)
{
    assert(from < SMTP_OUT_STATE_COUNT);
    return (rows[from].next & 1U << (unsigned)to) != 0;
}
