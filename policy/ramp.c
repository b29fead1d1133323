#include "policy/ramp.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define QUIET_DAYS       4 /* clean days of low demand that advance a step */
#define QUIET_REACH      3 /* but not beyond so many times the biggest day sent */
#define DECAY_DAYS       3 /* idle days for one step back, once decay has begun */
#define COMPLAINTS_LEAST 3 /* fewer in seven days say nothing */
#define DONE_TIMES       2 /* the cap is twice the usual peak of demand: done */
#define POOL_DAYS        7 /* of little use, judged together */
#define WAITED_SHARE                                                                 \
    0.95                /* of a day's release came while mail waited: it wanted more \
                         */
#define LISTED_PARTS 4  /* of normal, after a listing ... */
#define GRAVE_PARTS  10 /* ... and after a grave one again within ... */
#define AGAIN_DAYS   30
#define MET_ROW      5       /* deferrals in a row ... */
#define MET_MS       3600000 /* ... over so long: the receiver takes no more today */

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

static uint64_t floor_of(bool other)
{
    return other ? RAMP_FLOOR * RAMP_OTHER_FLOORS : RAMP_FLOOR;
}

static uint64_t allowance_at(const struct ramp_plan *plan, uint32_t step, bool other)
{
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
    return allowance > floor_of(other) ? allowance : floor_of(other);
}

uint64_t ramp_allowance(const struct ramp_plan *plan, const struct ramp *ramp, bool other)
{
    uint64_t allowance = ramp->done ? UINT64_MAX : allowance_at(plan, ramp->step, other);

    if (ramp->most > 0 && ramp->most < allowance) {
        return ramp->most > floor_of(other) ? ramp->most : floor_of(other);
    }
    return allowance;
}

void ramp_start(struct ramp *ramp, uint32_t step, int32_t day)
{
    *ramp = (struct ramp){.day = day, .step = step};
}

static uint64_t least(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* A warm address in trouble: back on the last step of its curve. */
static void cool(struct ramp *ramp, const struct ramp_plan *plan)
{
    if (ramp->done) {
        ramp->done = false;
        ramp->step = last_step(plan);
    }
}

static void back(struct ramp *ramp, uint32_t steps)
{
    ramp->step = ramp->step > steps ? ramp->step - steps : 0;
}

static void advance(struct ramp *ramp, const struct ramp_plan *plan)
{
    if (ramp->step >= last_step(plan)) {
        ramp->done = true;
    } else {
        ramp->step++;
    }
}

void ramp_day_add(struct ramp_day *day, enum verdict_ramp answer, int64_t unix_ms)
{
    if (answer == VERDICT_RAMP_NOTHING) {
        return;
    }
    day->attempts++;
    if (answer != VERDICT_RAMP_DEFERRAL) {
        day->row = 0;
    }
    switch (answer) {
    case VERDICT_RAMP_NOTHING: break;
    case VERDICT_RAMP_ACCEPTED: day->accepted++; break;
    case VERDICT_RAMP_DEFERRAL:
        day->deferrals++;
        day->row_unix_ms = day->row == 0 ? unix_ms : day->row_unix_ms;
        day->row++;
        day->met =
            day->met || (day->row >= MET_ROW && unix_ms - day->row_unix_ms >= MET_MS);
        break;
    case VERDICT_RAMP_REFUSAL: day->refusals++; break;
    case VERDICT_RAMP_BAD_MAILBOX: day->bad_mailboxes++; break;
    case VERDICT_RAMP_BLOCK: day->blocked = true; break;
    }
}

/* Is one of the shares of the day, and of the days of little use before it, proven bad?
 * Fills what decided. */
static bool proven_bad(const struct ramp *ramp, const struct ramp_rules *rules,
                       const struct ramp_day *day, struct ramp_ruling *ruling)
{
    const struct ramp_pool *pool = &ramp->pool;
    const struct {
        const char *of;
        uint64_t hits;
        double limit;
    } shares[] = {
        {"refusals", day->refusals + pool->refusals, rules->refusal_limit},
        {"deferrals", day->deferrals + pool->deferrals, rules->deferral_limit},
        {"bad mailboxes", day->bad_mailboxes + pool->bad_mailboxes,
         rules->bad_mailbox_limit},
    };

    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        uint64_t total = day->attempts + ramp->pool.attempts;
        struct evidence_bounds bounds =
            evidence_of((double)least(shares[i].hits, total), (double)total);
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

/* On a list: a fraction of normal from now on. The same listing may last for days. */
static void fall_back(struct ramp *ramp, const struct ramp_plan *plan,
                      const struct ramp_day *day, bool other, int32_t day_number)
{
    bool goes_on = ramp->listed_day != 0 && day_number - ramp->listed_day <= 1;
    bool again = ramp->listed_day != 0 && ramp->was_grave && day->grave &&
                 day_number - ramp->listed_day <= AGAIN_DAYS;

    if (!goes_on) {
        uint64_t usual = ramp_past_normal(&ramp->past);
        uint64_t allowed =
            allowance_at(plan, ramp->done ? last_step(plan) : ramp->step, other);
        ramp->normal = usual > 0 ? least(usual, allowed) : allowed;
        ramp->most = ramp->normal / (again ? GRAVE_PARTS : LISTED_PARTS);
        ramp->most = ramp->most > 0 ? ramp->most : 1;
    }
    ramp->listed_day = day_number;
    ramp->was_grave = day->grave;
}

static enum ramp_verdict judge_trouble(struct ramp *ramp, const struct ramp_plan *plan,
                                       const struct ramp_rules *rules,
                                       const struct ramp_day *day, bool other,
                                       struct ramp_ruling *ruling)
{
    double complained = complaint_share(day);

    if (day->listed) {
        fall_back(ramp, plan, day, other, ramp->day);
        return RAMP_BACK_LISTED;
    }
    if (day->blocked) {
        cool(ramp, plan);
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
    if (proven_bad(ramp, rules, day, ruling)) {
        cool(ramp, plan);
        back(ramp, 1);
        return RAMP_BACK_ONE;
    }
    if (day->met) {
        cool(ramp, plan);
        back(ramp, 1);
        return RAMP_BACK_MET;
    }
    return RAMP_ADVANCE; /* nothing against it */
}

/* Too little was sent to say anything: four such days in a row, clean, advance. */
static enum ramp_verdict judge_low(struct ramp *ramp, const struct ramp_plan *plan,
                                   const struct ramp_day *day, bool other)
{
    struct ramp_pool *pool = &ramp->pool;

    *pool = (struct ramp_pool){.days = pool->days + 1,
                               .attempts = pool->attempts + day->attempts,
                               .deferrals = pool->deferrals + day->deferrals,
                               .refusals = pool->refusals + day->refusals,
                               .bad_mailboxes = pool->bad_mailboxes + day->bad_mailboxes};
    if (pool->days >= POOL_DAYS) {
        *pool = (struct ramp_pool){0};
    }
    ramp->clean_low_days++;
    uint64_t next = allowance_at(plan, ramp->step + 1, other);
    if (ramp->clean_low_days < QUIET_DAYS || next > QUIET_REACH * ramp->biggest_day) {
        return RAMP_HOLD_NO_EVIDENCE;
    }
    ramp->clean_low_days = 0;
    advance(ramp, plan);
    return RAMP_ADVANCE_QUIET;
}

/* A clean day: how much of the allowance was asked for, and how much of that was used. */
static enum ramp_verdict judge_use(struct ramp *ramp, const struct ramp_plan *plan,
                                   const struct ramp_rules *rules,
                                   const struct ramp_day *day, bool other)
{
    uint64_t allowance = allowance_at(plan, ramp->step, other);
    uint64_t peak = ramp_past_peak(&ramp->past);
    double accepted = (double)day->accepted;

    if (accepted < rules->low_share * (double)allowance) {
        return judge_low(ramp, plan, day, other);
    }
    ramp->pool = (struct ramp_pool){0};
    ramp->clean_low_days = 0;
    if (peak > 0 && allowance >= DONE_TIMES * peak) {
        ramp->done = true;
        return RAMP_DONE;
    }
    /* Where mail never waited it had all it wanted: that is full use, but no reason to
     * allow many times of what was ever sent. */
    bool waited = day->released > 0;
    uint64_t next = allowance_at(plan, ramp->step + 1, other);
    if ((waited && accepted < rules->use_share * (double)day->released) ||
        (accepted < rules->use_share * (double)allowance &&
         next > QUIET_REACH * ramp->biggest_day)) {
        return RAMP_HOLD_UNUSED;
    }
    advance(ramp, plan);
    return ramp->done ? RAMP_DONE : RAMP_ADVANCE;
}

/* A clean day after a listing: twice as much, until that is no limit any more. */
static enum ramp_verdict recover(struct ramp *ramp, const struct ramp_plan *plan,
                                 const struct ramp_day *day, bool other)
{
    uint64_t enough = ramp->done ? ramp->normal : allowance_at(plan, ramp->step, other);

    if (day->accepted > 0) {
        ramp->most = ramp->most < enough ? 2 * ramp->most : ramp->most;
        ramp->most = ramp->most >= enough ? 0 : ramp->most;
    }
    return RAMP_RECOVER;
}

static enum ramp_verdict judge(struct ramp *ramp, const struct ramp_plan *plan,
                               const struct ramp_rules *rules, const struct ramp_day *day,
                               bool other, struct ramp_ruling *ruling)
{
    enum ramp_verdict verdict = judge_trouble(ramp, plan, rules, day, other, ruling);
    if (verdict != RAMP_ADVANCE) {
        ramp->clean_low_days = 0;
        ramp->pool = (struct ramp_pool){0};
        return verdict;
    }
    if (ramp->most > 0) {
        return recover(ramp, plan, day, other);
    }
    if (ramp->paused) {
        return RAMP_HOLD_PAUSED;
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
        ramp->most = 0;
        ramp->pool = (struct ramp_pool){0};
        *out_verdict = RAMP_RESTART;
        return !fresh;
    }
    if (owed == paid || fresh) {
        return false;
    }
    cool(ramp, plan);
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
    bool idle = day->accepted == 0 && day->attempts == 0 && !day->listed && !day->blocked;
    uint32_t silent = (uint32_t)(passed - 1);
    bool waited =
        ruling.before != UINT64_MAX &&
        (day->met || (double)day->released >= WAITED_SHARE * (double)ruling.before);
    ramp_past_add(&ramp->past, day->accepted, day->attempts,
                  waited && ruling.before > day->accepted ? ruling.before : day->accepted,
                  silent);
    if (day->accepted > ramp->biggest_day) {
        ramp->biggest_day = day->accepted;
    }
    if (idle) {
        ruling.verdict = ramp->paused ? RAMP_HOLD_PAUSED : RAMP_HOLD_NO_EVIDENCE;
        silent++;
    } else {
        ramp->idle_days = 0;
        ruling.verdict = judge(ramp, plan, rules, day, other, &ruling);
    }
    ramp->day = today;
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
    case RAMP_BACK_MET: return "back one step: the receiver's own limit was met";
    case RAMP_BACK_THREE: return "back three steps: blocked";
    case RAMP_BACK_LISTED: return "back to a fraction of normal: listed";
    case RAMP_RECOVER: return "recovering after a listing";
    case RAMP_FREEZE: return "freeze: complaints";
    case RAMP_DECAY: return "decay: idle";
    case RAMP_RESTART: return "start again: idle";
    case RAMP_DONE: return "done";
    }
    return "unknown";
}
