/* How many connections there are, in all and from each address, counted by all workers
 * together: one of the named exceptions to "no shared mutable state".
 *
 * Lock-free and of fixed size. An address counts as itself (IPv4) or as its /64 (IPv6).
 * The counts per address are kept in two rows of cells under a secret hash: what they say
 * is never too low, and too high only where strangers fall into the same cell in both
 * rows. When several workers admit one address in the same instant, its limit may be
 * passed by as many. */

#ifndef RELAY_NET_ADMISSION_H
#define RELAY_NET_ADMISSION_H

#include <stdint.h>

#include "relay/net/netaddr.h"

struct admission;

struct admission_limits {
    uint32_t total;       /* 0: no limit */
    uint32_t per_address; /* 0: no limit */
};

enum admission_answer {
    ADMISSION_IN,
    ADMISSION_FULL,          /* too many in all */
    ADMISSION_ADDRESS_FULL,  /* too many from this address */
    ADMISSION_NO_DESCRIPTOR, /* the process has no descriptor left */
};

/* key: two random numbers, so that nobody can aim at another's cell. */
struct admission *admission_new(const uint64_t key[2]);
void admission_free(struct admission *admission);

/* Count one more from addr if the limits allow. Any thread. */
enum admission_answer admission_enter(struct admission *admission,
                                      const struct netaddr *addr,
                                      const struct admission_limits *limits);

/* Take back one ADMISSION_IN. Any thread. */
void admission_leave(struct admission *admission, const struct netaddr *addr);

/* How many are in now, in all. Any thread. */
uint32_t admission_total(const struct admission *admission);

#endif
