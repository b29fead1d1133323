#include "relay/settle.h"

#include <string.h>

#include "tests/support/core_rig.h"

/* A message that is taken by its receiver leaves the queue. */
TEST(settle, delivered)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1);
    core_rig_answer(&rig, "250 2.0.0 ok");
    cr_assert_eq(core_rig_queued(&rig), 0);
    cr_assert_eq(rig.core->counts.delivered, 1);
    core_rig_close(&rig);
}
