/* Certificates made on the spot, for tests of TLS: a root and leaves signed by it, as PEM
 * files in a directory of their own. */

#ifndef TESTS_SUPPORT_CERTIFICATE_H
#define TESTS_SUPPORT_CERTIFICATE_H

#include <sys/stat.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/support/test.h"

struct certificate_set {
    char dir[64];
    char root[96]; /* the root's certificate */
    char leaf[96]; /* for NAME, signed by the root */
    char leaf_key[96];
    char locked_key[96]; /* the same key behind a password */
    char other_key[96];  /* a key of no certificate */
    char expired[96];    /* for NAME, of yesterday, with leaf_key */
};

static inline EVP_PKEY *certificate_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    cr_assert_not_null(key);
    return key;
}

static inline X509 *certificate_make(const char *name, EVP_PKEY *key, X509 *issuer,
                                     EVP_PKEY *issuer_key, long days)
{
    X509 *cert = X509_new();
    X509V3_CTX context;
    char text[128];
    cr_assert_eq(X509_set_version(cert, 2), 1);
    cr_assert_eq(
        ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer == NULL ? 1 : 2 + days), 1);
    cr_assert_not_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3L * 86400));
    cr_assert_not_null(X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400));
    cr_assert_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
                                            MBSTRING_ASC, (const unsigned char *)name, -1,
                                            -1, 0),
                 1);
    cr_assert_eq(
        X509_set_issuer_name(cert, X509_get_subject_name(issuer == NULL ? cert : issuer)),
        1);
    cr_assert_eq(X509_set_pubkey(cert, key), 1);
    X509V3_set_ctx(&context, issuer == NULL ? cert : issuer, cert, NULL, NULL, 0);
    (void)snprintf(text, sizeof text, issuer == NULL ? "critical,CA:TRUE" : "DNS:%s",
                   name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(
        NULL, &context, issuer == NULL ? NID_basic_constraints : NID_subject_alt_name,
        text);
    cr_assert_not_null(extension);
    cr_assert_eq(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
    cr_assert_neq(X509_sign(cert, issuer_key, EVP_sha256()), 0);
    return cert;
}

static inline void certificate_save(const char *path, const X509 *cert,
                                    const EVP_PKEY *key, bool locked)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    if (cert != NULL) {
        cr_assert_eq(PEM_write_X509(file, cert), 1);
    }
    if (key != NULL) {
        cr_assert_eq(PEM_write_PrivateKey(file, key, locked ? EVP_aes_128_cbc() : NULL,
                                          (const unsigned char *)"secret", locked ? 6 : 0,
                                          NULL, NULL),
                     1);
    }
    cr_assert_eq(fclose(file), 0);
}

static inline void certificate_set_make(struct certificate_set *set, const char *name)
{
    (void)snprintf(set->dir, sizeof set->dir, "/tmp/mesura-test-XXXXXX");
    cr_assert_not_null(mkdtemp(set->dir));
    (void)snprintf(set->root, sizeof set->root, "%s/root.pem", set->dir);
    (void)snprintf(set->leaf, sizeof set->leaf, "%s/leaf.pem", set->dir);
    (void)snprintf(set->leaf_key, sizeof set->leaf_key, "%s/leaf.key", set->dir);
    (void)snprintf(set->locked_key, sizeof set->locked_key, "%s/locked.key", set->dir);
    (void)snprintf(set->other_key, sizeof set->other_key, "%s/other.key", set->dir);
    (void)snprintf(set->expired, sizeof set->expired, "%s/expired.pem", set->dir);

    EVP_PKEY *root_key = certificate_key();
    EVP_PKEY *leaf_key = certificate_key();
    EVP_PKEY *other_key = certificate_key();
    X509 *root = certificate_make("Test Root", root_key, NULL, root_key, 30);
    X509 *leaf = certificate_make(name, leaf_key, root, root_key, 30);
    X509 *expired = certificate_make(name, leaf_key, root, root_key, -1);
    certificate_save(set->root, root, NULL, false);
    certificate_save(set->leaf, leaf, NULL, false);
    certificate_save(set->leaf_key, NULL, leaf_key, false);
    certificate_save(set->locked_key, NULL, leaf_key, true);
    certificate_save(set->other_key, NULL, other_key, false);
    certificate_save(set->expired, expired, NULL, false);
    X509_free(root);
    X509_free(leaf);
    X509_free(expired);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(leaf_key);
    EVP_PKEY_free(other_key);
}

static inline void certificate_set_remove(struct certificate_set *set)
{
    (void)unlink(set->root);
    (void)unlink(set->leaf);
    (void)unlink(set->leaf_key);
    (void)unlink(set->locked_key);
    (void)unlink(set->other_key);
    (void)unlink(set->expired);
    (void)rmdir(set->dir);
}

#endif
