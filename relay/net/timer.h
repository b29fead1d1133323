/* A one-shot timer on a loop. Pushing an armed timer further out costs a few
 * instructions, so that a session may do it on every line it reads. */

#ifndef RELAY_NET_TIMER_H
#define RELAY_NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timer;

typedef void (*timer_cb)(void *owner);

/* A new timer, not armed. owner is borrowed until timer_close. */
struct timer *timer_open(struct loop *loop, timer_cb fire_cb, void *owner);

/* Fire once, wait_ms from the loop's now, instead of whenever it was due before. Fires
 * from the loop, never from here, also with 0. A millisecond late at most, plus what the
 * loop is late. */
void timer_start(struct timer *timer, uint64_t wait_ms);

void timer_stop(struct timer *timer);
bool timer_is_armed(const struct timer *timer);

/* Give the timer back. fire_cb never comes again, and timer is gone for the caller. NULL
 * is allowed; may be called from fire_cb. */
void timer_close(struct timer *timer);

#endif
