/* What the files of control share. All times are in pauses (adapt.pause, one minute by
 * default), so that a rehearsal with short ones runs the same logic. */

#ifndef POLICY_CONTROL_PARTS_H
#define POLICY_CONTROL_PARTS_H

#include <math.h>

#include "policy/control.h"

#define CONTROL_STEP_PART     6   /* a step of growth is at least a sixth of a pause */
#define CONTROL_SLOW_PAUSES   5.0 /* horizon of the slow average */
#define CONTROL_CREEP_AFTER   30  /* pauses without a throttle */
#define CONTROL_EASED_TO      0.9 /* of the rate, while the receiver says it is busy */
#define CONTROL_RATE_LEAST    (1.0 / 600.0)
#define CONTROL_RATE_MOST     1e6
#define CONTROL_NS_PER_SECOND 1e9

static inline int64_t control_pause_of(const struct control_limits *limits)
{
    return limits->pause_ns > 0 ? limits->pause_ns : INT64_C(60000000000);
}

static inline int64_t control_times_pause(const struct control_limits *limits,
                                          int64_t times)
{
    int64_t pause_ns = control_pause_of(limits);
    return pause_ns > INT64_MAX / times ? INT64_MAX : pause_ns * times;
}

static inline double control_within(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static inline struct window_limits control_window_limits_of(
    const struct control_limits *limits)
{
    return (struct window_limits){.most = limits->max_connections,
                                  .grow_ns = control_pause_of(limits)};
}

static inline struct control_change control_changed(enum control_what what, double before,
                                                    double after)
{
    return (struct control_change){.what = what, .before = before, .after = after};
}

/* Bring the two averages to now, and add what was accepted. */
static inline void control_average(struct control *control,
                                   const struct control_limits *limits, double units,
                                   int64_t now_ns)
{
    double pause_s = (double)control_pause_of(limits) / CONTROL_NS_PER_SECOND;
    double passed_s = (double)(now_ns - control->accepted_at_ns) / CONTROL_NS_PER_SECOND;
    double slow_s = CONTROL_SLOW_PAUSES * pause_s;
    double fast_s = pause_s / CONTROL_STEP_PART;

    if (passed_s > 0) {
        control->accepted_slow *= exp(-passed_s / slow_s);
        control->accepted_fast *= exp(-passed_s / fast_s);
        control->accepted_at_ns = now_ns;
    }
    control->accepted_slow += units / slow_s;
    control->accepted_fast += units / fast_s;
}

/* The probe was answered: the lane is open, at the rate that the cut left. */
static inline struct control_change control_reopen(struct control *control,
                                                   int64_t now_ns)
{
    control->state = CONTROL_OPEN;
    control->step_ns = now_ns;
    control->step_used = 0;
    control->crept_ns = now_ns;
    control->clean_since_ns = now_ns;
    control->soft.pauses = false;
    control->soft.sum = 0;
    control->soft.hits = 0;
    control->soft.answers = 0;
    return control_changed(CONTROL_REOPENED, 0, control->rate);
}

/* `units` answers that say nothing against the lane: accepted, or the recipient's own
 * affair. Growth, averages and ceiling count these, as the pace does. */
void control_let_through(struct control *control, const struct control_limits *limits,
                         double units, int64_t now_ns);

/* A 4xx without rate text. True when with it a limit is beyond doubt: cut. */
bool control_soft_refused(struct control *control, const struct control_limits *limits,
                          double units, int64_t now_ns);

/* More such refusals than usual: no creeping. */
bool control_soft_watches(const struct control *control,
                          const struct control_limits *limits, int64_t now_ns);

/* The lane is to be cut on such evidence. False when cuts have shown that the rate is not
 * the reason: the rate is then as before them. */
bool control_soft_cuts(struct control *control, const struct control_limits *limits,
                       bool in_row, int64_t now_ns);

#endif
