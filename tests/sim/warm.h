/* One warming address and one receiver on virtual time: the shipped ramp, ledger,
 * release, controller and verdicts, as the relay puts them together. There is so much
 * mail a day, and a backlog. */

#ifndef TESTS_SIM_WARM_H
#define TESTS_SIM_WARM_H

#include <stdint.h>

#include "policy/control.h"
#include "policy/ledger.h"
#include "policy/pace.h"
#include "policy/ramp.h"

#include "tests/sim/daily.h"

#define WARM_DAYS 60

/* A day as it was. */
struct warm_day {
    uint64_t cap;
    uint64_t accepted;
    uint64_t deferred;
    enum ramp_verdict verdict;
    uint32_t step; /* of the day after */
};

struct warm {
    struct daily *daily; /* borrowed */
    const struct ramp_plan *plan;
    double per_day; /* ready at each midnight, worthless at the next */
    double today;   /* of them, sent */
    double backlog; /* recipients that wait as long as they must */
    struct control_limits limits;
    struct control control;
    struct pace pace; /* of the controller */
    struct pace release;
    struct ramp ramp;
    struct ledger ledger;
    struct ramp_day day;
    int64_t stopped_until_ns;
    int64_t now_ns;
    struct warm_day days[WARM_DAYS];
};

void warm_init(struct warm *warm, struct daily *daily, const struct ramp_plan *plan,
               double per_day);

/* Run so many days from where it is. */
void warm_run(struct warm *warm, uint32_t days);

#endif
