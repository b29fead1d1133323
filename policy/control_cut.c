#include <math.h>

#include "policy/control.h"
#include "policy/control_parts.h"

/* The side of control that goes down: what a refusal costs. */
#define UNDER_ACCEPTED 0.95 /* of what was accepted, after a throttle */
#define CUT_LEAST      0.7  /* a throttle cuts at least to this part */
#define FAR_CUT        0.4  /* the same where nothing is known */
#define LOW_CEILING    0.7  /* throttles below this part of the ceiling question it */
#define CHAIN_PAUSES   30   /* throttles nearer than this are a row */
#define NEAR_CUT       0.62 /* what is refused soon after a cut: what it says at least */
#define NEAR_WEIGHT    0.85 /* of the least it may take in what is likely */
#define FAR_WEIGHT     0.35
#define WELL_UNDER     0.85 /* of the ceiling: what a cut leaves before growth */
#define TELLING_PAUSES 3.0  /* an open time from which the least says as much */
#define LOOK_PAUSES    3    /* one that creeping has met is forgotten after these */
#define LIGHT_PAUSES   10   /* clean before it, and after it: one near the ceiling */
#define NEAR_CEILING   0.97 /* of the ceiling: where only creeping leads */
#define HOLD_CEILING   0.94 /* of the ceiling: where it is held */
#define SOFT_PAUSES    10   /* no pause on evidence alone is longer */
#define HORIZON_UNITS \
    10.0 /* accepted within a horizon, for its average to say anything */
#define HINT_LEAST_NS INT64_C(10000000000)
#define HINT_MOST_NS  INT64_C(14400000000000)

/* An average that began at birth has seen only part of its horizon: scale it up. */
static double unbiased(double average_rate, double age_s, double horizon_s)
{
    double seen = 1.0 - exp(-age_s / horizon_s);
    return seen > 0.01 ? average_rate / seen : average_rate;
}

/* What the receiver takes, units per second, as far as the last minutes tell. */
struct estimate {
    double careful; /* it surely takes so much */
    double likely;
};

/* From throttle to throttle: over all the time (an allowance goes on being refilled
 * during a pause, for a minute or so) it took the least that it may take, and the rate it
 * refused is the most. Where a ceiling was known, what is soon refused again is not far
 * from half; in the first climb it may be anywhere. */
static struct estimate between_cuts(const struct control *control, double before,
                                    double pause_s, int64_t now_ns)
{
    double open_s =
        fmax(0.1, (double)(now_ns - control->until_ns) / CONTROL_NS_PER_SECOND);
    double shut_s = (double)(control->until_ns - control->cut_ns) / CONTROL_NS_PER_SECOND;
    double least = fmin(before, control->since_cut / (open_s + fmin(shut_s, pause_s)));
    bool second = control->seasoned && control->throttles == 1 &&
                  before < WELL_UNDER * control->ceiling;
    double floor = fmax(least, (second ? NEAR_CUT : FAR_CUT) * before);
    bool tells = control->seasoned || open_s >= TELLING_PAUSES * pause_s;
    double weight = tells ? NEAR_WEIGHT : FAR_WEIGHT;
    double likely = pow(floor, weight) * pow(before, 1.0 - weight);

    return (struct estimate){.careful = second ? likely : floor, .likely = likely};
}

static struct estimate recently_accepted(struct control *control,
                                         const struct control_limits *limits, bool in_row,
                                         double before, int64_t now_ns)
{
    double pause_s = (double)control_pause_of(limits) / CONTROL_NS_PER_SECOND;
    double age_s = (double)(now_ns - control->born_ns) / CONTROL_NS_PER_SECOND;

    control_average(control, limits, 0, now_ns);
    if (in_row && now_ns > control->until_ns) {
        return between_cuts(control, before, pause_s, now_ns);
    }
    double slow = unbiased(control->accepted_slow, age_s, CONTROL_SLOW_PAUSES * pause_s);
    double fast = unbiased(control->accepted_fast, age_s, pause_s / CONTROL_STEP_PART);
    double rate = slow;
    if (slow * pause_s / CONTROL_STEP_PART >= HORIZON_UNITS) {
        rate = fmin(slow, fast); /* enough of them in a short time to follow a change */
    } else if (slow * CONTROL_SLOW_PAUSES * pause_s < HORIZON_UNITS) {
        bool ever = control->throttles > 0 && control->until_ns < now_ns;
        int64_t since_ns = ever ? control->until_ns : control->born_ns;
        double open_s = (double)(now_ns - since_ns) / CONTROL_NS_PER_SECOND;
        rate = open_s > 0 && control->since_cut > 0 ? control->since_cut / open_s : slow;
    }
    bool few = control->ceiling <= 0 && control->since_cut < HORIZON_UNITS;
    return (struct estimate){.careful = few ? FAR_CUT * rate : rate, .likely = rate};
}

/* The pause that this throttle earns. */
static int64_t pause_for(const struct control *control,
                         const struct control_limits *limits,
                         const struct finding *finding, bool soft)
{
    int64_t times = control->throttles <= 1 ? 1 : control->throttles == 2 ? 5 : 10;
    for (uint32_t i = 3; i < control->throttles && times < 1000; i++) {
        times *= 2;
    }
    times = soft && times > SOFT_PAUSES ? SOFT_PAUSES : times;
    switch (finding->behaviour) {
    case FINDING_BEHAVIOUR_NONE:
    case FINDING_BEHAVIOURS: break;
    case FINDING_BEHAVIOUR_GOOGLE_4728: times = times > 10 ? times : 10; break;
    case FINDING_BEHAVIOUR_MICROSOFT_S775: times = times > 30 ? times : 30; break;
    case FINDING_BEHAVIOUR_YAHOO_TSS04:
    case FINDING_BEHAVIOUR_GMX_LATER: times = times > 120 ? times : 120; break;
    }
    int64_t pause_ns = control_times_pause(limits, times);
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

/* Is this throttle the next of a row? One near the ceiling, a while ago, was the price of
 * holding near it, or of looking past it, and begins none. */
static bool is_in_row(const struct control *control, const struct control_limits *limits,
                      int64_t now_ns)
{
    int64_t calm_ns =
        control->until_ns > control->cut_ns ? control->until_ns : control->cut_ns;
    int64_t pauses = control->looked  ? LOOK_PAUSES
                     : control->light ? LIGHT_PAUSES
                                      : CHAIN_PAUSES;

    return control->throttles > 0 &&
           now_ns - calm_ns <= control_times_pause(limits, pauses);
}

/* Learn where the ceiling is, from a throttle at the rate `before`. In the first climb it
 * is between what was accepted and that rate. One far below the ceiling, or at a rate
 * that had been good, questions it: growth is slow from there; the second replaces it. */
static void remember(struct control *control, const struct control_limits *limits,
                     const struct estimate *accepted, double before, bool in_row,
                     int64_t now_ns)
{
    int64_t clean_ns = now_ns - control->clean_since_ns;
    bool first = control->ceiling <= 0;
    bool low = !first && accepted->likely < LOW_CEILING * control->ceiling;
    bool near = before >= NEAR_CEILING * control->ceiling;
    bool held = before >= HOLD_CEILING * control->ceiling;

    control->low_throttles = low ? control->low_throttles + 1 : 0;
    control->sure = 0;
    control->looked =
        !in_row && near && clean_ns >= control_times_pause(limits, CONTROL_CREEP_AFTER);
    control->light =
        !in_row && held && clean_ns >= control_times_pause(limits, LIGHT_PAUSES);
    control->seasoned = in_row ? control->seasoned : !first;
    if (low && !in_row && control->low_throttles < 2) {
        control->sure = accepted->likely;
        return;
    }
    control->low_throttles = 0;
    control->ceiling = first ? fmax(before, accepted->likely) : accepted->likely;
    control->ceiling_ns = now_ns;
    if (first || (in_row && !control->seasoned)) {
        control->sure = accepted->careful;
    } else if (!in_row && !control->looked) {
        control->sure = CUT_LEAST * before;
    }
}

static struct control_change throttled(struct control *control,
                                       const struct control_limits *limits,
                                       const struct control_event *event, bool soft,
                                       int64_t now_ns)
{
    bool in_row = is_in_row(control, limits, now_ns);
    double before = fmin(control->rate, pace_per_second(&limits->max_rate));

    if (soft && !event->probe && !control_soft_cuts(control, limits, in_row, now_ns)) {
        return control_changed(CONTROL_RATE_GROWN, before, control->rate);
    }
    struct estimate accepted = recently_accepted(control, limits, in_row, before, now_ns);
    bool fresh = !in_row || (control->looked && !event->probe);
    control->throttles = fresh ? 1 : control->throttles + 1;
    if (event->probe) {
        control->looked = false; /* it looks into a row after all */
        control->light = false;
    } else {
        remember(control, limits, &accepted, before, in_row, now_ns);
        double under = fmin(UNDER_ACCEPTED * accepted.careful, CUT_LEAST * before);
        control->rate =
            control_within(under * behaviour_factor(event->finding->behaviour),
                           CONTROL_RATE_LEAST, CONTROL_RATE_MOST);
    }
    control->behaviour = event->finding->behaviour;
    if (control->behaviour == FINDING_BEHAVIOUR_GOOGLE_4728 ||
        control->behaviour == FINDING_BEHAVIOUR_MICROSOFT_S775) {
        window_narrow(&control->window, now_ns);
    }
    control->state = CONTROL_PAUSED;
    control->until_ns = now_ns + pause_for(control, limits, event->finding, soft);
    control->cut_ns = now_ns;
    control->clean_since_ns = now_ns;
    control->since_cut = 0;
    control->soft.pauses = soft;
    return (struct control_change){
        .what = event->probe ? CONTROL_PAUSED_AGAIN : CONTROL_RATE_CUT,
        .before = before,
        .after = control->rate,
        .until_ns = control->until_ns,
        .times = control->throttles,
    };
}

/* A 4xx without any rate text: evidence, which acts only when it is beyond doubt; but the
 * probe of a pause for such refusals is judged like any other. */
static struct control_change softly(struct control *control,
                                    const struct control_limits *limits,
                                    const struct control_event *event, int64_t now_ns)
{
    bool proven = control_soft_refused(control, limits, event->units, now_ns);
    bool again = event->probe && control->soft.pauses;

    if (control->state == CONTROL_OPEN ? !proven : !again) {
        return control_changed(CONTROL_UNCHANGED, control->rate, control->rate);
    }
    return throttled(control, limits, event, true, now_ns);
}

/* The receiver is busy: a little slower for a while; and evidence like any other 4xx. */
static struct control_change busy(struct control *control,
                                  const struct control_limits *limits,
                                  const struct control_event *event, int64_t now_ns)
{
    struct control_change change = softly(control, limits, event, now_ns);

    if (change.what != CONTROL_UNCHANGED) {
        return change;
    }
    bool already = now_ns < control->eased_until_ns;
    control->eased_until_ns = now_ns + control_times_pause(limits, 1);
    return (struct control_change){
        .what = already ? CONTROL_UNCHANGED : CONTROL_EASED,
        .before = control->rate,
        .after = control->rate * CONTROL_EASED_TO,
        .until_ns = control->eased_until_ns,
    };
}

/* Too many connections: fewer of them. When it was one alone, they are not what there is
 * too much of: it is counted as a throttle. */
static struct control_change too_many(struct control *control,
                                      const struct control_limits *limits,
                                      const struct control_event *event, int64_t now_ns)
{
    uint32_t before = control->window.limit;
    bool old = event->started_ns <= control->window.cut_at_ns;

    if (before <= 1 && !old) {
        return throttled(control, limits, event, false, now_ns);
    }
    bool cut = window_refused(&control->window, event->open, event->started_ns, now_ns);
    return control_changed(cut ? CONTROL_WINDOW_CUT : CONTROL_UNCHANGED, before,
                           control->window.limit);
}

static struct control_change fewer_messages(struct control *control, uint32_t messages)
{
    uint32_t before = control->messages;
    uint32_t limit = messages > 0 ? messages : 1;

    if (before != 0 && before <= limit) {
        return control_changed(CONTROL_UNCHANGED, before, before);
    }
    control->messages = limit;
    return control_changed(CONTROL_MESSAGES_CUT, before, limit);
}

static struct control_change lane_event(struct control *control,
                                        const struct control_limits *limits,
                                        const struct control_event *event, int64_t now_ns)
{
    uint32_t flags = event->finding->flags;
    struct control_change nothing =
        control_changed(CONTROL_UNCHANGED, control->rate, control->rate);
    bool old = control->throttles > 0 && event->started_ns <= control->cut_ns;

    if ((flags & FINDING_PER_CONNECTION) != 0) {
        return fewer_messages(control, event->messages);
    }
    if (old && !event->probe) {
        /* One cut per flight: what had started before the cut could not know of it. */
        return nothing;
    }
    if ((flags & FINDING_CONNECTIONS) != 0) {
        return too_many(control, limits, event, now_ns);
    }
    if ((flags & FINDING_RATE) != 0 || event->finding->class == FINDING_THROTTLE ||
        event->finding->class == FINDING_IP_REPUTATION) {
        return throttled(control, limits, event, false, now_ns);
    }
    if ((flags & FINDING_LOAD) != 0) {
        return busy(control, limits, event, now_ns);
    }
    if (event->finding->class == FINDING_REMOTE_FAILURE) {
        return softly(control, limits, event, now_ns);
    }
    return nothing;
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
        control_changed(CONTROL_UNCHANGED, control->rate, control->rate);

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
        control_let_through(control, limits, event->units, now_ns);
    }
    if (event->probe && control->state == CONTROL_PROBING) {
        /* For another reason than the rate: the lane itself is open. */
        (void)control_reopen(control, now_ns);
        change = change.what == CONTROL_UNCHANGED
                     ? control_changed(CONTROL_REOPENED, 0, control->rate)
                     : change;
    }
    return change;
}

struct control_change control_closed(struct control *control, uint32_t messages)
{
    bool again = messages > 0 && control->closed_after == messages;

    control->closed_after = messages;
    if (!again) {
        return control_changed(CONTROL_UNCHANGED, control->messages, control->messages);
    }
    return fewer_messages(control, messages - 1);
}

void control_probe_lost(struct control *control, int64_t now_ns)
{
    if (control->state == CONTROL_PROBING) {
        control->state = CONTROL_PAUSED;
        control->until_ns = now_ns;
    }
}
