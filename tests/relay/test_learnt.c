#include "relay/learnt.h"
#include "relay/now.h"
#include "relay/sites.h"

#include "tests/support/core_rig.h"

/* A cut that a receiver asked for holds after a crash. */
TEST(learnt, cut_survives)
{
    struct core_rig rig;
    core_rig_open(&rig,
                  "sources = ( { name = \"one\"; address = \"127.0.0.11\"; } );\n"
                  "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } );\n"
                  "sites = ( { name = \"default\"; max_rate = \"20/s\"; } );\n");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    core_rig_pass(&rig, 2000);
    core_rig_answer(&rig, "421 4.7.28 rate limited: you are sending too fast");
    struct lane *lane = core_rig_lane(&rig, "one", "one.test");
    struct control_answer before =
        control_ask(&lane->control, sites_limits(lane->site), now_ns());
    cr_assert_not(before.go, "the receiver asked for a pause");
    core_rig_crash(&rig);
    lane = core_rig_lane(&rig, "one", "one.test");
    cr_assert_not(control_ask(&lane->control, sites_limits(lane->site), now_ns()).go);
    core_rig_close(&rig);
}
