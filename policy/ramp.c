#include "policy/ramp.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define QUIET_DAYS       4 /* clean days of low demand that advance a step */
#define QUIET_REACH      3 /* but not beyond so many times the biggest day sent */
#define DECAY_DAYS       3 /* idle days for one step back, once decay has begun */
#define COMPLAINTS_LEAST 3 /* fewer in seven days say nothing */
#define DONE_TIMES       2 /* the cap is twice the usual peak of demand: done */

const struct ramp_rules ramp_shipped_rules = {
    .use_share = 0.80,
    .low_share = 0.20,
    .deferral_limit = 0.05,
    .refusal_limit = 0.02,
    .bad_mailbox_limit = 0.05,
    .complaint_warn = 0.001,
    .complaint_stop = 0.003,
    .idle_keep = 7,
    .idle_reset = 30,
};

static const struct {
    const char *name;
    struct ramp_plan plan;
} presets[] = {
    {"conservative", {.start = 100, .growth = 1.3, .days = 25}},
    {"standard", {.start = 200, .growth = 1.5, .days = 20}},
    {"sparkpost",
     {.days = 29,
      .step_count = 29,
      .growth = 1.3,
      .steps = {200,     500,     1000,    2000,    5000,    10000,   20000,   40000,
                50000,   75000,   100000,  150000,  200000,  250000,  325000,  400000,
                500000,  600000,  750000,  1000000, 1250000, 1750000, 2000000, 3000000,
                4250000, 5000000, 6000000, 7500000, 10000000}}},
    {"ses45", {.start = 50, .growth = 1.17, .days = 45}},
};

const struct ramp_plan *ramp_preset(const char *name)
{
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (strcmp(presets[i].name, name) == 0) {
            return &presets[i].plan;
        }
    }
    return NULL;
}

static uint32_t last_step(const struct ramp_plan *plan)
{
    uint32_t days = plan->step_count > 0 ? plan->step_count : plan->days;
    return days > 0 ? days - 1 : 0;
}

static uint64_t allowance_at(const struct ramp_plan *plan, uint32_t step, bool other)
{
    uint64_t floor_of = other ? RAMP_FLOOR * RAMP_OTHER_FLOORS : RAMP_FLOOR;
    uint32_t last = last_step(plan);
    uint32_t at = step < last ? step : last;
    uint64_t allowance = 0;

    if (plan->step_count > 0) {
        assert(plan->step_count <= RAMP_STEPS);
        allowance = plan->steps[at];
    } else {
        double value = (double)plan->start * pow(plan->growth, at);
        allowance = value < 1e15 ? (uint64_t)value : UINT64_C(1000000000000000);
    }
    return allowance > floor_of ? allowance : floor_of;
}

uint64_t ramp_allowance(const struct ramp_plan *plan, const struct ramp *ramp, bool other)
{
    return ramp->done ? UINT64_MAX : allowance_at(plan, ramp->step, other);
}

void ramp_start(struct ramp *ramp, uint32_t step, int32_t day)
{
    *ramp = (struct ramp){.day = day, .step = step};
}

static void back(struct ramp *ramp, uint32_t steps)
{
    ramp->step = ramp->step > steps ? ramp->step - steps : 0;
}

/* Back to the highest step whose allowance is at most this one. */
static void back_to(struct ramp *ramp, const struct ramp_plan *plan, bool other,
                    uint64_t allowance)
{
    while (ramp->step > 0 && allowance_at(plan, ramp->step, other) > allowance) {
        ramp->step--;
    }
}

static void advance(struct ramp *ramp, const struct ramp_plan *plan)
{
    if (ramp->step >= last_step(plan)) {
        ramp->done = true;
    } else {
        ramp->step++;
    }
}

/* Is one of the day's shares proven bad? Fills what decided. */
static bool proven_bad(const struct ramp_rules *rules, const struct ramp_day *day,
                       struct ramp_ruling *ruling)
{
    const struct {
        const char *of;
        uint64_t hits;
        double limit;
    } shares[] = {
        {"refusals", day->refusals, rules->refusal_limit},
        {"deferrals", day->deferrals, rules->deferral_limit},
        {"bad mailboxes", day->bad_mailboxes, rules->bad_mailbox_limit},
    };

    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        struct evidence_bounds bounds =
            evidence_of((double)shares[i].hits, (double)day->attempts);
        if (evidence_is_bad(bounds, shares[i].limit)) {
            ruling->bounds = bounds;
            ruling->limit = shares[i].limit;
            ruling->of = shares[i].of;
            return true;
        }
    }
    return false;
}

/* Complaints: bare shares, because a provider counts them so. */
static double complaint_share(const struct ramp_day *day)
{
    if (day->complaints < COMPLAINTS_LEAST || day->complaint_base == 0) {
        return 0;
    }
    return (double)day->complaints / (double)day->complaint_base;
}

static enum ramp_verdict judge_trouble(struct ramp *ramp, const struct ramp_plan *plan,
                                       const struct ramp_rules *rules,
                                       const struct ramp_day *day, bool other,
                                       struct ramp_ruling *ruling)
{
    double complained = complaint_share(day);

    if (day->listed) {
        uint64_t normal =
            allowance_at(plan, ramp->done ? last_step(plan) : ramp->step, other);
        ramp->done = false;
        back_to(ramp, plan, other, normal / 4);
        return RAMP_BACK_LISTED;
    }
    if (day->blocked) {
        ramp->done = false;
        back(ramp, 3);
        return RAMP_BACK_THREE;
    }
    if (complained >= rules->complaint_warn) {
        ruling->of = "complaints";
        ruling->bounds =
            evidence_of((double)day->complaints, (double)day->complaint_base);
        bool stop = complained >= rules->complaint_stop;
        ruling->limit = stop ? rules->complaint_stop : rules->complaint_warn;
        return stop ? RAMP_FREEZE : RAMP_HOLD_WARNED;
    }
    if (proven_bad(rules, day, ruling)) {
        ramp->done = false;
        back(ramp, 1);
        return RAMP_BACK_ONE;
    }
    return RAMP_ADVANCE; /* nothing against it */
}

/* A clean day: how much of the allowance was asked for, and how much of that was used. */
static enum ramp_verdict judge_use(struct ramp *ramp, const struct ramp_plan *plan,
                                   const struct ramp_rules *rules,
                                   const struct ramp_day *day, bool other)
{
    uint64_t allowance = allowance_at(plan, ramp->step, other);
    bool low = (double)day->accepted < rules->low_share * (double)allowance;

    if (day->demand_p95 > 0 && allowance >= DONE_TIMES * day->demand_p95 && !low) {
        ramp->done = true;
        return RAMP_DONE;
    }
    if (low) {
        ramp->low_days++;
        ramp->clean_low_days++;
        uint64_t next = allowance_at(plan, ramp->step + 1, other);
        if (ramp->clean_low_days < QUIET_DAYS || next > QUIET_REACH * ramp->biggest_day) {
            return RAMP_HOLD_NO_EVIDENCE;
        }
        ramp->clean_low_days = 0;
        ramp->low_days = 0;
        advance(ramp, plan);
        return RAMP_ADVANCE_QUIET;
    }
    ramp->low_days = 0;
    ramp->clean_low_days = 0;
    double asked = day->released > 0 ? (double)day->released : (double)allowance;
    if ((double)day->accepted < rules->use_share * asked) {
        return RAMP_HOLD_UNUSED;
    }
    advance(ramp, plan);
    return ramp->done ? RAMP_DONE : RAMP_ADVANCE;
}

static enum ramp_verdict judge(struct ramp *ramp, const struct ramp_plan *plan,
                               const struct ramp_rules *rules, const struct ramp_day *day,
                               bool other, struct ramp_ruling *ruling)
{
    enum ramp_verdict verdict = judge_trouble(ramp, plan, rules, day, other, ruling);
    if (verdict != RAMP_ADVANCE) {
        ramp->clean_low_days = 0;
        return verdict;
    }
    if (ramp->done) {
        return RAMP_DONE;
    }
    ruling->of = "use";
    ruling->limit = rules->use_share;
    return judge_use(ramp, plan, rules, day, other);
}

/* So many days passed without a message. True when that changed the step. */
static bool grow_idle(struct ramp *ramp, const struct ramp_plan *plan,
                      const struct ramp_rules *rules, uint32_t days,
                      enum ramp_verdict *out_verdict)
{
    uint32_t before = ramp->idle_days;
    uint32_t after = before < UINT32_MAX - days ? before + days : UINT32_MAX;
    uint32_t paid =
        before > rules->idle_keep ? (before - rules->idle_keep) / DECAY_DAYS : 0;
    uint32_t owed =
        after > rules->idle_keep ? (after - rules->idle_keep) / DECAY_DAYS : 0;
    bool fresh = ramp->step == 0 && !ramp->done;

    ramp->idle_days = after;
    if (after >= rules->idle_reset) {
        ramp->step = 0;
        ramp->done = false;
        *out_verdict = RAMP_RESTART;
        return !fresh;
    }
    if (owed == paid || fresh) {
        return false;
    }
    if (ramp->done) {
        ramp->done = false;
        ramp->step = last_step(plan);
    }
    back(ramp, owed - paid);
    *out_verdict = RAMP_DECAY;
    return true;
}

struct ramp_ruling ramp_close_day(struct ramp *ramp, const struct ramp_plan *plan,
                                  const struct ramp_rules *rules,
                                  const struct ramp_day *day, bool other, int32_t today)
{
    struct ramp_ruling ruling = {.verdict = RAMP_HOLD_UNUSED, .of = ""};
    int64_t passed = (int64_t)today - ramp->day;

    ruling.before = ramp_allowance(plan, ramp, other);
    ruling.after = ruling.before;
    if (passed <= 0) {
        return ruling;
    }
    ramp->day = today;
    bool idle = day->accepted == 0 && day->attempts == 0 && !day->listed && !day->blocked;
    if (day->accepted > ramp->biggest_day) {
        ramp->biggest_day = day->accepted;
    }
    if (ramp->paused) {
        ruling.verdict = RAMP_HOLD_PAUSED;
    } else if (idle) {
        ruling.verdict = RAMP_HOLD_NO_EVIDENCE;
    } else {
        ramp->idle_days = 0;
        ruling.verdict = judge(ramp, plan, rules, day, other, &ruling);
    }
    uint32_t silent = (uint32_t)(passed - (idle ? 0 : 1));
    if (silent > 0 && grow_idle(ramp, plan, rules, silent, &ruling.verdict)) {
        ramp->biggest_day = ruling.verdict == RAMP_RESTART ? 0 : ramp->biggest_day;
        ruling.of = "idle days";
    }
    ruling.after = ramp_allowance(plan, ramp, other);
    return ruling;
}

struct ramp_ruling ramp_preview(const struct ramp *ramp, const struct ramp_plan *plan,
                                const struct ramp_rules *rules,
                                const struct ramp_day *day, bool other)
{
    struct ramp copy = *ramp;
    return ramp_close_day(&copy, plan, rules, day, other, ramp->day + 1);
}

struct pace_limit ramp_release(uint64_t allowance, int64_t window_ns)
{
    if (allowance == UINT64_MAX || window_ns <= 0) {
        return (struct pace_limit){0};
    }
    uint64_t count = allowance < UINT32_MAX ? allowance : UINT32_MAX;
    return (struct pace_limit){
        .count = (uint32_t)count,
        .burst = count >= 100 ? (uint32_t)(count / 100) : 1,
        .period_ns = window_ns,
    };
}

const char *ramp_verdict_name(enum ramp_verdict verdict)
{
    switch (verdict) {
    case RAMP_ADVANCE: return "advance";
    case RAMP_ADVANCE_QUIET: return "advance after quiet days";
    case RAMP_HOLD_UNUSED: return "hold: not used";
    case RAMP_HOLD_NO_EVIDENCE: return "hold: too little sent";
    case RAMP_HOLD_WARNED: return "hold: complaints";
    case RAMP_HOLD_PAUSED: return "hold: paused";
    case RAMP_BACK_ONE: return "back one step";
    case RAMP_BACK_THREE: return "back three steps: blocked";
    case RAMP_BACK_LISTED: return "back to a quarter: listed";
    case RAMP_FREEZE: return "freeze: complaints";
    case RAMP_DECAY: return "decay: idle";
    case RAMP_RESTART: return "start again: idle";
    case RAMP_DONE: return "done";
    }
    return "unknown";
}
