/* Encryption at rest: the key of the queue, and records sealed with it.
 *
 * XChaCha20-Poly1305 with a random nonce for each record and each piece, behind the
 * queue's struct seal. What is sealed: envelopes, headers, bodies, state changes and the
 * footers of segments. What is not: event log, mail.log, the store. Sealing and opening:
 * any thread. */

#ifndef RELAY_VAULT_H
#define RELAY_VAULT_H

#include <stdint.h>

#include "queue/errmsg.h"
#include "queue/seal.h"

#define VAULT_KEY_BYTES 32

struct queue;
struct queue_write;
struct vault;

/* Read a key file: exactly VAULT_KEY_BYTES bytes, for nobody but its owner. The key is
 * kept in memory that is neither swapped nor dumped. 0 or a negative errno with a
 * sentence: -EACCES others may read it, -EINVAL it is no key, or what the system says.
 * entropy_start comes first. */
ATTR_MUST_CHECK int vault_open(struct vault **out, const char *path, struct errmsg *err);

/* Wipe the key. Nobody may use the seal any more. NULL is allowed. */
void vault_close(struct vault *vault);

/* For queue_options; lives as long as the vault. NULL for a NULL vault. */
const struct seal *vault_seal(const struct vault *vault);

/* Before queue_submit: when the queue has a seal, seal the filled write. *out_sealed is
 * then what it borrows, to be freed by the caller when the write is done; else NULL. 0,
 * -ENOMEM, or what sealing says. */
ATTR_MUST_CHECK int vault_wrap(const struct queue *queue, struct queue_write *write,
                               uint8_t **out_sealed);

#endif
