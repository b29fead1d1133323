#include "relay/snapshot.h"

#include "tests/support/core_rig.h"

/* Everything of the configuration has its counterpart, and references keep it alive. */
TEST(snapshot, made)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct snapshot *snapshot = snapshot_ref(rig.core->snapshot);
    const struct config *config = snapshot->config;
    cr_assert_str_eq(snapshot->listeners[0].options.hostname, "relay.test");
    cr_assert_gt(snapshot->streams[0].schedule.step_count, 0);
    cr_assert_not_null(snapshot->streams[0].zone);
    cr_assert_eq(snapshot_tls(snapshot, ROUTE_TLS_DEFAULT), config->delivery.tls);
    cr_assert_eq(snapshot_tls(snapshot, ROUTE_TLS_VERIFY), CONFIG_TLS_VERIFY);
    core_rig_close(&rig);
    cr_assert_str_eq(config->hostname, "relay.test");
    snapshot_unref(snapshot);
    snapshot_unref(NULL);
}

/* A rate becomes a pace; no limit becomes none. */
TEST(snapshot, pace)
{
    struct units_rate rate = {.count = 5, .period_ns = 1000};
    struct pace_limit limit = snapshot_pace(&rate, 3);
    cr_assert_eq(limit.count, 5);
    cr_assert_eq(limit.burst, 3);
    cr_assert_eq(limit.period_ns, 1000);
}
