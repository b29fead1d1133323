#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/warm.h"
#include "tests/support/test.h"

#define SEEDS  100
#define DAYS   45
#define DEMAND 5000.0 /* a day; what the address would send if it were warm */

static struct daily daily;
static struct warm warm;

/* Of what the receiver would have taken of the demand, the part that it got. */
static double used_share(uint32_t days)
{
    double taken = 0;
    double open = 0;
    for (uint32_t day = 0; day < days; day++) {
        taken += (double)warm.days[day].accepted;
        open += fmin(daily_curve(&daily, (int32_t)day), DEMAND);
    }
    return taken / open;
}

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return a < b ? -1 : a > b ? 1 : 0;
}

static void warm_up(bool is_reputation, double least, double worst)
{
    double shares[SEEDS];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        daily_init(&daily, is_reputation, seed);
        warm_init(&warm, &daily, ramp_preset("standard"), DEMAND);
        warm_run(&warm, DAYS);
        shares[seed - 1] = used_share(DAYS);
        cr_assert_eq(daily.blocks, 0, "seed %lu: blocked", (unsigned long)seed);
        for (uint32_t day = 0; day < DAYS; day++) {
            cr_assert_leq(warm.days[day].accepted, warm.days[day].cap, "seed %lu day %u",
                          (unsigned long)seed, day);
        }
    }
    qsort(shares, SEEDS, sizeof shares[0], by_value);
    (void)fprintf(stderr, "%s: %.3f of the hidden curve used, worst %.3f, %d seeds\n",
                  is_reputation ? "R7" : "R4", shares[SEEDS / 2], shares[0], SEEDS);
    cr_assert_geq(shares[SEEDS / 2], least, "%.3f", shares[SEEDS / 2]);
    cr_assert_geq(shares[0], worst, "%.3f", shares[0]);
}

/* R4: 45 days on a hidden daily curve, in a hundred worlds: at least 0.8 of what the
 * receiver would take of the demand is sent, no day's cap is exceeded, nobody is blocked.
 */
TEST(warm, a_hidden_curve)
{
    warm_up(false, 0.85, 0.8);
}

/* R7: the same where every deferral costs capacity. */
TEST(warm, a_curve_that_resents_deferrals)
{
    warm_up(true, 0.85, 0.8);
}

/* A receiver that grows worse: the ramp goes back at the end of that very day. */
TEST(warm, falls_back_within_a_day)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        daily_init(&daily, seed % 2 == 0, seed);
        daily.growth = 1.6;
        daily.first = 300;
        daily.worse_day = 10;
        daily.worse_times = 0.2;
        warm_init(&warm, &daily, ramp_preset("standard"), 1e6);
        warm_run(&warm, 12);
        cr_assert_eq(warm.days[9].step, 10, "seed %lu: clean until then",
                     (unsigned long)seed);
        cr_assert_lt(warm.days[10].step, 10, "seed %lu: %s", (unsigned long)seed,
                     ramp_verdict_name(warm.days[10].verdict));
        cr_assert_eq(daily.blocks, 0, "seed %lu", (unsigned long)seed);
    }
}
