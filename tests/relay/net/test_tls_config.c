#include <errno.h>

#include "relay/net/tls_config.h"

#include "tests/support/certificate.h"

static void expect_server(const char *certificate, const char *key, int rc,
                          const char *named)
{
    struct tls_context *context = NULL;
    struct errmsg err = {""};
    cr_assert_eq(tls_config_server(&context, certificate, key, "x", &err), rc, "%s",
                 err.text);
    cr_assert_not_null(strstr(err.text, named), "%s", err.text);
    cr_assert_null(context);
}

/* Files that are missing, no PEM, locked or not a pair are refused with the file's name.
 */
TEST(tls_config, bad_server_files)
{
    struct certificate_set set;
    char absent[128];
    certificate_set_make(&set, "mx.example.net");
    (void)snprintf(absent, sizeof absent, "%s/absent", set.dir);
    expect_server(absent, set.leaf_key, -ENOENT, absent);
    expect_server(set.leaf, absent, -ENOENT, absent);
    expect_server(set.leaf_key, set.leaf_key, -EINVAL, set.leaf_key);
    expect_server(set.leaf, set.leaf, -EINVAL, set.leaf);
    expect_server(set.leaf, set.locked_key, -EINVAL, set.locked_key);
    expect_server(set.leaf, set.other_key, -EINVAL, set.other_key);
    certificate_set_remove(&set);
}

/* A good pair makes a server's context, which outlives its first reference. */
TEST(tls_config, references)
{
    struct certificate_set set;
    struct tls_context *context;
    struct errmsg err;
    certificate_set_make(&set, "mx.example.net");
    cr_assert_eq(tls_config_server(&context, set.leaf, set.leaf_key, "smtps", &err), 0);
    cr_assert(tls_config_is_server(context));
    cr_assert_eq(tls_config_ref(context), context);
    tls_config_unref(context);
    cr_assert(tls_config_is_server(context));
    tls_config_unref(context);
    tls_config_unref(NULL);
    certificate_set_remove(&set);
}

/* Roots that cannot be read matter to verify alone. */
TEST(tls_config, roots)
{
    struct certificate_set set;
    struct tls_context *context;
    struct errmsg err = {""};
    char absent[128];
    certificate_set_make(&set, "mx.example.net");
    (void)snprintf(absent, sizeof absent, "%s/absent", set.dir);
    cr_assert_eq(tls_config_client(&context, TLS_VERIFY, absent, &err), -ENOENT);
    cr_assert_not_null(strstr(err.text, absent));
    cr_assert_eq(tls_config_client(&context, TLS_VERIFY, set.leaf_key, &err), -EINVAL);
    cr_assert_eq(tls_config_client(&context, TLS_OPPORTUNISTIC, absent, &err), 0);
    cr_assert_not(tls_config_is_server(context));
    tls_config_unref(context);
    cr_assert_eq(tls_config_client(&context, TLS_VERIFY, set.root, &err), 0);
    tls_config_unref(context);
    certificate_set_remove(&set);
}
