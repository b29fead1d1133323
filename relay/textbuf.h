/* A growing buffer for text we write: headers, bounces, signatures.
 *
 * It has a maximum from the start. A failure (maximum reached, out of memory) sticks:
 * later writes do nothing, and the writer asks once, at the end. */

#ifndef RELAY_TEXTBUF_H
#define RELAY_TEXTBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/errmsg.h"

struct textbuf {
    char *bytes; /* owned; always terminated once something was written; may be NULL */
    size_t length;
    size_t cap;
    size_t max;
    bool failed;
};

void textbuf_init(struct textbuf *buf, size_t max);

/* Free the memory; the buffer may be used again after textbuf_init. NULL is allowed. */
void textbuf_done(struct textbuf *buf);

/* Empty it, keep the memory, forget a failure. */
void textbuf_clear(struct textbuf *buf);

void textbuf_append(struct textbuf *buf, const char *bytes, size_t length);
void textbuf_text(struct textbuf *buf, const char *text);
void textbuf_printf(struct textbuf *buf, const char *format, ...) ATTR_PRINTF(2, 3);

#endif
