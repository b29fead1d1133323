/* The hidden limits at work: one question, one answer. Pure but for the provider's own
 * state and seeded dice; the time is told. */

#ifndef TOOLS_RECEIVER_GATES_H
#define TOOLS_RECEIVER_GATES_H

#include <stddef.h>
#include <stdint.h>

#include "tools/receiver_book.h"

/* What is judged. */
struct receiver_case {
    struct receiver_provider *provider;
    struct receiver_source *source;
    int stage; /* enum receiver_stage */
    int64_t model_ns;
    const char *sender;    /* "" before MAIL */
    const char *recipient; /* "" but at RCPT */
    uint64_t messages;     /* accepted on this connection so far */
    uint64_t recipients;   /* accepted in this transaction so far */
};

/* Whether the provider goes on (RECEIVER_ACCEPTED) or why not; what passes is charged
 * against the limits. *out_text is the reply that a rule of its own gives (RECEIVER_SAY,
 * RECEIVER_MISLEADING), else NULL: the style's. */
enum receiver_class receiver_gates_judge(const struct receiver_case *what,
                                         const char **out_text);

/* A message was taken: recipients of them. */
void receiver_gates_took(struct receiver_provider *provider,
                         struct receiver_source *source, uint64_t recipients);

/* Bring the capacity integral of an account up to that time. Returns false when nothing
 * limits the account. */
bool receiver_gates_capacity(const struct receiver_provider *provider,
                             struct receiver_account *account, int64_t model_ns);

#endif
