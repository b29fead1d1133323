/* The commands of a session: what each means and how the provider answers it. */

#ifndef TOOLS_RECEIVER_TALK_H
#define TOOLS_RECEIVER_TALK_H

#include <stdbool.h>

#include "tools/receiver_session.h"

/* Judge the new connection and greet it, or not. */
void receiver_talk_greet(struct receiver_session *session);

/* Answer one command line, without its line end. */
void receiver_talk_line(struct receiver_session *session, const char *line);

/* Ask the provider about a stage of the session. Whether it goes on; when not, it has
 * been counted for weight recipients, written to the trail and answered. */
bool receiver_talk_passes(struct receiver_session *session, enum receiver_stage stage,
                          const char *recipient, const char *message_id);

/* Forget the transaction. */
void receiver_talk_reset(struct receiver_session *session);

/* The decision about this session's transaction, for the trail and the record. */
struct receiver_decision receiver_talk_decision(const struct receiver_session *session,
                                                enum receiver_stage stage,
                                                enum receiver_class class, int code);

#endif
