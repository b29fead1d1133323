#include "relay/core.h"
#include "relay/ramps_parts.h"

#include "tests/support/ramp_rig.h"

static char config[1500];

/* Released is what could have left while mail waited: half a day of waiting is half of
 * the allowance, and a day without mail releases nothing. */
TEST(ramps_day, released_while_mail_waited)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 96; growth = 1.5; days = 30; per = \"source\";");
    core_rig_open(&rig, config);
    ramp_rig_midnight(&rig);
    ramp_rig_mail(&rig, 1);
    (void)ramp_rig_spend(&rig, 6 * RAMP_RIG_HOUR, RAMP_RIG_HOUR, "250 2.0.0 ok");
    cr_assert_leq(ramp_rig_entry(&rig, "")->day.released, 4, "nothing waited");
    ramp_rig_mail(&rig, 500);
    (void)ramp_rig_spend(&rig, 12 * RAMP_RIG_HOUR, RAMP_RIG_HOUR / 4, "250 2.0.0 ok");
    const struct ramp_entry *entry = ramp_rig_entry(&rig, "");
    cr_assert(entry->day.released >= 46 && entry->day.released <= 52, "%lu",
              (unsigned long)entry->day.released);
    cr_assert(entry->day.accepted >= 44 && entry->day.accepted <= 52, "%lu",
              (unsigned long)entry->day.accepted);
    ramp_rig_midnight(&rig);
    cr_assert_eq(ramp_rig_entry(&rig, "")->ramp.step, 1, "used as far as it was there");
    core_rig_close(&rig);
}

/* A receiver that refuses the address takes three steps, and the record says why. */
TEST(ramps_day, a_block_goes_back)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 48; growth = 1.5; days = 30; per = \"site\";");
    core_rig_open(&rig, config);
    ramp_rig_midnight(&rig);
    ramp_rig_mail(&rig, 60);
    ramp_rig_entry(&rig, RAMPS_OTHER)->ramp.step = 7;
    (void)ramp_rig_spend(&rig, RAMP_RIG_HOUR, RAMP_RIG_HOUR / 2, "250 2.0.0 ok");
    (void)ramp_rig_spend(&rig, RAMP_RIG_HOUR, RAMP_RIG_HOUR / 2,
                         "554 5.7.1 Your IP address is blocked for abuse");
    struct ramp_entry *entry = ramp_rig_entry(&rig, RAMPS_OTHER);
    cr_assert(entry->day.blocked);
    cr_assert_eq(ramps_preview(entry).verdict, RAMP_BACK_THREE);
    core_rig_crash(&rig);
    cr_assert(ramp_rig_entry(&rig, RAMPS_OTHER)->day.blocked, "at once on the disk");
    ramp_rig_midnight(&rig);
    cr_assert_eq(ramp_rig_entry(&rig, RAMPS_OTHER)->ramp.step, 4);
    core_rig_close(&rig);
}

/* The sum over the sites is counted, limits nothing by itself, and judges keys that have
 * hardly any mail. */
TEST(ramps_day, little_keys_are_judged_with_their_source)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 48; growth = 1.5; days = 30; per = \"site\";");
    core_rig_open(&rig, config);
    ramp_rig_midnight(&rig);
    ramp_rig_mail(&rig, 30);
    (void)ramp_rig_spend(&rig, 2 * RAMP_RIG_HOUR, RAMP_RIG_HOUR / 4, "250 2.0.0 ok");
    struct ramp_entry *total = ramp_rig_entry(&rig, "");
    cr_assert_eq(ramps_cap(total), UINT64_MAX);
    cr_assert_gt(total->day.accepted, 0);
    total->day.attempts = 1000;
    total->day.refusals = 300;
    cr_assert_eq(ramps_preview(ramp_rig_entry(&rig, RAMPS_OTHER)).verdict, RAMP_BACK_ONE);
    ramp_rig_entry(&rig, RAMPS_OTHER)->day.attempts = RAMP_FEW;
    cr_assert_neq(ramps_preview(ramp_rig_entry(&rig, RAMPS_OTHER)).verdict, RAMP_BACK_ONE,
                  "enough of its own");
    core_rig_close(&rig);
}

/* A source that is out of service for a listing starts again at a fraction. */
TEST(ramps_day, a_listing)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 48; growth = 1.5; days = 30; per = \"source\";");
    core_rig_open(&rig, config);
    ramp_rig_midnight(&rig);
    ramp_rig_mail(&rig, 3);
    struct ramp_entry *entry = ramp_rig_entry(&rig, "");
    entry->ramp.step = 10;
    uint64_t before = ramps_cap(entry);
    entry->source->stop = (struct stop){.state = STOP_HELD,
                                        .cause = STOP_CAUSE_LISTED,
                                        .reach = STOP_REACH_BULK,
                                        .list_kind = STOP_LIST_GRAVE,
                                        .since_unix_ms = now_unix_ms(),
                                        .until_unix_ms = INT64_MAX};
    ramps_tick(rig.core);
    cr_assert(entry->day.listed && entry->day.grave);
    ramp_rig_midnight(&rig);
    cr_assert_eq(ramps_cap(ramp_rig_entry(&rig, "")), before / 4);
    core_rig_close(&rig);
}

/* In Berlin a day is a day, also when it has 23 hours: one budget, one verdict. */
TEST(ramps_day, a_day_when_clocks_change)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 48; growth = 1.5; days = 30; per = \"source\"; "
                            "timezone = \"Europe/Berlin\"; day_starts = \"02:30\";");
    core_rig_open(&rig, config);
    ramp_rig_mail(&rig, 10);
    /* 2024-03-30 12:00 UTC: the night after it clocks jump over 02:30. */
    core_rig_pass(&rig, INT64_C(1711800000000) - now_unix_ms());
    struct ramp_entry *entry = ramp_rig_entry(&rig, "");
    int32_t day = entry->ledger.day;
    core_rig_pass(&rig, 12 * RAMP_RIG_HOUR + RAMP_RIG_HOUR / 2); /* 01:30 in Berlin */
    cr_assert_eq(entry->ledger.day, day);
    core_rig_pass(&rig, RAMP_RIG_HOUR);
    cr_assert_eq(entry->ledger.day, day + 1);
    core_rig_pass(&rig, 22 * RAMP_RIG_HOUR);
    cr_assert_eq(entry->ledger.day, day + 1);
    core_rig_pass(&rig, RAMP_RIG_HOUR);
    cr_assert_eq(entry->ledger.day, day + 2);
    core_rig_close(&rig);
}
