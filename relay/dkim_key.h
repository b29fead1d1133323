/* The private keys of DKIM and the records that publish them; the public half of this
 * interface is in dkim.h. Immutable once made, so threads share them. */

#ifndef RELAY_DKIM_KEY_H
#define RELAY_DKIM_KEY_H

#include <openssl/types.h>

#include "relay/dkim.h"

/* The OpenSSL key; lives as long as key. */
EVP_PKEY *dkim_key_pkey(const struct dkim_key *key);

#endif
