/* A text or a number becomes one typed value within its bounds.
 *
 * The part of reading a value that knows nothing of libconfig: names, host names, paths,
 * choices, quantities. While loading; one thread. */

#ifndef RELAY_CONFIG_SCALAR_H
#define RELAY_CONFIG_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/config_schema.h"

/* Set the field (of the key's kind) from text, as it stands between the quotes. Numbers
 * are read too, for defaults. Returns 0, or -EINVAL with what is wrong and what would be
 * right; the field is unchanged then. Not for lists, groups and links. */
ATTR_MUST_CHECK int config_scalar_text(struct config_build *build,
                                       const struct config_key *key, const char *text,
                                       void *field, struct errmsg *err);

/* The same from a number: counts, ports, factors and plain bytes. */
ATTR_MUST_CHECK int config_scalar_number(const struct config_key *key, int64_t number,
                                         void *field, struct errmsg *err);
ATTR_MUST_CHECK int config_scalar_real(const struct config_key *key, double number,
                                       void *field, struct errmsg *err);

/* Is this kind written in quotes? */
bool config_scalar_is_text(enum config_kind kind);

/* "a duration such as \"15m\"": what a value of the kind looks like. */
const char *config_scalar_example(enum config_kind kind);

/* Is it a text that may stand in a log line: at most LIMIT_CONFIG_STRING bytes, no
 * control characters? */
ATTR_MUST_CHECK int config_scalar_clean(const char *text, struct errmsg *err);

/* A host name: labels of letters, digits and hyphens, at most 63 and 253 long. */
bool config_scalar_is_host(const char *text);

/* Is the text one of the choices? Sets *value. Else err offers the nearest. */
ATTR_MUST_CHECK int config_scalar_choice(const struct config_choice *choices,
                                         const char *text, unsigned *value,
                                         struct errmsg *err);

/* A host with or without a port: "name", "name:port", "192.0.2.1:25", "2001:db8::1",
 * "[2001:db8::1]:25". The port is 0 where none was given. */
ATTR_MUST_CHECK int config_scalar_hop(struct config_build *build, const char *text,
                                      struct config_host *hop, struct errmsg *err);

#endif
