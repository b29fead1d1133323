/* How a hostile provider breaks the protocol. */

#ifndef TOOLS_RECEIVER_HOSTILE_H
#define TOOLS_RECEIVER_HOSTILE_H

#include "tools/receiver_session.h"

/* Put a reply, without its CRLF, into the session's output in the provider's way. */
void receiver_hostile_reply(struct receiver_session *session, const char *text);

/* More of an endless reply. */
void receiver_hostile_flood(struct receiver_session *session);

/* How many of size bytes may still be written before the connection is cut. */
size_t receiver_hostile_allows(const struct receiver_session *session, size_t size);

#endif
