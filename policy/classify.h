/* What does this reply mean? Reply (or transport failure) with its stage -> finding.
 *
 * Configured rules first, then the built-in ones, then the enhanced code, the code and
 * the stage. Text comes from outside: any bytes are taken, nothing is trusted, and the
 * time is bounded by the length of the text times the number of rules. Any thread; no
 * state. */

#ifndef POLICY_CLASSIFY_H
#define POLICY_CLASSIFY_H

#include <stddef.h>

#include "policy/finding.h"
#include "policy/replies.h"
#include "policy/reply.h"

/* What the operator configured. A zeroed one is good: built-in rules alone. */
struct classify_rules {
    const struct replies_rule
        *rules; /* borrowed during the call; asked before the table */
    size_t count;
};

/* Classify. provider is the MX or site name the reply came from, "" when unknown (a rule
 * that asks for a provider then never matches, except where the text itself is telling).
 * rules may be NULL. The finding's `rule` points into rules or to a constant. */
void classify_reply(const struct reply *reply, const char *provider,
                    const struct classify_rules *rules, struct finding *out_finding);

/* Will the answer pass with time? From the code, corrected by the finding's flags. */
bool classify_is_permanent(const struct reply *reply, const struct finding *finding);

/* Read one logged reply line ("554 5.7.1 text", "421-4.7.0 text", with continuation lines
 * already joined) into a reply of that stage. For `mesura classify` and tests; text is
 * cut to REPLY_TEXT_BYTES. False when it does not start with a code of 200..599. */
bool classify_parse_line(const char *line, enum reply_stage stage,
                         struct reply *out_reply);

#endif
