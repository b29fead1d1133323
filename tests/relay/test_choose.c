#include "relay/choose.h"
#include "relay/stops.h"

#include "tests/support/core_rig.h"

#define LISTED                                                               \
    "554 5.7.1 Service unavailable; Client host [127.0.0.11] blocked using " \
    "bl.spamcop.net"

static const char falling_back[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; },\n"
    "            { name = \"spare\"; address = \"127.0.0.13\"; } );\n"
    "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; fallback_source = "
    "\"spare\"; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"1/s\"; } );\n"
    "adapt = { enabled = false; };\n";

static struct core_rig rig;

/* The fallback is for stops alone: mail that waits for its turn does not go there; mail
 * that was tried from a stopped source may, what the stop caught may not. */
TEST(choose, fallback)
{
    core_rig_open(&rig, falling_back);
    core_rig_pass(&rig, 5000);
    uint64_t greyed = core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    core_rig_answer(&rig, "451 4.7.1 greylisted, try again later");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    for (unsigned i = 0; i < 4; i++) {
        core_rig_pass(&rig, 1000);
        while (rig.job_count > 0) {
            cr_assert_str_eq(core_rig_source(&rig), "one", "it only waits its turn");
            core_rig_answer(&rig, "250 2.0.0 ok");
        }
    }
    uint64_t caught = core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_pass(&rig, 2000);
    core_rig_answer(&rig, LISTED);
    for (unsigned i = 0; i < 8 && rig.job_count == 0; i++) {
        core_rig_pass(&rig, INT64_C(60) * 1000);
    }
    cr_assert_eq(rig.job_count, 1);
    cr_assert_eq(rig.jobs[0]->id, greyed);
    cr_assert_str_eq(core_rig_source(&rig), "spare");
    cr_assert_eq(core_rig_recipient(&rig, caught).state, CHANGE_HELD);
    core_rig_close(&rig);
}

/* Mail that was never tried goes by any live source of its stream. */
TEST(choose, live_ones)
{
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    core_rig_answer(&rig, LISTED);
    for (unsigned i = 0; i < 20; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
        core_rig_run(&rig);
        cr_assert_str_eq(core_rig_source(&rig), "two");
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    core_rig_close(&rig);
}
