/* Signals of the process as events on a loop (SIGHUP, SIGTERM, SIGINT, SIGUSR1, ...). */

#ifndef RELAY_NET_SIGNALS_H
#define RELAY_NET_SIGNALS_H

#include "queue/errmsg.h"

#define SIGNALS_MAX 8

struct loop;
struct signals;

typedef void (*signals_cb)(int number, void *owner);

/* Keep the count numbers waiting from here on, in this thread and in those it begins,
 * until signals_open takes them: a signal that comes while the process starts must not
 * end it. */
void signals_hold(const int *numbers, unsigned count);

/* Have signal_cb called on the loop's thread for each of the count (at most SIGNALS_MAX)
 * numbers, those on hold first. Does not keep the loop alive. A negative errno when the
 * machine refuses. */
int signals_open(struct signals **out, struct loop *loop, const int *numbers,
                 unsigned count, signals_cb signal_cb, void *owner) ATTR_MUST_CHECK;

/* Back to the default actions; signals is gone for the caller. NULL is allowed. */
void signals_close(struct signals *signals);

#endif
