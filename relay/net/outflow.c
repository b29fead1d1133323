#include "relay/net/outflow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/net/loop_uv.h"

#define BUFFERS_MAX 8 /* CONN_SLICES_MAX */
#define ROOM_LEAST  512

static void on_written(uv_write_t *request, int status);

void outflow_init(struct outflow *outflow, uv_stream_t *stream, outflow_done_cb done_cb,
                  void *owner)
{
    memset(outflow, 0, sizeof *outflow);
    outflow->stream = stream;
    outflow->request.data = outflow;
    outflow->done_cb = done_cb;
    outflow->owner = owner;
}

void outflow_done(struct outflow *outflow)
{
    assert(!outflow->in_flight);
    free(outflow->flying);
    free(outflow->waiting);
    outflow->flying = NULL;
    outflow->waiting = NULL;
}

static void fail(struct outflow *outflow, int error)
{
    if (outflow->error == 0) {
        outflow->error = error;
    }
    free(outflow->waiting);
    outflow->waiting = NULL;
    outflow->waiting_size = 0;
    outflow->waiting_room = 0;
}

static int launch(struct outflow *outflow, const uv_buf_t *buffers, unsigned count,
                  size_t size)
{
    int rc = uv_write(&outflow->request, outflow->stream, buffers, count, on_written);
    if (rc != 0) {
        fail(outflow, rc);
        return rc;
    }
    outflow->in_flight = true;
    outflow->flying_size = size;
    return 0;
}

/* What has gathered becomes the next flight. */
static int launch_waiting(struct outflow *outflow)
{
    uv_buf_t buffer = uv_buf_init(outflow->waiting, (unsigned)outflow->waiting_size);
    outflow->flying = outflow->waiting;
    outflow->waiting = NULL;
    size_t size = outflow->waiting_size;
    outflow->waiting_size = 0;
    outflow->waiting_room = 0;
    int rc = launch(outflow, &buffer, 1, size);
    if (rc != 0) {
        free(outflow->flying);
        outflow->flying = NULL;
    }
    return rc;
}

static void on_written(uv_write_t *request, int status)
{
    struct outflow *outflow = request->data;
    outflow->in_flight = false;
    outflow->flying_size = 0;
    free(outflow->flying);
    outflow->flying = NULL;

    if (status == UV_ECANCELED) {
        fail(outflow, status);
        return;
    }
    if (status != 0) {
        fail(outflow, status);
    } else if (outflow->waiting_size > 0 && launch_waiting(outflow) == 0) {
        return;
    }
    outflow->done_cb(outflow->error, outflow->owner);
}

static void gather(struct outflow *outflow, const char *bytes, size_t size)
{
    size_t need = outflow->waiting_size + size;
    if (need > outflow->waiting_room) {
        size_t room =
            outflow->waiting_room < ROOM_LEAST ? ROOM_LEAST : outflow->waiting_room;
        while (room < need) {
            room *= 2;
        }
        char *grown = realloc(outflow->waiting, room);
        if (grown == NULL) {
            abort();
        }
        outflow->waiting = grown;
        outflow->waiting_room = room;
    }
    memcpy(outflow->waiting + outflow->waiting_size, bytes, size);
    outflow->waiting_size = need;
}

/* How much the kernel takes now; a negative errno when the stream has failed. */
static ssize_t try_now(struct outflow *outflow, const uv_buf_t *buffers, unsigned count)
{
    int took = uv_try_write(outflow->stream, buffers, count);
    if (took == UV_EAGAIN || took == UV_ENOSYS) {
        return 0;
    }
    if (took < 0) {
        fail(outflow, took);
    }
    return took;
}

int outflow_send(struct outflow *outflow, const void *bytes, size_t size)
{
    if (outflow->error != 0) {
        return outflow->error;
    }
    const char *from = bytes;
    if (!outflow->in_flight && size > 0) {
        /* uv_buf_t has no const; uv_try_write only reads. */
        union {
            const char *read;
            char *base;
        } lent = {.read = from};
        uv_buf_t buffer = uv_buf_init(lent.base, (unsigned)size);
        ssize_t took = try_now(outflow, &buffer, 1);
        if (took < 0) {
            return (int)took;
        }
        from += took;
        size -= (size_t)took;
    }
    if (size == 0) {
        return 0;
    }
    gather(outflow, from, size);
    return outflow->in_flight ? 0 : launch_waiting(outflow);
}

int outflow_lend(struct outflow *outflow, const uv_buf_t *buffers, unsigned count)
{
    assert(!outflow->in_flight);
    assert(count <= BUFFERS_MAX);
    if (outflow->error != 0) {
        return outflow->error;
    }
    ssize_t took = try_now(outflow, buffers, count);
    if (took < 0) {
        return (int)took;
    }

    uv_buf_t rest[BUFFERS_MAX];
    unsigned rest_count = 0;
    size_t rest_size = 0;
    size_t skip = (size_t)took;
    for (unsigned i = 0; i < count; i++) {
        size_t gone = skip < buffers[i].len ? skip : buffers[i].len;
        skip -= gone;
        if (gone < buffers[i].len) {
            rest[rest_count] =
                uv_buf_init(buffers[i].base + gone, (unsigned)(buffers[i].len - gone));
            rest_size += rest[rest_count].len;
            rest_count++;
        }
    }
    if (rest_count == 0) {
        return 0;
    }
    int rc = launch(outflow, rest, rest_count, rest_size);
    return rc != 0 ? rc : 1;
}

size_t outflow_pending(const struct outflow *outflow)
{
    return outflow->flying_size + outflow->waiting_size;
}
