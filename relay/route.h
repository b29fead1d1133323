/* Which way the mail of a recipient goes: a configured route, or the MX records.
 *
 * Pure: rules come as a const array, an answer is one of them or NULL. */

#ifndef RELAY_ROUTE_H
#define RELAY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/limits.h"

/* One entry of `routes`. Texts are lower case (a sender's local part as written) and
 * borrowed: they live as long as the configuration. */
struct route_rule {
    const char
        *domain; /* "erp.example.net"; ".example.net" for all below it; "*" or "" any */
    const char *sender;       /* "user@example.com", "@example.com", "<>" or "" for any */
    int stream;               /* index, or -1 for any */
    const char *const *hosts; /* names or literals, tried in this order */
    const uint16_t *ports;    /* of the hosts; 0: port */
    unsigned host_count;      /* at least 1 */
    uint16_t port;            /* 0: delivery.port */
};

struct route_ask {
    const char *domain; /* the recipient's: lower case, A-labels */
    const char *sender; /* the envelope's, without brackets; "" is the null sender */
    int stream;
};

/* The rule for this recipient, or NULL: go by MX. The most telling rule wins: an exact
 * domain before the longest ".suffix" before "*"; among those a whole sender before its
 * domain before any, then a named stream before any, then the first in the file. */
const struct route_rule *route_choose(const struct route_rule *rules, unsigned count,
                                      const struct route_ask *ask);

/* What a recipient waits for when its route depends on the sender: the domain and the
 * rule's pattern, as one name: "example.net;from=@tenant.test". Mail of other senders to
 * the domain waits under the domain alone. A copy for an archive waits apart too, under
 * "example.net;archive", as no warm-up counts it. sender may be "". False: no room in
 * size bytes. */
bool route_label(const char *domain, bool is_archive, const char *sender, char *out,
                 size_t size);

/* Is it the name of copies for an archive? */
bool route_is_archive(const char *name);

/* The domain of such a name; returns the pattern, to be asked with as sender: "" in a
 * name without one, as for mail from <>. */
const char *route_unlabel(const char *name, char out_domain[LIMIT_DOMAIN + 1]);

/* The site's name of a route that no site pattern knows: "127.0.0.1:2526", the first host
 * and its port (port where the rule names none). out has ROUTE_KEY_BYTES. */
#define ROUTE_KEY_BYTES (LIMIT_DOMAIN + 16)
void route_key(const struct route_rule *rule, uint16_t port, char *out);

#endif
