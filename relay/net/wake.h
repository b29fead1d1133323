/* Connects a mailbox to a loop: posting a letter from any thread wakes the loop, which
 * runs the mailbox on its own thread. */

#ifndef RELAY_NET_WAKE_H
#define RELAY_NET_WAKE_H

#include "queue/errmsg.h"

struct loop;
struct mailbox;
struct wake;

/* Initialise mailbox (do not call mailbox_init) and run it on loop whenever letters come.
 * Keeps the loop alive until wake_close. mailbox is borrowed until then. Call before the
 * other threads know the mailbox. A negative errno when the machine refuses. */
int wake_open(struct wake **out, struct loop *loop,
              struct mailbox *mailbox) ATTR_MUST_CHECK;

/* Stop running the mailbox. Nobody may post any more, or posts are lost: the caller has
 * joined or silenced the senders. wake is gone for the caller. NULL is allowed. */
void wake_close(struct wake *wake);

#endif
