/* One event loop: what a thread of the daemon lives in. Hides libuv from relay/.
 *
 * Everything opened on a loop (timers, connections, ...) belongs to the loop's thread and
 * must be closed before the loop is. Only wake (relay/net/wake.h) may be reached from
 * other threads. */

#ifndef RELAY_NET_LOOP_H
#define RELAY_NET_LOOP_H

#include "queue/errmsg.h"

struct loop;

typedef void (*loop_turn_cb)(void *owner);

/* A new loop in *out; close it with loop_close. A negative errno when the machine has no
 * more descriptors. Also has SIGPIPE ignored, once for the process. */
int loop_open(struct loop **out) ATTR_MUST_CHECK;

/* Have turn_cb called once a turn, after the events of the turn and before the loop
 * waits: the place for work that many events share. One per loop; NULL takes it away.
 * What turn_cb starts is seen before the wait. It does not keep the loop alive. */
void loop_set_turn(struct loop *loop, loop_turn_cb turn_cb, void *owner);

/* Run until loop_stop, or until nothing open is left. */
void loop_run(struct loop *loop);

/* Run what is due and return without waiting. For tests and the simulation. */
void loop_run_once(struct loop *loop);

/* Make loop_run return after this turn. Loop's thread only: from elsewhere, post a
 * letter. */
void loop_stop(struct loop *loop);

/* Run what closes are still under way, then free the loop. Everything on it has been
 * closed by its owner before (asserted). NULL is allowed. */
void loop_close(struct loop *loop);

#endif
