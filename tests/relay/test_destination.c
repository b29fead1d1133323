#include <string.h>

#include "relay/destination.h"

#include "tests/support/test.h"

static void add_host(struct destination *destination, const char *name,
                     uint16_t preference)
{
    struct destination_host *host = &destination->hosts[destination->host_count++];
    memcpy(host->name, name, strlen(name) + 1);
    host->preference = preference;
}

static void add_hop(struct destination *destination, uint8_t host, const char *text)
{
    struct destination_hop *hop = &destination->hops[destination->hop_count++];
    hop->host = host;
    cr_assert_eq(netaddr_parse(text, 25, &hop->addr), 0);
}

/* a and b equal, c behind; the last byte of an address names its host. */
static struct destination sample(void)
{
    struct destination destination;
    memset(&destination, 0, sizeof destination);
    add_host(&destination, "a", 10);
    add_host(&destination, "b", 10);
    add_host(&destination, "c", 20);
    for (uint8_t i = 0; i < 3; i++) {
        static const char *const texts[][4] = {
            {"8.0.0.1", "8.0.1.1", "2600::1", "2600::1:1"},
            {"8.0.0.2", "8.0.1.2", "8.0.2.2", "2600::2"},
            {"8.0.0.3", "8.0.1.3", "8.0.2.3", "8.0.3.3"}};
        for (unsigned j = 0; j < 4; j++) {
            add_hop(&destination, i, texts[i][j]);
        }
    }
    return destination;
}

static unsigned owner_of(const struct destination_hop *hop)
{
    return hop->addr.bytes[hop->addr.family == NETADDR_V4 ? 3 : 15];
}

/* Whatever the roll: nothing is lost or doubled, hops keep their hosts, preferences stay
 * in order, each host's hops stay together and alternate with IPv6 first. */
TEST(destination, shuffle_keeps_the_rules)
{
    unsigned b_first = 0;
    unsigned other_start = 0;
    for (uint64_t roll = 0; roll < 2000; roll++) {
        struct destination destination = sample();
        destination_shuffle(&destination, roll * UINT64_C(0x9e3779b97f4a7c15));
        cr_assert_eq(destination.host_count, 3);
        cr_assert_eq(destination.hop_count, 12);
        cr_assert_str_eq(destination.hosts[2].name, "c");
        b_first += destination.hosts[0].name[0] == 'b' ? 1 : 0;
        other_start += destination.hops[8].addr.bytes[2] != 0 ? 1 : 0;
        for (unsigned i = 0; i < 12; i++) {
            const struct destination_hop *hop = &destination.hops[i];
            cr_assert_eq(hop->host, i / 4);
            unsigned owner = owner_of(hop);
            cr_assert_eq(destination.hosts[hop->host].name[0], (char)('a' + owner - 1));
            for (unsigned j = 0; j < i; j++) {
                cr_assert_not(netaddr_same_host(&hop->addr, &destination.hops[j].addr));
            }
        }
        unsigned a_at = destination.hosts[0].name[0] == 'a' ? 0 : 4;
        for (unsigned i = 0; i < 4; i++) {
            cr_assert_eq(destination.hops[a_at + i].addr.family,
                         i % 2 == 0 ? NETADDR_V6 : NETADDR_V4);
        }
    }
    cr_assert_gt(b_first, 800);
    cr_assert_lt(b_first, 1200);
    cr_assert_gt(other_start, 1000);
}

/* The same roll gives the same order; an explicit route keeps its hosts' order. */
TEST(destination, shuffle_is_repeatable)
{
    struct destination one = sample();
    struct destination two = sample();
    destination_shuffle(&one, 42);
    destination_shuffle(&two, 42);
    cr_assert_eq(one.host_count, two.host_count);
    for (unsigned i = 0; i < one.host_count; i++) {
        cr_assert_str_eq(one.hosts[i].name, two.hosts[i].name);
    }
    cr_assert_eq(one.hop_count, two.hop_count);
    for (unsigned i = 0; i < one.hop_count; i++) {
        cr_assert(netaddr_equal(&one.hops[i].addr, &two.hops[i].addr));
        cr_assert_eq(one.hops[i].host, two.hops[i].host);
    }
    for (uint64_t roll = 1; roll < 50; roll++) {
        struct destination explicit_one = sample();
        explicit_one.explicit_route = true;
        destination_shuffle(&explicit_one, roll);
        cr_assert_str_eq(explicit_one.hosts[0].name, "a");
    }
    struct destination empty;
    memset(&empty, 0, sizeof empty);
    destination_shuffle(&empty, 1);
    cr_assert_eq(empty.hop_count, 0);
}

/* The organisational domain, where there is one. */
TEST(destination, org_domain)
{
    static const char *const rows[][2] = {
        {"mx1.example.co.uk", "example.co.uk"},
        {"gmail-smtp-in.l.google.com", "google.com"},
        {"example.com", "example.com"},
        {"co.uk", "co.uk"},
        {"localhost", "localhost"},
        {"192.0.2.1", "192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"", ""},
        {"xn--mnchen-3ya.de", "xn--mnchen-3ya.de"},
    };
    char out[LIMIT_DOMAIN + 1];
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        destination_org_domain(rows[i][0], out);
        cr_assert_str_eq(out, rows[i][1], "%s", rows[i][0]);
    }
    char longest[600];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    destination_org_domain(longest, out);
    cr_assert_eq(strlen(out), LIMIT_DOMAIN);
}
