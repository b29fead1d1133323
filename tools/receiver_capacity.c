#include "tools/receiver_capacity.h"

#include <math.h>

#include "tools/ticks.h"

#define SLOTS_PER_DAY  96 /* the daily swing goes in so many steps */
#define TWO_PI         6.283185307179586
#define CURVE_DAYS_MAX 1000 /* by then it is beyond any rate */

static bool has_outages(const struct receiver_spec *spec)
{
    return spec->outage_for_ns > 0;
}

/* Time since the newest outage began; negative before the first. */
static int64_t outage_age(const struct receiver_spec *spec, int64_t model_ns)
{
    int64_t age_ns = model_ns - spec->outage_at_ns;

    if (age_ns >= 0 && spec->outage_every_ns > 0) {
        age_ns %= spec->outage_every_ns;
    }
    return age_ns;
}

bool receiver_capacity_outage(const struct receiver_spec *spec, int64_t model_ns)
{
    int64_t age_ns = outage_age(spec, model_ns);

    return has_outages(spec) && age_ns >= 0 && age_ns < spec->outage_for_ns;
}

static int64_t slot_ns(const struct receiver_spec *spec)
{
    return spec->day_ns / SLOTS_PER_DAY;
}

static double swing(const struct receiver_spec *spec, int64_t model_ns)
{
    int64_t slot = 0;
    double part = 0.0;

    if (spec->diurnal <= 0.0) {
        return 1.0;
    }
    slot = model_ns / slot_ns(spec);
    part = ((double)slot + 0.5) / SLOTS_PER_DAY;
    part += spec->diurnal_phase;
    return spec->diurnal + (1.0 - spec->diurnal) * 0.5 * (1.0 - cos(TWO_PI * part));
}

static double changed(const struct receiver_spec *spec, int64_t model_ns)
{
    double factor = 1.0;

    for (size_t i = 0; i < spec->changes_count; i++) {
        if (spec->changes[i].at_ns <= model_ns) {
            factor = spec->changes[i].factor;
        }
    }
    return factor;
}

static double rate_at(const struct receiver_spec *spec, int64_t model_ns)
{
    if (receiver_capacity_outage(spec, model_ns)) {
        return 0.0;
    }
    return spec->rate_per_s * swing(spec, model_ns) * changed(spec, model_ns);
}

static void sooner(int64_t *until_ns, int64_t candidate_ns, int64_t now_ns)
{
    if (candidate_ns > now_ns && candidate_ns < *until_ns) {
        *until_ns = candidate_ns;
    }
}

/* The rate is constant from now_ns to the answer, which is at most to_ns. */
static int64_t constant_until(const struct receiver_spec *spec, int64_t now_ns,
                              int64_t to_ns)
{
    int64_t until_ns = to_ns;

    if (spec->diurnal > 0.0) {
        sooner(&until_ns, (now_ns / slot_ns(spec) + 1) * slot_ns(spec), now_ns);
    }
    for (size_t i = 0; i < spec->changes_count; i++) {
        sooner(&until_ns, spec->changes[i].at_ns, now_ns);
    }
    if (has_outages(spec)) {
        int64_t start_ns = now_ns - outage_age(spec, now_ns);

        sooner(&until_ns, start_ns, now_ns);
        sooner(&until_ns, start_ns + spec->outage_for_ns, now_ns);
        if (spec->outage_every_ns > 0) {
            sooner(&until_ns, start_ns + spec->outage_every_ns, now_ns);
        }
    }
    return until_ns;
}

double receiver_capacity_refill(const struct receiver_spec *spec, int64_t from_ns,
                                int64_t to_ns)
{
    double sum = 0.0;

    while (from_ns < to_ns) {
        int64_t until_ns = constant_until(spec, from_ns, to_ns);

        sum += rate_at(spec, from_ns) * (double)(until_ns - from_ns) / 1e9;
        from_ns = until_ns;
    }
    return sum;
}

double receiver_capacity_curve(const struct receiver_spec *spec, int64_t day)
{
    double days = day < CURVE_DAYS_MAX ? (double)day : (double)CURVE_DAYS_MAX;

    return floor((double)spec->curve_first * pow(spec->curve_growth, days));
}

static void at_most(double *limit, double other)
{
    if (*limit < 0.0 || other < *limit) {
        *limit = other;
    }
}

/* Everything that limits, as a rate per second; negative when nothing does. */
static double full_rate(const struct receiver_spec *spec, int64_t first_ns,
                        int64_t model_ns)
{
    double day_s = (double)spec->day_ns / 1e9;
    double limit = -1.0;

    if (spec->rate_per_s > 0.0) {
        at_most(&limit, rate_at(spec, model_ns));
    }
    if (spec->hourly > 0) {
        at_most(&limit, (double)spec->hourly * 24.0 / day_s);
    }
    if (spec->daily > 0) {
        at_most(&limit, (double)spec->daily / day_s);
    }
    if (spec->curve_first > 0) {
        int64_t day = (model_ns - first_ns) / spec->day_ns;

        at_most(&limit, receiver_capacity_curve(spec, day) / day_s);
    }
    if (limit >= 0.0 && receiver_capacity_outage(spec, model_ns)) {
        limit = 0.0;
    }
    return limit;
}

double receiver_capacity_between(const struct receiver_spec *spec, int64_t first_ns,
                                 int64_t from_ns, int64_t to_ns)
{
    double sum = 0.0;

    if (full_rate(spec, first_ns, from_ns) < 0.0) {
        return -1.0;
    }
    while (from_ns < to_ns) {
        int64_t until_ns = constant_until(spec, from_ns, to_ns);

        if (spec->curve_first > 0) {
            int64_t day = (from_ns - first_ns) / spec->day_ns;

            sooner(&until_ns, first_ns + (day + 1) * spec->day_ns, from_ns);
        }
        sum += full_rate(spec, first_ns, from_ns) * (double)(until_ns - from_ns) / 1e9;
        from_ns = until_ns;
    }
    return sum;
}
