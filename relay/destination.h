/* Where the mail of a domain goes: hosts in order of preference and the addresses to try,
 * as a plain value that may be copied and sent to a worker. Pure. */

#ifndef RELAY_DESTINATION_H
#define RELAY_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/limits.h"
#include "relay/net/netaddr.h"

struct destination_host {
    char name[LIMIT_DOMAIN + 1]; /* the MX's name, lower case; or the route's literal */
    uint16_t preference;
    bool secure; /* its address answers were validated by DNSSEC */
};

/* One address to try, in order. */
struct destination_hop {
    struct netaddr addr; /* with the port */
    uint8_t host;        /* index into hosts */
};

struct destination {
    char domain[LIMIT_DOMAIN + 1]; /* what was asked for */
    bool implicit;                 /* no MX: the domain's own addresses */
    bool explicit_route;           /* from configuration, not from MX records */
    bool secure;                   /* the MX answer was validated by DNSSEC */
    bool cut;                      /* hosts or addresses above the caps were left out */
    uint32_t ttl_s;                /* how long this may be used, 5 s to 1 day */
    uint8_t host_count;
    uint8_t hop_count;
    struct destination_hop hops[LIMIT_ADDRESSES];  /* by preference of their hosts */
    struct destination_host hosts[LIMIT_MX_HOSTS]; /* by preference; also those without a
                                                      hop. Last: see destination_bytes */
};

/* So many bytes of it say everything: the hosts that are not there are left out. A value
 * that is kept for each of many domains is copied with this. */
size_t destination_bytes(const struct destination *destination);

/* Put hosts of equal preference, and each host's addresses, into a new random order made
 * from roll; within a host IPv6 and IPv4 alternate, IPv6 first. To be called for each
 * connection (RFC 5321 5.1). Explicit routes keep their hosts' order. */
void destination_shuffle(struct destination *destination, uint64_t roll);

/* The organisational domain of name, by the public suffix list: "mx1.example.co.uk" ->
 * "example.co.uk". A public suffix, an address literal or a name of one label is its own.
 * name is lower case, A-labels. out has LIMIT_DOMAIN + 1 bytes; longer names are cut. */
void destination_org_domain(const char *name, char *out);

#endif
