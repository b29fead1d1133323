#include "relay/journal.h"
#include "relay/ramps_parts.h"

#include "tests/support/ramp_rig.h"

static char config[1500];

/* The day's evidence, the count against its cap and the ramp itself are there after a
 * power failure and after a clean stop: never a smaller count, never a lost refusal. */
TEST(ramps_store, a_day_survives)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 60; growth = 1.5; days = 30; per = \"source\";");
    core_rig_open(&rig, config);
    ramp_rig_midnight(&rig);
    ramp_rig_mail(&rig, 100);
    unsigned accepted =
        ramp_rig_spend(&rig, 6 * RAMP_RIG_HOUR, RAMP_RIG_HOUR / 2, "250 2.0.0 ok");
    unsigned refused = ramp_rig_spend(&rig, RAMP_RIG_HOUR, RAMP_RIG_HOUR / 2,
                                      "550 5.7.1 message refused as spam");
    cr_assert(accepted >= 10 && refused >= 1, "%u and %u", accepted, refused);
    for (unsigned times = 0; times < 3; times++) {
        struct ramp_entry before = *ramp_rig_entry(&rig, "");
        cr_assert_eq(before.day.accepted, accepted);
        core_rig_pass(&rig, 1000); /* what a second brings is on the disk */
        if (times == 1) {
            core_rig_stop(&rig);
            core_rig_start(&rig);
        } else {
            core_rig_crash(&rig);
        }
        const struct ramp_entry *after = ramp_rig_entry(&rig, "");
        cr_assert_eq(after->day.accepted, accepted);
        cr_assert_eq(after->day.refusals, refused);
        cr_assert_eq(after->day.released, before.day.released);
        cr_assert_geq(after->ledger.spent, accepted);
        cr_assert_eq(after->ramp.step, before.ramp.step);
        cr_assert_eq(after->ramp.day, before.ramp.day);
        cr_assert_gt(after->pace.spent_until_ns, 0, "no second burst");
    }
    core_rig_close(&rig);
}

/* The verdict of a day in which the relay was restarted is that of the whole day, also
 * when midnight passes while it is down. */
TEST(ramps_store, the_verdict_comes_after_a_restart)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 60; growth = 1.5; days = 30; per = \"source\";");
    core_rig_open(&rig, config);
    ramp_rig_midnight(&rig);
    ramp_rig_mail(&rig, 100);
    (void)ramp_rig_spend(&rig, CORE_RIG_DAY - RAMP_RIG_HOUR, RAMP_RIG_HOUR / 5,
                         "250 2.0.0 ok");
    core_rig_crash(&rig);
    cr_assert_eq(ramp_rig_entry(&rig, "")->ramp.step, 0);
    core_rig_stop(&rig);
    core_rig_move(2 * RAMP_RIG_HOUR);
    core_rig_start(&rig);
    cr_assert_eq(ramp_rig_entry(&rig, "")->ramp.step, 1, "a used, clean day");
    cr_assert_eq(ramp_rig_entry(&rig, "")->day.accepted, 0, "of today");
    cr_assert_leq(ramp_rig_entry(&rig, "")->ledger.spent, 1, "what left just now");
    core_rig_stop(&rig);
    core_rig_move(40 * CORE_RIG_DAY);
    core_rig_start(&rig);
    cr_assert_eq(ramp_rig_entry(&rig, "")->ramp.step, 0, "silent for a month");
    core_rig_close(&rig);
}

/* A row written by nobody in his right mind does no harm. */
TEST(ramps_store, strange_rows)
{
    static const char *const values[] = {
        "", "day=99999999999999 step=-5", "step=4000000000 past_sent=1,2,,x,9",
        ("past_sent=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 "
         "paid_unix_ms=9999999999999999"),
        "gap_ns=-4 paid_unix_ms=1 most=-1 day=-2000000000"};
    struct core_rig rig;
    ramp_rig_config(config, "start = 60; growth = 1.5; days = 30;");
    core_rig_open(&rig, config);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        static const char *const keys[] = {"one|", "one|gmail.test", "|bulk", "x", "|"};
        struct store_row row = {.kind = i % 2 == 0 ? STORE_RAMP : STORE_LEDGER,
                                .key = keys[i],
                                .value = values[i]};
        ramps_load(rig.core, &row);
        row.kind = STORE_RAMP;
        ramps_load(rig.core, &row);
    }
    ramps_take(rig.core);
    ramps_tick(rig.core);
    ramp_rig_mail(&rig, 3);
    cr_assert_eq(ramp_rig_entry(&rig, "")->warmup, 0);
    core_rig_close(&rig);
}
