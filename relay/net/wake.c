#include "relay/net/wake.h"

#include <assert.h>
#include <stdlib.h>

#include "relay/mailbox.h"
#include "relay/net/loop_uv.h"

struct wake {
    uv_async_t async;
    struct mailbox *mailbox; /* borrowed: until wake_close */
};

static void on_wake(uv_async_t *async)
{
    struct wake *wake = async->data;
    (void)mailbox_run(wake->mailbox);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* On the posting thread. */
static void wake_loop(void *owner)
{
    struct wake *wake = owner;
    int rc = uv_async_send(&wake->async);
    assert(rc == 0);
}

int wake_open(struct wake **out, struct loop *loop, struct mailbox *mailbox)
{
    struct wake *wake = loop_alloc(sizeof *wake);
    int rc = uv_async_init(loop_uv(loop), &wake->async, on_wake);
    if (rc != 0) {
        free(wake);
        return rc;
    }
    wake->async.data = wake;
    wake->mailbox = mailbox;
    mailbox_init(mailbox, wake_loop, wake);
    *out = wake;
    return 0;
}

void wake_close(struct wake *wake)
{
    if (wake == NULL) {
        return;
    }
    uv_close((uv_handle_t *)&wake->async, on_closed);
}
