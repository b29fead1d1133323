#include "relay/now.h"
#include "relay/ramps.h"

#include "tests/support/core_rig.h"

static const char warming[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; warmup = \"mine\"; } );\n"
    "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } );\n"
    "warmups = ( { name = \"mine\"; start = 60; growth = 1.5; days = 30; per = "
    "\"source\"; "
    "timezone = \"UTC\"; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_connections = 50; } "
    ");\n"
    "adapt = { enabled = false; };\n";

/* No more than the day's allowance is accepted, whatever comes back, whatever crashes. */
TEST(ramps, cap_holds)
{
    uint64_t seed = 7;
    struct core_rig rig;
    core_rig_open(&rig, warming);
    core_rig_pass(&rig, 2 * 3600 * 1000); /* into the first whole day */
    for (unsigned i = 0; i < 400; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.sender = ""});
    }
    core_rig_run(&rig);
    cr_assert(!list_is_empty(&rig.core->ramps.entries));
    struct ramp_entry *entry =
        LIST_OWNER(list_first(&rig.core->ramps.entries), struct ramp_entry, node);
    uint64_t cap = ramps_cap(entry);
    unsigned accepted = 0;
    for (unsigned hour = 0; hour < 20; hour++) {
        core_rig_pass(&rig, 3600 * 1000);
        while (rig.job_count > 0) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            bool takes = (seed >> 60 & 3) != 0;
            accepted += takes;
            core_rig_answer(&rig, takes ? "250 2.0.0 ok" : "451 4.3.0 later");
        }
        cr_assert_leq(accepted, cap, "seed 7, hour %u", hour);
        if (hour % 7 == 6) {
            core_rig_crash(&rig);
        }
    }
    cr_assert_gt(accepted, 10);
    core_rig_close(&rig);
}
