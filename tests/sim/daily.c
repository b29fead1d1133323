#include "tests/sim/daily.h"

#include <math.h>
#include <stddef.h>

#include "tests/sim/receiver.h"

#define OVERRUN  1.2 /* attempts above so many times the day's capacity: a block ... */
#define BLOCK_NS (24 * RECEIVER_HOUR)

static double between(uint64_t *random, double least, double most)
{
    return least + (most - least) * receiver_roll(random);
}

void daily_init(struct daily *daily, bool is_reputation, uint64_t seed)
{
    uint64_t random = seed * UINT64_C(0xD1342543DE82EF95) + 7;
    *daily = (struct daily){.is_reputation = is_reputation};
    daily->first = 50 * pow(40, receiver_roll(&random)); /* 50 to 2,000 */
    daily->growth = between(&random, 1.1, 2.0);
    daily->alpha = between(&random, 0, 5);
    daily->random = random;
}

double daily_curve(const struct daily *daily, int32_t day)
{
    double capacity = daily->first * pow(daily->growth, day);
    if (daily->worse_times > 0 && day >= daily->worse_day) {
        capacity *= daily->worse_times;
    }
    return fmin(capacity, 1e9);
}

static double capacity_now(struct daily *daily, int64_t now_ns)
{
    double capacity = daily_curve(daily, daily->day);
    double keep = exp(-(double)(now_ns - daily->faded_ns) / (double)DAILY_NS);
    daily->recent *= keep;
    daily->recent_defers *= keep;
    daily->faded_ns = now_ns;
    if (daily->is_reputation && daily->recent > 0) {
        double share = daily->recent_defers / daily->recent;
        capacity *= fmax(0.1, 1.0 - daily->alpha * share);
    }
    return capacity;
}

const char *daily_message(struct daily *daily, int64_t now_ns)
{
    int32_t day = (int32_t)(now_ns / DAILY_NS);
    if (day > daily->day) {
        daily->day = day;
        daily->accepted = 0;
        daily->attempts = 0;
    }
    if (now_ns < daily->block_until_ns) {
        return "554 5.7.1 Your IP address is blocked for abuse";
    }
    double capacity = capacity_now(daily, now_ns);
    if (daily->noise > 0 && receiver_roll(&daily->random) < daily->noise) {
        return "451 4.3.0 Temporary system problem, try again later";
    }
    daily->attempts++;
    daily->recent++;
    if (daily->accepted + 1 <= capacity) {
        daily->accepted++;
        return NULL;
    }
    daily->recent_defers++;
    if (daily->attempts > OVERRUN * daily_curve(daily, day)) {
        daily->block_until_ns = now_ns + BLOCK_NS;
        daily->blocks++;
        return "554 5.7.1 Your IP address is blocked for abuse";
    }
    return "421 4.7.28 Our system has detected an unusual rate of mail from your IP "
           "address";
}
