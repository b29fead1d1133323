#include <string.h>

#include "policy/ramp.h"

#define NORMAL_DAYS 3 /* days with mail below which nothing is usual */
#define PEAK_DAYS   7 /* days below which nothing is a peak */

void ramp_past_add(struct ramp_past *past, uint64_t sent, uint64_t attempts,
                   uint64_t demand, uint32_t silent)
{
    uint32_t shift = silent < RAMP_DAYS ? silent + 1 : RAMP_DAYS;
    uint32_t keep = RAMP_DAYS - shift;

    memmove(past->sent + shift, past->sent, keep * sizeof past->sent[0]);
    memmove(past->attempts + shift, past->attempts, keep * sizeof past->attempts[0]);
    memmove(past->demand + shift, past->demand, keep * sizeof past->demand[0]);
    memset(past->sent, 0, shift * sizeof past->sent[0]);
    memset(past->attempts, 0, shift * sizeof past->attempts[0]);
    memset(past->demand, 0, shift * sizeof past->demand[0]);
    if (silent < RAMP_DAYS) {
        past->sent[silent] = sent;
        past->attempts[silent] = attempts;
        past->demand[silent] = demand;
    }
    past->count = past->count + shift < RAMP_DAYS ? past->count + shift : RAMP_DAYS;
}

uint64_t ramp_past_attempts(const struct ramp_past *past)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < past->count && i < RAMP_DAYS; i++) {
        sum += past->attempts[i];
    }
    return sum;
}

/* Into ascending order, those that are not below the least. How many. */
static uint32_t sorted(const uint64_t *values, uint32_t count, uint64_t from,
                       uint64_t out[RAMP_DAYS])
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count && i < RAMP_DAYS; i++) {
        uint32_t at = used;
        if (values[i] < from) {
            continue;
        }
        while (at > 0 && out[at - 1] > values[i]) {
            out[at] = out[at - 1];
            at--;
        }
        out[at] = values[i];
        used++;
    }
    return used;
}

uint64_t ramp_past_normal(const struct ramp_past *past)
{
    uint64_t days[RAMP_DAYS];
    uint32_t used = sorted(past->sent, past->count, 1, days);
    return used < NORMAL_DAYS ? 0 : days[used / 2];
}

uint64_t ramp_past_peak(const struct ramp_past *past)
{
    uint64_t days[RAMP_DAYS];
    uint32_t used = sorted(past->demand, past->count, 0, days);
    return used < PEAK_DAYS ? 0 : days[(used * 95 + 99) / 100 - 1];
}
