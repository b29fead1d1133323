#include <math.h>

#include "policy/evidence.h"

#include "tests/support/test.h"

#define HOUR INT64_C(3600000000000)

/* Nothing small is ever proven: neither 0 of 20 good nor 1 of 3 bad. */
TEST(evidence, small_counts_prove_nothing)
{
    struct evidence_bounds none = evidence_of(0, 20);
    struct evidence_bounds few = evidence_of(1, 3);

    cr_assert(none.high > 0.10 && none.high < 0.20);
    cr_assert_eq(none.low, 0);
    cr_assert_not(evidence_is_bad(few, 0.07));
    cr_assert(evidence_is_bad(evidence_of(500, 1000), 0.4));
    cr_assert_eq(evidence_of(0, 0).high, 1);
}

/* The interval holds the true share about 95 times in 100, at 20 and at 20,000. */
TEST(evidence, bounds_cover_the_truth)
{
    uint64_t random = 12345;
    const int sizes[] = {20, 200, 20000};

    for (int s = 0; s < 3; s++) {
        int inside = 0;
        for (int trial = 0; trial < 400; trial++) {
            int hits = 0;
            for (int i = 0; i < sizes[s]; i++) {
                random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
                hits += (double)(random >> 11) / 9007199254740992.0 < 0.05;
            }
            struct evidence_bounds bounds = evidence_of(hits, sizes[s]);
            inside += bounds.low <= 0.05 && 0.05 <= bounds.high;
        }
        cr_assert_geq(inside, 360, "%d of 400 at %d", inside, sizes[s]);
    }
}

/* Old counts fade by half-lives, and with them the certainty. */
TEST(evidence, fades)
{
    struct evidence evidence = {0};

    evidence_add(&evidence, 50, 100, HOUR, 0);
    struct evidence_bounds fresh = evidence_bounds(&evidence, HOUR, 0);
    struct evidence_bounds old = evidence_bounds(&evidence, HOUR, 5 * HOUR);
    cr_assert(fabs(fresh.share - old.share) < 1e-9);
    cr_assert_lt(old.low, fresh.low);
    evidence_add(&evidence, 0, 50, HOUR, HOUR);
    cr_assert(fabs(evidence.total - 100) < 1e-6 && fabs(evidence.hits - 25) < 1e-6);
    evidence_add(&evidence, 0, 0, HOUR, 0);
    cr_assert_eq(evidence.at_ns, HOUR, "time does not run backwards");
}

/* What comes back from a store is taken only when it is a count. */
TEST(evidence, restores_counts_only)
{
    struct evidence evidence;

    evidence_restore(&evidence, 5, 10, HOUR, 3 * HOUR);
    cr_assert(evidence.total == 10 && evidence.at_ns == 2 * HOUR);
    evidence_restore(&evidence, (double)NAN, 10, 0, 0);
    cr_assert_eq(evidence.total, 0);
    evidence_restore(&evidence, 11, 10, 0, 0);
    cr_assert_eq(evidence.hits, 0);
}
