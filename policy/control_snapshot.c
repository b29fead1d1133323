#include <math.h>

#include "policy/control.h"
#include "policy/control_parts.h"

#define TRUST_NS           INT64_C(86400000000000) /* a rate older than a day is a guess */
#define MISTRUST           0.25
#define CONTROL_RATE_LEAST (1.0 / 600.0)
#define CONTROL_RATE_MOST  1e6

static int64_t age_of(int64_t then_ns, int64_t now_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

static int64_t ago(int64_t now_ns, int64_t age_ns, int64_t more_ns)
{
    int64_t kept_ns = age_ns > 0 ? age_ns : 0;
    int64_t whole_ns = 0;

    if (__builtin_add_overflow(kept_ns, more_ns, &whole_ns) || whole_ns > INT64_MAX / 2) {
        whole_ns = INT64_MAX / 2;
    }
    return now_ns - whole_ns;
}

void control_save(const struct control *control, const struct control_limits *limits,
                  int64_t now_ns, struct control_snapshot *out_snapshot)
{
    struct window_limits window = {.most = limits->max_connections};
    bool paused = control->state != CONTROL_OPEN;
    int64_t left_ns = control->until_ns > now_ns ? control->until_ns - now_ns : 0;

    *out_snapshot = (struct control_snapshot){
        .rate = control->rate,
        .ceiling = control->ceiling,
        .ceiling_age_ns = age_of(control->ceiling_ns, now_ns),
        .clean_age_ns = age_of(control->clean_since_ns, now_ns),
        .pause_left_ns = paused ? (left_ns > 0 ? left_ns : 1) : 0,
        .throttles = control->throttles,
        .messages = control->messages,
        .window = window_most(&control->window, &window),
        .window_ceiling = control->window.ceiling,
        .behaviour = (uint8_t)control->behaviour,
    };
}

void control_restore(struct control *control, const struct control_limits *limits,
                     const struct control_snapshot *snapshot, int64_t age_ns,
                     int64_t now_ns)
{
    int64_t down_ns = age_ns > 0 ? age_ns : 0;

    control_init(control, limits, now_ns);
    double start = control->rate;
    if (isfinite(snapshot->rate) && snapshot->rate > 0) {
        double rate = fmin(fmax(snapshot->rate, CONTROL_RATE_LEAST), CONTROL_RATE_MOST);
        bool stale = down_ns > TRUST_NS && rate > start;
        control->rate = stale ? fmax(start, rate * MISTRUST) : rate;
    }
    if (isfinite(snapshot->ceiling) && snapshot->ceiling > 0) {
        control->ceiling = fmin(snapshot->ceiling, CONTROL_RATE_MOST);
        control->ceiling_ns = ago(now_ns, snapshot->ceiling_age_ns, down_ns);
        control->seasoned = true;
        control->sure = control->rate; /* from here slowly: the world may have changed */
    }
    control->clean_since_ns = ago(now_ns, snapshot->clean_age_ns, down_ns);
    control->messages = down_ns > TRUST_NS ? 0 : snapshot->messages;
    if (snapshot->window > 0 && snapshot->window <= WINDOW_MOST) {
        control->window.limit = snapshot->window;
        control->window.ceiling = snapshot->window_ceiling;
        control->window.ceiling_ns = now_ns;
    }
    if (snapshot->behaviour < FINDING_BEHAVIOURS) {
        control->behaviour = (enum finding_behaviour)snapshot->behaviour;
        control->window.slow = control->behaviour == FINDING_BEHAVIOUR_GOOGLE_4728 ||
                               control->behaviour == FINDING_BEHAVIOUR_MICROSOFT_S775;
    }
    if (snapshot->throttles > 0) {
        control->throttles = snapshot->throttles;
        control->cut_ns = control->clean_since_ns;
    }
    if (snapshot->pause_left_ns > 0) {
        /* Also a pause that is over: what follows is still one probe, not everything. */
        int64_t left_ns =
            snapshot->pause_left_ns > down_ns ? snapshot->pause_left_ns - down_ns : 0;
        int64_t most_ns = limits->max_pause_ns > 0 ? limits->max_pause_ns : left_ns;
        control->state = CONTROL_PAUSED;
        control->until_ns = now_ns + (left_ns < most_ns ? left_ns : most_ns);
    }
}
