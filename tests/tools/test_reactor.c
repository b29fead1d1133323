#include <sys/epoll.h>

#include <stdio.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tools/dice.h"
#include "tools/reactor.h"
#include "tools/ticks.h"

#define TIMERS 500

static int64_t fired_ns[TIMERS];
static int fired_count;

static void on_timer(void *owner)
{
    const struct reactor_timer *timer = owner;

    fired_ns[fired_count++] = timer->due_ns;
}

/* Whatever was set, moved and cancelled: what is left fires once, in order of time. */
TEST(reactor, timers_in_order)
{
    static struct reactor_timer timers[TIMERS];
    struct reactor reactor;
    uint64_t seed = (uint64_t)ticks_now_ns();
    uint64_t dice = seed;
    int left = 0;

    (void)printf("# seed %llu\n", (unsigned long long)seed);
    cr_assert_eq(reactor_init(&reactor, NULL), 0);
    for (int i = 0; i < TIMERS; i++) {
        timers[i] = (struct reactor_timer){.cb = on_timer, .owner = &timers[i]};
    }
    for (int i = 0; i < 20 * TIMERS; i++) {
        struct reactor_timer *timer = &timers[dice_next(&dice) % TIMERS];

        if (dice_next(&dice) % 3 == 0) {
            reactor_timer_cancel(&reactor, timer);
        } else {
            reactor_timer_set(&reactor, timer, (int64_t)(dice_next(&dice) % 1000));
        }
    }
    for (int i = 0; i < TIMERS; i++) {
        left += timers[i].place != 0;
    }
    cr_assert_gt(left, 0);
    cr_assert_eq(reactor_turn(&reactor, 0), 0);
    cr_assert_eq(fired_count, left);
    for (int i = 1; i < fired_count; i++) {
        cr_assert_leq(fired_ns[i - 1], fired_ns[i]);
    }
    reactor_done(&reactor);
}

static uint32_t seen_events;

static void on_io(void *owner, uint32_t events)
{
    (void)owner;
    seen_events |= events;
}

/* A descriptor calls back for what is asked, and not once it is forgotten. */
TEST(reactor, descriptors)
{
    struct reactor reactor;
    struct reactor_io io = {.cb = on_io};
    int ends[2];

    cr_assert_eq(reactor_init(&reactor, NULL), 0);
    cr_assert_eq(pipe(ends), 0);
    io.fd = ends[0];
    cr_assert_eq(reactor_watch(&reactor, &io, EPOLLIN), 0);
    cr_assert_eq(reactor_turn(&reactor, 0), 0);
    cr_assert_eq(seen_events, 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    cr_assert_eq(reactor_turn(&reactor, TICKS_SECOND), 0);
    cr_assert_eq(seen_events, EPOLLIN);
    reactor_forget(&reactor, &io);
    reactor_forget(&reactor, &io);
    seen_events = 0;
    cr_assert_eq(reactor_turn(&reactor, 0), 0);
    cr_assert_eq(seen_events, 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    reactor_done(&reactor);
}
