/* What the files of an inbound session share. For relay/inbound*.c only. */

#ifndef RELAY_INBOUND_PARTS_H
#define RELAY_INBOUND_PARTS_H

#include <stdbool.h>

#include "queue/list.h"

#include "relay/auth.h"
#include "relay/intake.h"
#include "relay/net/netaddr.h"

struct conn;
struct login;
struct smtp_in;
struct snapshot;
struct timer;
struct worker;

struct inbound {
    struct list_node node;     /* in worker->inbounds */
    struct worker *worker;     /* borrowed */
    struct snapshot *snapshot; /* one reference, of the session's start */
    struct users *users;       /* one reference, of the login; NULL without */
    unsigned listener;         /* index: of the admission */
    struct conn *conn;         /* NULL when closed */
    struct smtp_in *engine;    /* owned */
    struct timer *deadline;    /* owned */
    struct intake intake;
    struct netaddr remote;
    char tls[96];        /* "TLSv1.3 with cipher ..." */
    struct login *login; /* out; it comes back as a letter */
    bool wants_tls;      /* the engine has said 220 to STARTTLS */
    bool is_securing;    /* the handshake runs */
    bool is_ended;       /* the client sends no more, but waits for an answer */
    bool is_implicit;    /* TLS comes before the greeting */
    bool is_greeted;
    bool is_feeding; /* tick comes when the feed is over */
    bool is_stopping;
    bool is_finishing; /* conn_finish or conn_close was called */
};

/* A password on its way through auth's threads. */
struct login {
    struct auth_check check;
    struct inbound *inbound; /* borrowed: waits for it */
};

/* After every event: write, close, secure, or wait for more, with the right deadline. */
void inbound_tick(struct inbound *inbound);

/* What the engine has to say goes to the connection. False when the client does not read
 * its answers: it is cut. */
bool inbound_flush(struct inbound *inbound);

/* The session is over: in order, with what was written, or at once. */
void inbound_finish(struct inbound *inbound, bool in_order);

/* When neither the connection nor a login is out any more. */
void inbound_free(struct inbound *inbound);

/* ---- inbound_login.c ---- */

/* smtp_in's on_auth. */
void inbound_login(void *owner, const char *user, const char *password);

#endif
