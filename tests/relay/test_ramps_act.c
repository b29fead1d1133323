#include "relay/ramps_parts.h"

#include "tests/support/ramp_rig.h"

static char config[1500];

static unsigned act(struct core_rig *rig, enum ramps_act what, const char *site,
                    uint32_t day)
{
    struct ramps_order order = {.source = core_rig_find_source(rig, "one"),
                                .site = site,
                                .act = what,
                                .day = day,
                                .why = "a test",
                                .by = "tester"};
    unsigned count = ramps_act(rig->core, &order, NULL);
    core_rig_run(rig);
    return count;
}

/* What an operator sets holds at once and after a power failure; what was sent today
 * stays sent, so that starting again gives nothing twice. */
TEST(ramps_act, acts_are_durable)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 48; growth = 2.0; days = 5; per = \"site\";");
    core_rig_open(&rig, config);
    ramp_rig_midnight(&rig);
    ramp_rig_mail(&rig, 60);
    unsigned sent =
        ramp_rig_spend(&rig, 3 * RAMP_RIG_HOUR, RAMP_RIG_HOUR / 4, "250 2.0.0 ok");
    cr_assert_eq(act(&rig, RAMPS_SET, RAMPS_OTHER, 4), 1);
    cr_assert_eq(ramps_cap(ramp_rig_entry(&rig, RAMPS_OTHER)), 384);
    core_rig_crash(&rig);
    cr_assert_eq(ramps_cap(ramp_rig_entry(&rig, RAMPS_OTHER)), 384);
    cr_assert_eq(act(&rig, RAMPS_PAUSE, "", 0), 2, "the site's and the source's");
    core_rig_crash(&rig);
    cr_assert(ramp_rig_entry(&rig, RAMPS_OTHER)->ramp.paused);
    cr_assert_eq(act(&rig, RAMPS_RESUME, "", 0), 2);
    cr_assert_not(ramp_rig_entry(&rig, RAMPS_OTHER)->ramp.paused);
    cr_assert_eq(act(&rig, RAMPS_SET, RAMPS_OTHER, 6), 1);
    cr_assert_eq(ramps_cap(ramp_rig_entry(&rig, RAMPS_OTHER)), UINT64_MAX, "done");
    cr_assert_eq(act(&rig, RAMPS_START, RAMPS_OTHER, 0), 1);
    core_rig_crash(&rig);
    const struct ramp_entry *entry = ramp_rig_entry(&rig, RAMPS_OTHER);
    cr_assert_eq(entry->ramp.step, 0);
    cr_assert_geq(entry->ledger.spent, sent);
    cr_assert_eq(entry->day.accepted, sent);
    cr_assert_eq(act(&rig, RAMPS_PAUSE, "nowhere", 0), 0);
    core_rig_close(&rig);
}

/* Words are acts. */
TEST(ramps_act, words)
{
    enum ramps_act out = RAMPS_START;
    cr_assert(ramps_act_parse("resume", &out) && out == RAMPS_RESUME);
    cr_assert_not(ramps_act_parse("explode", &out));
}

/* A paused source pauses the sites it meets later. */
TEST(ramps_act, a_pause_holds_for_new_sites)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 48; growth = 2.0; days = 5; per = \"site\";");
    core_rig_open(&rig, config);
    cr_assert_eq(act(&rig, RAMPS_PAUSE, "", 0), 1, "before any mail");
    ramp_rig_mail(&rig, 1);
    cr_assert(ramp_rig_entry(&rig, RAMPS_OTHER)->ramp.paused);
    core_rig_close(&rig);
}
