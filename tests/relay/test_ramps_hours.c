#include "relay/core.h"
#include "relay/fields.h"
#include "relay/ramps_parts.h"

#include "tests/support/ramp_rig.h"

static char config[1500];

/* A stream that sends in office hours has its allowance released over them; its hours are
 * remembered by the store. */
TEST(ramps_hours, an_office)
{
    struct core_rig rig;
    int64_t hour_ns = 3600 * NOW_NS_PER_S;
    ramp_rig_config(config, "start = 2400; growth = 1.5; days = 30; per = \"source\";");
    core_rig_open(&rig, config);
    for (unsigned day = 0; day < 5; day++) {
        ramp_rig_midnight(&rig);
        core_rig_pass(&rig, 9 * RAMP_RIG_HOUR);
        for (unsigned hour = 0; hour < 8; hour++) {
            ramp_rig_mail(&rig, 2);
            (void)ramp_rig_spend(&rig, RAMP_RIG_HOUR, RAMP_RIG_HOUR / 2, "250 2.0.0 ok");
        }
        int64_t window_ns = ramp_rig_entry(&rig, "")->window_ns;
        cr_assert_eq(window_ns, day < 3 ? 24 * hour_ns : 8 * hour_ns, "day %u: %ld h",
                     day, (long)(window_ns / hour_ns));
    }
    core_rig_pass(&rig, 2000);
    core_rig_crash(&rig);
    ramps_take(rig.core);
    cr_assert_eq(ramp_rig_entry(&rig, "")->window_ns, 8 * hour_ns);
    core_rig_close(&rig);
}

/* A window that is configured, of the ramp or else of the stream, is the window. */
TEST(ramps_hours, configured)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 60; growth = 1.5; days = 30; per = \"source\"; "
                            "window = \"08:00-20:00\";");
    core_rig_open(&rig, config);
    ramp_rig_mail(&rig, 1);
    cr_assert_eq(ramp_rig_entry(&rig, "")->window_ns, INT64_C(12) * 3600 * NOW_NS_PER_S);
    ramp_rig_config(config, "start = 60; growth = 1.5; days = 30; per = \"source\";");
    char *at = strstr(config, "sources = [ \"one\" ];");
    memmove(at + 25, at, strlen(at) + 1);
    memcpy(at, "window = \"22:00-04:00\";  ", 25);
    core_rig_config(&rig, config);
    cr_assert_eq(core_rig_reload(&rig), 0);
    cr_assert_eq(ramp_rig_entry(&rig, "")->window_ns, INT64_C(6) * 3600 * NOW_NS_PER_S);
    core_rig_close(&rig);
}
