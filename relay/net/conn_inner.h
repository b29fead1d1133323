/* The inside of a connection, shared by conn.c (life), conn_read.c (bytes in) and
 * conn_send.c (bytes out). Nobody else includes it. */

#ifndef RELAY_NET_CONN_INNER_H
#define RELAY_NET_CONN_INNER_H

#include "relay/net/conn.h"
#include "relay/net/loop_uv.h"
#include "relay/net/outflow.h"
#include "relay/net/tls.h"

enum conn_state {
    CONN_CONNECTING,
    CONN_OPEN,
    CONN_FINISHING,
    CONN_CLOSING,
    CONN_CLOSED,
};

struct conn {
    enum conn_state state;
    unsigned handles_open; /* uv handles whose close callback has not run */
    const struct conn_ops *ops;
    void *owner;
    struct loop *loop;

    uv_tcp_t tcp;
    uv_timer_t deadline; /* connecting, kicked, guarding, lingering: by state */
    uv_connect_t connecting;
    uv_shutdown_t shutting;
    struct outflow outflow;
    struct netaddr remote;

    /* Inputs: what callbacks and the owner recorded. */
    bool connected;
    bool kicked;    /* the timer only brings us back into tick */
    bool expired;   /* the timer fired with a meaning */
    bool shut_done; /* our FIN is on its way */
    bool drained;   /* drained_cb is owed */
    bool end_known;
    bool shut_asked;
    bool finish_asked;
    bool close_asked;
    bool tls_asked;    /* conn_start_tls was called inside read_cb */
    bool tls_at_once;  /* what has come is ciphertext already */
    const char *fresh; /* in a buffer of the loop, while its event runs */
    size_t fresh_size;

    bool ticking;
    bool in_read; /* read_cb is running */
    bool paused;
    bool again; /* resumed inside read_cb: what it leaves is offered next turn */
    bool reading;
    bool secure;
    bool said_close; /* close_notify */
    bool shut_begun;
    bool end_told;
    struct conn_end end;
    uint64_t linger_ms;

    char *kept; /* owned: what read_cb has not taken */
    size_t kept_at;
    size_t kept_size;

    struct tls *tls;                           /* owned; handshake while !secure */
    struct conn_slice slices[CONN_SLICES_MAX]; /* borrowed until drained; TLS only */
    unsigned slice_at;
    unsigned slice_count;
    bool lent; /* slices are borrowed */

    size_t pending_max;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* conn.c. Move on with what has been recorded; the only caller of the owner. */
void conn_inner_tick(struct conn *conn);

/* conn.c. Come back into tick from the loop, soon. */
void conn_inner_kick(struct conn *conn);

/* conn.c. A write has failed: read what the peer may still have said, for a while. */
void conn_inner_broken(struct conn *conn);

/* conn.c. The first end counts. */
void conn_inner_end(struct conn *conn, enum conn_cause cause, const char *text);
void conn_inner_end_errno(struct conn *conn, int error);

/* conn_read.c. Watch the socket or not, as the state and the owner's pause ask. */
void conn_read_adjust(struct conn *conn);

/* conn_read.c. Offer the owner one piece of what has come. False when there is none or
 * the owner has paused. */
bool conn_read_offer(struct conn *conn);

/* conn_read.c. The event is over: copy what the loop's buffer holds of ours. */
void conn_read_keep(struct conn *conn);
void conn_read_drop(struct conn *conn);

/* What was read and not taken goes to TLS, where the owner has said that it is TLS. */
void conn_read_to_tls(struct conn *conn);

/* conn_send.c. Set up and take down; the latter when the socket is closed. */
void conn_send_init(struct conn *conn);
void conn_send_done(struct conn *conn);

/* conn_send.c. Ciphertext that TLS has made goes to the wire. */
void conn_send_flush(struct conn *conn);

/* conn_send.c. Half-close once all is sent, if the owner asked. */
void conn_send_shut(struct conn *conn);

/* conn_send.c. One step of the handshake. True when it has just finished. */
bool conn_send_handshake(struct conn *conn);

#endif
