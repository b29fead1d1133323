#include <string.h>

#include "relay/snapshot.h"

#include "tests/support/folder.h"
#include "tests/support/loaded.h"
#include "tests/support/test.h"

static struct snapshot *make(const struct loaded *loaded)
{
    struct snapshot *snapshot = NULL;
    struct errmsg err = {""};
    loaded_print(loaded);
    cr_assert_not_null(loaded->config);
    cr_assert_eq(snapshot_make(&snapshot, loaded->config, 42, &err), 0, "%s", err.text);
    return snapshot;
}

TEST(snapshot, makes_once_what_sessions_need)
{
    /* With a host name alone: one listener's options, every stream with a schedule, every
     * site with limits, a client context for each level of TLS. */
    struct loaded loaded = loaded_text(LOADED_HOST);
    struct snapshot *snapshot = make(&loaded);
    cr_assert_str_eq(snapshot->listeners[0].options.hostname, "relay.mesura.test");
    cr_assert_gt(snapshot->listeners[0].options.rcpt_max, 0);
    cr_assert_null(snapshot->listeners[0].tls);
    for (size_t i = 0; i < loaded.config->stream_count; i++) {
        cr_assert_gt(snapshot->streams[i].schedule.step_count, 0);
        cr_assert_gt(snapshot->streams[i].life.lifetime_ns, 0);
        cr_assert_not_null(snapshot->streams[i].zone);
    }
    for (unsigned i = 0; i < SNAPSHOT_CLIENTS; i++) {
        cr_assert_not_null(snapshot->client_tls[i]);
    }
    cr_assert_gt(snapshot->site_rule_count, 0);
    cr_assert_eq(snapshot_tls(snapshot, ROUTE_TLS_DEFAULT), loaded.config->delivery.tls);
    cr_assert_eq(snapshot_tls(snapshot, ROUTE_TLS_REQUIRED), CONFIG_TLS_REQUIRED);

    /* It outlives who made it, and keeps its configuration. */
    struct snapshot *other = snapshot_ref(snapshot);
    snapshot_unref(snapshot);
    loaded_clear(&loaded);
    cr_assert_str_eq(other->config->hostname, "relay.mesura.test");
    snapshot_unref(other);
    snapshot_unref(NULL);
}

static void expect_failure(const char *text, const char *says)
{
    struct loaded loaded = loaded_text(text);
    struct snapshot *snapshot = NULL;
    struct errmsg err = {""};
    loaded_print(&loaded);
    cr_assert_not_null(loaded.config);
    cr_assert_lt(snapshot_make(&snapshot, loaded.config, 0, &err), 0);
    cr_assert_null(snapshot);
    cr_assert_not_null(strstr(err.text, says), "%s", err.text);
    loaded_clear(&loaded);
}

TEST(snapshot, names_the_file_that_cannot_be_used)
{
    /* A missing DKIM key, certificate and password file: an error that says whose, and
     * nothing is left behind. */
    expect_failure(LOADED_HOST "dkim = ( { domain = \"example.com\"; selector = \"s1\"; "
                               "key = \"/nonexistent/key.pem\"; } );\n",
                   "s1");
    expect_failure(
        LOADED_HOST
        "tls = { certificate = \"/nonexistent/crt\"; key = \"/nonexistent/k\"; "
        "};\nlisteners = ( { name = \"apps\"; address = \"127.0.0.1\"; port = "
        "2525; tls = \"starttls\"; trust = [ \"10.0.0.0/8\" ]; } );\n",
        "apps");
    expect_failure(LOADED_HOST
                   "routes = ( { domain = \"x.example\"; host = \"h.example\"; tls = "
                   "\"verify\"; user = \"u\"; password_file = \"/nonexistent/pw\"; } "
                   ");\n",
                   "x.example");
}

TEST(snapshot, a_password_that_others_may_read_is_refused)
{
    /* Mode 0644 is an error; with 0600 the first line is the password. */
    struct folder folder;
    char path[256];
    char text[1024];
    folder_make(&folder);
    folder_write(&folder, "pw", "sesame\nmore\n", 12);
    (void)folder_path(&folder, "pw", path, sizeof path);
    (void)snprintf(text, sizeof text,
                   LOADED_HOST "routes = ( { domain = \"x.example\"; host = "
                               "\"h.example\"; tls = \"verify\"; user = \"u\"; "
                               "password_file = \"%s\"; } );\n",
                   path);
    cr_assert_eq(chmod(path, 0644), 0);
    expect_failure(text, "chmod 600");
    cr_assert_eq(chmod(path, 0600), 0);
    struct loaded loaded = loaded_text(text);
    struct snapshot *snapshot = make(&loaded);
    cr_assert_str_eq(snapshot->passwords[0], "sesame");
    snapshot_unref(snapshot);
    loaded_clear(&loaded);
    folder_remove(&folder);
}
