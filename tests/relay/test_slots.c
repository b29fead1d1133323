#include "relay/now.h"
#include "relay/slots.h"
#include "relay/worker.h"

#include "tests/support/core_rig.h"

/* A slot that is idle too long is given back, and nothing is counted twice. */
TEST(slots, retire)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    struct lane *lane = core_rig_lane(&rig, "one", "one.test");
    cr_assert_eq(lane->slots, 1);
    core_rig_pass(&rig, INT64_C(30) * 1000);
    cr_assert_eq(rig.ended, 0, "it is busy");
    core_rig_answer(&rig, "250 2.0.0 ok");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    cr_assert_eq(lane->slots, 1, "the idle one is used again");
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_pass(&rig, INT64_C(10) * 1000);
    cr_assert_eq(rig.ended, 1);
    cr_assert_eq(lane->slots, 0);
    cr_assert_eq(lane->ending, 0);
    cr_assert_eq(lane->source->slots, 0);
    cr_assert_eq(rig.core->scheduler.slots, 0);
    cr_assert_eq(rig.core->workers[0]->slots, 0);
    core_rig_close(&rig);
}

/* When the window has become smaller, connections end until it is kept. */
TEST(slots, smaller_window)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < 10; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    }
    core_rig_run(&rig);
    struct lane *lane = core_rig_lane(&rig, "one", "one.test");
    cr_assert_eq(lane->slots, 10);
    core_rig_config(
        &rig,
        "sources = ( { name = \"one\"; address = \"127.0.0.11\"; shared = "
        "true; }, { name = \"two\"; address = \"127.0.0.12\"; shared = true; } );\n"
        "streams = ( { name = \"transactional\"; sources = [ \"one\", \"two\" ]; }, "
        "{ name = \"bulk\"; sources = [ \"one\" ]; } );\n"
        "sites = ( { name = \"default\"; max_rate = \"unlimited\"; "
        "max_connections = 3; } );\nadapt = { enabled = false; };\n");
    cr_assert_eq(core_rig_reload(&rig), 0);
    for (unsigned i = 0; i < 20; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    }
    for (unsigned i = 0; i < 8; i++) {
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    core_rig_pass(&rig, 2000);
    cr_assert_leq(lane->slots, 3);
    cr_assert_gt(rig.job_count, 0);
    core_rig_close(&rig);
}

/* Slots that end late, and slots still busy, are freed with core. */
TEST(slots, freed_at_the_end)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < 4; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    }
    core_rig_run(&rig);
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_close(&rig); /* AddressSanitizer looks */
}
