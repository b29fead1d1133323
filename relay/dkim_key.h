/* The private keys of DKIM, how they sign, and the records that publish them; the public
 * half of this interface is in dkim.h. Immutable once made, so threads share them. */

#ifndef RELAY_DKIM_KEY_H
#define RELAY_DKIM_KEY_H

#include <stddef.h>

#include "relay/dkim.h"

#define DKIM_KEY_SIGNATURE_BYTES 1024 /* RSA with 8192 bits */

/* Sign the SHA-256 of what is to be signed (for Ed25519 too, RFC 8463). Returns 0 or
 * -EIO. */
int dkim_key_sign(const struct dkim_key *key, const unsigned char hash[DKIM_HASH_BYTES],
                  unsigned char out[DKIM_KEY_SIGNATURE_BYTES],
                  size_t *out_length) ATTR_MUST_CHECK;

#endif
