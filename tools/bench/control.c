/* How well the lanes' controller finds and holds hidden limits, beside what others do.
 *
 *     control [SEEDS [LABEL]]
 *
 * Virtual time; 24 h of receiver time after the climb; every 4xx counts as a deferral,
 * whatever its text. One line per model and sender: median and worst over the seeds; with
 * LABEL only the lines whose label has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/grey.h"
#include "tests/sim/trial.h"

#define SEEDS_MOST 1000

static struct trial_result results[SEEDS_MOST];

static const char *const names[] = {
    [SENDER_ADAPTIVE] = "mesura",       [SENDER_UNPACED] = "unpaced",
    [SENDER_STATIC] = "static",         [SENDER_TWO_STATE] = "two-state",
    [SENDER_FEEDBACK] = "1/N feedback", [SENDER_GOOGLE] = "google text",
};

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return a < b ? -1 : a > b ? 1 : 0;
}

struct spread {
    double median;
    double least;
    double most;
};

/* Of one field of all results; "never" is later than anything. */
static struct spread spread_of(unsigned seeds, size_t offset)
{
    static double values[SEEDS_MOST];

    for (unsigned i = 0; i < seeds; i++) {
        double value = 0;
        memcpy(&value, (const char *)&results[i] + offset, sizeof value);
        values[i] = value < 0 ? 1e6 : value;
    }
    qsort(values, seeds, sizeof values[0], by_value);
    return (struct spread){values[seeds / 2], values[0], values[seeds - 1]};
}

static double sum_of(unsigned seeds, size_t offset)
{
    double sum = 0;

    for (unsigned i = 0; i < seeds; i++) {
        double value = 0;
        memcpy(&value, (const char *)&results[i] + offset, sizeof value);
        sum += value;
    }
    return sum;
}

static void print_minutes(struct spread minutes)
{
    char median[16];
    char worst[16];

    (void)snprintf(median, sizeof median, "%.0f", minutes.median);
    (void)snprintf(worst, sizeof worst, "%.0f", minutes.most);
    (void)printf(" %5s %5s |", minutes.median < 1e6 ? median : "never",
                 minutes.most < 1e6 ? worst : "never");
}

static void report(const char *label, const struct trial *trial, unsigned seeds)
{
    for (unsigned seed = 0; seed < seeds; seed++) {
        trial_run(trial, seed + 1, &results[seed]);
    }
    struct spread good = spread_of(seeds, offsetof(struct trial_result, goodput));
    struct spread late = spread_of(seeds, offsetof(struct trial_result, deferred));
    struct spread over = spread_of(seeds, offsetof(struct trial_result, overshoot));
    (void)printf("%-16s %-12s | %5.3f %5.3f | %6.3f %6.3f | %3.0f %8.0f |", label,
                 names[trial->kind], good.median, good.least, 100 * late.median,
                 100 * late.most, sum_of(seeds, offsetof(struct trial_result, blocks)),
                 sum_of(seeds, offsetof(struct trial_result, lost)));
    if (trial->days == 0) {
        print_minutes(spread_of(seeds, offsetof(struct trial_result, climb_min)));
    } else {
        (void)printf(" %5s %5s |", "", "");
    }
    if (trial->steps) {
        print_minutes(spread_of(seeds, offsetof(struct trial_result, halved_min)));
        print_minutes(spread_of(seeds, offsetof(struct trial_result, doubled_min)));
    } else {
        (void)printf(" %5s %5s | %5s %5s |", "", "", "", "");
    }
    (void)printf(" %6.1f %6.1f\n", over.median, over.most);
    (void)fflush(stdout);
}

struct line {
    const char *label;
    struct trial trial;
};

#define RATES(RATE, TEXT)                                                               \
    {"R1 " TEXT, {.model = RECEIVER_BUCKET, .per_minute = (RATE), .steps = true}},      \
        {"R2 " TEXT, {.model = RECEIVER_STRIKES, .per_minute = (RATE), .steps = true}}, \
    {                                                                                   \
        "R2 vague " TEXT,                                                               \
        {                                                                               \
            .model = RECEIVER_STRIKES, .per_minute = (RATE),                            \
            .words = RECEIVER_WORDS_VAGUE, .steps = true                                \
        }                                                                               \
    }

#define OTHERS(MODEL, TEXT)                                                           \
    {TEXT, {.model = (MODEL), .per_minute = 60, .kind = SENDER_UNPACED}},             \
        {TEXT " x0.5",                                                                \
         {.model = (MODEL), .per_minute = 60, .kind = SENDER_STATIC, .times = 0.5}},  \
        {TEXT " x2",                                                                  \
         {.model = (MODEL), .per_minute = 60, .kind = SENDER_STATIC, .times = 2}},    \
        {TEXT " x2",                                                                  \
         {.model = (MODEL), .per_minute = 60, .kind = SENDER_TWO_STATE, .times = 2}}, \
        {TEXT, {.model = (MODEL), .per_minute = 60, .kind = SENDER_FEEDBACK}},        \
    {                                                                                 \
        TEXT,                                                                         \
        {                                                                             \
            .model = (MODEL), .per_minute = 60, .kind = SENDER_GOOGLE                 \
        }                                                                             \
    }

static const struct line lines[] = {
    RATES(6, "6/min"),
    RATES(60, "60/min"),
    RATES(600, "600/min"),
    RATES(6000, "6000/min"),
    {"R1 drawn", {.model = RECEIVER_BUCKET, .steps = true}},
    {"R2 drawn", {.model = RECEIVER_STRIKES, .steps = true}},
    {"R1 quota 60 s", {.model = RECEIVER_QUOTA, .per_minute = 600}},
    {"R1 quota 1 h",
     {.model = RECEIVER_QUOTA, .per_minute = 20, .stretch_ns = RECEIVER_HOUR, .days = 2}},
    {"R1 quota 1 d",
     {.model = RECEIVER_QUOTA, .per_minute = 5, .stretch_ns = RECEIVER_DAY, .days = 5}},
    {"R3", {.model = RECEIVER_CONNECTIONS}},
    {"R4", {.model = RECEIVER_CURVE, .days = 5}},
    {"R5 60/min", {.model = RECEIVER_DIURNAL, .per_minute = 60}},
    {"R7 60/min", {.model = RECEIVER_REPUTATION, .per_minute = 60}},
    {"R8 600/min", {.model = RECEIVER_LISTING, .per_minute = 600}},
    {"R9 600/min", {.model = RECEIVER_MISLEADING, .per_minute = 600}},
    {"R10 600/min", {.model = RECEIVER_STRIKES, .per_minute = 600, .pair = true}},
    {"noise 1 %", {.model = RECEIVER_NOISE, .per_minute = 1000}},
};

static const struct line others[] = {
    OTHERS(RECEIVER_BUCKET, "R1 60/min"),  OTHERS(RECEIVER_STRIKES, "R2 60/min"),
    OTHERS(RECEIVER_DIURNAL, "R5 60/min"), OTHERS(RECEIVER_REPUTATION, "R7 60/min"),
    OTHERS(RECEIVER_LISTING, "R8 60/min"),
};

static void run(const struct line *table, size_t count, unsigned seeds, const char *only)
{
    for (size_t i = 0; i < count; i++) {
        if (strstr(table[i].label, only) != NULL) {
            report(table[i].label, &table[i].trial, seeds);
        }
    }
}

static void report_grey(unsigned seeds)
{
    struct grey_result sum = {0};

    for (unsigned seed = 1; seed <= seeds; seed++) {
        struct grey_result result;
        grey_run(seed, &result);
        sum.messages += result.messages;
        sum.delivered += result.delivered;
        sum.moved += result.moved;
        sum.attempts += result.attempts;
        sum.slowed += result.slowed;
    }
    (void)printf("R6 greylisting   mesura       | delivered %lu of %lu, from another "
                 "address %lu, attempts each %.2f, lanes slowed %lu\n",
                 (unsigned long)sum.delivered, (unsigned long)sum.messages,
                 (unsigned long)sum.moved, (double)sum.attempts / (double)sum.messages,
                 (unsigned long)sum.slowed);
}

int main(int argc, char **argv)
{
    unsigned seeds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20;
    const char *only = argc > 2 ? argv[2] : "";

    seeds = seeds < 1 ? 1 : seeds > SEEDS_MOST ? SEEDS_MOST : seeds;
    (void)printf("%u seeds, median and worst; minutes of receiver time\n"
                 "%-29s |    goodput  |  deferred %%   | blocks  lost |   to 80 %%   |"
                 "   halved    |   doubled   |  overshoot\n",
                 seeds, "");
    run(lines, sizeof lines / sizeof lines[0], seeds, only);
    if (strstr("R6 greylisting", only) != NULL) {
        report_grey(seeds);
    }
    run(others, sizeof others / sizeof others[0], seeds < 5 ? seeds : 5, only);
    return 0;
}
