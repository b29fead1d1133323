/* What a worker remembers of addresses it has delivered to: which did not answer, and
 * whose TLS is broken. Both fade.
 *
 * A host that is down is remembered per address: it is tried after the others, so that a
 * dead first MX costs its time-out once and not for each connection. TLS that failed
 * where it was optional is not tried again for an hour. Fixed memory: the longest unused
 * of a few makes room. One thread. */

#ifndef RELAY_HOSTMEMORY_H
#define RELAY_HOSTMEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/net/netaddr.h"

struct hostmemory;

/* How long: down 30 s after the first failure, doubling to 15 min; TLS 1 h. */
#define HOSTMEMORY_DOWN_FIRST_NS INT64_C(30000000000)
#define HOSTMEMORY_DOWN_MOST_NS  INT64_C(900000000000)
#define HOSTMEMORY_TLS_NS        INT64_C(3600000000000)

/* key: secret, against chosen addresses. */
struct hostmemory *hostmemory_new(uint64_t key);
void hostmemory_free(struct hostmemory *memory); /* NULL is allowed */

/* The address did not answer: no connection, or none that spoke. */
void hostmemory_failed(struct hostmemory *memory, const struct netaddr *addr,
                       int64_t now_ns);

/* A session came about. */
void hostmemory_answered(struct hostmemory *memory, const struct netaddr *addr);

bool hostmemory_is_down(const struct hostmemory *memory, const struct netaddr *addr,
                        int64_t now_ns);

/* The handshake failed where TLS is optional; or it went well. */
void hostmemory_tls_failed(struct hostmemory *memory, const struct netaddr *addr,
                           int64_t now_ns);
void hostmemory_tls_worked(struct hostmemory *memory, const struct netaddr *addr);

bool hostmemory_is_tls_broken(const struct hostmemory *memory, const struct netaddr *addr,
                              int64_t now_ns);

#endif
