/* The client's side of SMTP in mesura-load: what a reply means and what is said next. */

#ifndef TOOLS_LOAD_DIALOG_H
#define TOOLS_LOAD_DIALOG_H

#include "tools/load_session.h"

/* Begin the transaction of the message in hand. */
void load_dialog_begin(struct load_session *session);

/* Say goodbye. */
void load_dialog_quit(struct load_session *session);

/* The message has been written whole. */
void load_dialog_sent(struct load_session *session);

/* One whole reply has come; line is its last line. False when the connection is gone, or
 * another, and nothing more of this one may be read. */
bool load_dialog_reply(struct load_session *session, int code, const char *line);

/* The handshake of TLS is done. */
void load_dialog_secured(struct load_session *session);

#endif
