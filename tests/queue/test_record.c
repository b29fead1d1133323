#include "queue/record.h"

#include "tests/support/test.h"

/* A head is read back under its own segment and salt, and under no other; no bit of it
 * can change unnoticed. */
TEST(record, salted)
{
    struct record_head head = {.segment = 7,
                               .id = 9,
                               .sequence = 3,
                               .batch = 2,
                               .length = 100,
                               .checksum = 0xdeadbeef,
                               .kind = 1,
                               .flags = RECORD_SEALED};
    struct record_head read;
    uint8_t bytes[RECORD_HEAD];
    record_encode(&head, 42, bytes);
    cr_assert(record_decode(bytes, 7, 42, &read));
    cr_assert_eq(read.id, 9);
    cr_assert_eq(read.batch, 2);
    cr_assert_eq(read.length, 100);
    cr_assert_eq(read.checksum, 0xdeadbeef);
    cr_assert(!record_decode(bytes, 8, 42, &read));
    cr_assert(!record_decode(bytes, 7, 43, &read));
    for (unsigned bit = 0; bit < RECORD_HEAD * 8; bit++) {
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1U << (bit % 8)));
        cr_assert(!record_decode(bytes, 7, 42, &read), "bit %u", bit);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1U << (bit % 8)));
    }
}
