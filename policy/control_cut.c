#include <math.h>

#include "policy/control.h"
#include "policy/control_parts.h"

/* The side of control that goes down: what a refusal costs. */
#define UNDER_ACCEPTED 0.95 /* of what was accepted, after a throttle */
#define CUT_LEAST      0.7  /* a throttle cuts at least to this part */
#define FAR_CUT        0.4  /* and to this when hardly anything came through */
#define LOW_CEILING    0.7  /* throttles below this part of the ceiling question it */
#define CHAIN_PAUSES   30   /* throttles nearer than this are a row */
#define ROW_UNITS      3.0 /* accepted between two throttles, for these to say anything */
#define HORIZON_UNITS \
    10.0 /* accepted within a horizon, for its average to say anything */
#define SOFT_CUT      0.05 /* proven above this: cut, for big receivers defer up to 3 % */
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

/* From throttle to throttle: what it took, over all the time (an allowance goes on being
 * refilled during a pause) and over the open time alone (one that is full does not). The
 * truth is between the two. */
static struct estimate between_cuts(const struct control *control, double pause_s,
                                    int64_t now_ns)
{
    double open_s =
        fmax(0.1, (double)(now_ns - control->until_ns) / CONTROL_NS_PER_SECOND);
    double shut_s = (double)(control->until_ns - control->cut_ns) / CONTROL_NS_PER_SECOND;
    double refill_s =
        fmin(shut_s, fmax(open_s, pause_s)); /* no allowance grows for hours */
    double careful = control->since_cut / (open_s + refill_s);

    if (control->since_cut < ROW_UNITS) {
        /* Hardly more than the probe came through: far too fast. */
        return (struct estimate){.careful = control->rate * FAR_CUT,
                                 .likely = control->rate * CUT_LEAST};
    }
    return (struct estimate){.careful = careful,
                             .likely = pow(careful, 0.4) *
                                       pow(control->since_cut / open_s, 0.6)};
}

static struct estimate recently_accepted(struct control *control,
                                         const struct control_limits *limits, bool in_row,
                                         int64_t now_ns)
{
    double pause_s = (double)control_pause_of(limits) / CONTROL_NS_PER_SECOND;
    double age_s = (double)(now_ns - control->born_ns) / CONTROL_NS_PER_SECOND;

    control_average(control, limits, 0, now_ns);
    if (in_row && now_ns > control->until_ns) {
        return between_cuts(control, pause_s, now_ns);
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
    return (struct estimate){.careful = rate, .likely = rate};
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

/* Learn where the ceiling is; a throttle far below it must come twice to be believed. */
static void remember(struct control *control, double accepted, int64_t now_ns)
{
    bool low = control->ceiling > 0 && accepted < LOW_CEILING * control->ceiling;

    control->low_throttles = low ? control->low_throttles + 1 : 0;
    control->doubt = 0;
    if (low && control->low_throttles < 2) {
        control->doubt = accepted;
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
    bool in_row = control->throttles > 0 &&
                  now_ns - calm_ns <= control_times_pause(limits, CHAIN_PAUSES);
    double before = fmin(control->rate, pace_per_second(&limits->max_rate));

    struct estimate accepted = recently_accepted(control, limits, in_row, now_ns);
    control->throttles = in_row ? control->throttles + 1 : 1;
    if (!event->probe) {
        remember(control, accepted.likely, now_ns);
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
    int64_t half_ns = control_times_pause(limits, CONTROL_SOFT_HALF_PAUSES);

    evidence_add(&control->soft, units, units, half_ns, now_ns);
    struct evidence_bounds bounds = evidence_bounds(&control->soft, half_ns, now_ns);
    if (!evidence_is_bad(bounds, SOFT_CUT) ||
        now_ns - control->soft_cut_ns < control_times_pause(limits, 1)) {
        return control_changed(CONTROL_UNCHANGED, control->rate, control->rate);
    }
    double before = control->rate;
    double start = pace_per_second(&limits->start_rate);
    control->soft_cut_ns = now_ns;
    control->clean_since_ns = now_ns;
    control->rate = fmax(before * CUT_LEAST, fmin(before, start * CUT_LEAST));
    return control_changed(CONTROL_RATE_CUT, before, control->rate);
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
    bool old = control->throttles > 0 && event->started_ns <= control->cut_ns;

    if ((flags & FINDING_PER_CONNECTION) != 0) {
        return fewer_messages(control, event->messages);
    }
    if ((flags & FINDING_CONNECTIONS) != 0) {
        uint32_t before = control->window.limit;
        bool cut =
            window_refused(&control->window, event->open, event->started_ns, now_ns);
        return control_changed(cut ? CONTROL_WINDOW_CUT : CONTROL_UNCHANGED, before,
                               control->window.limit);
    }
    if ((flags & FINDING_RATE) != 0 || event->finding->class == FINDING_THROTTLE ||
        event->finding->class == FINDING_IP_REPUTATION) {
        /* One cut per flight: what had started before the cut could not know of it. */
        return old && !event->probe
                   ? control_changed(CONTROL_UNCHANGED, control->rate, control->rate)
                   : throttled(control, limits, event, now_ns);
    }
    if ((flags & FINDING_LOAD) != 0) {
        bool already = now_ns < control->eased_until_ns;
        control->eased_until_ns = now_ns + control_times_pause(limits, 1);
        return (struct control_change){
            .what = already ? CONTROL_UNCHANGED : CONTROL_EASED,
            .before = control->rate,
            .after = control->rate * CONTROL_EASED_TO,
            .until_ns = control->eased_until_ns,
        };
    }
    if (event->finding->class == FINDING_REMOTE_FAILURE) {
        return softly(control, limits, event->units, now_ns);
    }
    return control_changed(CONTROL_UNCHANGED, control->rate, control->rate);
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
        /* Somebody answered: for the share of soft refusals it counts as an answer. */
        evidence_add(&control->soft, 0, event->units,
                     control_times_pause(limits, CONTROL_SOFT_HALF_PAUSES), now_ns);
    }
    if (event->probe && control->state == CONTROL_PROBING) {
        /* Refused for another reason than the rate: the lane itself is open. */
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
