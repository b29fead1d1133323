#include "relay/hostmemory.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)

static struct netaddr at(const char *text)
{
    struct netaddr addr;
    cr_assert_eq(netaddr_parse(text, 25, &addr), 0);
    return addr;
}

/* A failure is remembered for its address alone, longer each time, and one answer ends
 * it.
 */
TEST(hostmemory, down)
{
    struct hostmemory *memory = hostmemory_new(7);
    struct netaddr dead = at("192.0.2.1");
    struct netaddr other = at("192.0.2.2");
    int64_t now = 1000 * SECOND;
    cr_assert_not(hostmemory_is_down(memory, &dead, now));
    hostmemory_answered(memory, &dead); /* of nobody: nothing */
    hostmemory_failed(memory, &dead, now);
    cr_assert(hostmemory_is_down(memory, &dead, now + 29 * SECOND));
    cr_assert_not(hostmemory_is_down(memory, &dead, now + 30 * SECOND));
    cr_assert_not(hostmemory_is_down(memory, &other, now));
    for (unsigned i = 0; i < 300; i++) {
        hostmemory_failed(memory, &dead, now);
    }
    cr_assert(hostmemory_is_down(memory, &dead, now + HOSTMEMORY_DOWN_MOST_NS - 1));
    cr_assert_not(hostmemory_is_down(memory, &dead, now + HOSTMEMORY_DOWN_MOST_NS));
    hostmemory_answered(memory, &dead);
    cr_assert_not(hostmemory_is_down(memory, &dead, now));
    hostmemory_failed(memory, &dead, now);
    cr_assert_not(hostmemory_is_down(memory, &dead, now + 30 * SECOND));
    hostmemory_free(memory);
}

/* Broken TLS is remembered apart from being down, for an hour. */
TEST(hostmemory, tls)
{
    struct hostmemory *memory = hostmemory_new(7);
    struct netaddr addr = at("2001:db8::1");
    hostmemory_tls_worked(memory, &addr);
    hostmemory_tls_failed(memory, &addr, SECOND);
    cr_assert(hostmemory_is_tls_broken(memory, &addr, HOSTMEMORY_TLS_NS));
    cr_assert_not(hostmemory_is_down(memory, &addr, 2 * SECOND));
    cr_assert_not(hostmemory_is_tls_broken(memory, &addr, HOSTMEMORY_TLS_NS + SECOND));
    hostmemory_tls_worked(memory, &addr);
    cr_assert_not(hostmemory_is_tls_broken(memory, &addr, 2 * SECOND));
    hostmemory_free(memory);
}

/* A hundred thousand addresses need no more memory, and the newest are known. */
TEST(hostmemory, bounded)
{
    struct hostmemory *memory = hostmemory_new(7);
    struct netaddr addr = at("10.0.0.0");
    for (unsigned i = 0; i < 100000; i++) {
        addr.bytes[1] = (uint8_t)(i >> 16);
        addr.bytes[2] = (uint8_t)(i >> 8);
        addr.bytes[3] = (uint8_t)i;
        hostmemory_failed(memory, &addr, SECOND + i);
        cr_assert(hostmemory_is_down(memory, &addr, SECOND + i));
    }
    hostmemory_free(memory);
}
