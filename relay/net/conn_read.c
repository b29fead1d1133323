#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/net/conn_inner.h"

/* Good path: on_read notes the bytes, tick offers them to the owner straight from the
 * loop's buffer, the owner takes all.
 *
 * What the owner does not take is copied (kept) and the socket is not read until the
 * owner resumes; then kept bytes come first, then what TLS still holds, then the socket.
 */

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct conn *conn = handle->data;
    *buffer = uv_buf_init(loop_read_buffer(conn->loop), LOOP_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct conn *conn = stream->data;
    if (size == 0) {
        return;
    }
    bool in_handshake = conn->tls != NULL && !conn->secure;
    if (size < 0 && in_handshake) {
        conn_inner_end(conn, CONN_TLS, "connection closed during the TLS handshake");
    } else if (size == UV_EOF) {
        conn_inner_end(conn, CONN_EOF, "connection closed by peer");
    } else if (size < 0) {
        conn_inner_end_errno(conn, (int)size);
    } else if (conn->state == CONN_OPEN && conn->tls != NULL) {
        tls_feed(conn->tls, buffer->base, (size_t)size);
    } else if (conn->state == CONN_OPEN) {
        conn->fresh = buffer->base;
        conn->fresh_size = (size_t)size;
        conn->bytes_in += (size_t)size;
    }
    conn_inner_tick(conn);
}

void conn_read_adjust(struct conn *conn)
{
    bool in_handshake = conn->tls != NULL && !conn->secure;
    bool wanted = !conn->end_known &&
                  (conn->state == CONN_FINISHING ||
                   (conn->state == CONN_OPEN && (!conn->paused || in_handshake)));
    if (wanted == conn->reading) {
        return;
    }
    conn->reading = wanted;
    uv_stream_t *stream = (uv_stream_t *)&conn->tcp;
    if (!wanted) {
        (void)uv_read_stop(stream);
        return;
    }
    int rc = uv_read_start(stream, on_buffer, on_read);
    if (rc != 0) {
        conn->reading = false;
        conn_inner_end_errno(conn, rc);
        conn_inner_kick(conn);
    }
}

void conn_read_keep(struct conn *conn)
{
    if (conn->fresh_size > 0) {
        assert(conn->kept_size == 0);
        conn->kept = loop_alloc(conn->fresh_size);
        memcpy(conn->kept, conn->fresh, conn->fresh_size);
        conn->kept_at = 0;
        conn->kept_size = conn->fresh_size;
    }
    conn->fresh = NULL;
    conn->fresh_size = 0;
}

void conn_read_drop(struct conn *conn)
{
    free(conn->kept);
    conn->kept = NULL;
    conn->kept_size = 0;
    conn->fresh = NULL;
    conn->fresh_size = 0;
}

void conn_read_to_tls(struct conn *conn)
{
    if (!conn->tls_at_once) {
        return;
    }
    conn->tls_at_once = false;
    if (conn->kept_size > 0) {
        tls_feed(conn->tls, conn->kept + conn->kept_at, conn->kept_size);
    }
    if (conn->fresh_size > 0) {
        tls_feed(conn->tls, conn->fresh, conn->fresh_size);
    }
    conn_read_drop(conn);
}

/* Give bytes to the owner. Returns how many it took; fewer than size pauses. */
static size_t offer(struct conn *conn, const char *bytes, size_t size)
{
    conn->in_read = true;
    conn->again = false;
    size_t took = conn->ops->read_cb(conn, bytes, size, conn->owner);
    conn->in_read = false;
    assert(took <= size);
    if (took < size) {
        conn->paused = true;
        if (conn->again) {
            conn_inner_kick(conn);
        }
    } else if (conn->again) {
        conn->paused = false;
    }
    return took;
}

/* After a read_cb in which the owner asked for TLS: nothing may have come behind it. */
static void settle_tls(struct conn *conn)
{
    if (!conn->tls_asked) {
        return;
    }
    conn->tls_asked = false;
    conn_read_to_tls(conn);
    if (conn->kept_size > 0 || conn->fresh_size > 0) {
        conn_read_drop(conn);
        conn_inner_end(conn, CONN_INJECTED, "unencrypted data came after STARTTLS");
        return;
    }
    (void)conn_send_handshake(conn);
}

static void offer_kept(struct conn *conn)
{
    size_t took = offer(conn, conn->kept + conn->kept_at, conn->kept_size);
    conn->kept_at += took;
    conn->kept_size -= took;
    if (conn->kept_size == 0) {
        free(conn->kept);
        conn->kept = NULL;
    }
}

static void offer_fresh(struct conn *conn)
{
    size_t took = offer(conn, conn->fresh, conn->fresh_size);
    conn->fresh += took;
    conn->fresh_size -= took;
    conn_read_keep(conn);
}

/* Decrypt a piece into fresh. False when there is none. */
static bool decrypt(struct conn *conn)
{
    char *plain = loop_plain_buffer(conn->loop);
    size_t got = 0;
    enum tls_status status = tls_read(conn->tls, plain, LOOP_READ_BYTES, &got);
    conn_send_flush(conn);
    switch (status) {
    case TLS_DONE:
        conn->fresh = plain;
        conn->fresh_size = got;
        conn->bytes_in += got;
        return true;
    case TLS_WANT: return false;
    case TLS_CLOSED:
        conn_inner_end(conn, CONN_EOF, "connection closed by peer");
        return false;
    case TLS_FAILED: conn_inner_end(conn, CONN_TLS, tls_failure(conn->tls)); return false;
    }
    return false;
}

bool conn_read_offer(struct conn *conn)
{
    if (conn->paused || conn->end_told) {
        return false;
    }
    if (conn->kept_size > 0) {
        offer_kept(conn);
    } else if (conn->fresh_size > 0 || (conn->secure && decrypt(conn))) {
        offer_fresh(conn);
    } else {
        return false;
    }
    settle_tls(conn);
    return true;
}
