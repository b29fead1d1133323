#include <stdlib.h>

#include "tests/sim/receiver.h"
#include "tests/sim/sender.h"
#include "tests/sim/trial.h"
#include "tests/support/test.h"

#define SEEDS 5

static struct receiver receiver;
static struct sender sender;

/* One line of the bench over some seeds: in order, best last. */
struct spread {
    double goodput[SEEDS];
    double deferred[SEEDS];
    double climb[SEEDS];
    double halved[SEEDS];
    double doubled[SEEDS];
};

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return a < b ? -1 : a > b ? 1 : 0;
}

static double or_late(double minutes)
{
    return minutes < 0 ? 1e6 : minutes;
}

static void spread_over(const struct trial *trial, struct spread *out)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct trial_result result;
        trial_run(trial, seed, &result);
        cr_assert_eq(result.blocks, 0, "seed %lu: blocked", (unsigned long)seed);
        cr_assert_eq(result.lost, 0, "seed %lu: mail lost", (unsigned long)seed);
        out->goodput[seed - 1] = result.goodput;
        out->deferred[seed - 1] = result.deferred;
        out->climb[seed - 1] = or_late(result.climb_min);
        out->halved[seed - 1] = or_late(result.halved_min);
        out->doubled[seed - 1] = or_late(result.doubled_min);
    }
    qsort(out->goodput, SEEDS, sizeof(double), by_value);
    qsort(out->deferred, SEEDS, sizeof(double), by_value);
    qsort(out->climb, SEEDS, sizeof(double), by_value);
    qsort(out->halved, SEEDS, sizeof(double), by_value);
    qsort(out->doubled, SEEDS, sizeof(double), by_value);
}

/* Found and held, met again within a quarter of an hour when it halves and within four
 * hours when it doubles: median and worst. */
static void hold(double per_minute, double median_goodput, double most_deferred)
{
    const struct trial trial = {
        .model = RECEIVER_STRIKES, .per_minute = per_minute, .steps = true};
    struct spread got;

    spread_over(&trial, &got);
    cr_assert_geq(got.goodput[SEEDS / 2], median_goodput, "%.0f a minute: %f", per_minute,
                  got.goodput[SEEDS / 2]);
    cr_assert_geq(got.goodput[0], 0.85, "%.0f a minute: %f", per_minute, got.goodput[0]);
    cr_assert_leq(got.deferred[SEEDS - 1], most_deferred, "%.0f a minute: %f", per_minute,
                  got.deferred[SEEDS - 1]);
    cr_assert_leq(got.climb[SEEDS / 2], 40, "%.0f a minute: %f", per_minute,
                  got.climb[SEEDS / 2]);
    cr_assert_leq(got.halved[SEEDS / 2], 15, "%.0f a minute: %f", per_minute,
                  got.halved[SEEDS / 2]);
    cr_assert_leq(got.doubled[SEEDS - 1], 240, "%.0f a minute: %f", per_minute,
                  got.doubled[SEEDS - 1]);
}

/* A hidden limit of sixty a minute, and the penalty box behind it is never seen. */
TEST(lanes, a_limit_of_sixty)
{
    hold(60, 0.93, 0.005);
}

/* Ten times as much without retuning. */
TEST(lanes, a_limit_of_six_hundred)
{
    hold(600, 0.93, 0.005);
}

/* A tenth of it, where twenty messages take minutes. */
TEST(lanes, a_limit_of_six)
{
    hold(6, 0.91, 0.01);
}

/* A receiver that hides its limit behind "try again later" is held too, and never
 * provoked. */
TEST(lanes, a_limit_without_words)
{
    const struct trial trial = {
        .model = RECEIVER_STRIKES, .words = RECEIVER_WORDS_VAGUE, .per_minute = 60};
    struct spread got;

    spread_over(&trial, &got);
    cr_assert_geq(got.goodput[SEEDS / 2], 0.9, "%f", got.goodput[SEEDS / 2]);
    cr_assert_geq(got.goodput[0], 0.8, "%f", got.goodput[0]);
    cr_assert_leq(got.deferred[SEEDS / 2], 0.01, "%f", got.deferred[SEEDS / 2]);
}

/* R4: the allowance of a new address is used, and not overrun by a fifth. (Below a
 * hundred a day the probes alone would: there a ramp is needed.) */
TEST(lanes, a_new_address)
{
    const struct trial trial = {.model = RECEIVER_CURVE, .days = 5};

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct trial_result result;
        receiver_init(&receiver, RECEIVER_CURVE, 0, seed);
        if (receiver.curve_first < 100) {
            continue;
        }
        trial_run(&trial, seed, &result);
        cr_assert_eq(result.blocks, 0, "seed %lu: blocked", (unsigned long)seed);
        cr_assert_geq(result.goodput, 0.8, "seed %lu: %f", (unsigned long)seed,
                      result.goodput);
    }
}

/* Connections at once and messages on one: each is learnt by its own knob, and hardly an
 * attempt is refused after an hour. */
TEST(lanes, connections)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        receiver_init(&receiver, RECEIVER_CONNECTIONS, 0, seed);
        sender_init(&sender, SENDER_ADAPTIVE, &receiver, 0, RECEIVER_MINUTE);
        sender.limits.max_rate =
            (struct pace_limit){.count = 5, .burst = 1, .period_ns = RECEIVER_SECOND};
        sender_run(&sender, RECEIVER_HOUR);
        sender_reset(&sender);
        sender_run(&sender, 4 * RECEIVER_HOUR);
        cr_assert_gt(sender.accepted, 10000, "seed %lu: %lu", (unsigned long)seed,
                     (unsigned long)sender.accepted);
        cr_assert_leq((double)sender.deferred, 0.01 * (double)sender.attempts,
                      "seed %lu: %lu of %lu", (unsigned long)seed,
                      (unsigned long)sender.deferred, (unsigned long)sender.attempts);
    }
}

/* A receiver that defers one per cent of everything is not slowed: what it takes is what
 * the same one takes that defers nothing. */
TEST(lanes, noise_is_not_a_limit)
{
    const struct trial noisy = {.model = RECEIVER_NOISE, .per_minute = 1000};
    const struct trial clear = {.model = RECEIVER_BUCKET, .per_minute = 1000};

    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct trial_result with;
        struct trial_result without;
        trial_run(&noisy, seed, &with);
        trial_run(&clear, seed, &without);
        cr_assert_geq(with.goodput, without.goodput - 0.03, "seed %lu: %f of %f",
                      (unsigned long)seed, with.goodput, without.goodput);
    }
}

/* One that defers a quarter of everything, whatever the rate and without a word about it,
 * is slowed only until cuts have shown that they do not help. */
TEST(lanes, much_noise_is_found_out)
{
    receiver_init(&receiver, RECEIVER_BUCKET, 1e6, 1);
    receiver.noise = 0.25;
    sender_init(&sender, SENDER_ADAPTIVE, &receiver, 0, RECEIVER_MINUTE);
    sender.limits.max_rate =
        (struct pace_limit){.count = 5, .burst = 1, .period_ns = RECEIVER_SECOND};
    sender_run(&sender, 3 * RECEIVER_HOUR);
    sender_reset(&sender);
    sender_run(&sender, 5 * RECEIVER_HOUR);
    cr_assert_geq((double)sender.attempts, 0.9 * 5 * 7200, "%lu",
                  (unsigned long)sender.attempts);
}

/* Nothing new starts once a reply has named a list. */
TEST(lanes, a_listing_stops)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        receiver_init(&receiver, RECEIVER_LISTING, 600, seed);
        sender_init(&sender, SENDER_ADAPTIVE, &receiver, 0, RECEIVER_MINUTE);
        sender_run(&sender, 24 * RECEIVER_HOUR);
        cr_assert_eq(sender.after_hit, 0, "seed %lu", (unsigned long)seed);
        cr_assert_leq(sender.refused, 20, "those in flight");
        cr_assert_geq(sender.refused, 1);
    }
}

/* Recipients' own limits, full and unknown mailboxes, SPF: none of it slows the lane. */
TEST(lanes, misleading_replies_do_not_slow)
{
    receiver_init(&receiver, RECEIVER_MISLEADING, 1e6, 4);
    sender_init(&sender, SENDER_ADAPTIVE, &receiver, 0, RECEIVER_MINUTE);
    sender.limits.max_rate =
        (struct pace_limit){.count = 20, .burst = 1, .period_ns = RECEIVER_SECOND};
    sender_run(&sender, 2 * RECEIVER_HOUR);
    cr_assert_eq(sender.control.throttles, 0);
    cr_assert_geq(sender.control.rate, 19.0, "%f", sender.control.rate);
}

/* R10: one quota behind two of our sources: both together hold it, without a block, and
 * neither starves. */
TEST(lanes, a_shared_quota_does_not_oscillate)
{
    const struct trial trial = {
        .model = RECEIVER_STRIKES, .per_minute = 600, .pair = true};
    struct spread got;

    spread_over(&trial, &got);
    cr_assert_geq(got.goodput[SEEDS / 2], 0.9, "%f", got.goodput[SEEDS / 2]);
    cr_assert_geq(got.goodput[0], 0.8, "%f", got.goodput[0]);
    cr_assert_leq(got.deferred[SEEDS - 1], 0.01, "%f", got.deferred[SEEDS - 1]);
}
