/* One TCP connection with or without TLS, either direction: bytes in, bytes out, one end.
 *
 * Knows nothing of SMTP. Belongs to its loop's thread. No callback comes before the
 * function that started the connection has returned, none comes from inside conn_write,
 * and none after closed_cb. The owner may call anything, conn_close too, from any
 * callback. */

#ifndef RELAY_NET_CONN_H
#define RELAY_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/net/conn_end.h"
#include "relay/net/netaddr.h"

struct conn;
struct dns_tlsa;
struct loop;
struct tls_context;
struct tls_sessions;

/* Whom a client of TLS wants to meet. Borrowed for the call, but for sessions. */
struct conn_tls_peer {
    const char *server_name; /* asked for and verified; "" for none */
    const char *domain;      /* also good in a certificate, for DANE; "" for none */
    const struct dns_tlsa
        *tlsa; /* usable ones (RFC 7672); a context of TLS_DANE wants one */
    unsigned tlsa_count;
    struct tls_sessions *sessions; /* to resume from and to add to; NULL: none */
    const char *session_key;       /* who it is in there */
};

/* What a handshake found; strings are "" when absent. */
struct conn_tls_facts {
    char version[16];     /* "TLSv1.3" */
    char cipher[64];      /* "TLS_AES_256_GCM_SHA384" */
    int bits;             /* of the cipher's key */
    bool verified;        /* chain and name are good, whether or not policy asked */
    bool by_dane;         /* ... by the TLSA records */
    char verify_text[96]; /* why not, or "ok"; for logs */
    char peer_name[256];  /* the subject's name in the peer's certificate */
    char issuer[256];     /* common name of its issuer */
    bool resumed;
    bool has_print;    /* the peer has shown a certificate that is valid today ... */
    uint8_t print[32]; /* ... with this SHA-256 */
};

/* Any of these may be NULL except read_cb, ended_cb and closed_cb. */
struct conn_ops {
    /* Outbound only: TCP is up. */
    void (*connected_cb)(struct conn *conn, void *owner);

    /* Bytes from the peer, plaintext if TLS is up. Returns how many of them the owner
     * took. If it took fewer than size, the connection pauses, keeps the rest (up to 64
     * KiB) and offers it again after conn_resume; in the next turn, if conn_resume was
     * called from in here. */
    size_t (*read_cb)(struct conn *conn, const char *bytes, size_t size, void *owner);

    /* All that was written has gone to the kernel, after some write had to wait. Borrowed
     * slices are the caller's again. */
    void (*drained_cb)(struct conn *conn, void *owner);

    /* conn_start_tls has finished well. A failed handshake is an end (CONN_TLS). */
    void (*secured_cb)(struct conn *conn, void *owner);

    /* Comes once at most: nothing more can be read. CONN_EOF comes in order: kept bytes
     * are offered first and a pause holds it back; the other causes come at once, and
     * nothing can be written after them. The owner still has to conn_close or
     * conn_finish. Not called when the owner closed first. */
    void (*ended_cb)(struct conn *conn, const struct conn_end *end, void *owner);

    /* Comes exactly once, last. conn is gone when it returns. */
    void (*closed_cb)(struct conn *conn, void *owner);
};

struct conn_slice {
    const void *bytes;
    size_t size;
};

struct conn_options {
    uint64_t connect_ms; /* give up connecting after this; 0: only TCP's own limit */
    size_t
        pending_max; /* of written bytes that wait for the peer; 0: LIMIT_CONN_PENDING */
};

/* Connect to remote from local (NETADDR_NONE or port 0 let the system pick). local is
 * bound with IP_BIND_ADDRESS_NO_PORT, so that ports run out per destination only. Never
 * fails here: a refusal, also of the machine, comes as ended_cb. The conn is the
 * caller's until closed_cb; ops and owner are borrowed until then. */
struct conn *conn_connect(struct loop *loop, const struct netaddr *remote,
                          const struct netaddr *local, const struct conn_options *options,
                          const struct conn_ops *ops, void *owner);

/* Take over an accepted socket (from listener's accept_cb); fd is the conn's, also on
 * failure. Reads at once. NULL options are the defaults. A negative errno when the loop
 * cannot watch it. */
int conn_accept(struct conn **out, struct loop *loop, int fd,
                const struct conn_options *options, const struct conn_ops *ops,
                void *owner) ATTR_MUST_CHECK;

/* Stop and restart read_cb. While paused the peer is held back by TCP. Both may be called
 * twice, and from read_cb. conn_pause also holds back CONN_EOF. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* Send bytes, as far as possible now; the rest is copied and sent as the peer reads.
 * 0; -ENOBUFS when size and what is pending exceed pending_max (nothing of it was sent,
 * the connection is as before); -EBUSY while slices are borrowed; -EPIPE when nothing can
 * be sent any more; -ENOTCONN before connected_cb and during a handshake. When a write
 * finds the peer gone, what the peer had said before is still read, then ended_cb comes.
 */
int conn_write(struct conn *conn, const void *bytes, size_t size) ATTR_MUST_CHECK;

/* Send slices from the caller's memory without copying them. 0: all sent, the memory is
 * the caller's again, no callback. 1: borrowed (not the array itself) until drained_cb,
 * or until closed_cb. Else as conn_write, and -EBUSY while anything is pending: then wait
 * for drained_cb. count is at most CONN_SLICES_MAX. */
#define CONN_SLICES_MAX 8
int conn_write_slices(struct conn *conn, const struct conn_slice *slices,
                      unsigned count) ATTR_MUST_CHECK;

/* How many bytes still wait for the peer; with TLS, of ciphertext. 0 means drained. */
size_t conn_write_pending(const struct conn *conn);

/* Start TLS; a server's or a client's part, as context says. server_name is what a client
 * asks for and verifies ("" for none, copied). secured_cb or ended_cb follows; until then
 * nothing may be written. context is referenced by the connection. Returns 0, or
 * -EBADMSG when plaintext is waiting that came behind the STARTTLS (the caller must give
 * up the connection; the same is found for bytes not yet taken when called from read_cb,
 * then as CONN_INJECTED), or -ENOTCONN, or -EALREADY. */
int conn_start_tls(struct conn *conn, struct tls_context *context,
                   const char *server_name) ATTR_MUST_CHECK;

/* A server's part where the client speaks first, behind a PROXY header: what has come
 * already belongs to the handshake. -ENOTCONN, -EALREADY, -ENOMEM. */
int conn_start_tls_at_once(struct conn *conn,
                           struct tls_context *context) ATTR_MUST_CHECK;

/* The same, a client's part in full. -ENOMEM also when the TLSA records are no good. */
int conn_start_tls_to(struct conn *conn, struct tls_context *context,
                      const struct conn_tls_peer *peer) ATTR_MUST_CHECK;

/* Half-close: send what is pending, then (close_notify and) FIN. Reading goes on. Writing
 * afterwards is -EPIPE. */
void conn_shutdown(struct conn *conn);

/* Close in order: send what is pending, half-close, discard what the peer still sends
 * until it closes too or linger_ms have passed, then close. For the last reply of a
 * server, which a plain close could destroy in flight. Only closed_cb follows. */
void conn_finish(struct conn *conn, uint64_t linger_ms);

/* Close now; pending bytes are dropped. May be called in any state, any number of times.
 * Only closed_cb follows. */
void conn_close(struct conn *conn);

bool conn_is_secure(const struct conn *conn);
void conn_tls_facts(const struct conn *conn, struct conn_tls_facts *out);

/* The addresses in use; zeroed while unknown. */
struct netaddr conn_local(const struct conn *conn);
struct netaddr conn_remote(const struct conn *conn);

/* Payload bytes given to read_cb and taken by conn_write. */
uint64_t conn_bytes_in(const struct conn *conn);
uint64_t conn_bytes_out(const struct conn *conn);

#endif
