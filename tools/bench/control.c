/* How well the lanes' controller finds and holds hidden limits, beside what others do.
 *
 *     control [SEEDS]
 *
 * Virtual time; 24 h of receiver time after the climb; every 4xx counts as a deferral,
 * whatever its text. One line per model and sender: median and worst over the seeds. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/receiver.h"
#include "tests/sim/sender.h"

#define SEEDS_MOST 1000

struct result {
    double goodput;
    double deferred;
    double blocks;
    double lost;
    double climb_min; /* minutes to 80 % of the capacity; -1 never */
};

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return a < b ? -1 : a > b ? 1 : 0;
}

static struct result run(enum receiver_model model, enum sender_kind kind, double times,
                         double per_minute, uint64_t seed)
{
    static struct receiver receiver;
    static struct sender sender;
    struct result result = {.climb_min = -1};
    int64_t at_ns = 0;

    receiver_init(&receiver, model, per_minute, seed);
    sender_init(&sender, kind, &receiver, receiver.per_minute * times, RECEIVER_MINUTE);
    /* The climb: until a ten-minute stretch reaches 80 %, at most 12 h. */
    while (at_ns < 12 * RECEIVER_HOUR) {
        uint64_t before = sender.accepted;
        receiver_reset_offered(&receiver, at_ns);
        at_ns += 10 * RECEIVER_MINUTE;
        sender_run(&sender, at_ns);
        double offered = receiver_offered(&receiver, at_ns);
        if ((double)(sender.accepted - before) >= 0.8 * offered) {
            result.climb_min = (double)at_ns / (double)RECEIVER_MINUTE;
            break;
        }
    }
    result.lost = (double)sender.refused;
    sender_reset(&sender);
    receiver_reset_offered(&receiver, at_ns);
    sender_run(&sender, at_ns + RECEIVER_DAY);
    result.goodput =
        (double)sender.accepted / receiver_offered(&receiver, at_ns + RECEIVER_DAY);
    result.deferred =
        sender.attempts > 0 ? (double)sender.deferred / (double)sender.attempts : 0;
    result.blocks = (double)receiver.blocks;
    result.lost += (double)sender.refused;
    return result;
}

static const char *const names[] = {
    [SENDER_ADAPTIVE] = "adaptive",     [SENDER_UNPACED] = "unpaced",
    [SENDER_STATIC] = "static",         [SENDER_TWO_STATE] = "two-state",
    [SENDER_FEEDBACK] = "1/N feedback", [SENDER_GOOGLE] = "google text",
};

static void report(const char *label, enum receiver_model model, enum sender_kind kind,
                   double times, double per_minute, unsigned seeds)
{
    static double goodput[SEEDS_MOST];
    static double deferred[SEEDS_MOST];
    static double climb[SEEDS_MOST];
    double blocks = 0;
    double lost = 0;

    for (unsigned seed = 0; seed < seeds; seed++) {
        struct result result = run(model, kind, times, per_minute, seed + 1);
        goodput[seed] = result.goodput;
        deferred[seed] = result.deferred;
        climb[seed] = result.climb_min;
        blocks += result.blocks;
        lost += result.lost;
    }
    qsort(goodput, seeds, sizeof(double), by_value);
    qsort(deferred, seeds, sizeof(double), by_value);
    qsort(climb, seeds, sizeof(double), by_value);
    (void)printf(
        "%-14s %-12s goodput %5.3f worst %5.3f  deferred %6.3f %% worst %6.3f %%  "
        "blocks %3.0f lost %8.0f  climb %4.0f min worst %4.0f\n",
        label, names[kind], goodput[seeds / 2], goodput[0], 100 * deferred[seeds / 2],
        100 * deferred[seeds - 1], blocks, lost, climb[seeds / 2], climb[seeds - 1]);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const double rates[] = {6, 60, 600, 6000};
    unsigned seeds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20;
    char label[32];

    seeds = seeds < 1 ? 1 : seeds > SEEDS_MOST ? SEEDS_MOST : seeds;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        (void)snprintf(label, sizeof(label), "R1 %.0f/min", rates[i]);
        report(label, RECEIVER_BUCKET, SENDER_ADAPTIVE, 1, rates[i], seeds);
        (void)snprintf(label, sizeof(label), "R2 %.0f/min", rates[i]);
        report(label, RECEIVER_STRIKES, SENDER_ADAPTIVE, 1, rates[i], seeds);
    }
    report("R2 drawn", RECEIVER_STRIKES, SENDER_ADAPTIVE, 1, 0, seeds);
    report("R5 60/min", RECEIVER_DIURNAL, SENDER_ADAPTIVE, 1, 60, seeds);
    report("R7 60/min", RECEIVER_REPUTATION, SENDER_ADAPTIVE, 1, 60, seeds);
    report("noise 1000", RECEIVER_NOISE, SENDER_ADAPTIVE, 1, 1000, seeds);
    unsigned few = seeds < 5 ? seeds : 5;
    report("R2 60/min", RECEIVER_STRIKES, SENDER_UNPACED, 1, 60, few);
    report("R2 60/min x0.5", RECEIVER_STRIKES, SENDER_STATIC, 0.5, 60, few);
    report("R2 60/min x2", RECEIVER_STRIKES, SENDER_STATIC, 2, 60, few);
    report("R2 60/min", RECEIVER_STRIKES, SENDER_TWO_STATE, 2, 60, few);
    report("R2 60/min", RECEIVER_STRIKES, SENDER_FEEDBACK, 1, 60, few);
    report("R2 60/min", RECEIVER_STRIKES, SENDER_GOOGLE, 1, 60, few);
    return 0;
}
