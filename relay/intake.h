/* One transaction of one client, from MAIL to the accept record: who may send, to whom,
 * as which stream, with which header.
 *
 * Decides with the snapshot the session was opened with and answers through the session's
 * engine (smtp_in_answer). Knows no socket. Worker thread. */

#ifndef RELAY_INTAKE_H
#define RELAY_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/fingerprint.h"
#include "relay/message.h"
#include "relay/net/netaddr.h"
#include "relay/smtp/address.h"
#include "relay/smtp/params.h"
#include "relay/smtp/smtp_in.h"
#include "relay/terms.h"
#include "relay/users.h"

struct accept;
struct dkim_body;
struct intake_returns;
struct snapshot;
struct worker;

/* Who is on the other side; set by the session. */
struct intake_client {
    const struct config_listener *door; /* borrowed from the snapshot: its terms */
    struct netaddr remote;
    char ip[NETADDR_TEXT_BYTES];
    bool is_trusted;               /* its network may submit without a login */
    const struct users_user *user; /* borrowed: the session has its table; NULL without */
    const char *tls;               /* for Received; "" in clear */
    const char *protocol;          /* likewise, of a way in that is not SMTP; else NULL */
};

struct intake_rcpt {
    char *address; /* owned */
    char *domain;  /* owned: lower case, A-labels */
    char *orcpt;   /* owned, "" when absent */
    uint8_t notify;
    bool is_archive; /* a copy for ourselves: outside allowances and warm-ups */
};

struct intake {
    struct worker *worker;     /* borrowed */
    struct snapshot *snapshot; /* borrowed: the session's */
    struct smtp_in *engine;    /* borrowed: the session's */
    struct intake_client client;
    void (*resume_cb)(void *owner); /* input may be taken again */
    void *owner;
    uint64_t id;            /* of the transaction, from DATA on */
    uint64_t content_bytes; /* so far, for the user's own limit */
    char sender[ADDRESS_BYTES];
    char sender_domain[LIMIT_DOMAIN + 1];
    struct mail_params params;
    struct intake_rcpt *rcpts; /* owned */
    unsigned rcpt_count;
    unsigned rcpt_room;
    char *meant[LIMIT_STAGING_NAMED]; /* owned: whom the mail of a staging relay is for */
    unsigned meant_count;             /* all of them, named or not */
    struct message message;
    struct accept *accept;    /* owned until committed; then borrowed until done */
    struct permit *permit;    /* of a user's message: at core, or its yes */
    struct fingerprint print; /* of a user's content */
    struct terms terms;       /* of the content that waits for the permit */
    struct smtp_in_content content;
    bool is_permitted;              /* the permit is back and says yes */
    bool is_committing;             /* accept_commit was called */
    struct intake_returns *returns; /* owned: it came to a return path; else NULL */
    struct dkim_body *body_hash;    /* owned; NULL when nothing will be signed */
    bool has_content;               /* message is initialised */
    bool has_body;                  /* the header is complete: body_hash is decided */
    bool is_blocked;                /* too much body on its way to the disk */
};

void intake_init(struct intake *intake, struct worker *worker, struct snapshot *snapshot,
                 struct smtp_in *engine);
void intake_done(struct intake *intake);

/* The hooks of smtp_in, as it describes them. */
void intake_mail(struct intake *intake, const struct address *sender,
                 const struct mail_params *params);
void intake_rcpt(struct intake *intake, const struct address *recipient,
                 const struct rcpt_params *params);
void intake_data(struct intake *intake);
void intake_content(struct intake *intake, const char *bytes, size_t length);
void intake_content_end(struct intake *intake, const struct smtp_in_content *content);
void intake_reset(struct intake *intake);

/* False while the disk is behind with this message's body. */
bool intake_wants_input(const struct intake *intake);

#endif
