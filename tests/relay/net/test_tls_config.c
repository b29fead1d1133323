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

/* Roots that cannot be read are named; contexts outlive the roots they were made from,
 * and can be made without any. */
TEST(tls_config, roots)
{
    struct certificate_set set;
    struct tls_context *context;
    struct tls_roots *roots = NULL;
    struct errmsg err = {""};
    char absent[128];
    certificate_set_make(&set, "mx.example.net");
    (void)snprintf(absent, sizeof absent, "%s/absent", set.dir);
    cr_assert_eq(tls_roots_load(&roots, absent, &err), -ENOENT);
    cr_assert_not_null(strstr(err.text, absent));
    cr_assert_eq(tls_roots_load(&roots, set.leaf_key, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, set.leaf_key));
    context = tls_config_client(TLS_OPPORTUNISTIC, NULL);
    cr_assert_not(tls_config_is_server(context));
    tls_config_unref(context);
    cr_assert_eq(tls_roots_load(&roots, set.root, &err), 0);
    context = tls_config_client(TLS_VERIFY, roots);
    tls_roots_free(roots);
    tls_config_unref(context);
    tls_roots_free(NULL);
    certificate_set_remove(&set);
}
