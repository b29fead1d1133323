#include "relay/net/watch.h"

#include <assert.h>
#include <stdlib.h>

#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"

struct watch {
    uv_poll_t poll;
    watch_cb ready_cb;
    void *owner; /* borrowed until watch_close */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;

    (void)status; /* an error makes it readable: the owner's read learns of it */
    (void)events;
    watch->ready_cb(watch->owner);
}

int watch_open(struct loop *loop, int fd, watch_cb ready_cb, void *owner,
               struct watch **out_watch)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL) {
        abort(); /* a fixed size */
    }
    watch->ready_cb = ready_cb;
    watch->owner = owner;
    int result = uv_poll_init(loop_uv(loop), &watch->poll, fd);
    if (result != 0) {
        free(watch);
        return result;
    }
    watch->poll.data = watch;
    result = uv_poll_start(&watch->poll, UV_READABLE, on_ready);
    if (result != 0) {
        uv_close((uv_handle_t *)&watch->poll, on_closed);
        return result;
    }
    *out_watch = watch;
    return 0;
}

void watch_close(struct watch *watch)
{
    if (watch == NULL) {
        return;
    }
    assert(uv_is_closing((uv_handle_t *)&watch->poll) == 0);
    int result = uv_poll_stop(&watch->poll);
    assert(result == 0);
    uv_close((uv_handle_t *)&watch->poll, on_closed);
}
