#include <errno.h>

#include "relay/records.h"

#include "tests/support/core_rig.h"

/* The slot's next dot is free only when the results of the last job are written; a full
 * disk delays that and loses nothing, not even a slot that would be idle too long. */
TEST(records, full_disk)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.domain = "two.test"});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 2);
    core_rig_fill_disk(true);
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_answer(&rig, "451 4.3.0 later");
    core_rig_pass(&rig, INT64_C(30) * 1000);
    cr_assert_eq(rig.told, 0, "released before its results were written");
    cr_assert_eq(rig.ended, 0, "a slot ended that is still spoken of");
    cr_assert_eq(core_rig_queued(&rig), 2);
    core_rig_fill_disk(false);
    core_rig_pass(&rig, 5000); /* the queue needs a segment first */
    cr_assert_eq(rig.told, 2, "%u told, %u flying, %d waits", rig.told,
                 rig.core->records.flying, rig.core->records.waiting != NULL);
    cr_assert_eq(core_rig_queued(&rig), 1);
    core_rig_crash(&rig);
    cr_assert_eq(core_rig_queued(&rig), 1);
    core_rig_close(&rig);
}

/* A stop with a full disk ends. */
TEST(records, stop_with_full_disk)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    core_rig_fill_disk(true);
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_close(&rig);
    core_rig_fill_disk(false);
}

static void on_done(void *owner, int rc)
{
    *(int *)owner = rc + 1;
}

/* Who waits for this turn's record is told when it is there; at once when it is empty. */
TEST(records, when_done)
{
    struct core_rig rig;
    int done = 0;
    core_rig_open(&rig, "");
    records_when_done(rig.core, on_done, &done);
    records_flush(rig.core);
    cr_assert_eq(done, 1);
    done = 0;
    uint64_t id = core_rig_accept(&rig, &(struct core_rig_mail){.domain = "sick.test"});
    core_rig_run(&rig);
    struct change change;
    change_init(&change);
    change.id = id;
    change.state = CHANGE_PURGED;
    change.ended = true;
    change.actor = "test";
    cr_assert_neq(records_add(rig.core, &change), 0);
    cr_assert_eq(records_add(rig.core, &change), 0, "it has ended already");
    records_when_done(rig.core, on_done, &done);
    records_flush(rig.core);
    cr_assert_eq(done, 0);
    core_rig_run(&rig);
    cr_assert_eq(done, 1);
    cr_assert_eq(core_rig_queued(&rig), 0);
    core_rig_close(&rig);
}
