#include <errno.h>
#include <signal.h>

#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"
#include "relay/net/signals.h"
#include "relay/net/timer.h"

#include "tests/support/test.h"

static void on_signal(int number, void *owner)
{
    int *last = owner;
    *last = number;
}

static void never(void *owner)
{
    (void)owner;
    cr_assert_fail("an hour has passed");
}

/* Each of the signals asked for arrives on the loop as its number. */
TEST(signals, arrive)
{
    static const int numbers[] = {SIGHUP, SIGUSR1};
    struct loop *loop;
    struct signals *signals;
    int last = 0;
    cr_assert_eq(loop_open(&loop), 0);
    struct timer *alive = timer_open(loop, never, NULL); /* an idle loop runs nothing */
    timer_start(alive, 3600000);
    cr_assert_eq(signals_open(&signals, loop, numbers, 2, on_signal, &last), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(raise(numbers[i]), 0);
        for (int j = 0; j < 1000 && last != numbers[i]; j++) {
            loop_run_once(loop);
        }
        cr_assert_eq(last, numbers[i]);
    }
    signals_close(signals);
    signals_close(NULL);
    timer_close(alive);
    loop_close(loop);
}

/* Watching keeps no loop alive, and a number that is no signal is refused without a leak.
 */
TEST(signals, bad_number)
{
    static const int numbers[] = {SIGHUP, 4711};
    struct loop *loop;
    struct signals *signals = NULL;
    int last = 0;
    cr_assert_eq(loop_open(&loop), 0);
    cr_assert_lt(signals_open(&signals, loop, numbers, 2, on_signal, &last), 0);
    cr_assert_null(signals);
    cr_assert_eq(signals_open(&signals, loop, numbers, 1, on_signal, &last), 0);
    loop_run(loop);
    signals_close(signals);
    loop_close(loop);
}

/* A signal that comes before the loop is there waits for it, and ends nothing. */
TEST(signals, held)
{
    static const int numbers[] = {SIGHUP, SIGTERM};
    struct loop *loop;
    struct signals *signals;
    int last = 0;
    signals_hold(numbers, 2);
    cr_assert_eq(raise(SIGTERM), 0);
    cr_assert_eq(loop_open(&loop), 0);
    struct timer *alive = timer_open(loop, never, NULL);
    timer_start(alive, 3600000);
    cr_assert_eq(signals_open(&signals, loop, numbers, 2, on_signal, &last), 0);
    for (int j = 0; j < 1000 && last != SIGTERM; j++) {
        loop_run_once(loop);
    }
    cr_assert_eq(last, SIGTERM);
    signals_close(signals);
    timer_close(alive);
    loop_close(loop);
}
