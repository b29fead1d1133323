#include <arpa/inet.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "relay/config_network.h"

#include "tests/support/test.h"

static bool have(const char *network_text, const char *address_text)
{
    struct config_network network;
    struct config_networks networks = {&network, 1};
    uint8_t bytes[16];
    int family = strchr(address_text, ':') != NULL ? AF_INET6 : AF_INET;

    cr_assert_eq(config_network_parse(network_text, &network, NULL), 0, "%s",
                 network_text);
    cr_assert_eq(inet_pton(family, address_text, bytes), 1);
    return config_networks_have(&networks, family, bytes);
}

TEST(config_network, membership)
{
    /* An address is in a network when the first bits are the same, and in no other. */
    cr_assert(have("127.0.0.0/8", "127.255.0.1"));
    cr_assert_not(have("127.0.0.0/8", "128.0.0.1"));
    cr_assert(have("192.0.2.128/25", "192.0.2.200"));
    cr_assert_not(have("192.0.2.128/25", "192.0.2.127"));
    cr_assert(have("192.0.2.7", "192.0.2.7"));
    cr_assert_not(have("192.0.2.7", "192.0.2.6"));
    cr_assert(have("0.0.0.0/0", "203.0.113.9"));
    cr_assert_not(have("0.0.0.0/0", "2001:db8::1"));
    cr_assert(have("2001:db8::/33", "2001:db8:7fff::1"));
    cr_assert_not(have("2001:db8::/33", "2001:db8:8000::1"));
    cr_assert(have("::1", "::1"));
}

TEST(config_network, mapped)
{
    /* IPv4 in IPv6 clothes is IPv4, in the file and on the wire, so that a dual-stack
     * socket trusts whom an IPv4 socket trusts and nobody else. */
    cr_assert(have("127.0.0.0/8", "::ffff:127.0.0.1"));
    cr_assert_not(have("127.0.0.0/8", "::ffff:128.0.0.1"));
    cr_assert(have("::ffff:10.0.0.0/104", "10.9.9.9"));
    cr_assert_not(have("::/0", "10.9.9.9"));
}

TEST(config_network, refused)
{
    /* What is not exactly a network is refused with an example. */
    static const char *const bad[] = {"",          "10.0.0.0/33",    "10.0.0.1/8",
                                      "10.0.0/8",  "10.0.0.0/",      "10.0.0.0/-1",
                                      "::1/129",   "2001:db8::1/32", "10.0.0.0/8 ",
                                      "localhost", "10.0.0.0/0008",  "[::1]"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config_network network = {.prefix = 77};
        struct errmsg err = {""};

        cr_assert_eq(config_network_parse(bad[i], &network, &err), -EINVAL, "%s", bad[i]);
        cr_assert_eq(network.prefix, 77);
        cr_assert_str_not_empty(err.text);
    }
}

TEST(config_network, addresses)
{
    /* An address is parsed into its canonical text; "" is none; ports are not addresses.
     */
    struct config_address address;
    struct config_address other;

    cr_assert_eq(config_address_parse("", &address, NULL), 0);
    cr_assert_eq(address.family, AF_UNSPEC);
    cr_assert_str_empty(address.text);
    cr_assert_eq(config_address_parse("2001:DB8:0::10", &address, NULL), 0);
    cr_assert_str_eq(address.text, "2001:db8::10");
    cr_assert_eq(config_address_parse("::ffff:192.0.2.1", &address, NULL), 0);
    cr_assert_eq(address.family, AF_INET);
    cr_assert_eq(config_address_parse("192.0.2.1", &other, NULL), 0);
    cr_assert(config_address_is_same(&address, &other));
    cr_assert_eq(config_address_parse("192.0.2.1:25", &address, NULL), -EINVAL);
    cr_assert_eq(config_address_parse("mail.example.com", &address, NULL), -EINVAL);
    cr_assert_eq(config_address_parse("127.4.5.6", &address, NULL), 0);
    cr_assert(config_address_is_loopback(&address));
    cr_assert_eq(config_address_parse("::1", &address, NULL), 0);
    cr_assert(config_address_is_loopback(&address));
    cr_assert_eq(config_address_parse("::2", &address, NULL), 0);
    cr_assert_not(config_address_is_loopback(&address));
}
