#include "policy/control.h"

#include <math.h>

#include "policy/control_parts.h"

#define GROWTH        1.25
#define STEP_UNITS    20.0 /* accepted units that a step of growth takes at least */
#define USED_SHARE    0.7  /* of the rate, for a step to count as used */
#define HOLD_UNDER    0.95 /* of the ceiling: growth stops there */
#define SLOW_STEP     0.05 /* a pause, between what is sure and the ceiling */
#define CREEP_STEP    0.01 /* a pause */
#define CREEP_MOST    20.0 /* pauses that one step of creeping may make up for */
#define CLIMB_AFTER   10   /* the same in the first climb */
#define CLIMB_STEP    0.02
#define FAST_AFTER    120
#define FAST_STEP     0.05
#define FADE_PAUSES   1440.0 /* the ceiling counts twice when it is so old */
#define BURST_SECONDS 0.05   /* of the rate, for the pace: one turn of a loop */

void control_init(struct control *control, const struct control_limits *limits,
                  int64_t now_ns)
{
    struct window_limits window = control_window_limits_of(limits);
    double start = pace_per_second(&limits->start_rate);

    *control = (struct control){
        .rate = control_within(start, CONTROL_RATE_LEAST, CONTROL_RATE_MOST),
        .accepted_at_ns = now_ns,
        .born_ns = now_ns,
        .step_ns = now_ns,
        .clean_since_ns = now_ns,
        .crept_ns = now_ns,
    };
    window_init(&control->window, &window, now_ns);
}

struct control_answer control_ask(const struct control *control,
                                  const struct control_limits *limits, int64_t now_ns)
{
    struct control_answer answer = {
        .go = true, .earliest_ns = now_ns, .state = control->state};

    if (!limits->enabled || control->state == CONTROL_OPEN) {
        return answer;
    }
    if (control->state == CONTROL_PROBING) {
        answer.go = false;
        answer.earliest_ns = INT64_MAX;
    } else if (now_ns < control->until_ns) {
        answer.go = false;
        answer.earliest_ns = control->until_ns;
    }
    return answer;
}

bool control_started(struct control *control, const struct control_limits *limits,
                     int64_t now_ns)
{
    if (!limits->enabled || control->state != CONTROL_PAUSED ||
        now_ns < control->until_ns) {
        return false;
    }
    control->state = CONTROL_PROBING;
    return true;
}

/* The remembered ceiling: twice as high when it is a day old. */
static double faded_ceiling(const struct control *control,
                            const struct control_limits *limits, int64_t now_ns)
{
    double age =
        (double)(now_ns - control->ceiling_ns) / (double)control_pause_of(limits);
    double fade = (age - FAST_AFTER) / (FADE_PAUSES - FAST_AFTER);

    return control->ceiling * (1.0 + control_within(fade, 0.0, 1.0));
}

/* The rate that a clean and used step leads to. */
static double grown(struct control *control, const struct control_limits *limits,
                    int64_t now_ns)
{
    double pause_ns = (double)control_pause_of(limits);
    double clean = (double)(now_ns - control->clean_since_ns) / pause_ns;
    double passed = (double)(now_ns - control->crept_ns) / pause_ns;
    double goal = HOLD_UNDER * faded_ceiling(control, limits, now_ns);

    double quick = control->sure > 0 ? fmin(goal, HOLD_UNDER * control->sure) : goal;

    control->crept_ns = now_ns;
    if (control->ceiling <= 0) {
        return control->rate * GROWTH;
    }
    if (control->rate < quick) {
        return fmin(quick, control->rate * GROWTH);
    }
    if (control->rate < goal) {
        return fmin(goal, control->rate * (1.0 + SLOW_STEP * fmin(passed, CREEP_MOST)));
    }
    bool climbs = !control->seasoned && control->throttles == 2;
    double after = climbs ? CLIMB_AFTER : CONTROL_CREEP_AFTER;
    if (clean < after || control_soft_watches(control, limits, now_ns)) {
        return control->rate;
    }
    double step = clean >= FAST_AFTER ? FAST_STEP : climbs ? CLIMB_STEP : CREEP_STEP;
    return control->rate * (1.0 + step * fmin(passed, CREEP_MOST));
}

static struct control_change grow(struct control *control,
                                  const struct control_limits *limits, int64_t now_ns)
{
    int64_t passed_ns = now_ns - control->step_ns;
    double passed_s = (double)passed_ns / CONTROL_NS_PER_SECOND;
    double most = pace_per_second(&limits->max_rate);

    if (control->state != CONTROL_OPEN ||
        passed_ns < control_pause_of(limits) / CONTROL_STEP_PART ||
        control->step_used < STEP_UNITS) {
        return control_changed(CONTROL_UNCHANGED, control->rate, control->rate);
    }
    bool used = control->step_used >= USED_SHARE * fmin(control->rate, most) * passed_s;
    bool eased = now_ns < control->eased_until_ns;
    control->step_ns = now_ns;
    control->step_used = 0;
    if (!used || eased || control->rate >= most) {
        control->crept_ns = now_ns;
        return control_changed(CONTROL_UNCHANGED, control->rate, control->rate);
    }
    double before = control->rate;
    control->rate = control_within(grown(control, limits, now_ns), CONTROL_RATE_LEAST,
                                   fmin(most, CONTROL_RATE_MOST));
    return control_changed(control->rate > before ? CONTROL_RATE_GROWN
                                                  : CONTROL_UNCHANGED,
                           before, control->rate);
}

struct control_change control_accepted(struct control *control,
                                       const struct control_limits *limits,
                                       uint32_t units, uint32_t open, bool probe,
                                       int64_t now_ns)
{
    struct window_limits window = control_window_limits_of(limits);
    uint32_t before = control->window.limit;

    control_let_through(control, limits, units, now_ns);
    bool wider = window_clean(&control->window, &window, open, now_ns);
    if (!limits->enabled) {
        return control_changed(CONTROL_UNCHANGED, 0, 0);
    }
    if (probe && control->state == CONTROL_PROBING) {
        return control_reopen(control, now_ns);
    }
    struct control_change change = grow(control, limits, now_ns);
    if (change.what == CONTROL_UNCHANGED && wider) {
        return control_changed(CONTROL_WINDOW_GROWN, before, control->window.limit);
    }
    return change;
}

void control_stated(struct control *control, uint32_t messages)
{
    if (messages > 0) {
        control->messages = messages;
    }
}

bool control_slow(struct control *control, const struct control_limits *limits,
                  int64_t latency_ns, int64_t usual_ns, int64_t now_ns)
{
    bool slow =
        usual_ns > 0 && latency_ns / 3 > usual_ns && latency_ns > usual_ns + 1000000000;

    if (slow && limits->enabled) {
        control->step_ns = now_ns;
        control->step_used = 0;
    }
    return slow;
}

struct pace_limit control_rate(const struct control *control,
                               const struct control_limits *limits, int64_t now_ns)
{
    if (!limits->enabled) {
        return limits->max_rate;
    }
    double rate =
        control->rate * (now_ns < control->eased_until_ns ? CONTROL_EASED_TO : 1.0);
    double burst = control_within(floor(rate * BURST_SECONDS), 1.0, 1000.0);
    struct pace_limit learnt = pace_limit_of(rate, (uint32_t)burst);

    return pace_slower(&limits->max_rate, &learnt);
}

uint32_t control_connections(const struct control *control,
                             const struct control_limits *limits, int64_t now_ns)
{
    struct window_limits window = control_window_limits_of(limits);
    bool probing = control->state == CONTROL_PROBING ||
                   (control->state == CONTROL_PAUSED && now_ns >= control->until_ns);

    if (!limits->enabled) {
        return limits->max_connections > 0 ? limits->max_connections : WINDOW_MOST;
    }
    return probing ? 1 : window_most(&control->window, &window);
}

uint32_t control_messages(const struct control *control,
                          const struct control_limits *limits)
{
    uint32_t learnt = limits->enabled ? control->messages : 0;

    if (learnt == 0 || limits->max_messages == 0) {
        return learnt > limits->max_messages ? learnt : limits->max_messages;
    }
    return learnt < limits->max_messages ? learnt : limits->max_messages;
}

const char *control_what_name(enum control_what what)
{
    switch (what) {
    case CONTROL_UNCHANGED: return "unchanged";
    case CONTROL_RATE_CUT: return "rate cut";
    case CONTROL_RATE_GROWN: return "rate grown";
    case CONTROL_WINDOW_CUT: return "connections cut";
    case CONTROL_WINDOW_GROWN: return "connections grown";
    case CONTROL_MESSAGES_CUT: return "messages per connection cut";
    case CONTROL_REOPENED: return "reopened";
    case CONTROL_PAUSED_AGAIN: return "paused again";
    case CONTROL_EASED: return "eased";
    }
    return "unknown";
}
