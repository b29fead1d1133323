/* IP addresses and networks as they stand in the configuration ("127.0.0.0/8", "::1").
 *
 * A mapped IPv6 address (::ffff:192.0.2.1) counts as the IPv4 address it holds, so that
 * a network matches however the socket was opened. Pure; any thread. */

#ifndef RELAY_CONFIG_NETWORK_H
#define RELAY_CONFIG_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#define CONFIG_ADDRESS_TEXT_BYTES 46

struct config_address {
    int family;        /* AF_INET, AF_INET6, or AF_UNSPEC when none was given */
    uint8_t bytes[16]; /* network order; IPv4 uses the first four */
    char text[CONFIG_ADDRESS_TEXT_BYTES]; /* "" when none was given */
};

struct config_network {
    int family; /* AF_INET or AF_INET6 */
    uint8_t bytes[16];
    unsigned prefix;
};

struct config_networks {
    const struct config_network *items;
    size_t count;
};

/* Parse an address without a port. "" gives AF_UNSPEC. 0, or -EINVAL with the reason. */
ATTR_MUST_CHECK int config_address_parse(const char *text, struct config_address *address,
                                         struct errmsg *err);

/* Parse "address" or "address/prefix". Host bits must be zero: 10.0.0.1/8 is refused,
 * because one of its two halves is a mistake. 0, or -EINVAL with the reason. */
ATTR_MUST_CHECK int config_network_parse(const char *text, struct config_network *network,
                                         struct errmsg *err);

/* Is the address (4 bytes for AF_INET, 16 for AF_INET6) in one of the networks? */
bool config_networks_have(const struct config_networks *networks, int family,
                          const uint8_t *bytes);

bool config_address_is_loopback(const struct config_address *address);
bool config_address_is_same(const struct config_address *one,
                            const struct config_address *other);

#endif
