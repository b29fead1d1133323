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

/* What share of a source's mail a site takes is known after a restart, too: a listing
 * counts more where much mail goes. */
TEST(learnt, share_of_the_month_survives)
{
    struct core_rig rig;
    core_rig_open(&rig,
                  "sources = ( { name = \"one\"; address = \"127.0.0.11\"; } );\n"
                  "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } );\n"
                  "sites = ( { name = \"default\"; max_rate = \"unlimited\"; } );\n"
                  "adapt = { enabled = false; };\n");
    for (unsigned i = 0; i < 200; i++) {
        (void)core_rig_accept(
            &rig, &(struct core_rig_mail){.domain = i % 4 ? "one.test" : "two.test"});
        core_rig_pass(&rig, 100);
        while (rig.job_count > 0) {
            core_rig_answer(&rig, "250 2.0.0 ok");
        }
    }
    double before = learnt_share(core_rig_lane(&rig, "one", "one.test"));
    cr_assert_float_eq(before, 0.75, 0.01);
    core_rig_pass(&rig, 10000);
    core_rig_crash(&rig);
    double after = learnt_share(core_rig_lane(&rig, "one", "one.test"));
    cr_assert_float_eq(after, before, 0.02);
    core_rig_pass(&rig, 40 * CORE_RIG_DAY);
    cr_assert_float_eq(learnt_share(core_rig_lane(&rig, "one", "one.test")), 0, 1e-9,
                       "so long ago that it is nothing");
    core_rig_close(&rig);
}
