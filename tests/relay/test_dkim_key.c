#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/dkim_key.h"

#include "tests/relay/dkim_testkey.h"
#include "tests/support/test.h"

static char pem[8192];

/* What is no usable key is refused with a reason, and nothing is made. */
TEST(dkim_key, refused)
{
    static const struct {
        int bits;
        const char *domain;
        const char *selector;
        const char *why;
    } cases[] = {
        {512, "x.example", "s", "1024"},       {-1, "x.example", "s", "Ed25519"},
        {0, "x..example", "s", "domain"},      {0, "x.example; h=none", "s", "domain"},
        {0, "x.example", "s\r\n", "selector"}, {0, "x.example", "", "selector"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dkim_key *key = NULL;
        struct errmsg err = {""};
        size_t length = dkim_testkey_pem(cases[i].bits, pem, sizeof pem);
        int rc =
            dkim_key_new(&key, cases[i].domain, cases[i].selector, pem, length, &err);
        cr_assert_eq(rc, -EINVAL, "case %zu", i);
        cr_assert_not_null(strstr(err.text, cases[i].why), "%s", err.text);
        cr_assert_null(key);
    }
}

/* Text that is no PEM, at any length of a real one, never crashes. */
TEST(dkim_key, cut_pem)
{
    struct dkim_key *key = NULL;
    size_t length = dkim_testkey_pem(0, pem, sizeof pem);
    for (size_t cut = 0; cut + 2 < length; cut++) {
        int rc = dkim_key_new(&key, "x.example", "s", pem, cut, NULL);
        cr_assert(rc == -EINVAL || rc == 0);
        if (rc == 0) {
            dkim_key_free(key);
        }
    }
}

/* A key is read from its file, and errors name the file. */
TEST(dkim_key, file)
{
    char path[] = "/tmp/mesura-dkim-XXXXXX";
    struct dkim_key *key = NULL;
    struct errmsg err = {""};
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    size_t length = dkim_testkey_pem(1024, pem, sizeof pem);
    cr_assert_eq(write(fd, pem, length), (ssize_t)length);
    cr_assert_eq(dkim_key_open(&key, "x.example", "s", path, &err), 0);
    cr_assert(dkim_key_is_rsa(key));
    cr_assert_str_eq(dkim_key_domain(key), "x.example");
    cr_assert_str_eq(dkim_key_selector(key), "s");
    dkim_key_free(key);
    cr_assert_eq(ftruncate(fd, 10), 0);
    cr_assert_eq(dkim_key_open(&key, "x.example", "s", path, &err), -EINVAL);
    cr_assert_eq(strncmp(err.text, path, strlen(path)), 0);
    (void)close(fd);
    (void)unlink(path);
    cr_assert_eq(dkim_key_open(&key, "x.example", "s", path, &err), -ENOENT);
    dkim_key_free(NULL);
}

/* The record to publish: the whole public key for RSA, the raw 32 bytes for Ed25519. */
TEST(dkim_key, record)
{
    struct textbuf out;
    textbuf_init(&out, 4096);
    struct dkim_key *key = dkim_testkey_new(0);
    cr_assert_eq(dkim_key_record(key, &out), 0);
    cr_assert_eq(strncmp(out.bytes, "v=DKIM1; k=ed25519; p=", 22), 0);
    cr_assert_eq(out.length, 22 + 44);
    dkim_key_free(key);
    textbuf_clear(&out);
    key = dkim_testkey_new(2048);
    cr_assert_eq(dkim_key_record(key, &out), 0);
    cr_assert_eq(strncmp(out.bytes, "v=DKIM1; k=rsa; p=MII", 21), 0);
    dkim_key_free(key);
    textbuf_done(&out);
}
