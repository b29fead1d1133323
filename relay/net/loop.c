#include "relay/net/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#include "relay/net/loop_uv.h"

/* A close takes at most two turns; this is only how often loop_close asks. */
#define CLOSE_TURNS 64

struct loop {
    uv_loop_t uv;
    uv_prepare_t turn;
    loop_turn_cb turn_cb; /* NULL: nobody asked */
    void *turn_owner;     /* borrowed: as long as turn_cb is set */
    char *read_buffer;    /* owned */
    char *plain_buffer;   /* owned */
};

void *loop_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void on_turn(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    if (loop->turn_cb != NULL) {
        loop->turn_cb(loop->turn_owner);
    }
}

int loop_open(struct loop **out)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);

    struct loop *loop = loop_alloc(sizeof *loop);
    int rc = uv_loop_init(&loop->uv);
    if (rc != 0) {
        free(loop);
        return rc;
    }
    rc = uv_prepare_init(&loop->uv, &loop->turn);
    assert(rc == 0);
    loop->turn.data = loop;
    loop->read_buffer = loop_alloc(LOOP_READ_BYTES);
    loop->plain_buffer = loop_alloc(LOOP_READ_BYTES);
    *out = loop;
    return 0;
}

void loop_set_turn(struct loop *loop, loop_turn_cb turn_cb, void *owner)
{
    loop->turn_cb = turn_cb;
    loop->turn_owner = owner;
    if (turn_cb == NULL) {
        (void)uv_prepare_stop(&loop->turn);
        return;
    }
    int rc = uv_prepare_start(&loop->turn, on_turn);
    assert(rc == 0);
    uv_unref((uv_handle_t *)&loop->turn);
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_run_once(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

void loop_close(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    loop->turn_cb = NULL;
    uv_close((uv_handle_t *)&loop->turn, NULL);

    int rc = UV_EBUSY;
    for (int i = 0; i < CLOSE_TURNS && rc == UV_EBUSY; i++) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
        rc = uv_loop_close(&loop->uv);
    }
    assert(rc == 0);
    free(loop->read_buffer);
    free(loop->plain_buffer);
    free(loop);
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

char *loop_read_buffer(struct loop *loop)
{
    return loop->read_buffer;
}

char *loop_plain_buffer(struct loop *loop)
{
    return loop->plain_buffer;
}
