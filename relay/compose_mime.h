/* Header fields and MIME parts of a composed message (RFC 2045 to 2047). Bodies are
 * UTF-8 in base64, header text beyond ASCII is in encoded words. Pure but for the
 * boundary's dice. */

#ifndef RELAY_COMPOSE_MIME_H
#define RELAY_COMPOSE_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/errmsg.h"

#include "relay/textbuf.h"

struct compose_part {
    const char *name;    /* of the file */
    const char *type;    /* "application/pdf"; "" is application/octet-stream */
    const char *content; /* base64 */
};

struct compose_mime {
    const char *text; /* "" none, as html */
    const char *html;
    const struct compose_part *parts;
    size_t part_count;
};

/* "Name: value" and CRLF. False, and nothing written, when the name is none or the value
 * has control bytes or is no UTF-8. */
bool compose_mime_field(struct textbuf *out, const char *name, const char *value);

/* A mailbox: the display name of text, encoded where it must be, and the address. False
 * when either has control bytes, or the address what cannot be in one. */
bool compose_mime_mailbox(struct textbuf *out, const char *text, const char *address);

/* MIME-Version, Content-*, the empty line and the body. -EINVAL with a sentence when an
 * attachment is not base64 or its name or type cannot be. */
int compose_mime_body(struct textbuf *out, const struct compose_mime *mime,
                      struct errmsg *err) ATTR_MUST_CHECK;

#endif
