/* An IP address with a port, as a value: parsed, printed, compared and judged.
 *
 * Text and names are others' work (relay/net/dns). Pure: any thread. */

#ifndef RELAY_NET_NETADDR_H
#define RELAY_NET_NETADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

/* "[" + 45 characters of IPv6 + "%" and ten digits of a zone + "]:65535" and the NUL. */
#define NETADDR_TEXT_BYTES 72

enum netaddr_family {
    NETADDR_NONE = 0, /* no address; what a zeroed netaddr is */
    NETADDR_V4 = 4,
    NETADDR_V6 = 6,
};

struct sockaddr;
struct sockaddr_storage;

struct netaddr {
    uint8_t family;    /* enum netaddr_family */
    uint16_t port;     /* host order; 0 when the port does not matter */
    uint32_t zone;     /* interface number of a link-local IPv6 address, else 0 */
    uint8_t bytes[16]; /* network order; IPv4 uses the first 4, the rest is 0 */
};

/* What an address is good for. Only NETADDR_PUBLIC may come from a stranger's DNS. */
enum netaddr_range {
    NETADDR_PUBLIC,
    NETADDR_UNSPECIFIED, /* 0.0.0.0/8, :: */
    NETADDR_LOOPBACK,    /* 127/8, ::1 */
    NETADDR_PRIVATE,     /* RFC 1918, fc00::/7, fec0::/10 */
    NETADDR_SHARED,      /* 100.64/10, the carriers' NAT */
    NETADDR_LINK_LOCAL,  /* 169.254/16, fe80::/10 */
    NETADDR_MULTICAST,   /* 224/4, ff00::/8 */
    NETADDR_RESERVED,    /* 240/4, broadcast, 192.0.0/24, documentation, benchmarking,
                            discard */
    NETADDR_MAPPED,      /* an IPv4 address inside IPv6: ::/96, ::ffff/96, 64:ff9b::/96,
                            64:ff9b:1::/48, 2002::/16, 2001::/32 */
};

/* Read "192.0.2.1", "2001:db8::1", "[2001:db8::1]", "fe80::1%2", with port as the port.
 * 0, or -EINVAL when text is not an address literal. */
int netaddr_parse(const char *text, uint16_t port, struct netaddr *out) ATTR_MUST_CHECK;

/* Write the address alone ("2001:db8::1"), or with its port ("192.0.2.1:25",
 * "[2001:db8::1]:25"). buffer has NETADDR_TEXT_BYTES. Returns buffer. "" for no address.
 */
const char *netaddr_format(const struct netaddr *addr, char *buffer);
const char *netaddr_format_port(const struct netaddr *addr, char *buffer);

/* To and from the system's form. The first returns its length in bytes, 0 for no address;
 * the second makes anything but AF_INET and AF_INET6 no address. */
unsigned netaddr_to_sockaddr(const struct netaddr *addr, struct sockaddr_storage *out);
void netaddr_from_sockaddr(const struct sockaddr *sockaddr, struct netaddr *out);

/* Same address, whatever the ports; same address and port. */
bool netaddr_same_host(const struct netaddr *a, const struct netaddr *b);
bool netaddr_equal(const struct netaddr *a, const struct netaddr *b);

/* Is addr inside net/bits? False when the families differ. bits above the width count
 * as the width. An IPv4-mapped addr (::ffff/96) is compared as its IPv4 address. */
bool netaddr_in_prefix(const struct netaddr *addr, const struct netaddr *net,
                       unsigned bits);

enum netaddr_range netaddr_range(const struct netaddr *addr);

/* "loopback", "private", …, for a sentence: "address 10.0.0.1 is private". */
const char *netaddr_range_name(enum netaddr_range range);

#endif
