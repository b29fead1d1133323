/* One client connection of mesura-load: its bytes and its life. What is said next is
 * load_dialog's. */

#ifndef TOOLS_LOAD_SESSION_H
#define TOOLS_LOAD_SESSION_H

#include "queue/list.h"

#include "tools/load_crew.h"
#include "tools/reactor.h"
#include "tools/wire.h"

#define LOAD_SESSION_IN_BYTES 8192 /* a longer reply line ends the connection */

enum load_state {
    LOAD_OFF, /* no connection and nothing more to do */
    LOAD_PAUSE,
    LOAD_CONNECTING,
    LOAD_HANDSHAKE,
    LOAD_GREETING,
    LOAD_EHLO,
    LOAD_STARTTLS,
    LOAD_AUTH,
    LOAD_WAITING, /* in crew.waiting */
    LOAD_ENVELOPE,
    LOAD_BODY,
    LOAD_DOT,
    LOAD_RSET,
    LOAD_QUIT,
};

struct load_session {
    struct list_node node;  /* of crew.waiting */
    struct load_crew *crew; /* borrowed */
    struct reactor_io io;
    struct reactor_timer timer;
    struct wire wire;
    enum load_state state;
    bool tls;
    uint64_t on_connection; /* messages accepted on it */

    bool has_message;
    uint64_t id;
    uint64_t step;       /* envelope replies received: MAIL, each RCPT, DATA */
    uint64_t recipients; /* accepted */
    int failure;         /* code of the first refusal; 0: none */
    int64_t mail_ns;
    int64_t dot_ns;

    size_t in_used;
    char in[LOAD_SESSION_IN_BYTES];
    size_t out_sent;
    size_t out_used;
    size_t out_size;
    char *out;  /* owned */
    char *body; /* borrowed of the plan: what follows out, or NULL */
    size_t body_bytes;
};

/* Begin: connect. */
void load_session_start(struct load_session *session);

/* Take the next message, wait for one, or say goodbye. */
void load_session_next(struct load_session *session);

/* Append to what is written next. */
void load_session_put(struct load_session *session, const char *bytes, size_t size);

/* Write what waits. False when the connection was lost over it. */
bool load_session_write(struct load_session *session);

/* Begin TLS. False when the connection was lost over it. */
bool load_session_secure(struct load_session *session);

/* Close the connection; what the session had in hand stays in hand. */
void load_session_close(struct load_session *session);

/* The connection is gone: give up what is in hand or send it again, as the plan says. */
void load_session_lost(struct load_session *session);

/* Do nothing for a moment, then go on. */
void load_session_pause(struct load_session *session);

/* Nothing more to do, ever. */
void load_session_off(struct load_session *session);

#endif
