/* DKIM signatures (RFC 6376, 8301, 8463): relaxed/relaxed, rsa-sha256 and ed25519-sha256.
 *
 * The body is hashed once as it streams by, for all keys; then each key signs the header
 * block. From is oversigned, and so are the fields that a replay would add; no l=. An RSA
 * signature costs about a millisecond and belongs on the pool; keys may be used by
 * several threads at once. */

#ifndef RELAY_DKIM_H
#define RELAY_DKIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/textbuf.h"

#define DKIM_HASH_BYTES 32

struct dkim_key;
struct dkim_body;

/* Read a private key in PEM (PKCS#1, PKCS#8; RSA from 1024 bits, or Ed25519). domain and
 * selector are copied. -EINVAL with the reason in err. */
int dkim_key_new(struct dkim_key **out, const char *domain, const char *selector,
                 const char *pem, size_t pem_length, struct errmsg *err) ATTR_MUST_CHECK;
/* The same from a file of at most 64 KiB; also a negative errno. */
int dkim_key_open(struct dkim_key **out, const char *domain, const char *selector,
                  const char *path, struct errmsg *err) ATTR_MUST_CHECK;
void dkim_key_free(struct dkim_key *key);

const char *dkim_key_domain(const struct dkim_key *key);
const char *dkim_key_selector(const struct dkim_key *key);
bool dkim_key_is_rsa(const struct dkim_key *key);

/* The TXT record to publish ("v=DKIM1; k=rsa; p=..."). Returns 0 or -EIO. */
int dkim_key_record(const struct dkim_key *key, struct textbuf *out) ATTR_MUST_CHECK;

/* The hash of a body, relaxed. Feed the bytes behind the header's empty line, as they
 * will be stored; any cut. new aborts when memory is gone. */
struct dkim_body *dkim_body_new(void);
void dkim_body_free(struct dkim_body *body);
void dkim_body_feed(struct dkim_body *body, const char *bytes, size_t length);
/* Once; the object then only waits for dkim_body_free. Returns 0 or -EIO. */
int dkim_body_end(struct dkim_body *body,
                  unsigned char out[DKIM_HASH_BYTES]) ATTR_MUST_CHECK;

/* Sign the final header block (CRLF lines; an empty line at its end is ignored) and
 * append one "DKIM-Signature: ...\r\n" to out, to be put above the block. Returns 0,
 * -EINVAL when the block has no From, -EIO when OpenSSL refuses, -ENOMEM when out is
 * full. */
int dkim_sign(const struct dkim_key *key, const char *header, size_t header_length,
              const unsigned char body_hash[DKIM_HASH_BYTES], int64_t unix_ms,
              struct textbuf *out) ATTR_MUST_CHECK;

#endif
