/* From a domain to a destination: RFC 5321 5.1 over DNS, with a cache.
 *
 * Answers are cached by TTL (5 s to 1 day; "no" at least 60 s, at most 1 h; a failure for
 * 5 s), bounded in number, and equal questions in flight are asked once. Loop's thread
 * only.
 *
 * What is refused, as struct reply with origin REPLY_DNS_FAILURE, stage DNS, code 0:
 *   5.1.2   no such domain; or neither MX nor addresses
 *   5.1.10  null MX (RFC 7505), or the only MX is "localhost"
 *   5.4.4   no MX host has an address; or only addresses that mail must not go to
 *           (loopback, private, link-local, CGNAT, multicast, mapped, ...)
 *   5.4.6   we are the best MX ourselves
 *   4.4.3   a server failed or did not answer; nothing usable is known yet */

#ifndef RELAY_RESOLVE_H
#define RELAY_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/reply.h"

#include "relay/destination.h"
#include "relay/net/dns.h"
#include "relay/net/netaddr.h"

struct loop;
struct resolve;
struct resolve_lookup;

struct resolve_options {
    const char *hostname; /* our own name: an MX of this name is ourselves; copied */
    /* Addresses that are ourselves; a port of 0 means any, else it must equal the port
     * asked for (another server may live on our address). Copied. */
    const struct netaddr *own;
    unsigned own_count;
    bool ipv6;          /* ask for and use AAAA */
    bool allow_private; /* deliver to loopback, private, ... found in DNS: rehearsals */
    bool trust_ad; /* the servers are our own validating ones: believe their AD bit */
    uint32_t cache_max; /* answers kept; 0: LIMIT_RESOLVE_ANSWERS */
};

/* Exactly one of the two is not NULL; both are valid during the call. Comes once, never
 * before the starting function returned, not after resolve_cancel. */
typedef void (*resolve_cb)(const struct destination *destination,
                           const struct reply *refusal, void *owner);

/* dns is borrowed until resolve_close. */
struct resolve *resolve_open(struct loop *loop, struct dns *dns,
                             const struct resolve_options *options);

/* The destination of mail for domain (lower case, A-labels), hops with this port. The
 * lookup is the caller's to cancel until resolve_cb. */
struct resolve_lookup *resolve_domain(struct resolve *resolve, const char *domain,
                                      uint16_t port, resolve_cb done_cb, void *owner);

/* The destination of an explicit route: hosts (names or address literals, with or without
 * brackets, at most LIMIT_MX_HOSTS) in this order, no MX, every address allowed. Literals
 * are not asked for. A host without addresses is left out; none left: 5.4.4 or 4.4.3. */
struct resolve_lookup *resolve_hosts(struct resolve *resolve, const char *const *hosts,
                                     unsigned count, uint16_t port, resolve_cb done_cb,
                                     void *owner);

/* Ask for TLSA records too, where DNSSEC covers the way to a host (trust_ad, MX and
 * addresses secure, or an explicit route): the destination then has a guard, valid during
 * resolve_cb. Right after the lookup was started. */
void resolve_want_tlsa(struct resolve_lookup *lookup);

/* Ports of resolve_hosts' hosts, 0 for the one given there. Right after the start. */
void resolve_set_ports(struct resolve_lookup *lookup, const uint16_t *ports,
                       unsigned count);

/* done_cb never comes; lookup is gone for the caller. NULL is allowed. */
void resolve_cancel(struct resolve_lookup *lookup);

/* New switches after a reload; all but cache_max is taken. */
void resolve_set_options(struct resolve *resolve, const struct resolve_options *options);

/* Forget all answers that are not being asked for. */
void resolve_flush(struct resolve *resolve);

struct resolve_stats {
    uint64_t asked;   /* questions sent to DNS */
    uint64_t hits;    /* answered from the cache */
    uint64_t joined;  /* waited for a question that was already out */
    uint32_t answers; /* in the cache now */
};
void resolve_stats(const struct resolve *resolve, struct resolve_stats *out);

/* Cancel all lookups and free. May be called from a done_cb. NULL is allowed. */
void resolve_close(struct resolve *resolve);

#endif
