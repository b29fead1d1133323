/* The header of the PROXY protocol, versions 1 and 2: who is behind a proxy that speaks
 * for others.
 *
 * Pure; bytes are taken up to the header's end and not one more, in any cut. */

#ifndef RELAY_NET_PROXYHEAD_H
#define RELAY_NET_PROXYHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "relay/net/netaddr.h"

/* Version 2 may carry extensions; haproxy's with a client's certificate stay below it. */
#define PROXYHEAD_BYTES 2048

enum proxyhead_status {
    PROXYHEAD_MORE, /* it goes on */
    PROXYHEAD_DONE,
    PROXYHEAD_BAD, /* not a header, or longer than PROXYHEAD_BYTES */
};

struct proxyhead {
    enum proxyhead_status status;
    struct netaddr
        client; /* NETADDR_NONE: the proxy speaks for itself, or does not know */
    size_t length;
    uint8_t bytes[PROXYHEAD_BYTES];
};

void proxyhead_init(struct proxyhead *head);

/* Take bytes while status is PROXYHEAD_MORE. Returns how many belong to the header. */
size_t proxyhead_feed(struct proxyhead *head, const char *bytes, size_t length);

#endif
