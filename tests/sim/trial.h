/* One sender, or two behind one quota, against one simulated receiver: the climb, a day
 * of receiver time after it, then a capacity that halves and one that doubles again.
 *
 * The bench prints what a trial finds, the tests hold it to the targets. */

#ifndef TESTS_SIM_TRIAL_H
#define TESTS_SIM_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/receiver.h"
#include "tests/sim/sender.h"

struct trial {
    enum receiver_model model;
    enum receiver_words words;
    enum sender_kind kind;
    double times;       /* of SENDER_STATIC and SENDER_TWO_STATE: of the capacity */
    double per_minute;  /* 0: drawn, 6 to 6,000 */
    double noise;       /* share deferred whatever the rate; 0: the model's own */
    int64_t stretch_ns; /* of RECEIVER_QUOTA; 0: a minute */
    uint32_t days; /* measured from the start, no climb; 0: one day after the climb */
    bool steps;    /* the capacity halves, then doubles again */
    bool pair;     /* two sources behind the one limit */
};

struct trial_result {
    double goodput;     /* accepted / capacity, over the day after the climb */
    double deferred;    /* 4xx of any text / attempts, the same day */
    double blocks;      /* all the time */
    double lost;        /* 5xx, all the time */
    double climb_min;   /* end of the first ten minutes at 80 % of capacity; -1 never */
    double halved_min;  /* from the change to twenty minutes at 80 %, 4xx below 0.5 % */
    double doubled_min; /* from the change to ten minutes at 80 %; -1 never */
    double overshoot;   /* attempts above capacity, in minutes of it: climb and day */
    double overruns;    /* of R4 */
    uint32_t throttles; /* the adaptive sender's row at the end */
    double after_hit;   /* of R8 */
};

/* What became of one seed. */
void trial_run(const struct trial *trial, uint64_t seed, struct trial_result *out_result);

#endif
