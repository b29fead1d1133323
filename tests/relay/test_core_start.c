#include <errno.h>

#include "relay/core_start.h"

#include "tests/support/core_rig.h"

/* Mail that waits is found again after a stop, and after a crash. */
TEST(core_start, finds_mail_again)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < 5; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    }
    core_rig_run(&rig);
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_stop(&rig);
    core_rig_start(&rig);
    cr_assert_eq(core_rig_queued(&rig), 4);
    cr_assert_eq(rig.job_count, 4);
    core_rig_crash(&rig);
    cr_assert_eq(rig.job_count, 4);
    core_rig_close(&rig);
}

/* A stream that still has mail may not vanish; an empty one may. */
TEST(core_start, vanishing_stream)
{
    static const char without[] =
        "sources = ( { name = \"one\"; address = \"127.0.0.11\"; } );\n"
        "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } );\n";
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    core_rig_config(&rig, without);
    cr_assert_eq(core_rig_reload(&rig), -EBUSY);
    core_rig_answer(&rig, "250 2.0.0 ok");
    cr_assert_eq(core_rig_reload(&rig), 0);
    core_rig_close(&rig);
}
