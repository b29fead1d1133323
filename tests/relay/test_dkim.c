#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "relay/dkim.h"
#include "relay/limits.h"
#include "relay/smtp/base64.h"

#include "tests/relay/dkim_testkey.h"
#include "tests/support/test.h"

static void hash_body(const char *text, size_t length, size_t step,
                      unsigned char out[DKIM_HASH_BYTES])
{
    struct dkim_body *body = dkim_body_new();
    for (size_t at = 0; at < length;) {
        size_t part = step == 0 || step > length - at ? length - at : step;
        dkim_body_feed(body, text + at, part);
        at += part;
    }
    cr_assert_eq(dkim_body_end(body, out), 0);
    dkim_body_free(body);
}

/* The relaxed form of a body is that of RFC 6376 3.4.4, in any cut. */
TEST(dkim, body_relaxed)
{
    static const struct {
        const char *body;
        const char *relaxed;
    } cases[] = {{"", ""},
                 {"\r\n\r\n\r\n", ""},
                 {" \r\n\t\r\n", ""},
                 {" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"},
                 {"no end", "no end\r\n"},
                 {"a\r\n\r\n \r\nb  \t", "a\r\n\r\n\r\nb\r\n"},
                 {"\r\n\r\na", "\r\n\r\na\r\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char want[DKIM_HASH_BYTES];
        unsigned char got[DKIM_HASH_BYTES];
        size_t length = strlen(cases[i].body);
        SHA256((const unsigned char *)cases[i].relaxed, strlen(cases[i].relaxed), want);
        for (size_t step = 0; step <= length; step++) {
            hash_body(cases[i].body, length, step, got);
            cr_assert_eq(memcmp(got, want, sizeof want), 0, "case %zu step %zu", i, step);
        }
    }
}

/* The body hash that RFC 6376 and RFC 8463 print for their example. */
TEST(dkim, body_hash_of_the_rfc)
{
    static const char body[] =
        "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    unsigned char hash[DKIM_HASH_BYTES];
    char text[64];
    hash_body(body, sizeof body - 1, 0, hash);
    (void)base64_encode((const char *)hash, sizeof hash, text, sizeof text);
    cr_assert_str_eq(text, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
}

/* From is oversigned, what is there is signed bottom-up, and lines stay short. */
TEST(dkim, signature)
{
    static const char header[] = "From: a@x.example\r\nSubject: one\r\nSubject: two\r\n"
                                 "List-Unsubscribe: <https://x>\r\n\r\n";
    static const unsigned char hash[DKIM_HASH_BYTES];
    for (int bits = 0; bits <= 2048; bits += 1024) {
        struct dkim_key *key = dkim_testkey_new(bits);
        struct textbuf out;
        textbuf_init(&out, 8192);
        cr_assert_not_null(key);
        cr_assert_eq(dkim_key_is_rsa(key), bits > 0);
        cr_assert_eq(dkim_sign(key, header, sizeof header - 1, hash, 1795304196123, &out),
                     0);
        cr_assert_eq(strncmp(out.bytes, "DKIM-Signature: v=1; a=", 23), 0);
        cr_assert_not_null(
            strstr(out.bytes, bits > 0 ? "a=rsa-sha256;" : "a=ed25519-sha256;"));
        cr_assert_not_null(
            strstr(out.bytes, "\td=x.example; s=s1;\r\n\tt=1795304196; bh="));
        cr_assert_not_null(
            strstr(out.bytes, "h=from:from:to:cc:subject:subject:subject:date:"));
        cr_assert_not_null(strstr(out.bytes, "list-unsubscribe;"));
        for (const char *at = out.bytes; *at != '\0'; at = strchr(at, '\n') + 1) {
            cr_assert_leq(strchr(at, '\n') - at, 80);
        }
        textbuf_done(&out);
        dkim_key_free(key);
    }
}

/* Without From there is no signature, and a full output is an error. */
TEST(dkim, refusals)
{
    static const unsigned char hash[DKIM_HASH_BYTES];
    struct dkim_key *key = dkim_testkey_new(0);
    struct textbuf out;
    textbuf_init(&out, 100);
    cr_assert_eq(dkim_sign(key, "To: a@b\r\n\r\n", 11, hash, 0, &out), -EINVAL);
    cr_assert_eq(out.length, 0);
    cr_assert_eq(dkim_sign(key, "From: a@b\r\n\r\n", 13, hash, 0, &out), -ENOMEM);
    textbuf_done(&out);
    dkim_key_free(key);
}

/* A hundred copies of a field make a long h= and nothing worse. */
TEST(dkim, many_copies)
{
    static char header[LIMIT_HEADER_BYTES];
    static const unsigned char hash[DKIM_HASH_BYTES];
    struct dkim_key *key = dkim_testkey_new(0);
    struct textbuf out;
    size_t length = 0;
    for (int i = 0; i < 500; i++) {
        length += (size_t)snprintf(header + length, sizeof header - length,
                                   "From: a%d@b\r\n", i);
    }
    textbuf_init(&out, 8192);
    cr_assert_eq(dkim_sign(key, header, length, hash, 0, &out), 0);
    cr_assert_lt(out.length, 2048);
    textbuf_done(&out);
    dkim_key_free(key);
}
