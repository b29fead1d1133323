/* Text into JSON: for lines that are written too often for a JSON library. */

#ifndef TOOLS_ESCAPE_H
#define TOOLS_ESCAPE_H

#include <stddef.h>

/* The most that length bytes of text can become, the NUL included. */
#define ESCAPE_BYTES(LENGTH) (6 * (LENGTH) + 1)

/* Write text, which ends at a NUL, as the inside of a JSON string. Bytes that are not
 * ASCII become \u00XX, so that the line is JSON whatever a client sent. What does not fit
 * is cut between characters. Returns the length. */
size_t escape_json(const char *text, char *out, size_t size);

#endif
