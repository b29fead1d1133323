#include "relay/now.h"
#include "relay/sites.h"

#include "tests/support/core_rig.h"

/* A meter shows the last minute, and forgets what is older. */
TEST(sites, meter)
{
    struct meter meter = {0};
    int64_t now = 1000 * NOW_NS_PER_S;
    for (unsigned second = 0; second < 120; second++) {
        meter_add(&meter, 2, now + second * NOW_NS_PER_S);
    }
    double rate = meter_per_second(&meter, now + 120 * NOW_NS_PER_S);
    cr_assert(rate > 1.5 && rate < 2.5);
    cr_assert_leq(meter_per_second(&meter, now + 300 * NOW_NS_PER_S), 0.0);
}

/* A site and its lanes are made once; the walk finds each of many once. */
TEST(sites, found_once)
{
    struct core_rig rig;
    char name[32];
    core_rig_open(&rig, "");
    struct sites *sites = &rig.core->sites;
    cr_assert_null(sites_find(sites, "s0"));
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        cr_assert_eq(sites_get(sites, name, 0), sites_get(sites, name, 0));
    }
    unsigned walked = 0;
    for (struct site *site = sites_next(sites, NULL); site != NULL;
         site = sites_next(sites, site)) {
        walked++;
    }
    cr_assert_eq(walked, 5000);
    struct site *site = sites_find(sites, "s7");
    struct source *one = core_rig_find_source(&rig, "one");
    cr_assert_null(sites_lane_find(site, one));
    struct lane *lane = sites_lane(site, one, now_ns());
    cr_assert_eq(sites_lane(site, one, now_ns()), lane);
    cr_assert_eq(sites_lane_find(site, one), lane);
    core_rig_close(&rig);
}
