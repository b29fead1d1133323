/* Receivers that give a new address so much a day, on virtual time: R4 (a hidden curve,
 * a block for who runs far over it) and R7 (the same, and every deferral costs capacity).
 * Every draw comes from the seed. */

#ifndef TESTS_SIM_DAILY_H
#define TESTS_SIM_DAILY_H

#include <stdbool.h>
#include <stdint.h>

#define DAILY_NS (INT64_C(86400) * 1000000000)

struct daily {
    uint64_t random;
    double first;         /* hidden: what it takes on the first day */
    double growth;        /* hidden: a day, 1.1 to 2 */
    double alpha;         /* hidden, of R7: capacity x (1 - alpha x deferred share) */
    bool is_reputation;   /* R7 */
    double noise;         /* share that it defers for reasons of its own; 0 */
    int32_t worse_day;    /* from this day on the curve is worth ... */
    double worse_times;   /* ... only so much; 0: never */
    int32_t day;          /* of the counts below */
    double accepted;      /* today */
    double attempts;      /* today, those over the curve included */
    double recent;        /* attempts of the last 24 h, fading */
    double recent_defers; /* deferrals among them */
    int64_t faded_ns;
    int64_t block_until_ns;
    uint32_t blocks;
};

void daily_init(struct daily *daily, bool is_reputation, uint64_t seed);

/* Its capacity on a day, before any loss of reputation. */
double daily_curve(const struct daily *daily, int32_t day);

/* One recipient. NULL: accepted; else the reply. */
const char *daily_message(struct daily *daily, int64_t now_ns);

#endif
