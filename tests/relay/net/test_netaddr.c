#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "relay/net/netaddr.h"

#include "tests/support/test.h"

static struct netaddr parsed(const char *text)
{
    struct netaddr addr;
    cr_assert_eq(netaddr_parse(text, 25, &addr), 0, "%s", text);
    return addr;
}

/* Literals are read and written back; what is no literal is refused. */
TEST(netaddr, parse_and_format)
{
    static const char *const good[][3] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.1:25"},
        {"2001:DB8::1", "2001:db8::1", "[2001:db8::1]:25"},
        {"[2001:db8::1]", "2001:db8::1", "[2001:db8::1]:25"},
        {"[192.0.2.1]", "192.0.2.1", "192.0.2.1:25"},
        {"fe80::1%4294967295", "fe80::1%4294967295", "[fe80::1%4294967295]:25"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:25"},
    };
    static const char *const bad[] = {
        "",           "1.2.3", "1.2.3.4.5",          "256.1.1.1", "1.2.3.4:5",
        "[1.2.3.4",   "::g",   "fe80::1%",           "fe80::1%x", "1.2.3.4%1",
        "mx.example", "[]",    "fe80::1%4294967296", " 1.2.3.4",  "01.2.3.4"};
    char text[NETADDR_TEXT_BYTES];
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        struct netaddr addr = parsed(good[i][0]);
        cr_assert_str_eq(netaddr_format(&addr, text), good[i][1]);
        cr_assert_str_eq(netaddr_format_port(&addr, text), good[i][2]);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct netaddr addr;
        cr_assert_eq(netaddr_parse(bad[i], 25, &addr), -EINVAL, "%s", bad[i]);
    }
    char longest[300];
    struct netaddr addr;
    memset(longest, ':', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    cr_assert_eq(netaddr_parse(longest, 25, &addr), -EINVAL);
    struct netaddr none = {0};
    cr_assert_str_eq(netaddr_format(&none, text), "");
    cr_assert_str_eq(netaddr_format_port(&none, text), "");
}

/* Every range that mail must not go to is known by its first and last address, and its
 * neighbours are public. */
TEST(netaddr, ranges)
{
    static const struct {
        const char *text;
        enum netaddr_range range;
    } rows[] = {
        {"0.0.0.0", NETADDR_UNSPECIFIED},
        {"0.255.255.255", NETADDR_UNSPECIFIED},
        {"1.0.0.0", NETADDR_PUBLIC},
        {"9.255.255.255", NETADDR_PUBLIC},
        {"10.0.0.0", NETADDR_PRIVATE},
        {"10.255.255.255", NETADDR_PRIVATE},
        {"100.63.255.255", NETADDR_PUBLIC},
        {"100.64.0.0", NETADDR_SHARED},
        {"100.127.255.255", NETADDR_SHARED},
        {"100.128.0.0", NETADDR_PUBLIC},
        {"127.0.0.1", NETADDR_LOOPBACK},
        {"127.255.255.255", NETADDR_LOOPBACK},
        {"128.0.0.0", NETADDR_PUBLIC},
        {"169.254.0.1", NETADDR_LINK_LOCAL},
        {"172.15.255.255", NETADDR_PUBLIC},
        {"172.16.0.0", NETADDR_PRIVATE},
        {"172.31.255.255", NETADDR_PRIVATE},
        {"172.32.0.0", NETADDR_PUBLIC},
        {"192.0.0.8", NETADDR_RESERVED},
        {"192.0.1.0", NETADDR_PUBLIC},
        {"192.0.2.1", NETADDR_RESERVED},
        {"192.168.0.0", NETADDR_PRIVATE},
        {"192.168.255.255", NETADDR_PRIVATE},
        {"192.169.0.0", NETADDR_PUBLIC},
        {"198.17.255.255", NETADDR_PUBLIC},
        {"198.18.0.0", NETADDR_RESERVED},
        {"198.19.255.255", NETADDR_RESERVED},
        {"198.20.0.0", NETADDR_PUBLIC},
        {"203.0.113.7", NETADDR_RESERVED},
        {"223.255.255.255", NETADDR_PUBLIC},
        {"224.0.0.0", NETADDR_MULTICAST},
        {"239.255.255.255", NETADDR_MULTICAST},
        {"240.0.0.0", NETADDR_RESERVED},
        {"255.255.255.255", NETADDR_RESERVED},
        {"::", NETADDR_UNSPECIFIED},
        {"::1", NETADDR_LOOPBACK},
        {"::2", NETADDR_MAPPED},
        {"::ffff:127.0.0.1", NETADDR_MAPPED},
        {"64:ff9b::7f00:1", NETADDR_MAPPED},
        {"64:ff9b:1::1", NETADDR_MAPPED},
        {"2002:7f00:1::", NETADDR_MAPPED},
        {"2001::1", NETADDR_MAPPED},
        {"100::1", NETADDR_RESERVED},
        {"2001:db8::1", NETADDR_RESERVED},
        {"2001:200::1", NETADDR_PUBLIC},
        {"2600::1", NETADDR_PUBLIC},
        {"fc00::1", NETADDR_PRIVATE},
        {"fdff::1", NETADDR_PRIVATE},
        {"fe80::1", NETADDR_LINK_LOCAL},
        {"fec0::1", NETADDR_PRIVATE},
        {"ff02::1", NETADDR_MULTICAST},
        {"2a00:1450::1", NETADDR_PUBLIC},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct netaddr addr = parsed(rows[i].text);
        cr_assert_eq(netaddr_range(&addr), rows[i].range, "%s is %s", rows[i].text,
                     netaddr_range_name(netaddr_range(&addr)));
    }
    struct netaddr none = {0};
    cr_assert_eq(netaddr_range(&none), NETADDR_UNSPECIFIED);
}

/* Prefixes end at the bit; a mapped address is matched as what it maps. */
TEST(netaddr, prefixes)
{
    struct netaddr net = parsed("192.0.2.128");
    struct netaddr in = parsed("192.0.2.255");
    struct netaddr out = parsed("192.0.2.127");
    struct netaddr mapped = parsed("::ffff:192.0.2.200");
    struct netaddr v6 = parsed("2001:db8::1");
    cr_assert(netaddr_in_prefix(&in, &net, 25));
    cr_assert_not(netaddr_in_prefix(&out, &net, 25));
    cr_assert(netaddr_in_prefix(&out, &net, 24));
    cr_assert(netaddr_in_prefix(&mapped, &net, 25));
    cr_assert_not(netaddr_in_prefix(&v6, &net, 0));
    cr_assert(netaddr_in_prefix(&out, &net, 0));
    cr_assert(netaddr_in_prefix(&net, &net, 4000));
    cr_assert_not(netaddr_in_prefix(&in, &net, 4000));
}

/* To the system's form and back is the identity; equality minds the port, same_host not.
 */
TEST(netaddr, system_form)
{
    static const char *const texts[] = {"192.0.2.1", "2001:db8::7", "fe80::1%3"};
    for (unsigned i = 0; i < 3; i++) {
        struct netaddr addr = parsed(texts[i]);
        struct netaddr back;
        struct sockaddr_storage sockaddr;
        cr_assert_neq(netaddr_to_sockaddr(&addr, &sockaddr), 0);
        netaddr_from_sockaddr((const struct sockaddr *)&sockaddr, &back);
        cr_assert(netaddr_equal(&addr, &back));
        back.port = 26;
        cr_assert(netaddr_same_host(&addr, &back));
        cr_assert_not(netaddr_equal(&addr, &back));
    }
    struct netaddr none = {0};
    struct sockaddr_storage sockaddr;
    cr_assert_eq(netaddr_to_sockaddr(&none, &sockaddr), 0);
    netaddr_from_sockaddr((const struct sockaddr *)&sockaddr, &none);
    cr_assert_eq(none.family, NETADDR_NONE);
}
