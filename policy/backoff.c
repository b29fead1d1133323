#include "policy/backoff.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* A hint outside of these is not believed. */
#define HINT_LEAST_NS (10 * SECOND)
#define HINT_MOST_NS  (4 * HOUR)
#define GREYLIST_NS   (5 * MINUTE)

static const struct preset {
    const char *name;
    struct backoff_schedule schedule;
    struct backoff_life life;
} presets[] = {
    {.name = "urgent",
     .schedule = {.steps_ns = {30 * SECOND, 1 * MINUTE, 2 * MINUTE, 4 * MINUTE,
                               5 * MINUTE},
                  .step_count = 5,
                  .factor = 1.0,
                  .max_ns = 5 * MINUTE,
                  .jitter = 0.2},
     .life = {.lifetime_ns = 15 * MINUTE, .notice_ns = 0}},
    {.name = "transactional",
     .schedule = {.steps_ns = {1 * MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE, 1 * HOUR,
                               2 * HOUR, 4 * HOUR},
                  .step_count = 7,
                  .factor = 1.0,
                  .max_ns = 4 * HOUR,
                  .jitter = 0.2},
     .life = {.lifetime_ns = 3 * DAY, .notice_ns = 4 * HOUR}},
    {.name = "bulk",
     .schedule = {.steps_ns = {15 * MINUTE},
                  .step_count = 1,
                  .factor = 2.0,
                  .max_ns = 4 * HOUR,
                  .jitter = 0.2},
     .life = {.lifetime_ns = 2 * DAY, .notice_ns = 0}},
};

/* The scheduled wait after so many attempts, without jitter. */
static double step_of(const struct backoff_schedule *schedule, uint32_t attempts)
{
    assert(schedule->step_count >= 1);
    assert(schedule->step_count <= BACKOFF_STEPS);

    double wait_ns = 0;
    if (attempts <= schedule->step_count) {
        wait_ns = (double)schedule->steps_ns[attempts > 0 ? attempts - 1 : 0];
    } else {
        wait_ns = (double)schedule->steps_ns[schedule->step_count - 1];
        double most_ns = (double)schedule->max_ns;
        double factor = schedule->factor > 1.0 ? schedule->factor : 1.0;
        for (uint32_t i = schedule->step_count;
             i < attempts && factor > 1.0 && wait_ns < most_ns; i++) {
            wait_ns *= factor;
        }
    }
    return wait_ns < (double)schedule->max_ns ? wait_ns : (double)schedule->max_ns;
}

static double jittered(double wait_ns, double jitter, uint64_t roll)
{
    double unit = (double)(roll >> 11) / 9007199254740992.0; /* 0 <= unit < 1 */
    return wait_ns * (1.0 - jitter + 2.0 * jitter * unit);
}

struct backoff_answer backoff_next(const struct backoff_schedule *schedule,
                                   const struct backoff_life *life,
                                   const struct backoff_ask *ask)
{
    struct backoff_answer answer = backoff_age(life, ask->age_ns, ask->noticed);
    if (answer.expired) {
        return answer;
    }

    bool hinted = ask->wait_ns >= HINT_LEAST_NS && ask->wait_ns <= HINT_MOST_NS;
    double base_ns = step_of(schedule, ask->attempts);
    if (ask->greylisted) {
        double grey_ns = (double)(hinted ? ask->wait_ns : GREYLIST_NS);
        base_ns = hinted || grey_ns < base_ns ? grey_ns : base_ns;
    }
    double wait_ns = jittered(base_ns, schedule->jitter, ask->roll);
    if (hinted && wait_ns < (double)ask->wait_ns) {
        /* Not earlier than asked, and not all at the same instant. */
        wait_ns = (double)ask->wait_ns * (1.0 + jittered(0.5, 1.0, ask->roll) * 0.1);
    }

    int64_t left_ns = life->lifetime_ns - ask->age_ns;
    answer.ends = wait_ns >= (double)left_ns;
    answer.wait_ns = answer.ends ? left_ns : (int64_t)wait_ns;
    return answer;
}

struct backoff_answer backoff_age(const struct backoff_life *life, int64_t age_ns,
                                  bool noticed)
{
    struct backoff_answer answer = {0};

    if (age_ns >= life->lifetime_ns) {
        answer.expired = true;
        return answer;
    }
    bool owes = life->notice_ns > 0 && life->notice_ns < life->lifetime_ns && !noticed;
    answer.notice_due = owes && age_ns >= life->notice_ns;
    int64_t next_ns = owes && !answer.notice_due ? life->notice_ns : life->lifetime_ns;
    answer.wait_ns = next_ns - age_ns;
    answer.ends = next_ns == life->lifetime_ns;
    return answer;
}

bool backoff_preset(const char *name, struct backoff_schedule *out_schedule,
                    struct backoff_life *out_life)
{
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (strcmp(presets[i].name, name) == 0) {
            *out_schedule = presets[i].schedule;
            *out_life = presets[i].life;
            return true;
        }
    }
    return false;
}
