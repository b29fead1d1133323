#include "policy/control.h"

#include <math.h>

/* All times are in pauses (adapt.pause, one minute by default), so that a rehearsal with
 * short ones runs the same logic. */
#define STEP_PART        6    /* a step of growth is at least a sixth of a pause, ... */
#define STEP_UNITS       20.0 /* ... and so many accepted units */
#define GROWTH           1.25
#define USED_SHARE       0.7  /* of the rate, for a step to count as used */
#define UNDER_ACCEPTED   0.95 /* of what was accepted, after a throttle */
#define CUT_LEAST        0.7  /* a throttle cuts at least to this part */
#define HOLD_UNDER       0.95 /* of the ceiling: growth stops there */
#define LOW_CEILING      0.7  /* throttles below this part of the ceiling question it */
#define CREEP_AFTER      30   /* pauses without a throttle */
#define CREEP_STEP       0.01 /* a pause */
#define FAST_AFTER       120
#define FAST_STEP        0.05
#define FADE_PAUSES      1440.0 /* the ceiling counts twice when it is so old */
#define CHAIN_PAUSES     30     /* throttles nearer than this are a row */
#define SLOW_PAUSES      5.0    /* horizon of the slow average */
#define EASED            0.9
#define SOFT_HALF_PAUSES 10
#define SOFT_WATCH \
    0.01 /* share of 4xx without rate text: proven above this, no creeping */
#define SOFT_CUT      0.05 /* proven above this: cut, for big receivers defer up to 3 % */
#define BURST_SECONDS 0.05 /* of the rate, for the pace: one turn of a loop */
#define RATE_LEAST    (1.0 / 600.0)
#define RATE_MOST     1e6
#define HINT_LEAST_NS INT64_C(10000000000)
#define HINT_MOST_NS  INT64_C(14400000000000)
#define NS_PER_SECOND 1e9

static int64_t pause_of(const struct control_limits *limits)
{
    return limits->pause_ns > 0 ? limits->pause_ns : INT64_C(60000000000);
}

static int64_t times_pause(const struct control_limits *limits, int64_t times)
{
    int64_t pause_ns = pause_of(limits);
    return pause_ns > INT64_MAX / times ? INT64_MAX : pause_ns * times;
}

static double within(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static struct window_limits window_limits_of(const struct control_limits *limits)
{
    return (struct window_limits){.most = limits->max_connections,
                                  .grow_ns = pause_of(limits)};
}

static struct control_change changed(enum control_what what, double before, double after)
{
    return (struct control_change){.what = what, .before = before, .after = after};
}

void control_init(struct control *control, const struct control_limits *limits,
                  int64_t now_ns)
{
    struct window_limits window = window_limits_of(limits);
    double start = pace_per_second(&limits->start_rate);

    *control = (struct control){
        .rate = within(start, RATE_LEAST, RATE_MOST),
        .accepted_at_ns = now_ns,
        .born_ns = now_ns,
        .step_ns = now_ns,
        .clean_since_ns = now_ns,
        .crept_ns = now_ns,
        .soft_cut_ns = now_ns,
        .messages = 0,
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

/* Bring the two averages to now, and add what was accepted. */
static void average(struct control *control, const struct control_limits *limits,
                    double units, int64_t now_ns)
{
    double pause_s = (double)pause_of(limits) / NS_PER_SECOND;
    double passed_s = (double)(now_ns - control->accepted_at_ns) / NS_PER_SECOND;
    double slow_s = SLOW_PAUSES * pause_s;
    double fast_s = pause_s / STEP_PART;

    if (passed_s > 0) {
        control->accepted_slow *= exp(-passed_s / slow_s);
        control->accepted_fast *= exp(-passed_s / fast_s);
        control->accepted_at_ns = now_ns;
    }
    control->accepted_slow += units / slow_s;
    control->accepted_fast += units / fast_s;
}

/* An average that began at birth has seen only part of its horizon: scale it up. */
static double unbiased(double average_rate, double age_s, double horizon_s)
{
    double seen = 1.0 - exp(-age_s / horizon_s);
    return seen > 0.01 ? average_rate / seen : average_rate;
}

/* What the receiver has taken lately, units per second. */
static double recently_accepted(struct control *control,
                                const struct control_limits *limits, bool in_row,
                                int64_t now_ns)
{
    double pause_s = (double)pause_of(limits) / NS_PER_SECOND;
    double age_s = (double)(now_ns - control->born_ns) / NS_PER_SECOND;
    double since_s = (double)(now_ns - control->cut_ns) / NS_PER_SECOND;

    average(control, limits, 0, now_ns);
    if (in_row && control->since_cut >= STEP_UNITS && since_s > 0) {
        /* From throttle to throttle, pauses included: what an allowance was refilled by.
         */
        return control->since_cut / since_s;
    }
    double slow = unbiased(control->accepted_slow, age_s, SLOW_PAUSES * pause_s);
    double fast = unbiased(control->accepted_fast, age_s, pause_s / STEP_PART);
    return fmin(slow, fast) > 0 ? fmin(slow, fast) : fmax(slow, fast);
}

/* The remembered ceiling: twice as high when it is a day old. */
static double faded_ceiling(const struct control *control,
                            const struct control_limits *limits, int64_t now_ns)
{
    double age = (double)(now_ns - control->ceiling_ns) / (double)pause_of(limits);
    double fade = (age - FAST_AFTER) / (FADE_PAUSES - FAST_AFTER);

    return control->ceiling * (1.0 + within(fade, 0.0, 1.0));
}

/* The rate that a clean and used step leads to. */
static double grown(struct control *control, const struct control_limits *limits,
                    int64_t now_ns)
{
    double pause_ns = (double)pause_of(limits);
    double clean = (double)(now_ns - control->clean_since_ns) / pause_ns;
    double passed = (double)(now_ns - control->crept_ns) / pause_ns;
    double goal = HOLD_UNDER * faded_ceiling(control, limits, now_ns);
    struct evidence_bounds soft =
        evidence_bounds(&control->soft, times_pause(limits, SOFT_HALF_PAUSES), now_ns);

    control->crept_ns = now_ns;
    if (control->ceiling <= 0) {
        return control->rate * GROWTH;
    }
    if (control->rate < goal) {
        return fmin(goal, control->rate * GROWTH);
    }
    if (clean < CREEP_AFTER || evidence_is_bad(soft, SOFT_WATCH)) {
        return control->rate;
    }
    double step = clean >= FAST_AFTER ? FAST_STEP : CREEP_STEP;
    return control->rate * (1.0 + step * fmin(passed, 1.0));
}

static struct control_change grow(struct control *control,
                                  const struct control_limits *limits, int64_t now_ns)
{
    int64_t passed_ns = now_ns - control->step_ns;
    double passed_s = (double)passed_ns / NS_PER_SECOND;
    double most = pace_per_second(&limits->max_rate);

    if (control->state != CONTROL_OPEN || passed_ns < pause_of(limits) / STEP_PART ||
        control->step_used < STEP_UNITS) {
        return changed(CONTROL_UNCHANGED, control->rate, control->rate);
    }
    bool used = control->step_used >= USED_SHARE * fmin(control->rate, most) * passed_s;
    bool eased = now_ns < control->eased_until_ns;
    control->step_ns = now_ns;
    control->step_used = 0;
    if (!used || eased || control->rate >= most) {
        control->crept_ns = now_ns;
        return changed(CONTROL_UNCHANGED, control->rate, control->rate);
    }
    double before = control->rate;
    control->rate =
        within(grown(control, limits, now_ns), RATE_LEAST, fmin(most, RATE_MOST));
    return changed(control->rate > before ? CONTROL_RATE_GROWN : CONTROL_UNCHANGED,
                   before, control->rate);
}

static struct control_change reopen(struct control *control, int64_t now_ns)
{
    control->state = CONTROL_OPEN;
    control->step_ns = now_ns;
    control->step_used = 0;
    control->crept_ns = now_ns;
    return changed(CONTROL_REOPENED, 0, control->rate);
}

struct control_change control_accepted(struct control *control,
                                       const struct control_limits *limits,
                                       uint32_t units, uint32_t open, bool probe,
                                       int64_t now_ns)
{
    struct window_limits window = window_limits_of(limits);
    uint32_t before = control->window.limit;

    average(control, limits, units, now_ns);
    control->step_used += units;
    control->since_cut += units;
    evidence_add(&control->soft, 0, units, times_pause(limits, SOFT_HALF_PAUSES), now_ns);
    bool wider = window_clean(&control->window, &window, open, now_ns);
    if (!limits->enabled) {
        return changed(CONTROL_UNCHANGED, 0, 0);
    }
    if (probe && control->state == CONTROL_PROBING) {
        return reopen(control, now_ns);
    }
    struct control_change change = grow(control, limits, now_ns);
    if (change.what == CONTROL_UNCHANGED && wider) {
        return changed(CONTROL_WINDOW_GROWN, before, control->window.limit);
    }
    return change;
}

/* The pause that this throttle earns. */
static int64_t pause_for(const struct control *control,
                         const struct control_limits *limits,
                         const struct finding *finding)
{
    int64_t times = control->throttles <= 1 ? 1 : control->throttles == 2 ? 5 : 10;
    for (uint32_t i = 3; i < control->throttles && times < 1000; i++) {
        times *= 2;
    }
    switch (finding->behaviour) {
    case FINDING_BEHAVIOUR_NONE:
    case FINDING_BEHAVIOURS: break;
    case FINDING_BEHAVIOUR_GOOGLE_4728: times = times > 10 ? times : 10; break;
    case FINDING_BEHAVIOUR_MICROSOFT_S775: times = times > 30 ? times : 30; break;
    case FINDING_BEHAVIOUR_YAHOO_TSS04:
    case FINDING_BEHAVIOUR_GMX_LATER: times = times > 120 ? times : 120; break;
    }
    int64_t pause_ns = times_pause(limits, times);
    int64_t most_ns = limits->max_pause_ns > 0 ? limits->max_pause_ns : HINT_MOST_NS;
    pause_ns = pause_ns < most_ns ? pause_ns : most_ns;
    bool hinted = finding->wait_ns >= HINT_LEAST_NS && finding->wait_ns <= HINT_MOST_NS;
    return hinted ? finding->wait_ns : pause_ns;
}

static double behaviour_factor(enum finding_behaviour behaviour)
{
    switch (behaviour) {
    case FINDING_BEHAVIOUR_MICROSOFT_S775: return 0.1;
    case FINDING_BEHAVIOUR_GMX_LATER: return 0.25;
    case FINDING_BEHAVIOUR_NONE:
    case FINDING_BEHAVIOUR_GOOGLE_4728:
    case FINDING_BEHAVIOUR_YAHOO_TSS04:
    case FINDING_BEHAVIOURS: break;
    }
    return 1.0;
}

/* Learn where the ceiling is; a throttle far below it must come twice to be believed. */
static void remember(struct control *control, double accepted, int64_t now_ns)
{
    bool low = control->ceiling > 0 && accepted < LOW_CEILING * control->ceiling;

    control->low_throttles = low ? control->low_throttles + 1 : 0;
    if (low && control->low_throttles < 2) {
        return;
    }
    control->low_throttles = 0;
    control->ceiling = accepted;
    control->ceiling_ns = now_ns;
}

static struct control_change throttled(struct control *control,
                                       const struct control_limits *limits,
                                       const struct control_event *event, int64_t now_ns)
{
    int64_t calm_ns =
        control->until_ns > control->cut_ns ? control->until_ns : control->cut_ns;
    bool in_row =
        control->throttles > 0 && now_ns - calm_ns <= times_pause(limits, CHAIN_PAUSES);
    double before = fmin(control->rate, pace_per_second(&limits->max_rate));

    double accepted = recently_accepted(control, limits, in_row, now_ns);
    control->throttles = in_row ? control->throttles + 1 : 1;
    if (!event->probe) {
        remember(control, accepted, now_ns);
        double under = fmin(UNDER_ACCEPTED * accepted, CUT_LEAST * before);
        control->rate = within(under * behaviour_factor(event->finding->behaviour),
                               RATE_LEAST, RATE_MOST);
    }
    control->behaviour = event->finding->behaviour;
    if (control->behaviour == FINDING_BEHAVIOUR_GOOGLE_4728 ||
        control->behaviour == FINDING_BEHAVIOUR_MICROSOFT_S775) {
        window_narrow(&control->window, now_ns);
    }
    control->state = CONTROL_PAUSED;
    control->until_ns = now_ns + pause_for(control, limits, event->finding);
    control->cut_ns = now_ns;
    control->clean_since_ns = now_ns;
    control->since_cut = 0;
    return (struct control_change){
        .what = event->probe ? CONTROL_PAUSED_AGAIN : CONTROL_RATE_CUT,
        .before = before,
        .after = control->rate,
        .until_ns = control->until_ns,
        .times = control->throttles,
    };
}

/* A 4xx without any rate text: evidence, which acts only when it is beyond doubt. */
static struct control_change softly(struct control *control,
                                    const struct control_limits *limits, uint32_t units,
                                    int64_t now_ns)
{
    int64_t half_ns = times_pause(limits, SOFT_HALF_PAUSES);

    evidence_add(&control->soft, units, units, half_ns, now_ns);
    struct evidence_bounds bounds = evidence_bounds(&control->soft, half_ns, now_ns);
    if (!evidence_is_bad(bounds, SOFT_CUT) ||
        now_ns - control->soft_cut_ns < times_pause(limits, 1)) {
        return changed(CONTROL_UNCHANGED, control->rate, control->rate);
    }
    double before = control->rate;
    double start = pace_per_second(&limits->start_rate);
    control->soft_cut_ns = now_ns;
    control->clean_since_ns = now_ns;
    control->rate = fmax(before * CUT_LEAST, fmin(before, start * CUT_LEAST));
    return changed(CONTROL_RATE_CUT, before, control->rate);
}

static struct control_change fewer_messages(struct control *control, uint32_t messages)
{
    uint32_t before = control->messages;
    uint32_t limit = messages > 0 ? messages : 1;

    if (before != 0 && before <= limit) {
        return changed(CONTROL_UNCHANGED, before, before);
    }
    control->messages = limit;
    return changed(CONTROL_MESSAGES_CUT, before, limit);
}

static struct control_change lane_event(struct control *control,
                                        const struct control_limits *limits,
                                        const struct control_event *event, int64_t now_ns)
{
    uint32_t flags = event->finding->flags;
    bool old = control->throttles > 0 && event->started_ns <= control->cut_ns;

    if ((flags & FINDING_PER_CONNECTION) != 0) {
        return fewer_messages(control, event->messages);
    }
    if ((flags & FINDING_CONNECTIONS) != 0) {
        uint32_t before = control->window.limit;
        bool cut =
            window_refused(&control->window, event->open, event->started_ns, now_ns);
        return changed(cut ? CONTROL_WINDOW_CUT : CONTROL_UNCHANGED, before,
                       control->window.limit);
    }
    if ((flags & FINDING_RATE) != 0 || event->finding->class == FINDING_THROTTLE ||
        event->finding->class == FINDING_IP_REPUTATION) {
        /* One cut per flight: what had started before the cut could not know of it. */
        return old && !event->probe
                   ? changed(CONTROL_UNCHANGED, control->rate, control->rate)
                   : throttled(control, limits, event, now_ns);
    }
    if ((flags & FINDING_LOAD) != 0) {
        bool already = now_ns < control->eased_until_ns;
        control->eased_until_ns = now_ns + times_pause(limits, 1);
        return (struct control_change){
            .what = already ? CONTROL_UNCHANGED : CONTROL_EASED,
            .before = control->rate,
            .after = control->rate * EASED,
            .until_ns = control->eased_until_ns,
        };
    }
    if (event->finding->class == FINDING_REMOTE_FAILURE) {
        return softly(control, limits, event->units, now_ns);
    }
    return changed(CONTROL_UNCHANGED, control->rate, control->rate);
}

struct control_change control_refused(struct control *control,
                                      const struct control_limits *limits,
                                      const struct control_event *event, int64_t now_ns)
{
    enum finding_scope scope = event->finding->scope;
    bool lanes = scope == FINDING_SCOPE_LANE || scope == FINDING_SCOPE_SOURCE ||
                 scope == FINDING_SCOPE_NETBLOCK;
    bool ours = (event->finding->flags & (FINDING_LOCAL | FINDING_NETWORK)) != 0;
    struct control_change change =
        changed(CONTROL_UNCHANGED, control->rate, control->rate);

    if (!limits->enabled) {
        return change;
    }
    if (ours) {
        if (event->probe) {
            control_probe_lost(control, now_ns);
        }
        return change;
    }
    if (lanes) {
        change = lane_event(control, limits, event, now_ns);
    } else {
        /* Somebody answered: for the share of soft refusals it counts as an answer. */
        evidence_add(&control->soft, 0, event->units,
                     times_pause(limits, SOFT_HALF_PAUSES), now_ns);
    }
    if (event->probe && control->state == CONTROL_PROBING) {
        /* Refused for another reason than the rate: the lane itself is open. */
        (void)reopen(control, now_ns);
        change = change.what == CONTROL_UNCHANGED
                     ? changed(CONTROL_REOPENED, 0, control->rate)
                     : change;
    }
    return change;
}

struct control_change control_closed(struct control *control, uint32_t messages)
{
    bool again = messages > 0 && control->closed_after == messages;

    control->closed_after = messages;
    if (!again) {
        return changed(CONTROL_UNCHANGED, control->messages, control->messages);
    }
    return fewer_messages(control, messages - 1);
}

void control_stated(struct control *control, uint32_t messages)
{
    if (messages > 0) {
        control->messages = messages;
    }
}

void control_probe_lost(struct control *control, int64_t now_ns)
{
    if (control->state == CONTROL_PROBING) {
        control->state = CONTROL_PAUSED;
        control->until_ns = now_ns;
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
    double rate = control->rate * (now_ns < control->eased_until_ns ? EASED : 1.0);
    double burst = within(floor(rate * BURST_SECONDS), 1.0, 1000.0);
    struct pace_limit learnt = pace_limit_of(rate, (uint32_t)burst);

    return pace_slower(&limits->max_rate, &learnt);
}

uint32_t control_connections(const struct control *control,
                             const struct control_limits *limits, int64_t now_ns)
{
    struct window_limits window = window_limits_of(limits);
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
