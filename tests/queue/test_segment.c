#include <errno.h>

#include "queue/segment.h"

#include "tests/support/test.h"

/* Names and numbers are the same thing; other names are none. */
TEST(segment, names)
{
    char name[SEGMENT_NAME];
    segment_name(0xabc, name);
    cr_assert_str_eq(name, "0000000000000abc.seg");
    cr_assert_eq(segment_number(name), 0xabc);
    cr_assert_eq(segment_number("0000000000000abc.seg.bad"), 0);
    cr_assert_eq(segment_number("000000000000zabc.seg"), 0);
    cr_assert_eq(segment_number("lock"), 0);
}

/* Header and trailer are read back; damage and newer versions are told apart. */
TEST(segment, header_and_trailer)
{
    struct segment_header header = {
        .number = 3, .salt = 4, .key_id = 5, .created_unix_ms = 6, .bytes = 65536};
    struct segment_header read;
    uint8_t block[SEGMENT_DATA];
    segment_header_encode(&header, block);
    cr_assert_eq(segment_header_decode(block, &read), 0);
    cr_assert_eq(read.salt, 4);
    cr_assert_eq(read.bytes, 65536);
    block[20] ^= 1;
    cr_assert_eq(segment_header_decode(block, &read), -EBADMSG);
    block[20] ^= 1;
    block[8] = 2;
    cr_assert_eq(segment_header_decode(block, &read), -ENOTSUP);

    struct segment_trailer trailer = {
        .data_end = 5000, .footer = 5000, .footer_length = 9};
    struct segment_trailer trailer_read;
    uint8_t bytes[SEGMENT_TRAILER];
    segment_trailer_encode(&trailer, &header, bytes);
    cr_assert(segment_trailer_decode(bytes, &header, &trailer_read));
    cr_assert_eq(trailer_read.footer_length, 9);
    header.salt = 5;
    cr_assert(!segment_trailer_decode(bytes, &header, &trailer_read));
}
