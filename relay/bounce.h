/* Delivery status notifications: what became of a message, for the one who sent it.
 *
 * Builds the header block and body of a multipart/report (RFC 3461, 3464, 6522, 6533,
 * 3834) from values; decides which recipients are owed one; sends nothing. Its return
 * path is always <>. Pure: time and the boundary's seed are given. */

#ifndef RELAY_BOUNCE_H
#define RELAY_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/reply.h"

#include "relay/textbuf.h"

/* RET=FULL is honoured up to this, header and body together; above, headers only. */
#define BOUNCE_FULL_BYTES        ((size_t)64 * 1024)
/* As much of the original's header is returned, cut between two fields. */
#define BOUNCE_HEADER_BYTES      ((size_t)32 * 1024)
/* Enough for textbuf_init of the body with rcpt_count recipients. */
#define BOUNCE_BODY_BYTES(RCPTS) (BOUNCE_FULL_BYTES + 8192 + (size_t)(RCPTS)*8192)

enum bounce_action {
    BOUNCE_FAILED,    /* refused for good */
    BOUNCE_EXPIRED,   /* given up: lifetime over; action "failed" with the last status */
    BOUNCE_DELAYED,   /* still trying */
    BOUNCE_RELAYED,   /* accepted by a server that does not do DSN; SUCCESS was asked */
    BOUNCE_DELIVERED, /* reserved for a local delivery; SUCCESS was asked */
};

struct bounce_rcpt {
    const char *address;
    const char *orcpt; /* "rfc822;xtext" as submitted, or "" */
    enum bounce_action action;
    const struct reply *reply; /* the last answer; NULL when there never was an attempt */
    const char *remote; /* "mx.example.com [192.0.2.1]", "" when none was reached */
    int64_t last_attempt_unix_ms; /* 0: never */
    int64_t retry_until_unix_ms;  /* for BOUNCE_DELAYED */
    unsigned attempts;
};

struct bounce_mail {
    const char *hostname;        /* ours */
    const char *sender;          /* the original return path; never "" */
    const char *envid;           /* xtext as submitted, or "" */
    const char *message_id;      /* our new one, without brackets: "id@host" */
    const char *queue_id;        /* of the original */
    const char *postmaster;      /* whom to ask; "postmaster@hostname" when "" */
    const char *original_header; /* the final header block as stored */
    size_t original_header_length;
    const char *original_body; /* NULL when RET is not FULL; used for failures only */
    size_t original_body_length;
    int64_t arrival_unix_ms;
    int64_t unix_ms; /* now */
    int offset_minutes;
    uint64_t boundary_seed;
    bool is_utf8; /* addresses of the original need SMTPUTF8: message/global-* */
    const struct bounce_rcpt *rcpts;
    size_t rcpt_count; /* at least 1 */
};

struct bounce_result {
    bool is_8bit; /* needs BODY=8BITMIME */
    bool is_utf8; /* needs SMTPUTF8 */
};

/* Is a notification owed? notify is the recipient's NOTIFY as bits of params_notify (0:
 * not given); sender "" never gets one. RFC 3461 5.2. */
bool bounce_is_owed(const char *sender, unsigned notify, enum bounce_action action);

/* Write header block (with its empty line) and body. out_header and out_body are appended
 * to; look at their failed. Send it from <> with NOTIFY=NEVER or without, and no RET. The
 * worst action among the recipients names the subject; their order is kept. */
void bounce_build(const struct bounce_mail *mail, struct textbuf *out_header,
                  struct textbuf *out_body, struct bounce_result *out_result);

#endif
