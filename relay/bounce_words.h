/* What a notification says to people: what happened, who said it, what to do. For someone
 * who did not write the relay, at three in the morning. Constants and short sentences. */

#ifndef RELAY_BOUNCE_WORDS_H
#define RELAY_BOUNCE_WORDS_H

#include "policy/reply.h"

#include "relay/bounce.h"
#include "relay/textbuf.h"

/* "could not be delivered", for the subject and the first line. */
const char *bounce_words_action(enum bounce_action action);

/* "in answer to RCPT" */
const char *bounce_words_stage(enum reply_stage stage);

/* One or two sentences, without line ends: what to do about it. reply may be NULL. */
const char *bounce_words_advice(const struct reply *reply, enum bounce_action action);

/* The paragraph for one recipient, indented, ASCII but for the address. */
void bounce_words_rcpt(const struct bounce_mail *mail, const struct bounce_rcpt *rcpt,
                       struct textbuf *out);

/* Append text in lines of about 72 columns behind indent spaces; bytes above 127 and
 * control bytes become '?'. */
void bounce_words_wrap(struct textbuf *out, unsigned indent, const char *text);

#endif
