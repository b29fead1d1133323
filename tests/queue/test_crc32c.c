#include <string.h>

#include "queue/crc32c.h"

#include "tests/support/test.h"

/* The published check value, and the four of RFC 3720 B.4. */
TEST(crc32c, known)
{
    uint8_t bytes[32];
    cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283U);
    memset(bytes, 0, sizeof bytes);
    cr_assert_eq(crc32c(0, bytes, sizeof bytes), 0x8a9136aaU);
    memset(bytes, 0xff, sizeof bytes);
    cr_assert_eq(crc32c(0, bytes, sizeof bytes), 0x62a8ab43U);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    cr_assert_eq(crc32c(0, bytes, sizeof bytes), 0x46dd794eU);
}

/* Hardware and tables agree, for all lengths and alignments, in one go or in two. */
TEST(crc32c, agree)
{
    uint8_t bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t length = 0; length < 150; length++) {
            uint32_t whole = crc32c(0, bytes + from, length);
            cr_assert_eq(whole, crc32c_portable(0, bytes + from, length));
            uint32_t half = crc32c(0, bytes + from, length / 3);
            cr_assert_eq(whole,
                         crc32c(half, bytes + from + length / 3, length - length / 3));
        }
    }
}
