#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/smtp/base64.h"

#include "tests/support/test.h"

/* The examples of RFC 4648 section 10, both ways. */
TEST(base64, rfc)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char out[32];
        size_t length = 0;
        cr_assert_eq(base64_encode(pairs[i][0], strlen(pairs[i][0]), out, sizeof out),
                     strlen(pairs[i][1]));
        cr_assert_str_eq(out, pairs[i][1]);
        cr_assert(
            base64_decode(pairs[i][1], strlen(pairs[i][1]), out, sizeof out, &length));
        cr_assert_eq(length, strlen(pairs[i][0]));
        cr_assert_eq(memcmp(out, pairs[i][0], length), 0);
    }
}

/* What is not strict base64 is refused. */
TEST(base64, refused)
{
    static const char *const bad[] = {"Z",      "Zg",   "Zg=",      "Zh==",
                                      "Zm9=",   "====", "Zg==Zg==", "Zm 9v",
                                      "Zm9v\n", "Zm-_", "=AAA",     "A=AA"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char out[32];
        size_t length = 77;
        cr_assert(!base64_decode(bad[i], strlen(bad[i]), out, sizeof out, &length), "%s",
                  bad[i]);
        cr_assert_eq(length, 77);
    }
}

/* Random bytes come back, in place too, and no buffer is overrun. */
TEST(base64, random)
{
    unsigned seed = 4711;
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        char text[100];
        size_t size = (size_t)(rand_r(&seed) % (int)sizeof bytes);
        size_t back = 0;
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (char)(rand_r(&seed) & 0xff);
        }
        size_t encoded = base64_encode(bytes, size, text, sizeof text);
        cr_assert_eq(encoded, BASE64_LENGTH(size), "seed 4711 round %d", round);
        cr_assert(size == 0 || !base64_decode(text, encoded, text, size - 1, &back));
        cr_assert_eq(base64_encode(bytes, size, text, encoded), 0);
        (void)base64_encode(bytes, size, text, sizeof text);
        cr_assert(base64_decode(text, encoded, text, size, &back));
        cr_assert_eq(back, size);
        cr_assert_eq(memcmp(text, bytes, size), 0);
    }
}
