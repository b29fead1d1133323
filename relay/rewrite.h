/* What an address becomes at the door: a bare name gets the origin, then the table of
 * `rewrites` speaks, which only senders are looked up in.
 *
 * Pure; the configuration is borrowed for the call. */

#ifndef RELAY_REWRITE_H
#define RELAY_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

struct config;

/* "root" becomes "root@origin"; an address with a domain, "", and what is no address stay
 * as they are. out always gets the result, cut to size; true when it differs. */
bool rewrite_complete(const struct config *config, const char *address, char *out,
                      size_t size);

/* The same, then the first rule for the whole address, else the first for its domain.
 * Never applied twice. */
bool rewrite_sender(const struct config *config, const char *address, char *out,
                    size_t size);

/* Does a pattern name this address: "user@example.com", "example.com" or "@example.com"
 * (the domain itself), ".example.com" (all below it), "*". Case-blind. */
bool rewrite_matches(const char *pattern, const char *address);

#endif
