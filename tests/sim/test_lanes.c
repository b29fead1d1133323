#include <stdlib.h>

#include "tests/sim/receiver.h"
#include "tests/sim/sender.h"
#include "tests/support/test.h"

#define SEEDS 8

static struct receiver receiver;
static struct sender sender;

struct outcome {
    double goodput;
    double deferred;
};

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return a < b ? -1 : a > b ? 1 : 0;
}

/* Climb for four hours, then measure a day. */
static struct outcome a_day(enum receiver_model model, double per_minute, uint64_t seed)
{
    int64_t climbed_ns = 4 * RECEIVER_HOUR;
    int64_t end_ns = climbed_ns + RECEIVER_DAY;

    receiver_init(&receiver, model, per_minute, seed);
    sender_init(&sender, SENDER_ADAPTIVE, &receiver, 0, RECEIVER_MINUTE);
    sender_run(&sender, climbed_ns);
    sender_reset(&sender);
    receiver_reset_offered(&receiver, climbed_ns);
    sender_run(&sender, end_ns);
    return (struct outcome){
        .goodput = (double)sender.accepted / receiver_offered(&receiver, end_ns),
        .deferred = (double)sender.deferred / (double)sender.attempts,
    };
}

static void hold(enum receiver_model model, double per_minute, double most_deferred)
{
    double goodput[SEEDS];
    double deferred[SEEDS];

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct outcome outcome = a_day(model, per_minute, seed);
        goodput[seed - 1] = outcome.goodput;
        deferred[seed - 1] = outcome.deferred;
        cr_assert_eq(receiver.blocks, 0, "seed %lu: blocked", (unsigned long)seed);
        cr_assert_eq(sender.refused, 0, "seed %lu: mail lost", (unsigned long)seed);
    }
    qsort(goodput, SEEDS, sizeof(double), by_value);
    qsort(deferred, SEEDS, sizeof(double), by_value);
    cr_log_info("%.0f a minute: goodput %.3f worst %.3f", per_minute, goodput[SEEDS / 2],
                goodput[0]);
    cr_assert_geq(goodput[SEEDS / 2], 0.92, "%.0f a minute: %f", per_minute,
                  goodput[SEEDS / 2]);
    cr_assert_geq(goodput[0], 0.85, "%.0f a minute: %f", per_minute, goodput[0]);
    cr_assert_leq(deferred[SEEDS - 1], most_deferred);
}

/* A hidden limit is found and held, whatever its size, and the penalty box behind it is
 * never seen. */
TEST(lanes, hidden_limits)
{
    hold(RECEIVER_STRIKES, 60, 0.005);
    hold(RECEIVER_STRIKES, 600, 0.005);
    hold(RECEIVER_STRIKES, 6, 0.03);
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

/* A receiver that defers one per cent of everything is not slowed. */
TEST(lanes, noise_is_not_a_limit)
{
    struct outcome outcome = a_day(RECEIVER_NOISE, 1000, 3);
    cr_assert_geq(outcome.goodput, 0.92, "%f", outcome.goodput);
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

/* The mean, over the seeds, of what is taken of the changed capacity in the hour that
 * begins so long after the change. */
static double after_change(double times, int64_t later_ns)
{
    double sum = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        receiver_init(&receiver, RECEIVER_STRIKES, 600, seed);
        sender_init(&sender, SENDER_ADAPTIVE, &receiver, 0, RECEIVER_MINUTE);
        receiver.step_ns = 8 * RECEIVER_HOUR;
        receiver.step_times = times;
        int64_t met_ns = receiver.step_ns + later_ns;
        sender_run(&sender, met_ns);
        sender_reset(&sender);
        receiver_reset_offered(&receiver, met_ns);
        sender_run(&sender, met_ns + RECEIVER_HOUR);
        sum +=
            (double)sender.accepted / receiver_offered(&receiver, met_ns + RECEIVER_HOUR);
        cr_assert_eq(receiver.blocks, 0, "seed %lu", (unsigned long)seed);
    }
    return sum / SEEDS;
}

/* A capacity that halves is met again (its pauses of 1, 5, 10 and 20 minutes are the
 * price), one that doubles within four hours; never with a block. */
TEST(lanes, capacity_changes)
{
    double halved = after_change(0.5, 90 * RECEIVER_MINUTE);
    double doubled = after_change(2.0, 4 * RECEIVER_HOUR);

    cr_assert_geq(halved, 0.75, "%f", halved);
    cr_assert_geq(doubled, 0.8, "%f", doubled);
}

/* One quota behind two of our sources: both together hold it, without a block. */
TEST(lanes, a_shared_quota_does_not_oscillate)
{
    static struct sender other;
    int64_t end_ns = 28 * RECEIVER_HOUR;

    receiver_init(&receiver, RECEIVER_STRIKES, 600, 5);
    sender_init(&sender, SENDER_ADAPTIVE, &receiver, 0, RECEIVER_MINUTE);
    sender_init(&other, SENDER_ADAPTIVE, &receiver, 0, RECEIVER_MINUTE);
    for (int64_t at_ns = 0; at_ns < end_ns; at_ns += RECEIVER_SECOND) {
        if (at_ns == 4 * RECEIVER_HOUR) {
            sender_reset(&sender);
            sender_reset(&other);
            receiver_reset_offered(&receiver, at_ns);
        }
        sender_run(&sender, at_ns);
        sender_run(&other, at_ns);
    }
    double taken = (double)(sender.accepted + other.accepted);
    double tried = (double)(sender.attempts + other.attempts);
    cr_assert_geq(taken / receiver_offered(&receiver, end_ns), 0.8, "%f",
                  taken / receiver_offered(&receiver, end_ns));
    cr_assert_leq((double)(sender.deferred + other.deferred), 0.01 * tried);
    cr_assert_eq(receiver.blocks, 0);
}
