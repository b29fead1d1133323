/* What the TLSA records of a destination's hosts mean (RFC 7672), without any asking.
 * Belongs to resolve. */

#ifndef RELAY_RESOLVE_GUARD_H
#define RELAY_RESOLVE_GUARD_H

#include <stdbool.h>

#include "relay/destination.h"
#include "relay/net/dns_answer.h"
#include "relay/resolve_build.h"

/* The name to ask for the TLSA records of the i-th host, MX and addresses known. which 0:
 * under the end of its aliases, 1: under its own name. False: not to be asked. */
bool resolve_guard_name(const struct resolve_case *facts, const struct resolve_self *self,
                        unsigned i, unsigned which, char out[DNS_NAME_BYTES]);

/* All that was asked is known. out is overwritten. */
void resolve_guard_build(const struct resolve_case *facts, struct destination_guard *out);

#endif
