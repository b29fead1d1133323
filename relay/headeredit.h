/* What becomes of a submitted header block before anything is signed: bare addresses get
 * the origin, senders go through the table of `rewrites`, the table of `headers` removes
 * and adds fields.
 *
 * Pure; called once for each message, when its header is complete. */

#ifndef RELAY_HEADEREDIT_H
#define RELAY_HEADEREDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct textbuf;

/* Write the block (complete fields, no empty line) as it shall be, for mail of this
 * stream. A field that would get a line above 998 bytes stays as it came. Returns whether
 * out differs from the block; look at out->failed. */
bool headeredit_apply(const struct config *config, uint32_t stream, const char *block,
                      size_t length, struct textbuf *out);

#endif
