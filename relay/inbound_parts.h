/* What the files of an inbound session share. For relay/inbound*.c only. */

#ifndef RELAY_INBOUND_PARTS_H
#define RELAY_INBOUND_PARTS_H

#include <stdbool.h>

#include "queue/list.h"

#include "relay/auth.h"
#include "relay/intake.h"
#include "relay/net/netaddr.h"

struct conn;
struct conn_tls_facts;
struct login;
struct proxyhead;
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
    struct proxyhead *proxy; /* owned: the header that is awaited; NULL none */
    uint8_t print[32];       /* of the client's certificate, when has_print */
    bool has_print;          /* the certificate is who is logged in */
    char tls[96];            /* "TLSv1.3 with cipher ..." */
    struct login *login;     /* out; it comes back as a letter */
    bool wants_tls;          /* the engine has said 220 to STARTTLS */
    bool is_securing;        /* the handshake runs */
    bool is_ended;           /* the client sends no more, but waits for an answer */
    bool is_implicit;        /* TLS comes before the greeting */
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

/* ---- inbound_proxy.c ---- */

/* What intake knows of the client, from inbound->remote. */
void inbound_name_client(struct inbound *inbound);

/* The connection comes from a network of proxies: its header is awaited. */
void inbound_expect_proxy(struct inbound *inbound);

enum inbound_proxy {
    INBOUND_PROXY_MORE,
    INBOUND_PROXY_DONE, /* the session begins, with the client that was named */
    INBOUND_PROXY_FULL, /* that client has too many connections: 421 */
    INBOUND_PROXY_BAD,  /* no header: close */
};

/* Take bytes of the header; returns how many belong to it. */
size_t inbound_read_proxy(struct inbound *inbound, const char *bytes, size_t size,
                          enum inbound_proxy *out);

/* ---- inbound_login.c ---- */

/* The handshake is over: forget who was logged in before it; a certificate that a user
 * has logs that user in. */
void inbound_secured(struct inbound *inbound, const struct conn_tls_facts *facts);

/* smtp_in's on_auth. */
void inbound_login(void *owner, const char *user, const char *password);

#endif
