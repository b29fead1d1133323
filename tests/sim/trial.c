#include "tests/sim/trial.h"

#include <string.h>

#define CLIMB_MINUTES  (12 * 60)
#define DAY_MINUTES    (24 * 60)
#define HALF_MINUTES   (3 * 60)
#define DOUBLE_MINUTES (6 * 60)
#define MINUTES_MOST   (7 * DAY_MINUTES)

/* What happened in each minute of a phase. */
struct minute {
    double accepted;
    double attempts;
    double deferred;
    double offered;
};

struct phase {
    struct minute minutes[MINUTES_MOST];
    uint32_t count;
};

/* Too large for a stack; a trial is one at a time. */
static struct receiver receiver;
static struct sender senders[2];
static struct phase phase;

static void run_until(const struct trial *trial, int64_t until_ns)
{
    if (!trial->pair) {
        sender_run(&senders[0], until_ns);
        return;
    }
    /* In turns of a second, so that neither sees much of the other's future. */
    while (senders[1].now_ns < until_ns) {
        int64_t next_ns = senders[1].now_ns + RECEIVER_SECOND;
        next_ns = next_ns < until_ns ? next_ns : until_ns;
        sender_run(&senders[0], next_ns);
        sender_run(&senders[1], next_ns);
    }
}

static struct minute totals(const struct trial *trial)
{
    struct minute sum = {.offered = receiver.offered};

    for (int i = 0; i < (trial->pair ? 2 : 1); i++) {
        sum.accepted += (double)senders[i].accepted;
        sum.attempts += (double)senders[i].attempts;
        sum.deferred += (double)senders[i].deferred;
    }
    return sum;
}

static void run_minute(const struct trial *trial, struct trial_result *result)
{
    int64_t end_ns = senders[0].now_ns + RECEIVER_MINUTE;

    (void)receiver_offered(&receiver, senders[0].now_ns);
    struct minute before = totals(trial);
    run_until(trial, end_ns);
    (void)receiver_offered(&receiver, end_ns);
    struct minute now = totals(trial);
    struct minute minute = {
        .accepted = now.accepted - before.accepted,
        .attempts = now.attempts - before.attempts,
        .deferred = now.deferred - before.deferred,
        .offered = now.offered - before.offered,
    };
    if (minute.attempts > minute.offered && minute.offered > 0) {
        result->overshoot += (minute.attempts - minute.offered) / minute.offered;
    }
    phase.minutes[phase.count++] = minute;
}

/* From that minute on, so long: was that part of the capacity used, with hardly a 4xx? */
static bool is_met(uint32_t first, uint32_t length, double share, double deferred)
{
    struct minute sum = {0};

    if (first + length > phase.count) {
        return false;
    }
    for (uint32_t i = first; i < first + length; i++) {
        sum.accepted += phase.minutes[i].accepted;
        sum.attempts += phase.minutes[i].attempts;
        sum.deferred += phase.minutes[i].deferred;
        sum.offered += phase.minutes[i].offered;
    }
    return sum.accepted >= share * sum.offered && sum.deferred <= deferred * sum.attempts;
}

static double first_met(uint32_t length, double deferred)
{
    for (uint32_t first = 0; first < phase.count; first++) {
        if (is_met(first, length, 0.8, deferred)) {
            return first;
        }
    }
    return -1;
}

static void climb(const struct trial *trial, struct trial_result *result)
{
    phase.count = 0;
    result->climb_min = -1;
    while (phase.count < CLIMB_MINUTES && result->climb_min < 0) {
        run_minute(trial, result);
        if (phase.count >= 10 && is_met(phase.count - 10, 10, 0.8, 1)) {
            result->climb_min = phase.count;
        }
    }
}

static void measure(const struct trial *trial, struct trial_result *result)
{
    struct minute before = totals(trial);
    uint32_t minutes = (trial->days > 0 ? trial->days : 1) * DAY_MINUTES;

    phase.count = 0;
    while (phase.count < minutes && phase.count < MINUTES_MOST) {
        run_minute(trial, result);
    }
    struct minute after = totals(trial);
    double attempts = after.attempts - before.attempts;
    result->goodput =
        (after.accepted - before.accepted) / (after.offered - before.offered);
    result->deferred = attempts > 0 ? (after.deferred - before.deferred) / attempts : 0;
}

static void change(const struct trial *trial, double times, uint32_t minutes,
                   struct trial_result *scratch)
{
    (void)receiver_offered(&receiver, senders[0].now_ns);
    receiver.step_ns = senders[0].now_ns;
    receiver.step_times = times;
    phase.count = 0;
    while (phase.count < minutes) {
        run_minute(trial, scratch);
    }
}

void trial_run(const struct trial *trial, uint64_t seed, struct trial_result *out_result)
{
    struct trial_result scratch = {0};

    *out_result =
        (struct trial_result){.climb_min = -1, .halved_min = -1, .doubled_min = -1};
    receiver_init(&receiver, trial->model, trial->per_minute, seed);
    receiver.words = trial->words > 0 ? trial->words : receiver.words;
    receiver.noise = trial->noise > 0 ? trial->noise : receiver.noise;
    receiver.stretch_ns = trial->stretch_ns > 0 ? trial->stretch_ns : receiver.stretch_ns;
    for (int i = 0; i < 2; i++) {
        sender_init(&senders[i], trial->kind, &receiver,
                    receiver.per_minute * trial->times, RECEIVER_MINUTE);
    }
    if (trial->days == 0) {
        climb(trial, out_result);
    }
    measure(trial, out_result);
    if (trial->steps) {
        change(trial, 0.5, HALF_MINUTES, &scratch);
        out_result->halved_min = first_met(20, 0.005);
        change(trial, 1.0, DOUBLE_MINUTES, &scratch);
        out_result->doubled_min = first_met(10, 1);
    }
    out_result->blocks = (double)receiver.blocks;
    out_result->overruns = (double)receiver.overruns;
    out_result->throttles = senders[0].control.throttles;
    for (int i = 0; i < (trial->pair ? 2 : 1); i++) {
        out_result->lost += (double)senders[i].refused;
        out_result->after_hit += (double)senders[i].after_hit;
    }
}
