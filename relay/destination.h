/* Where the mail of a domain goes: hosts in order of preference and the addresses to try,
 * as a plain value that may be copied and sent to a worker. Pure. */

#ifndef RELAY_DESTINATION_H
#define RELAY_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/limits.h"
#include "relay/net/dns_answer.h"
#include "relay/net/netaddr.h"

/* What DNSSEC says about the TLSA records of a host (RFC 7672). */
enum destination_tlsa {
    DESTINATION_TLSA_NONE,     /* not asked, not secure, or there are none */
    DESTINATION_TLSA_USABLE,   /* at least one that we can match */
    DESTINATION_TLSA_UNUSABLE, /* only others: TLS is a must, the certificate any */
    DESTINATION_TLSA_FAILED,   /* bogus or no answer: the host may not be used now */
};

/* The mode of the domain's MTA-STS policy (RFC 8461). */
enum destination_sts {
    DESTINATION_STS_NONE, /* not asked, or it has none */
    DESTINATION_STS_TESTING,
    DESTINATION_STS_ENFORCE,
};

struct destination_guard_host {
    enum destination_tlsa tlsa;
    uint8_t tlsa_first;          /* of the guard's records ... */
    uint8_t tlsa_count;          /* ... the usable ones */
    bool sts_match;              /* the policy names this host */
    char base[LIMIT_DOMAIN + 1]; /* the name the TLSA records were found under */
};

/* What others have published about TLS with them. Only where a policy asks for it. */
struct destination_guard {
    enum destination_sts sts;
    char sts_id[33];
    uint8_t tlsa_count;
    struct dns_tlsa tlsa[LIMIT_TLSA];
    struct destination_guard_host hosts[LIMIT_MX_HOSTS];
};

struct destination_host {
    char name[LIMIT_DOMAIN + 1]; /* the MX's name, lower case; or the route's literal */
    uint16_t preference;
    bool secure;   /* its address answers were validated by DNSSEC */
    uint8_t guard; /* its place in the guard */
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
    /* Borrowed: lives as long as what this value was copied from. NULL: nothing asked. */
    const struct destination_guard *guard;
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

/* Put the hops for which is_last says so behind the others, in the order they have. */
void destination_postpone(struct destination *destination,
                          bool (*is_last)(const struct netaddr *addr, void *owner),
                          void *owner);

/* The organisational domain of name, by the public suffix list: "mx1.example.co.uk" ->
 * "example.co.uk". A public suffix, an address literal or a name of one label is its own.
 * name is lower case, A-labels. out has LIMIT_DOMAIN + 1 bytes; longer names are cut. */
void destination_org_domain(const char *name, char *out);

#endif
