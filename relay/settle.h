/* What follows from an answer: for the recipient, the lane, the source, the destination,
 * the ramp, the logs. The one place where results are turned into changes. Core thread.
 */

#ifndef RELAY_SETTLE_H
#define RELAY_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/finding.h"
#include "policy/reply.h"

struct core;
struct envelope;
struct job;
struct lading;

/* A job is back: settle each of its recipients, and give its slot free. Frees the job. */
void settle_job(struct core *core, struct job *job);

/* DNS has refused the destination for good: fail some of what is ready in the flow. True
 * when more is left. */
bool settle_refused(struct core *core, struct lading *lading, const struct reply *reply);

/* The message's lifetime is over: give up every recipient that is not out just now. */
void settle_expired(struct core *core, uint32_t message);

/* A message has come in: recipients that must not be written to end at once. */
void settle_suppressed(struct core *core, uint32_t message,
                       const struct envelope *envelope);

/* A text from outside as a change may hold it: control bytes become '?', cut to size. */
void settle_clean(const char *text, char *out, unsigned size);

/* "554 5.7.1 text": the reply on one line. Returns out. */
char *settle_reply_text(const struct reply *reply, char *out, unsigned size);

#endif
