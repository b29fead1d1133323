/* Bytes on their way out of one libuv stream: at once what the kernel takes, the rest
 * later, in order, without a copy where the caller lends its memory.
 *
 * Belongs to conn, which owns the stream and says when all is closed. One uv write is in
 * flight at most; what is sent meanwhile gathers behind it. */

#ifndef RELAY_NET_OUTFLOW_H
#define RELAY_NET_OUTFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* error is 0 when everything sent so far is in the kernel, else a negative errno; never
 * called from inside the functions below, and never with UV_ECANCELED. */
typedef void (*outflow_done_cb)(int error, void *owner);

struct outflow {
    uv_stream_t *stream; /* borrowed: lives as long as the outflow */
    uv_write_t request;
    bool in_flight;
    char *flying; /* owned; NULL when lent bytes or nothing is in flight */
    size_t flying_size;
    char *waiting; /* owned; goes next */
    size_t waiting_size;
    size_t waiting_room;
    int error; /* the first failure; nothing is sent after it */
    outflow_done_cb done_cb;
    void *owner;
};

void outflow_init(struct outflow *outflow, uv_stream_t *stream, outflow_done_cb done_cb,
                  void *owner);

/* Free what waited. Only when no write is in flight (the stream is closed). */
void outflow_done(struct outflow *outflow);

/* 0, or the negative errno of the failed stream. */
int outflow_send(struct outflow *outflow, const void *bytes, size_t size);

/* Send buffers that the caller lends until done_cb: 1. All gone at once: 0, and no
 * callback. Nothing may be pending. */
int outflow_lend(struct outflow *outflow, const uv_buf_t *buffers, unsigned count);

size_t outflow_pending(const struct outflow *outflow);

#endif
