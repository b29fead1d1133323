#include "relay/now.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>

#define FOLLOW_SHARE  20 /* catch up by one part in 20: 50 ms a second */
#define FOLLOW_MAX_NS (NOW_NS_PER_S * 2)

static _Atomic int64_t difference_ns; /* unix time less monotonic time */
static atomic_bool is_started;

/* now_check's own: one thread. */
static int64_t checked_ns;
static int64_t reported_ms; /* the step last spoken of, less what was caught up since */

static int64_t read_clock(clockid_t which)
{
    struct timespec at = {0};
    int failed = clock_gettime(which, &at);
    assert(failed == 0);
    return (int64_t)at.tv_sec * NOW_NS_PER_S + at.tv_nsec;
}

static int64_t floor_ms(int64_t ns)
{
    int64_t ms = ns / NOW_NS_PER_MS;
    return ms - (ns % NOW_NS_PER_MS < 0 ? 1 : 0);
}

static int64_t difference(void)
{
    if (atomic_load_explicit(&is_started, memory_order_acquire)) {
        return atomic_load_explicit(&difference_ns, memory_order_relaxed);
    }
    return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
}

int64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t now_wall_ms(void)
{
    return floor_ms(read_clock(CLOCK_REALTIME));
}

int64_t now_start(int64_t newest_unix_ms)
{
    int64_t mono_ns = read_clock(CLOCK_MONOTONIC);
    int64_t wall_ns = read_clock(CLOCK_REALTIME);
    int64_t behind_ms = newest_unix_ms - floor_ms(wall_ns);
    if (behind_ms < 0) {
        behind_ms = 0;
    }
    atomic_store_explicit(&difference_ns, wall_ns + behind_ms * NOW_NS_PER_MS - mono_ns,
                          memory_order_relaxed);
    checked_ns = mono_ns;
    reported_ms = -behind_ms;
    atomic_store_explicit(&is_started, true, memory_order_release);
    return behind_ms;
}

int64_t now_unix_ms(void)
{
    return now_to_unix_ms(read_clock(CLOCK_MONOTONIC));
}

int64_t now_to_unix_ms(int64_t mono_ns)
{
    return floor_ms(mono_ns + difference());
}

int64_t now_from_unix_ms(int64_t unix_ms)
{
    return unix_ms * NOW_NS_PER_MS - difference();
}

bool now_check(int64_t *out_step_ms)
{
    assert(out_step_ms != NULL);
    if (!atomic_load_explicit(&is_started, memory_order_acquire)) {
        return false;
    }
    int64_t mono_ns = read_clock(CLOCK_MONOTONIC);
    int64_t wall_ns = read_clock(CLOCK_REALTIME);
    int64_t ours_ns =
        mono_ns + atomic_load_explicit(&difference_ns, memory_order_relaxed);
    int64_t elapsed_ns = mono_ns - checked_ns;
    checked_ns = mono_ns;

    int64_t gap_ms = floor_ms(wall_ns - ours_ns);
    int64_t change_ms = gap_ms - reported_ms;
    bool is_news = change_ms >= NOW_STEP_MS || change_ms <= -NOW_STEP_MS;
    if (is_news) {
        reported_ms = gap_ms;
        *out_step_ms = gap_ms;
    }

    if (gap_ms > 0 && gap_ms <= NOW_FOLLOW_MS) {
        int64_t follow_ns = elapsed_ns < FOLLOW_MAX_NS ? elapsed_ns : FOLLOW_MAX_NS;
        int64_t follow_ms = follow_ns / FOLLOW_SHARE / NOW_NS_PER_MS;
        follow_ms = follow_ms < gap_ms ? follow_ms : gap_ms;
        atomic_fetch_add_explicit(&difference_ns, follow_ms * NOW_NS_PER_MS,
                                  memory_order_relaxed);
        reported_ms -= follow_ms;
    }
    return is_news;
}
