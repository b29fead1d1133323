#include "tests/sim/grey.h"
#include "tests/support/test.h"

/* R6: whatever the key and the delay, every greylisted message is delivered, each from
 * the address that was answered first, and no lane is slowed by it. */
TEST(grey, delivered_from_the_same_address)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct grey_result result;
        grey_run(seed, &result);
        cr_assert_eq(result.delivered, result.messages, "seed %lu: %lu delivered",
                     (unsigned long)seed, (unsigned long)result.delivered);
        cr_assert_eq(result.moved, 0, "seed %lu: %lu moved", (unsigned long)seed,
                     (unsigned long)result.moved);
        cr_assert_eq(result.slowed, 0, "seed %lu", (unsigned long)seed);
        cr_assert_leq(result.attempts, 9 * result.messages, "seed %lu: %lu attempts",
                      (unsigned long)seed, (unsigned long)result.attempts);
        cr_assert_gt(result.attempts, result.messages, "seed %lu: nothing was greylisted",
                     (unsigned long)seed);
    }
}
