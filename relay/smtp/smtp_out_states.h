/* The states of a client session as a table: name, deadline, who may follow, and the
 * words for the log and the bounce. Constants only. */

#ifndef RELAY_SMTP_SMTP_OUT_STATES_H
#define RELAY_SMTP_SMTP_OUT_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/reply.h"

enum smtp_out_state {
    SMTP_OUT_STATE_GREETING,
    SMTP_OUT_STATE_EHLO,
    SMTP_OUT_STATE_HELO,
    SMTP_OUT_STATE_STARTTLS,
    SMTP_OUT_STATE_HANDSHAKE,
    SMTP_OUT_STATE_AUTH,
    SMTP_OUT_STATE_IDLE,
    SMTP_OUT_STATE_MAIL,
    SMTP_OUT_STATE_RCPT,
    SMTP_OUT_STATE_DATA,
    SMTP_OUT_STATE_BODY,
    SMTP_OUT_STATE_RELEASE,
    SMTP_OUT_STATE_DOT,
    SMTP_OUT_STATE_EMPTY_DOT,
    SMTP_OUT_STATE_RSET,
    SMTP_OUT_STATE_QUIT,
    SMTP_OUT_STATE_CLOSED,
    SMTP_OUT_STATE_COUNT,
};

struct smtp_out_state_row {
    const char *name;       /* "RCPT" */
    const char *words;      /* "waiting for the answer to RCPT" */
    uint32_t deadline_ms;   /* RFC 5321 4.5.3.2; 0: the owner decides */
    enum reply_stage stage; /* of a reply or a loss in this state */
    uint32_t next;          /* bit per state that may follow */
};

const struct smtp_out_state_row *smtp_out_state_row(enum smtp_out_state state);

bool smtp_out_state_may_follow(enum smtp_out_state from, enum smtp_out_state to);

#endif
