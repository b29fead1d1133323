#include "relay/net/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/limits.h"
#include "relay/net/conn_inner.h"
#include "relay/net/sock.h"

/* Good path, outbound: socket, bind, connect -> connected_cb -> reads and writes,
 * perhaps a handshake between -> the owner closes -> closed_cb. Inbound the same from
 * "reads" on.
 *
 * What fails, and where it goes:
 *   socket, bind, connect at once   end known before the start returns: the timer kicks
 *   connect later, its timeout      on_connected, on_deadline -> ended_cb
 *   read                            on_read -> ended_cb after all that was read before
 *   write                           the peer's last words are read first, GUARD_MS
 *   handshake, TLS record           the alert is sent, ended_cb
 *
 *   CONNECTING --> OPEN --> FINISHING --> CLOSING --> CLOSED
 *        \__________\______________________^
 *
 * Suspended: CONNECTING (on_connected, on_deadline), OPEN (on_read, on_outflow, on_shut,
 * on_deadline, the owner), FINISHING (on_read, on_outflow, on_shut, on_deadline),
 * CLOSING (on_closed). */

#define GUARD_MS 1000

void conn_inner_end(struct conn *conn, enum conn_cause cause, const char *text)
{
    if (!conn->end_known) {
        conn->end_known = true;
        conn_end_set(&conn->end, cause, "%s", text);
    }
}

void conn_inner_end_errno(struct conn *conn, int error)
{
    if (!conn->end_known) {
        conn->end_known = true;
        conn_end_from_errno(&conn->end, error);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    struct conn *conn = timer->data;
    conn->expired = !conn->kicked;
    if (conn->kicked && conn->outflow.error != 0 && conn->reading) {
        (void)uv_timer_start(timer, on_deadline, GUARD_MS, 0);
    }
    if (conn->kicked && conn->again) {
        conn->again = false;
        conn->paused = false;
    }
    conn->kicked = false;
    conn_inner_tick(conn);
}

void conn_inner_kick(struct conn *conn)
{
    bool useful = conn->state == CONN_CONNECTING || conn->state == CONN_OPEN;
    if (useful && !conn->kicked) {
        conn->kicked = true;
        (void)uv_timer_start(&conn->deadline, on_deadline, 0, 0);
    }
}

void conn_inner_broken(struct conn *conn)
{
    if (conn->state != CONN_OPEN || conn->end_known || conn->kicked) {
        return;
    }
    (void)uv_timer_start(&conn->deadline, on_deadline, conn->reading ? GUARD_MS : 0, 0);
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    assert(conn->handles_open > 0);
    conn->handles_open--;
    conn_inner_tick(conn);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct conn *conn = request->data;
    if (status == UV_ECANCELED) {
        return;
    }
    conn->connected = status == 0;
    if (status != 0) {
        conn_inner_end_errno(conn, status);
    }
    conn_inner_tick(conn);
}

static void begin_closing(struct conn *conn)
{
    conn->state = CONN_CLOSING;
    conn->reading = false;
    conn_read_drop(conn);
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
    uv_close((uv_handle_t *)&conn->deadline, on_closed);
}

static void begin_finishing(struct conn *conn)
{
    bool hopeless = conn->state != CONN_OPEN || (conn->tls != NULL && !conn->secure) ||
                    (conn->end_known && conn->end.cause != CONN_EOF) ||
                    conn->outflow.error != 0;
    if (hopeless) {
        conn->close_asked = true;
        return;
    }
    conn->state = CONN_FINISHING;
    conn->expired = false;
    conn->kicked = false;
    conn->shut_asked = true;
    conn_read_drop(conn);
    (void)uv_timer_start(&conn->deadline, on_deadline, conn->linger_ms, 0);
}

static bool tell_end(struct conn *conn)
{
    bool held = conn->end.cause == CONN_EOF && (conn->paused || conn->kept_size > 0);
    if (!conn->end_known || conn->end_told || held) {
        return false;
    }
    conn->end_told = true;
    conn->ops->ended_cb(conn, &conn->end, conn->owner);
    return true;
}

/* False: suspended until on_connected, on_deadline or the owner. */
static bool step_connecting(struct conn *conn)
{
    if (conn->expired) {
        conn->expired = false;
        conn_inner_end(conn, CONN_TIMED_OUT, "connection timed out");
    }
    if (conn->end_known) {
        return tell_end(conn);
    }
    if (!conn->connected) {
        return false;
    }
    conn->state = CONN_OPEN;
    (void)uv_timer_stop(&conn->deadline);
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    if (conn->ops->connected_cb != NULL) {
        conn->ops->connected_cb(conn, conn->owner);
    }
    return true;
}

/* False: suspended until an event or the owner brings more. */
static bool step_open(struct conn *conn)
{
    if (conn->expired) {
        conn->expired = false;
        if (conn->outflow.error != 0) {
            conn_inner_end_errno(conn, conn->outflow.error);
        }
    }
    if (conn_send_handshake(conn)) {
        if (conn->ops->secured_cb != NULL) {
            conn->ops->secured_cb(conn, conn->owner);
        }
        return true;
    }
    if (conn->drained) {
        conn->drained = false;
        if (conn->ops->drained_cb != NULL) {
            conn->ops->drained_cb(conn, conn->owner);
        }
        return true;
    }
    if (conn_read_offer(conn) || tell_end(conn)) {
        return true;
    }
    conn_send_shut(conn);
    conn_read_keep(conn);
    conn_read_adjust(conn);
    return false;
}

/* False: suspended until on_read, on_outflow, on_shut or on_deadline. */
static bool step_finishing(struct conn *conn)
{
    conn_send_shut(conn);
    bool said_all = conn->end_known && (conn->shut_done || conn->end.cause != CONN_EOF);
    if (said_all || conn->expired || conn->outflow.error != 0) {
        conn->close_asked = true;
        return true;
    }
    conn_read_adjust(conn);
    return false;
}

static void end_life(struct conn *conn)
{
    conn->state = CONN_CLOSED;
    conn_send_done(conn);
    conn->ops->closed_cb(conn, conn->owner);
    tls_free(conn->tls);
    free(conn);
}

/* One step. False: suspended. */
static bool step(struct conn *conn)
{
    if (conn->close_asked) {
        begin_closing(conn);
        return false;
    }
    if (conn->finish_asked && conn->state != CONN_FINISHING) {
        begin_finishing(conn);
        return true;
    }
    switch (conn->state) {
    case CONN_CONNECTING: return step_connecting(conn);
    case CONN_OPEN: return step_open(conn);
    case CONN_FINISHING: return step_finishing(conn);
    case CONN_CLOSING:
    case CONN_CLOSED: break;
    }
    return false;
}

void conn_inner_tick(struct conn *conn)
{
    if (conn->ticking) {
        return; /* the tick that runs sees what was recorded */
    }
    if (conn->state == CONN_CLOSING) {
        if (conn->handles_open == 0) {
            end_life(conn);
        }
        return; /* suspended: on_closed resumes */
    }
    conn->ticking = true;
    while (conn->state != CONN_CLOSING && step(conn)) {
    }
    conn->ticking = false;
}

static struct conn *conn_new(struct loop *loop, const struct conn_options *options,
                             const struct conn_ops *ops, void *owner)
{
    assert(ops->read_cb != NULL);
    assert(ops->ended_cb != NULL);
    assert(ops->closed_cb != NULL);
    struct conn *conn = loop_alloc(sizeof *conn);
    conn->loop = loop;
    conn->ops = ops;
    conn->owner = owner;
    conn->pending_max = LIMIT_CONN_PENDING;
    if (options != NULL && options->pending_max != 0) {
        conn->pending_max = options->pending_max;
    }
    (void)uv_tcp_init(loop_uv(loop), &conn->tcp);
    (void)uv_timer_init(loop_uv(loop), &conn->deadline);
    conn->tcp.data = conn;
    conn->deadline.data = conn;
    conn->handles_open = 2;
    conn_send_init(conn);
    return conn;
}

/* 0 when a connect is under way; else the end is known. */
static int begin_connect(struct conn *conn, const struct netaddr *local)
{
    int fd = -1;
    struct conn_end end;
    if (sock_outbound(&conn->remote, local, &fd, &end) != 0) {
        conn_inner_end(conn, end.cause, end.text);
        return -1;
    }
    int rc = uv_tcp_open(&conn->tcp, fd);
    if (rc != 0) {
        (void)close(fd);
        conn_inner_end_errno(conn, rc);
        return -1;
    }
    struct sockaddr_storage sockaddr;
    (void)netaddr_to_sockaddr(&conn->remote, &sockaddr);
    conn->connecting.data = conn;
    rc = uv_tcp_connect(&conn->connecting, &conn->tcp, (const struct sockaddr *)&sockaddr,
                        on_connected);
    if (rc != 0) {
        conn_inner_end_errno(conn, rc);
        return -1;
    }
    return 0;
}

struct conn *conn_connect(struct loop *loop, const struct netaddr *remote,
                          const struct netaddr *local, const struct conn_options *options,
                          const struct conn_ops *ops, void *owner)
{
    static const struct netaddr none = {0};
    struct conn *conn = conn_new(loop, options, ops, owner);
    conn->state = CONN_CONNECTING;
    conn->remote = *remote;
    if (begin_connect(conn, local != NULL ? local : &none) != 0) {
        conn_inner_kick(conn);
    } else if (options != NULL && options->connect_ms != 0) {
        (void)uv_timer_start(&conn->deadline, on_deadline, options->connect_ms, 0);
    }
    return conn;
}

static size_t ignore_read(struct conn *conn, const char *bytes, size_t size, void *owner)
{
    (void)conn;
    (void)bytes;
    (void)owner;
    return size;
}

static void ignore_end(struct conn *conn, const struct conn_end *end, void *owner)
{
    (void)conn;
    (void)end;
    (void)owner;
}

static void ignore_closed(struct conn *conn, void *owner)
{
    (void)conn;
    (void)owner;
}

static const struct conn_ops silent_ops = {.read_cb = ignore_read,
                                           .ended_cb = ignore_end,
                                           .closed_cb = ignore_closed};

int conn_accept(struct conn **out, struct loop *loop, int fd,
                const struct conn_options *options, const struct conn_ops *ops,
                void *owner)
{
    struct conn *conn = conn_new(loop, options, ops, owner);
    conn->state = CONN_OPEN;
    int rc = uv_tcp_open(&conn->tcp, fd);
    if (rc != 0) {
        (void)close(fd);
        conn->ops = &silent_ops; /* the caller never had it */
        conn_close(conn);
        return rc;
    }
    conn->remote = sock_peer(fd);
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    conn_read_adjust(conn);
    *out = conn;
    return 0;
}

void conn_pause(struct conn *conn)
{
    conn->paused = true;
    conn->again = false;
    if (conn->state == CONN_OPEN && !conn->ticking) {
        conn_read_adjust(conn);
    }
}

void conn_resume(struct conn *conn)
{
    if (conn->in_read) {
        conn->again = true; /* counts when read_cb has returned */
        return;
    }
    if (conn->state != CONN_OPEN || !conn->paused) {
        return;
    }
    conn->paused = false;
    conn->again = false;
    if (!conn->ticking) {
        conn_inner_kick(conn);
    }
}

int conn_start_tls(struct conn *conn, struct tls_context *context,
                   const char *server_name)
{
    struct conn_tls_peer peer = {
        .server_name = server_name, .domain = "", .session_key = ""};
    return conn_start_tls_to(conn, context, &peer);
}

static int start_tls(struct conn *conn, struct tls_context *context,
                     const struct conn_tls_peer *peer, bool at_once)
{
    if (conn->state != CONN_OPEN || (conn->end_known && conn->end.cause != CONN_EOF)) {
        return -ENOTCONN;
    }
    if (conn->tls != NULL) {
        return -EALREADY;
    }
    if (!at_once && !conn->in_read && (conn->kept_size > 0 || conn->fresh_size > 0)) {
        return -EBADMSG;
    }
    conn->tls = tls_new(context, peer);
    if (conn->tls == NULL) {
        return -ENOMEM;
    }
    conn->tls_asked = conn->in_read;
    conn->tls_at_once = at_once;
    if (!conn->in_read) {
        conn_read_to_tls(conn);
        (void)conn_send_handshake(conn);
        conn_read_adjust(conn);
    }
    return 0;
}

int conn_start_tls_to(struct conn *conn, struct tls_context *context,
                      const struct conn_tls_peer *peer)
{
    return start_tls(conn, context, peer, false);
}

int conn_start_tls_at_once(struct conn *conn, struct tls_context *context)
{
    struct conn_tls_peer peer = {.server_name = "", .domain = "", .session_key = ""};
    return start_tls(conn, context, &peer, true);
}

void conn_shutdown(struct conn *conn)
{
    conn->shut_asked = true;
    if (conn->state == CONN_OPEN && !conn->ticking) {
        conn_send_shut(conn);
    }
}

void conn_finish(struct conn *conn, uint64_t linger_ms)
{
    if (conn->state == CONN_FINISHING || conn->state == CONN_CLOSING) {
        return;
    }
    conn->finish_asked = true;
    conn->linger_ms = linger_ms;
    conn_inner_tick(conn);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSING) {
        return;
    }
    conn->close_asked = true;
    conn_inner_tick(conn);
}

bool conn_is_secure(const struct conn *conn)
{
    return conn->secure;
}

void conn_tls_facts(const struct conn *conn, struct conn_tls_facts *out)
{
    memset(out, 0, sizeof *out);
    if (conn->tls != NULL) {
        tls_facts(conn->tls, out);
    }
}

struct netaddr conn_local(const struct conn *conn)
{
    uv_os_fd_t fd;
    struct netaddr none = {0};
    if (uv_fileno((const uv_handle_t *)&conn->tcp, &fd) != 0) {
        return none;
    }
    return sock_local(fd);
}

struct netaddr conn_remote(const struct conn *conn)
{
    return conn->remote;
}

uint64_t conn_bytes_in(const struct conn *conn)
{
    return conn->bytes_in;
}

uint64_t conn_bytes_out(const struct conn *conn)
{
    return conn->bytes_out;
}
