#include <string.h>

#include "queue/bytes.h"
#include "queue/payload.h"

#include "tests/support/test.h"

/* The three parts are found again, byte for byte, in accept and in copy payloads. */
TEST(payload, round_trip)
{
    static const size_t lengths[][4] = {/* states, envelope, header, body */
                                        {0, 0, 0, 0},   {0, 1, 0, 0},   {3, 10, 20, 30},
                                        {0, 100, 1, 0}, {200, 0, 0, 5}, {1, 2, 300, 4}};
    for (size_t row = 0; row < sizeof lengths / sizeof *lengths; row++) {
        for (int copy = 0; copy < 2; copy++) {
            uint8_t bytes[600];
            size_t used = 0;
            const size_t *part = lengths[row];
            if (copy) {
                payload_copy_prefix(UINT64_C(0x1122334455667788), part[0], bytes);
                memset(bytes + PAYLOAD_PREFIX, 's', part[0]);
                used = PAYLOAD_PREFIX + part[0];
            }
            payload_accept_prefix(part[1], part[2], part[3], bytes + used);
            used += PAYLOAD_PREFIX;
            memset(bytes + used, 'e', part[1]);
            memset(bytes + used + part[1], 'h', part[2]);
            memset(bytes + used + part[1] + part[2], 'b', part[3]);
            used += part[1] + part[2] + part[3];
            struct payload_accept read;
            cr_assert(payload_accept_decode(copy != 0, bytes, used, &read), "row %zu",
                      row);
            cr_assert_eq(read.origin, copy ? UINT64_C(0x1122334455667788) : 0);
            cr_assert_eq(read.states_length, copy ? part[0] : 0);
            cr_assert_eq(read.envelope_length, part[1]);
            cr_assert_eq(read.header_length, part[2]);
            cr_assert_eq(read.body_length, part[3]);
            cr_assert(part[1] == 0 ||
                      (read.envelope[0] == 'e' && read.envelope[part[1] - 1] == 'e'));
            cr_assert(part[2] == 0 ||
                      (read.header[0] == 'h' && read.header[part[2] - 1] == 'h'));
            cr_assert(part[3] == 0 ||
                      (read.body[0] == 'b' && read.body[part[3] - 1] == 'b'));
            cr_assert(!copy || part[0] == 0 || read.states[part[0] - 1] == 's');
        }
    }
}

/* Lengths that do not add up to the payload are refused and nothing is answered, however
 * they are cut, grown or chosen to overflow. */
TEST(payload, lengths_must_add_up)
{
    uint8_t bytes[200];
    struct payload_accept read = {.origin = 77};
    payload_copy_prefix(5, 10, bytes);
    memset(bytes + 16, 0, 10);
    payload_accept_prefix(20, 30, 40, bytes + 26);
    size_t whole = 26 + 16 + 90;
    for (size_t length = 0; length <= sizeof bytes; length++) {
        bool good = payload_accept_decode(true, bytes, length, &read);
        cr_assert_eq(good, length == whole, "length %zu", length);
        cr_assert(good || length > whole || read.origin == 77);
        cr_assert_eq(payload_accept_decode(false, bytes + 26,
                                           length > 26 ? length - 26 : 0,
                                           &(struct payload_accept){0}),
                     length == whole);
    }
    static const uint32_t overflows[][3] = {{UINT32_MAX, 1, 0},
                                            {UINT32_MAX, UINT32_MAX, 92},
                                            {0x80000000, 0x80000000, 90},
                                            {90, UINT32_MAX, 1},
                                            {91, 0, UINT32_MAX}};
    for (size_t i = 0; i < sizeof overflows / sizeof *overflows; i++) {
        for (unsigned k = 0; k < 3; k++) {
            bytes_put_u32(bytes + 26 + (size_t)k * 4, overflows[i][k]);
        }
        cr_assert(!payload_accept_decode(true, bytes, whole, &read), "row %zu", i);
    }
    bytes_put_u32(bytes + 8, UINT32_MAX);
    cr_assert(!payload_accept_decode(true, bytes, whole, &read), "states");
}
