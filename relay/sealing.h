/* Which DKIM keys sign a message, and signing with them: once, at acceptance.
 *
 * A key signs mail whose From domain is its domain or below it, on its stream or on any,
 * from the time it begins until it ends.
 * Worker thread; the keys belong to the snapshot. */

#ifndef RELAY_SEALING_H
#define RELAY_SEALING_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/dkim.h"
#include "relay/message.h"
#include "relay/textbuf.h"

struct snapshot;

/* Is there any key for this From domain? To be asked when the header is complete. */
bool sealing_wants(const struct snapshot *snapshot, const struct message *message);

/* Put one signature for each matching key on top of the final header block. The body's
 * hash is ended here. A key that fails is logged and left out: the mail leaves with the
 * other signatures. Returns how many there are. */
unsigned sealing_sign(const struct snapshot *snapshot, const struct message *message,
                      uint32_t stream, struct dkim_body *body, struct textbuf *header);

/* The same for mail of our own: From is at the hostname. Core thread. */
void sealing_sign_own(const struct snapshot *snapshot, uint32_t stream,
                      const struct textbuf *content, struct textbuf *header);

#endif
