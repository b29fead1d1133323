#include "tests/sim/warm.h"

#include <math.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/stop.h"
#include "policy/verdict.h"

#include "tests/sim/receiver.h"

#define LATENCY_NS (RECEIVER_SECOND / 5) /* of one transaction; one at a time */

void warm_init(struct warm *warm, struct daily *daily, const struct ramp_plan *plan,
               double per_day)
{
    memset(warm, 0, sizeof *warm);
    warm->daily = daily;
    warm->plan = plan;
    warm->per_day = per_day;
    warm->limits = (struct control_limits){
        .enabled = true,
        .start_rate = {.count = 1, .period_ns = RECEIVER_SECOND},
        .max_rate = {.count = 20, .burst = 1, .period_ns = RECEIVER_SECOND},
        .max_connections = 5,
        .pause_ns = RECEIVER_MINUTE,
        .max_pause_ns = 4 * RECEIVER_HOUR,
    };
    control_init(&warm->control, &warm->limits, 0);
    ramp_start(&warm->ramp, 0, 0);
    ledger_open(&warm->ledger, NULL, 0);
}

static int64_t later(int64_t one_ns, int64_t other_ns)
{
    return one_ns > other_ns ? one_ns : other_ns;
}

static void refused(struct warm *warm, const char *text, bool probe, int64_t started_ns)
{
    struct reply reply;
    struct finding finding;
    if (!classify_parse_line(text, REPLY_STAGE_MAIL, &reply)) {
        return;
    }
    classify_reply(&reply, "", NULL, &finding);
    struct verdict verdict = verdict_of(&reply, &finding);
    ramp_day_add(&warm->day, verdict.ramp, warm->now_ns / 1000000);
    warm->days[warm->ledger.day].deferred += reply.code < 500;
    if (verdict.lane == VERDICT_LANE_STOP) {
        warm->stopped_until_ns = warm->now_ns + STOP_REPUTATION_MS * 1000000;
    }
    struct control_event event = {.finding = &finding,
                                  .units = 1,
                                  .open = 1,
                                  .started_ns = started_ns,
                                  .probe = probe};
    (void)control_refused(&warm->control, &warm->limits, &event, warm->now_ns);
}

static void send_one(struct warm *warm, uint64_t cap)
{
    struct pace_limit release = ramp_release(cap, DAILY_NS);
    struct pace_limit rate = control_rate(&warm->control, &warm->limits, warm->now_ns);
    int64_t started_ns = warm->now_ns;
    bool probe = control_started(&warm->control, &warm->limits, started_ns);
    ledger_spend(&warm->ledger, 1);
    pace_spend(&warm->release, &release, 1, started_ns);
    pace_spend(&warm->pace, &rate, 1, started_ns);
    warm->now_ns += LATENCY_NS;
    const char *text = daily_message(warm->daily, warm->now_ns);
    ledger_settle(&warm->ledger, warm->ledger.day, text == NULL, text != NULL);
    if (text != NULL) {
        refused(warm, text, probe, started_ns);
        return;
    }
    if (warm->today < warm->per_day) {
        warm->today++;
    } else {
        warm->backlog--;
    }
    warm->days[warm->ledger.day].accepted++;
    ramp_day_add(&warm->day, VERDICT_RAMP_ACCEPTED, warm->now_ns / 1000000);
    (void)control_accepted(&warm->control, &warm->limits, 1, 1, probe, warm->now_ns);
}

/* The day's own mail first; what is left of it at midnight is of no use any more. */
static bool has_mail(const struct warm *warm)
{
    return warm->today < warm->per_day || warm->backlog > 0;
}

/* When the next may go, as the gates have it; at least now. */
static int64_t next_ns(struct warm *warm, uint64_t cap, int64_t day_end_ns)
{
    struct ledger_record record;
    if (ledger_want(&warm->ledger, cap, 1, &record)) {
        ledger_durable(&warm->ledger, &record);
    }
    if ((cap != UINT64_MAX && ledger_room(&warm->ledger, cap) == 0) || warm->day.met ||
        !has_mail(warm)) {
        return day_end_ns;
    }
    struct pace_limit release = ramp_release(cap, DAILY_NS);
    struct pace_limit rate = control_rate(&warm->control, &warm->limits, warm->now_ns);
    int64_t at_ns = later(warm->now_ns, warm->stopped_until_ns);
    at_ns = later(at_ns, pace_ask(&warm->release, &release, warm->now_ns).earliest_ns);
    at_ns = later(at_ns, pace_ask(&warm->pace, &rate, warm->now_ns).earliest_ns);
    at_ns = later(at_ns,
                  control_ask(&warm->control, &warm->limits, warm->now_ns).earliest_ns);
    return at_ns;
}

static void close_day(struct warm *warm, int32_t today)
{
    struct warm_day *day = &warm->days[today - 1];
    struct ramp_ruling ruling =
        ramp_close_day(&warm->ramp, warm->plan, &RAMP_RULES, &warm->day, false, today);
    day->cap = ruling.before;
    day->verdict = ruling.verdict;
    day->step = warm->ramp.step;
    (void)ledger_day(&warm->ledger, today, NULL);
    warm->day = (struct ramp_day){0};
}

static void run_day(struct warm *warm)
{
    int32_t day = (int32_t)(warm->now_ns / DAILY_NS);
    int64_t end_ns = (int64_t)(day + 1) * DAILY_NS;
    double released = 0;
    warm->today = 0;
    while (warm->now_ns < end_ns) {
        uint64_t cap = ramp_allowance(warm->plan, &warm->ramp, false);
        int64_t before_ns = warm->now_ns;
        bool waits = has_mail(warm) && !warm->day.met;
        int64_t at_ns = next_ns(warm, cap, end_ns);
        if (at_ns >= end_ns) {
            warm->now_ns = end_ns;
        } else {
            warm->now_ns = at_ns;
            send_one(warm, cap);
        }
        if (waits && cap != UINT64_MAX) {
            released +=
                (double)cap * (double)(warm->now_ns - before_ns) / (double)DAILY_NS;
            warm->day.released = (uint64_t)fmin(released, (double)cap);
        }
    }
    close_day(warm, day + 1);
}

void warm_run(struct warm *warm, uint32_t days)
{
    for (uint32_t i = 0; i < days && warm->now_ns / DAILY_NS < WARM_DAYS; i++) {
        run_day(warm);
    }
}
