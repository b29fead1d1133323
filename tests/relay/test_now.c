#include <sys/syscall.h>

#include <time.h>
#include <unistd.h>

#include "relay/now.h"

#include "tests/support/test.h"

/* This program's clocks: real ones, moved by what a test says. The linker prefers them.
 */
static int64_t wall_shift_ns;
static int64_t mono_shift_ns;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): reserved */
int clock_gettime(clockid_t which, struct timespec *out)
{
    int failed = (int)syscall(SYS_clock_gettime, which, out);
    int64_t shift = which == CLOCK_REALTIME    ? wall_shift_ns
                    : which == CLOCK_MONOTONIC ? mono_shift_ns
                                               : 0;
    int64_t ns = (int64_t)out->tv_sec * NOW_NS_PER_S + out->tv_nsec + shift;
    out->tv_sec = (time_t)(ns / NOW_NS_PER_S);
    out->tv_nsec = (long)(ns % NOW_NS_PER_S);
    return failed;
}

/* Both clocks go on, as they do on a healthy machine. */
static void pass_ms(int64_t ms)
{
    wall_shift_ns += ms * NOW_NS_PER_MS;
    mono_shift_ns += ms * NOW_NS_PER_MS;
}

/* Only the wall clock moves. */
static void step_ms(int64_t ms)
{
    wall_shift_ns += ms * NOW_NS_PER_MS;
}

static void assert_near(int64_t got, int64_t wanted)
{
    cr_assert(got >= wanted - 500 && got <= wanted + 500, "%ld is not near %ld",
              (long)got, (long)wanted);
}

TEST(now, wall_time_starts_at_the_wall_clock)
{
    /* With nothing newer on disk, our wall time is the machine's. */
    cr_assert_eq(now_start(0), 0);
    assert_near(now_unix_ms(), now_wall_ms());
}

TEST(now, wall_time_starts_at_the_newest_record)
{
    /* A clock set back before a restart must not make time go back: the newest time on
     * disk holds, and the caller learns how far behind the clock is. */
    int64_t newest_ms = now_wall_ms() + 86400000;
    assert_near(now_start(newest_ms), 86400000);
    cr_assert_geq(now_unix_ms(), newest_ms);
    int64_t step = 0;
    cr_assert_not(now_check(&step), "told a second time");
}

TEST(now, conversions_agree_in_both_directions)
{
    /* Any instant survives the way to the other clock and back, also before 1970. */
    cr_assert_eq(now_start(0), 0);
    const int64_t cases[] = {0, 1, -1, 999, 1764000000000, -1764000000001, 4102444800000};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(now_to_unix_ms(now_from_unix_ms(cases[i])), cases[i]);
    }
    int64_t mono_ns = now_ns();
    assert_near(now_to_unix_ms(mono_ns), now_unix_ms());
}

TEST(now, a_small_step_ahead_is_followed_slowly)
{
    /* A machine that was paused for ten minutes is caught up at 50 ms a second, told
     * once, and our time never jumps. */
    cr_assert_eq(now_start(0), 0);
    step_ms(600000);
    int64_t before_ms = now_unix_ms();
    int64_t step = 0;
    cr_assert(now_check(&step));
    assert_near(step, 600000);
    cr_assert_leq(now_unix_ms() - before_ms, 500);

    for (int second = 0; second < 600000 / 50 + 100; second++) {
        pass_ms(1000);
        int64_t earlier_ms = now_unix_ms();
        cr_assert_not(now_check(&step), "told again");
        int64_t moved_ms = now_unix_ms() - earlier_ms;
        cr_assert(moved_ms >= 0 && moved_ms < 100, "moved by %ld ms", (long)moved_ms);
    }
    assert_near(now_unix_ms(), now_wall_ms());
}

TEST(now, a_large_step_is_told_and_not_followed)
{
    /* A clock that jumps ten days ahead or an hour back changes nothing but a report: no
     * allowance is refilled by it. */
    const int64_t steps[] = {864000000, -3600000};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(now_start(0), 0);
        int64_t before_ms = now_unix_ms();
        step_ms(steps[i]);
        int64_t step = 0;
        cr_assert(now_check(&step));
        assert_near(step, steps[i]);
        for (int second = 0; second < 100; second++) {
            pass_ms(1000);
            cr_assert_not(now_check(&step), "told again");
        }
        assert_near(now_unix_ms(), before_ms + 100000);
        step_ms(-steps[i]);
        cr_assert(now_check(&step), "the way back is news too");
        assert_near(step, 0);
    }
}

TEST(now, noise_is_not_spoken_of)
{
    /* Differences below two seconds are no report. */
    cr_assert_eq(now_start(0), 0);
    int64_t step = 0;
    step_ms(1000);
    cr_assert_not(now_check(&step));
    step_ms(-2500);
    cr_assert_not(now_check(&step));
}
