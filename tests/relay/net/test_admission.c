#include "relay/net/admission.h"

#include "tests/support/test.h"

static const uint64_t key[2] = {UINT64_C(0x1234567890abcdef),
                                UINT64_C(0xfedcba0987654321)};

static struct netaddr addr_of(const char *text)
{
    struct netaddr addr;
    cr_assert_eq(netaddr_parse(text, 0, &addr), 0);
    return addr;
}

/* Both limits hold exactly, and leaving makes room for exactly one. */
TEST(admission, limits)
{
    struct admission *admission = admission_new(key);
    struct admission_limits limits = {.total = 5, .per_address = 3};
    struct netaddr one = addr_of("192.0.2.1");
    struct netaddr two = addr_of("192.0.2.2");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(admission_enter(admission, &one, &limits), ADMISSION_IN);
    }
    cr_assert_eq(admission_enter(admission, &one, &limits), ADMISSION_ADDRESS_FULL);
    cr_assert_eq(admission_enter(admission, &two, &limits), ADMISSION_IN);
    cr_assert_eq(admission_enter(admission, &two, &limits), ADMISSION_IN);
    cr_assert_eq(admission_enter(admission, &two, &limits), ADMISSION_FULL);
    cr_assert_eq(admission_total(admission), 5);
    admission_leave(admission, &one);
    cr_assert_eq(admission_enter(admission, &one, &limits), ADMISSION_IN);
    cr_assert_eq(admission_enter(admission, &one, &limits), ADMISSION_FULL);
    admission_free(admission);
}

/* 0 means no limit. */
TEST(admission, unlimited)
{
    struct admission *admission = admission_new(key);
    struct admission_limits limits = {0, 0};
    struct netaddr one = addr_of("2001:db8::1");
    for (int i = 0; i < 100000; i++) {
        cr_assert_eq(admission_enter(admission, &one, &limits), ADMISSION_IN);
    }
    cr_assert_eq(admission_total(admission), 100000);
    admission_free(admission);
}

/* IPv6 is counted by its /64, IPv4 by the address. */
TEST(admission, networks)
{
    struct admission *admission = admission_new(key);
    struct admission_limits limits = {.total = 0, .per_address = 1};
    struct netaddr a = addr_of("2001:db8:0:1::1");
    struct netaddr b = addr_of("2001:db8:0:1:ffff::2");
    struct netaddr c = addr_of("2001:db8:0:2::1");
    cr_assert_eq(admission_enter(admission, &a, &limits), ADMISSION_IN);
    cr_assert_eq(admission_enter(admission, &b, &limits), ADMISSION_ADDRESS_FULL);
    cr_assert_eq(admission_enter(admission, &c, &limits), ADMISSION_IN);
    admission_free(admission);
}

/* Ten thousand strangers with two connections each do not fill one address's share of
 * ten. */
TEST(admission, strangers_do_not_collide)
{
    struct admission *admission = admission_new(key);
    struct admission_limits limits = {.total = 0, .per_address = 10};
    struct netaddr addr = addr_of("10.0.0.0");
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 10000; i++) {
            addr.bytes[2] = (uint8_t)(i >> 8);
            addr.bytes[3] = (uint8_t)i;
            cr_assert_eq(admission_enter(admission, &addr, &limits), ADMISSION_IN);
        }
    }
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 10000; i++) {
            addr.bytes[2] = (uint8_t)(i >> 8);
            addr.bytes[3] = (uint8_t)i;
            admission_leave(admission, &addr);
        }
    }
    cr_assert_eq(admission_total(admission), 0);
    admission_free(admission);
}
