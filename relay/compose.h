/* What an application hands over by HTTP, as a message and its envelope: JSON becomes a
 * header and MIME parts, a finished message is read for its recipients.
 *
 * Every text of the JSON is held to be hostile: control bytes in a header are an error,
 * bodies are base64. Knows no HTTP. Worker thread. */

#ifndef RELAY_COMPOSE_H
#define RELAY_COMPOSE_H

#include <stddef.h>

#include "queue/errmsg.h"

#include "relay/textbuf.h"

#define COMPOSE_RECIPIENTS  1000
#define COMPOSE_ATTACHMENTS 100

struct compose {
    char *sender;      /* owned: of the envelope, "" the null sender */
    char **recipients; /* owned, each of them */
    unsigned recipient_count;
    struct textbuf content; /* header, empty line, body; lines end in CR LF or LF */
};

/* JSON: {"from", "to", "cc", "bcc", "reply_to", "sender", "subject", "text", "html",
 * "headers": {}, "attachments": [{"name", "type", "content" (base64)}], "stream",
 * "priority", "lifetime", "job"}. to, cc and bcc are one address or an array. 0, or
 * -EINVAL with what is wrong and what would be right; out is compose_done's either way.
 */
int compose_json(struct compose *out, const char *json, size_t length,
                 struct errmsg *err) ATTR_MUST_CHECK;

/* A message of RFC 5322. from and to (addresses parted by commas) are the envelope; where
 * they are "", the header says: From; To, Cc and Bcc. The content is copied. */
int compose_message(struct compose *out, const char *from, const char *to,
                    const char *message, size_t length,
                    struct errmsg *err) ATTR_MUST_CHECK;

void compose_done(struct compose *compose);

#endif
