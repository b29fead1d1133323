#include <stdio.h>
#include <stdlib.h>

#include "tests/support/test.h"
#include "tools/dice.h"
#include "tools/load_tally.h"
#include "tools/ticks.h"

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* Quantiles are within two percent and a microsecond of the sorted truth, from above. */
TEST(load_tally, quantiles)
{
    enum { COUNT = 20000 };
    static struct load_times times;
    static int64_t all[COUNT];
    static const double parts[] = {0.0, 0.1, 0.5, 0.9, 0.99, 0.999};
    uint64_t seed = (uint64_t)ticks_now_ns();
    uint64_t dice = seed;

    (void)printf("# seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < COUNT; i++) {
        all[i] = (int64_t)(dice_next(&dice) >> (30 + dice_next(&dice) % 30));
        load_tally_time(&times, all[i]);
    }
    qsort(all, COUNT, sizeof all[0], compare);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int64_t truth = all[(size_t)(parts[i] * COUNT)];
        int64_t told = load_tally_quantile(&times, parts[i]);

        cr_assert_geq(told, truth);
        cr_assert_leq((double)told, (double)truth * 1.02 + 1000.0);
    }
    cr_assert_eq(load_tally_quantile(&times, 1.0), all[COUNT - 1]);
}

/* Nothing measured is 0; a time beyond all steps does no harm. */
TEST(load_tally, edges)
{
    static struct load_times times;

    cr_assert_eq(load_tally_quantile(&times, 0.5), 0);
    load_tally_time(&times, INT64_MAX);
    load_tally_time(&times, -5);
    cr_assert_eq(load_tally_quantile(&times, 1.0), INT64_MAX);
    cr_assert_eq(load_tally_quantile(&times, 0.0), 1000);
}
