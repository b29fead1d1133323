/* Why a connection, or an attempt at one, is over: as a cause, as words, as a reply. */

#ifndef RELAY_NET_CONN_END_H
#define RELAY_NET_CONN_END_H

#include "policy/reply.h"

#include "queue/errmsg.h"

enum conn_cause {
    CONN_EOF,         /* the peer sends no more; what we write may still arrive */
    CONN_REFUSED,     /* nobody listens there */
    CONN_RESET,       /* cut by the peer or on the way, or written to after its close */
    CONN_UNREACHABLE, /* no route, host or network down, administratively prohibited */
    CONN_TIMED_OUT,   /* the connect timeout, or TCP gave up */
    CONN_NO_SOURCE,   /* our side: the local address cannot be used (text says why) */
    CONN_NO_ROOM,     /* our side: no descriptor, port or memory left */
    CONN_TLS,         /* the handshake or a TLS record failed (text says why) */
    CONN_INJECTED,    /* plaintext came behind STARTTLS or its 220: an attack or a bug */
};

struct conn_end {
    enum conn_cause cause;
    char text[200]; /* a clause for logs and bounces: "connection refused" */
};

void conn_end_set(struct conn_end *end, enum conn_cause cause, const char *format, ...)
    ATTR_PRINTF(3, 4);

/* What a failed connect, read or write means. error is a negative errno. */
void conn_end_from_errno(struct conn_end *end, int error);

/* An end as the value that policy classifies: origin REPLY_NETWORK, or REPLY_LOCAL where
 * the fault is ours, code 0, an enhanced code (4.4.1 before TCP is up, 4.4.2 after, 4.7.5
 * for TLS, 4.3.x for ours) and the text. */
void conn_end_reply(const struct conn_end *end, enum reply_stage stage,
                    struct reply *out);

#endif
