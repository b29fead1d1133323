#include <string.h>

#include "policy/gate.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)

static const struct gate_block block = {.until_ns = 90,
                                        .owner = GATE_OWNER_OPERATOR,
                                        .ref = 4};
static const struct pace_limit one_a_second = {.count = 1,
                                               .burst = 1,
                                               .period_ns = SECOND};

/* With nothing in the way it goes, with as many units as every gate leaves. */
TEST(gate, open)
{
    struct pace pace = {0};
    struct pace_limit limit = {.count = 10, .burst = 7, .period_ns = SECOND};
    struct gate_pace rates[] = {{&pace, &limit, GATE_OWNER_LEARNT, 0}};
    struct gate_count ramps[] = {{.used = 95, .most = 100}};
    struct gate_ask ask = {.now_ns = 10,
                           .expires_ns = INT64_MAX,
                           .rates = rates,
                           .rate_count = 1,
                           .ramps = ramps,
                           .ramp_count = 1};

    cr_assert_not(gate_first(&ask).holds);
    cr_assert_eq(gate_first(&ask).gate, GATE_COUNT);
    cr_assert_eq(gate_first(&ask).units, 5);
}

/* The gates are asked in the documented order: shutting them from the last to the first,
 * each one that is added is the one that is named. */
TEST(gate, order)
{
    struct pace spent = {.spent_until_ns = 100 * SECOND, .gap_ns = SECOND};
    struct gate_pace rates[] = {{&spent, &one_a_second, GATE_OWNER_LEARNT, 1}};
    struct gate_count full[] = {{.used = 5, .most = 5, .earliest_ns = INT64_MAX}};
    struct gate_ask ask = {.now_ns = 10, .expires_ns = INT64_MAX};

    ask.connections = full;
    ask.connection_count = 1;
    cr_assert_eq(gate_first(&ask).gate, GATE_CONNECTIONS);
    ask.rates = rates;
    ask.rate_count = 1;
    cr_assert_eq(gate_first(&ask).gate, GATE_RATE);
    ask.ramps = full;
    ask.ramp_count = 1;
    cr_assert_eq(gate_first(&ask).gate, GATE_RAMP);
    ask.recipient_rate = rates[0];
    cr_assert_eq(gate_first(&ask).gate, GATE_RECIPIENT_RATE);
    ask.due_ns = 11;
    cr_assert_eq(gate_first(&ask).gate, GATE_BACKOFF);
    const struct gate_block **blocks[] = {
        &ask.destination,
        &ask.lane_stop,
        &ask.source_stop,
        &ask.sender_domain,
    };
    for (int i = 0; i < 4; i++) {
        *blocks[i] = &block;
        cr_assert_eq((int)gate_first(&ask).gate, GATE_DESTINATION - i);
    }
    ask.suppressed = true;
    cr_assert_eq(gate_first(&ask).gate, GATE_SUPPRESSION);
    const struct gate_block **freezes[] = {&ask.freeze_user, &ask.freeze_source,
                                           &ask.freeze_site, &ask.freeze_stream,
                                           &ask.hold};
    for (int i = 0; i < 5; i++) {
        *freezes[i] = &block;
        cr_assert_eq((int)gate_first(&ask).gate, GATE_FREEZE_USER - i);
    }
    ask.expires_ns = 10;
    cr_assert_eq(gate_first(&ask).gate, GATE_LIFETIME);
}

/* `why` sees every gate, with value, limit and owner; where several stand at one, the one
 * that holds longest. A block that is over is open. */
TEST(gate, all)
{
    struct gate_count counts[] = {{.used = 5, .most = 5, .earliest_ns = 20, .ref = 1},
                                  {.used = 9, .most = 9, .earliest_ns = 70, .ref = 2},
                                  {.used = 1, .most = 9}};
    struct gate_ask ask = {.now_ns = 10,
                           .expires_ns = INT64_MAX,
                           .hold = &block,
                           .ramps = counts,
                           .ramp_count = 3};
    struct gate_answer answers[GATE_COUNT];

    gate_all(&ask, answers);
    cr_assert(answers[GATE_HOLD].holds && answers[GATE_HOLD].ref == 4);
    cr_assert(answers[GATE_RAMP].holds && answers[GATE_RAMP].ref == 2);
    cr_assert(answers[GATE_RAMP].value == 9 && answers[GATE_RAMP].limit == 9);
    cr_assert_not(answers[GATE_RATE].holds);
    ask.now_ns = 90;
    gate_all(&ask, answers);
    cr_assert_not(answers[GATE_HOLD].holds);
    for (int i = 0; i <= GATE_COUNT; i++) {
        cr_assert_gt(strlen(gate_name((enum gate)i)), 3);
    }
    cr_assert_str_eq(gate_owner_name(GATE_OWNER_LEARNT), "learnt");
}
