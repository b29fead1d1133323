#include <signal.h>

#include "relay/net/loop.h"
#include "relay/net/timer.h"

#include "tests/support/test.h"

struct turns {
    struct loop *loop;
    struct timer *timer;
    unsigned turns;
    unsigned fires;
};

static void on_turn(void *owner)
{
    struct turns *turns = owner;
    turns->turns++;
}

static void on_fire(void *owner)
{
    struct turns *turns = owner;
    turns->fires++;
    if (turns->fires == 3) {
        loop_stop(turns->loop);
        return;
    }
    timer_start(turns->timer, 1);
}

/* A loop with nothing on it ends at once; closing NULL is nothing. */
TEST(loop, empty)
{
    struct loop *loop;
    cr_assert_eq(loop_open(&loop), 0);
    loop_run(loop);
    loop_run_once(loop);
    loop_close(loop);
    loop_close(NULL);
}

/* The turn callback comes with each turn, does not keep the loop alive, and goes away. */
TEST(loop, turn)
{
    struct turns turns = {0};
    cr_assert_eq(loop_open(&turns.loop), 0);
    turns.timer = timer_open(turns.loop, on_fire, &turns);
    loop_set_turn(turns.loop, on_turn, &turns);
    timer_start(turns.timer, 1);
    loop_run(turns.loop);
    cr_assert_eq(turns.fires, 3);
    cr_assert_geq(turns.turns, 3);
    timer_close(turns.timer);
    loop_run(turns.loop);
    unsigned before = turns.turns;
    loop_set_turn(turns.loop, NULL, NULL);
    loop_run_once(turns.loop);
    cr_assert_eq(turns.turns, before);
    loop_close(turns.loop);
}

/* Writing to a closed pipe is an error, never the end of the process. */
TEST(loop, ignores_sigpipe)
{
    struct loop *loop;
    struct sigaction now;
    cr_assert_eq(loop_open(&loop), 0);
    cr_assert_eq(sigaction(SIGPIPE, NULL, &now), 0);
    cr_assert_eq(now.sa_handler, SIG_IGN);
    loop_close(loop);
}
