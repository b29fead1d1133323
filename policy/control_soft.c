#include <math.h>

#include "policy/control.h"
#include "policy/control_parts.h"

/* The side of control that reads refusals without any rate text. A receiver that defers
 * some of everything whatever the rate must not slow us; one that hides its limit behind
 * "try again later" must. A sequential test tells them apart by their number: each answer
 * adds what it says for a limit against the usual share. Cuts that do not help show that
 * the rate was not the reason. */
#define RECENT_HALF_PAUSES 10
#define USUAL_HALF_PAUSES  240
#define USUAL_UNKNOWN      0.03 /* at most: big receivers defer up to so much */
#define USUAL_LEAST        0.001
#define TIMES_USUAL        5.0 /* a limit is expected to refuse so many times the usual */
#define PART_MORE          0.2 /* or so much of what is left, when much is usual */
#define SHARE_MOST         0.9
#define ENOUGH             13.0 /* of the sum: a chance of one in 400,000 */
#define WATCH_LEAST        0.01 /* share proven above this, and the usual: no creeping */
#define WATCH_TIMES        1.5
#define VAIN_CUTS          4   /* cuts in a row that may show that cutting is in vain */
#define VAIN_SLOW          0.5 /* of the first rate: from here on the share is compared */
#define VAIN_RATE          0.25 /* of the first rate: by now a limit would not be felt */
#define VAIN_SHARE         0.35 /* of the first share: is surely refused still */
#define VAIN_MOST          0.7  /* who refuses more than this is not doing it by chance */
#define VAIN_PAUSES        240  /* what was found so is forgotten after these */

static int64_t recent_half_ns(const struct control_limits *limits)
{
    return control_times_pause(limits, RECENT_HALF_PAUSES);
}

static int64_t usual_half_ns(const struct control_limits *limits)
{
    return control_times_pause(limits, USUAL_HALF_PAUSES);
}

/* The share of such refusals that says nothing about the rate. */
static double usual_share(const struct control *control,
                          const struct control_limits *limits, int64_t now_ns)
{
    const struct control_soft *soft = &control->soft;
    struct evidence_bounds bounds =
        evidence_bounds(&soft->usual, usual_half_ns(limits), now_ns);
    double share = fmin(bounds.high, USUAL_UNKNOWN);
    bool fresh = soft->accepted_share > 0 &&
                 now_ns - soft->accepted_ns < control_times_pause(limits, VAIN_PAUSES);

    if (fresh) {
        share = fmax(share, soft->accepted_share);
    }
    return control_within(share, USUAL_LEAST, SHARE_MOST);
}

static void count(struct control *control, const struct control_limits *limits,
                  double hits, double answers, int64_t now_ns)
{
    struct control_soft *soft = &control->soft;
    double usual = usual_share(control, limits, now_ns);
    double limit = fmin(TIMES_USUAL * usual, usual + PART_MORE * (1.0 - usual));

    soft->sum +=
        hits * log(limit / usual) + (answers - hits) * log((1.0 - limit) / (1.0 - usual));
    soft->hits += hits;
    soft->answers += answers;
    if (soft->cuts > 0 && control->rate <= VAIN_SLOW * soft->first_rate) {
        soft->slow_hits += hits;
        soft->slow_answers += answers;
    }
    if (soft->sum <= 0) {
        /* What was before says nothing of what may begin now. */
        soft->sum = 0;
        soft->hits = 0;
        soft->answers = 0;
    }
    evidence_add(&soft->recent, hits, answers, recent_half_ns(limits), now_ns);
    evidence_add(&soft->usual, hits, answers, usual_half_ns(limits), now_ns);
}

void control_let_through(struct control *control, const struct control_limits *limits,
                         double units, int64_t now_ns)
{
    control_average(control, limits, units, now_ns);
    control->step_used += units;
    control->since_cut += units;
    count(control, limits, 0, units, now_ns);
}

bool control_soft_refused(struct control *control, const struct control_limits *limits,
                          double units, int64_t now_ns)
{
    count(control, limits, units, units, now_ns);
    return control->soft.sum >= ENOUGH;
}

bool control_soft_watches(const struct control *control,
                          const struct control_limits *limits, int64_t now_ns)
{
    struct evidence_bounds recent =
        evidence_bounds(&control->soft.recent, recent_half_ns(limits), now_ns);
    double usual = WATCH_TIMES * usual_share(control, limits, now_ns);

    return evidence_is_bad(recent, fmax(WATCH_LEAST, usual));
}

bool control_soft_cuts(struct control *control, const struct control_limits *limits,
                       bool in_row, int64_t now_ns)
{
    struct control_soft *soft = &control->soft;
    struct evidence_bounds slow = evidence_of(soft->slow_hits, soft->slow_answers);

    if (!in_row || soft->cuts == 0) {
        soft->cuts = 0;
        soft->first_share = evidence_of(soft->hits, soft->answers).share;
        soft->first_rate = fmin(control->rate, pace_per_second(&limits->max_rate));
        soft->first_ceiling = control->ceiling;
        soft->slow_hits = 0;
        soft->slow_answers = 0;
    }
    soft->sum = 0;
    soft->cuts++;
    bool vain = soft->cuts >= VAIN_CUTS && soft->first_share < VAIN_MOST &&
                control->rate <= VAIN_RATE * soft->first_rate &&
                slow.low > VAIN_SHARE * soft->first_share;
    if (vain) {
        soft->accepted_share = slow.high;
        soft->accepted_ns = now_ns;
        soft->cuts = 0;
        control->rate = soft->first_rate;
        control->ceiling = soft->first_ceiling;
        control->sure = 0;
        control->throttles = 0;
    }
    return !vain;
}
