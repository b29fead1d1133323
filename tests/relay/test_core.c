#include "relay/core.h"
#include "relay/worker.h"

#include "tests/support/core_rig.h"

/* Mail that becomes known is counted and offered; ids are later than the floor. */
TEST(core, accepted)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    cr_assert_eq(rig.core->counts.accepted, 1);
    uint64_t first = core_next_id(rig.core);
    cr_assert_gt(core_next_id(rig.core), first);
    core_rig_close(&rig);
}

/* A configuration that is bad changes nothing; a good one takes mail along that waits. */
TEST(core, reload)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < 20; i++) {
        (void)core_rig_accept(
            &rig, &(struct core_rig_mail){.domain = i % 2 ? "sick.test" : "one.test"});
    }
    core_rig_run(&rig);
    struct snapshot *before = rig.core->snapshot;
    core_rig_config(&rig, "nonsense = 1;\n");
    cr_assert_neq(core_rig_reload(&rig), 0);
    cr_assert_eq(rig.core->snapshot, before);
    char config[2048];
    (void)snprintf(config, sizeof config, "%s", core_rig_default);
    core_rig_config(&rig, config);
    cr_assert_eq(core_rig_reload(&rig), 0);
    cr_assert_eq(core_rig_queued(&rig), 20);
    while (rig.job_count > 0) {
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    cr_assert_eq(core_rig_queued(&rig), 10);
    core_rig_close(&rig);
}

/* Draining is told to the workers, and taken back. */
TEST(core, drain)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    core_drain(rig.core, true);
    cr_assert(rig.core->workers[0]->refuses);
    core_drain(rig.core, false);
    cr_assert_not(rig.core->workers[0]->refuses);
    core_rig_close(&rig);
}
