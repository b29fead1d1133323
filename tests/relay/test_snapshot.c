#include "relay/snapshot.h"

#include "tests/support/core_rig.h"
#include "tests/support/loaded.h"

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
    cr_assert_eq(snapshot_tls(snapshot, config->default_site), config->delivery.tls);
    cr_assert_not(snapshot->wants_tlsa);
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

/* A site's own policy for TLS goes before everybody's, and TLSA records are wanted when
 * one asks for them. */
TEST(snapshot, tls_of_sites)
{
    struct core_rig rig;
    core_rig_open(&rig,
                  "delivery = { tls = \"required\"; };\n"
                  "sites = ( { name = \"a\"; match = [ \"a.test\" ]; tls = \"dane\"; },"
                  " { name = \"b\"; match = [ \"b.test\" ]; } );\n");
    const struct snapshot *snapshot = rig.core->snapshot;
    const struct config *config = snapshot->config;
    cr_assert_eq(snapshot_tls(snapshot, config_site_find(config, "a")), CONFIG_TLS_DANE);
    cr_assert_eq(snapshot_tls(snapshot, config_site_find(config, "b")),
                 CONFIG_TLS_REQUIRED);
    cr_assert(snapshot->wants_tlsa);
    core_rig_close(&rig);
}

/* Without trusted roots a relay starts that verifies nobody, and no other. */
TEST(snapshot, no_roots)
{
    static const char *const wanting[] = {
        "delivery = { tls = \"verify\"; };\n",
        "sites = ( { name = \"a\"; match = [ \"a.test\" ]; tls = \"sts\"; } );\n",
        "routes = ( { domain = \"*\"; host = \"smart.test\"; tls = \"verify\"; } );\n"};
    struct core_rig rig;
    struct errmsg err;
    cr_assert_eq(setenv("SSL_CERT_FILE", "/nowhere.pem", 1), 0);
    cr_assert_eq(setenv("SSL_CERT_DIR", "/nowhere", 1), 0);
    core_rig_open(&rig, "");
    for (size_t i = 0; i < sizeof wanting / sizeof wanting[0]; i++) {
        struct snapshot *snapshot = NULL;
        char text[512];
        (void)snprintf(text, sizeof text, "hostname = \"relay.test\";\n%s", wanting[i]);
        struct loaded loaded = loaded_text(text);
        cr_assert_not_null(loaded.config, "%s", wanting[i]);
        cr_assert_eq(snapshot_make(&snapshot, loaded.config, 0, &err), -ENOENT, "%s",
                     wanting[i]);
        cr_assert_not_null(strstr(err.text, "ca-certificates"));
        loaded_clear(&loaded);
    }
    core_rig_close(&rig);
}
