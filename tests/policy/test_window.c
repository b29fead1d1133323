#include "policy/window.h"

#include "tests/support/test.h"

#define MINUTE INT64_C(60000000000)

static const struct window_limits limits = {.most = 10, .start = 4, .grow_ns = MINUTE};

/* A refusal halves the window once a flight, and never below one. */
TEST(window, halves_once_a_flight)
{
    struct window window;

    window_init(&window, &limits, 0);
    cr_assert(window_refused(&window, 4, 5, 10));
    cr_assert_eq(window_most(&window, &limits), 2);
    cr_assert_not(window_refused(&window, 4, 6, 20), "started before the cut");
    cr_assert_eq(window_most(&window, &limits), 2);
    cr_assert(window_refused(&window, 2, 15, 30));
    cr_assert_not(window_refused(&window, 1, 40, 50));
    cr_assert_eq(window_most(&window, &limits), 1);
}

/* It grows only while full, up to what was refused, and past that only when the memory is
 * old; never beyond the configured most. */
TEST(window, grows_to_its_ceiling_and_no_further)
{
    struct window window;
    int64_t now_ns = 0;

    window_init(&window, &limits, now_ns);
    (void)window_refused(&window, 4, 1, 1);
    for (int i = 0; i < 60; i++) {
        now_ns += MINUTE;
        (void)window_clean(&window, &limits, 1, now_ns);
    }
    cr_assert_eq(window.limit, 2, "not used to the full");
    for (int i = 0; i < 30; i++) {
        now_ns += MINUTE;
        (void)window_clean(&window, &limits, window.limit, now_ns);
    }
    cr_assert_eq(window.limit, 4, "as many as worked");
    for (int i = 0; i < 300; i++) {
        now_ns += MINUTE;
        (void)window_clean(&window, &limits, window.limit, now_ns);
    }
    cr_assert_eq(window.limit, 10, "the memory fades, the configuration does not");
    cr_assert_eq(window_most(&window, &limits), 10);
}

/* The configured most holds whatever was learnt. */
TEST(window, configured_most_holds)
{
    struct window window = {.limit = 50};
    struct window_limits none = {.grow_ns = MINUTE};

    cr_assert_eq(window_most(&window, &limits), 10);
    cr_assert_eq(window_most(&window, &none), 50);
    window_narrow(&window, 5);
    cr_assert_eq(window_most(&window, &none), 1);
}

/* After a provider's own rule: one connection, then one more each growing time and not
 * sooner, although no number was ever refused. */
TEST(window, one_more_at_a_time)
{
    struct window window;

    window_init(&window, &limits, 0);
    window_narrow(&window, 0);
    for (uint32_t i = 1; i <= 5; i++) {
        cr_assert_eq(window_most(&window, &limits), i);
        cr_assert_not(window_clean(&window, &limits, i, i * MINUTE - 1));
        cr_assert(window_clean(&window, &limits, i, i * MINUTE));
    }
}
