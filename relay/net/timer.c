#include "relay/net/timer.h"

#include <assert.h>
#include <stdlib.h>

#include "relay/net/loop_uv.h"

struct timer {
    uv_timer_t uv;
    uint64_t extra_ms; /* pushed out: wait this much more when uv fires */
    timer_cb fire_cb;
    void *owner; /* borrowed: until timer_close */
};

static void on_fire(uv_timer_t *uv)
{
    struct timer *timer = uv->data;
    uint64_t extra_ms = timer->extra_ms;
    timer->extra_ms = 0;
    if (extra_ms > 0) {
        (void)uv_timer_start(uv, on_fire, extra_ms, 0);
        return;
    }
    timer->fire_cb(timer->owner);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct timer *timer_open(struct loop *loop, timer_cb fire_cb, void *owner)
{
    assert(fire_cb != NULL);
    struct timer *timer = loop_alloc(sizeof *timer);
    (void)uv_timer_init(loop_uv(loop), &timer->uv);
    timer->uv.data = timer;
    timer->fire_cb = fire_cb;
    timer->owner = owner;
    return timer;
}

void timer_start(struct timer *timer, uint64_t wait_ms)
{
    assert(!uv_is_closing((uv_handle_t *)&timer->uv));
    if (timer_is_armed(timer)) {
        uint64_t due_in_ms = uv_timer_get_due_in(&timer->uv);
        if (due_in_ms <= wait_ms) {
            timer->extra_ms = wait_ms - due_in_ms;
            return;
        }
    }
    timer->extra_ms = 0;
    (void)uv_timer_start(&timer->uv, on_fire, wait_ms, 0);
}

void timer_stop(struct timer *timer)
{
    timer->extra_ms = 0;
    (void)uv_timer_stop(&timer->uv);
}

bool timer_is_armed(const struct timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}

void timer_close(struct timer *timer)
{
    if (timer == NULL) {
        return;
    }
    uv_close((uv_handle_t *)&timer->uv, on_closed);
}
