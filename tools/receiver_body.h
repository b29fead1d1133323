/* The content of a message: DATA up to CRLF.CRLF, BDAT by count; its id; the answer. */

#ifndef TOOLS_RECEIVER_BODY_H
#define TOOLS_RECEIVER_BODY_H

#include <stddef.h>

#include "tools/receiver_session.h"

/* Begin: the next bytes are content. */
void receiver_body_data(struct receiver_session *session);
void receiver_body_chunk(struct receiver_session *session, uint64_t size, bool last);

/* Take content from the bytes that came; how many were taken, 0 when more are needed. At
 * the end of the message or of the chunk the session is back at commands, answered. */
size_t receiver_body_take(struct receiver_session *session, const char *bytes,
                          size_t size);

#endif
