#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"
#include "relay/net/timer.h"
#include "relay/now.h"

#include "tests/support/test.h"

struct shot {
    struct timer *timer;
    unsigned fires;
    int64_t fired_ns;
    bool close_inside;
    uint64_t again_ms; /* 0: do not start again */
};

static void on_fire(void *owner)
{
    struct shot *shot = owner;
    shot->fires++;
    shot->fired_ns = now_ns();
    if (shot->again_ms != 0) {
        timer_start(shot->timer, shot->again_ms);
        shot->again_ms = 0;
    }
    if (shot->close_inside) {
        timer_close(shot->timer);
        shot->timer = NULL;
    }
}

static int64_t run_ms(struct loop *loop, struct shot *shot)
{
    uv_update_time(loop_uv(loop));
    int64_t start_ns = now_ns();
    loop_run(loop);
    return (shot->fired_ns - start_ns) / NOW_NS_PER_MS;
}

/* Fires once, not before its time, from the loop. */
TEST(timer, once)
{
    struct loop *loop;
    struct shot shot = {0};
    cr_assert_eq(loop_open(&loop), 0);
    shot.timer = timer_open(loop, on_fire, &shot);
    cr_assert_not(timer_is_armed(shot.timer));
    timer_start(shot.timer, 0);
    cr_assert(timer_is_armed(shot.timer));
    cr_assert_eq(shot.fires, 0);
    loop_run(loop);
    cr_assert_eq(shot.fires, 1);
    cr_assert_not(timer_is_armed(shot.timer));
    timer_start(shot.timer, 20);
    cr_assert_geq(run_ms(loop, &shot), 18);
    cr_assert_eq(shot.fires, 2);
    timer_close(shot.timer);
    timer_close(NULL);
    loop_close(loop);
}

/* Pushed out again and again it fires at the last time and only once; pulled in it fires
 * at the earlier one. */
TEST(timer, rearm)
{
    struct loop *loop;
    struct shot shot = {0};
    cr_assert_eq(loop_open(&loop), 0);
    shot.timer = timer_open(loop, on_fire, &shot);
    timer_start(shot.timer, 5);
    for (uint64_t wait_ms = 6; wait_ms <= 40; wait_ms++) {
        timer_start(shot.timer, wait_ms);
    }
    int64_t took_ms = run_ms(loop, &shot);
    cr_assert_geq(took_ms, 37);
    cr_assert_eq(shot.fires, 1);

    timer_start(shot.timer, 3600000);
    timer_start(shot.timer, 7200000);
    timer_start(shot.timer, 10);
    cr_assert_lt(run_ms(loop, &shot), 3000000);
    cr_assert_eq(shot.fires, 2);
    timer_close(shot.timer);
    loop_close(loop);
}

/* Stopped, it does not fire, also not for a time to which it had been pushed. */
TEST(timer, stop)
{
    struct loop *loop;
    struct shot shot = {0};
    cr_assert_eq(loop_open(&loop), 0);
    shot.timer = timer_open(loop, on_fire, &shot);
    timer_start(shot.timer, 1);
    timer_start(shot.timer, 2);
    timer_stop(shot.timer);
    loop_run(loop);
    cr_assert_eq(shot.fires, 0);
    timer_start(shot.timer, 1);
    loop_run(loop);
    cr_assert_eq(shot.fires, 1);
    timer_close(shot.timer);
    loop_close(loop);
}

/* May be started again, and closed, from its own callback. */
TEST(timer, inside_callback)
{
    struct loop *loop;
    struct shot shot = {.again_ms = 1, .close_inside = false};
    cr_assert_eq(loop_open(&loop), 0);
    shot.timer = timer_open(loop, on_fire, &shot);
    timer_start(shot.timer, 1);
    loop_run(loop);
    cr_assert_eq(shot.fires, 2);
    shot.close_inside = true;
    timer_start(shot.timer, 1);
    loop_run(loop);
    cr_assert_eq(shot.fires, 3);
    loop_close(loop);
}

/* Closed while armed it never fires. */
TEST(timer, close_armed)
{
    struct loop *loop;
    struct shot shot = {0};
    cr_assert_eq(loop_open(&loop), 0);
    shot.timer = timer_open(loop, on_fire, &shot);
    timer_start(shot.timer, 0);
    timer_close(shot.timer);
    loop_run(loop);
    cr_assert_eq(shot.fires, 0);
    loop_close(loop);
}
