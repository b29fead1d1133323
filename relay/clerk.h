/* A thread that does letters: the shape of the log, store, alert and hash threads.
 *
 * It runs letters in the order each thread posted them, in batches. After a batch it may
 * nap, so that a busy day costs few wake-ups: posting to a napping clerk is no system
 * call. */

#ifndef RELAY_CLERK_H
#define RELAY_CLERK_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/mailbox.h"

struct clerk;

/* Runs on the clerk's thread after each batch, also the last one: write, commit. Returns
 * in how many ms it wants to run again without a letter; negative: not before a letter.
 */
typedef int64_t (*clerk_batch_cb)(void *owner);

struct clerk_options {
    const char *name;        /* of the thread, at most 15 letters */
    int64_t nap_ms;          /* how long to let letters gather; 0: not at all */
    clerk_batch_cb batch_cb; /* may be NULL */
    void *owner;             /* borrowed: outlives the clerk */
};

/* Start a clerk. Returns 0 and the clerk in *out, or a negative errno. All signals are
 * blocked on its thread. */
ATTR_MUST_CHECK int clerk_start(struct clerk **out, const struct clerk_options *options,
                                struct errmsg *err);

/* Give a letter to the clerk; run_cb runs on its thread. Any thread, not after
 * clerk_stop. */
void clerk_post(struct clerk *clerk, struct letter *letter, letter_cb run_cb);

/* End the nap, if any. Any thread. */
void clerk_hurry(struct clerk *clerk);

/* Do every letter posted before, then end and free the clerk. Blocks. Not from the
 * clerk's own thread. NULL is allowed. */
void clerk_stop(struct clerk *clerk);

#endif
