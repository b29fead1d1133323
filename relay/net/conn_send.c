#include <assert.h>
#include <errno.h>
#include <string.h>

#include "relay/net/conn_inner.h"
#include "relay/net/tls_config.h"

/* Good path: the kernel takes the bytes at once, nothing is copied, nobody is told.
 *
 * What can happen instead:
 *   the peer is slow       outflow keeps a copy or borrows; on_outflow, then drained_cb
 *   it never reads         -ENOBUFS to the writer, who decides
 *   it is gone             -EPIPE; conn_inner_broken lets the last words be read
 *   TLS                    slices are encrypted a record at a time, CIPHER_MOST ahead */

#define SLICE_CHUNK  16384   /* one TLS record */
#define CIPHER_MOST  65536   /* encrypted ahead of what the wire takes */
#define CIPHER_FLOOD 4194304 /* more than any honest session lets wait */

static void on_outflow(int error, void *owner);

void conn_send_init(struct conn *conn)
{
    outflow_init(&conn->outflow, (uv_stream_t *)&conn->tcp, on_outflow, conn);
}

void conn_send_done(struct conn *conn)
{
    outflow_done(&conn->outflow);
}

void conn_send_flush(struct conn *conn)
{
    const char *bytes;
    size_t size;
    while ((size = tls_output(conn->tls, &bytes)) > 0) {
        (void)outflow_send(&conn->outflow, bytes, size); /* it remembers its error */
        tls_output_taken(conn->tls, size);
    }
    if (outflow_pending(&conn->outflow) > CIPHER_FLOOD) {
        conn_inner_end(conn, CONN_TLS, "the peer makes us answer and reads nothing");
    }
}

static void pump_slices(struct conn *conn)
{
    while (conn->slice_at < conn->slice_count && conn->outflow.error == 0 &&
           outflow_pending(&conn->outflow) < CIPHER_MOST) {
        struct conn_slice *slice = &conn->slices[conn->slice_at];
        size_t size = slice->size < SLICE_CHUNK ? slice->size : SLICE_CHUNK;
        if (size > 0 && tls_write(conn->tls, slice->bytes, size) != TLS_DONE) {
            conn_inner_end(conn, CONN_TLS, tls_failure(conn->tls));
            conn_inner_kick(conn);
            return;
        }
        slice->bytes = (const char *)slice->bytes + size;
        slice->size -= size;
        if (slice->size == 0) {
            conn->slice_at++;
        }
        conn_send_flush(conn);
    }
}

static bool all_sent(const struct conn *conn)
{
    return conn->slice_at == conn->slice_count && outflow_pending(&conn->outflow) == 0;
}

static void on_outflow(int error, void *owner)
{
    struct conn *conn = owner;
    if (error != 0) {
        conn_inner_broken(conn);
    } else {
        pump_slices(conn);
        if (all_sent(conn)) {
            conn->lent = false;
            conn->drained = true;
        }
    }
    conn_inner_tick(conn);
}

/* Why nothing can be written now: 0 or a negative errno. */
static int refusal(const struct conn *conn)
{
    bool in_handshake = conn->tls_asked || (conn->tls != NULL && !conn->secure);
    if (conn->close_asked || conn->finish_asked || conn->shut_asked) {
        return -EPIPE;
    }
    if (conn->end_known && conn->end.cause != CONN_EOF) {
        return -EPIPE;
    }
    if (conn->outflow.error != 0) {
        return -EPIPE;
    }
    if (conn->state == CONN_CONNECTING || in_handshake) {
        return -ENOTCONN;
    }
    return conn->state == CONN_OPEN ? 0 : -EPIPE;
}

static int send_secure(struct conn *conn, const void *bytes, size_t size)
{
    if (tls_write(conn->tls, bytes, size) != TLS_DONE) {
        conn_inner_end(conn, CONN_TLS, tls_failure(conn->tls));
        conn_inner_kick(conn);
        return -EPIPE;
    }
    conn_send_flush(conn);
    return conn->outflow.error;
}

int conn_write(struct conn *conn, const void *bytes, size_t size)
{
    int rc = refusal(conn);
    if (rc != 0) {
        return rc;
    }
    if (conn->lent) {
        return -EBUSY;
    }
    if (size == 0) {
        return 0;
    }
    size_t pending = outflow_pending(&conn->outflow);
    if (pending > conn->pending_max || size > conn->pending_max - pending) {
        return -ENOBUFS;
    }
    rc = conn->secure ? send_secure(conn, bytes, size)
                      : outflow_send(&conn->outflow, bytes, size);
    if (rc != 0) {
        conn_inner_broken(conn);
        return -EPIPE;
    }
    conn->bytes_out += size;
    return 0;
}

/* uv_buf_t has no const; libuv only reads what is written. */
static uv_buf_t lendable(const struct conn_slice *slice)
{
    union {
        const void *read;
        char *base;
    } lent = {.read = slice->bytes};
    return uv_buf_init(lent.base, (unsigned)slice->size);
}

static int lend_plain(struct conn *conn, const struct conn_slice *slices, unsigned count)
{
    uv_buf_t buffers[CONN_SLICES_MAX];
    for (unsigned i = 0; i < count; i++) {
        buffers[i] = lendable(&slices[i]);
    }
    return outflow_lend(&conn->outflow, buffers, count);
}

static int lend_secure(struct conn *conn, const struct conn_slice *slices, unsigned count)
{
    memcpy(conn->slices, slices, count * sizeof *slices);
    conn->slice_at = 0;
    conn->slice_count = count;
    pump_slices(conn);
    if (conn->outflow.error != 0 || (conn->end_known && conn->end.cause != CONN_EOF)) {
        conn->slice_count = 0;
        conn->slice_at = 0;
        return -EPIPE;
    }
    return all_sent(conn) ? 0 : 1;
}

int conn_write_slices(struct conn *conn, const struct conn_slice *slices, unsigned count)
{
    assert(count <= CONN_SLICES_MAX);
    int rc = refusal(conn);
    if (rc != 0) {
        return rc;
    }
    if (conn->lent || outflow_pending(&conn->outflow) > 0) {
        return -EBUSY;
    }
    size_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        size += slices[i].size;
    }
    if (size == 0) {
        return 0;
    }
    rc =
        conn->secure ? lend_secure(conn, slices, count) : lend_plain(conn, slices, count);
    if (rc < 0) {
        conn_inner_broken(conn);
        return -EPIPE;
    }
    conn->lent = rc == 1;
    conn->bytes_out += size;
    return rc;
}

size_t conn_write_pending(const struct conn *conn)
{
    size_t pending = outflow_pending(&conn->outflow);
    for (unsigned i = conn->slice_at; i < conn->slice_count; i++) {
        pending += conn->slices[i].size;
    }
    return pending;
}

static void on_shut(uv_shutdown_t *request, int status)
{
    struct conn *conn = request->data;
    if (status == UV_ECANCELED) {
        return;
    }
    conn->shut_done = true;
    conn_inner_tick(conn);
}

void conn_send_shut(struct conn *conn)
{
    if (!conn->shut_asked || conn->shut_begun) {
        return;
    }
    if (conn->outflow.error != 0) {
        conn->shut_begun = true;
        conn->shut_done = true;
        return;
    }
    if (!all_sent(conn)) {
        return;
    }
    if (conn->secure && !conn->said_close) {
        conn->said_close = true;
        tls_shutdown(conn->tls);
        conn_send_flush(conn);
        if (!all_sent(conn)) {
            return;
        }
    }
    conn->shut_begun = true;
    conn->shutting.data = conn;
    if (uv_shutdown(&conn->shutting, (uv_stream_t *)&conn->tcp, on_shut) != 0) {
        conn->shut_done = true;
    }
}

bool conn_send_handshake(struct conn *conn)
{
    if (conn->tls == NULL || conn->secure || conn->end_known) {
        return false;
    }
    enum tls_status status = tls_handshake(conn->tls);
    conn_send_flush(conn);
    if (status == TLS_FAILED) {
        conn_inner_end(conn, CONN_TLS, tls_failure(conn->tls));
        conn_inner_kick(conn);
    }
    conn->secure = status == TLS_DONE;
    return conn->secure;
}
