/* One thread's waiting: sockets by epoll, timers by a heap. Shared by the simulated
 * provider and the load generator, which need more messages a second from one core than
 * a general loop gives.
 *
 * Rule for owners: memory that holds a reactor_io is given up only from its own callback,
 * from a timer, or outside reactor_turn; never from the callback of another one. */

#ifndef TOOLS_REACTOR_H
#define TOOLS_REACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

typedef void (*reactor_io_cb)(void *owner, uint32_t events);
typedef void (*reactor_timer_cb)(void *owner);

/* A watched descriptor. Zero it, then set fd, cb and owner. */
struct reactor_io {
    int fd; /* the owner's; never closed here */
    bool registered;
    uint32_t events; /* what is asked of epoll */
    reactor_io_cb cb;
    void *owner; /* borrowed: lives as long as this */
};

/* A timer. Zero it, then set cb and owner. */
struct reactor_timer {
    int64_t due_ns;
    size_t place; /* 1 + position in the heap; 0 when not set */
    reactor_timer_cb cb;
    void *owner; /* borrowed: lives as long as this */
};

/* A place in the heap of timers. */
struct reactor_slot {
    struct reactor_timer *timer; /* borrowed: its owner's */
};

struct reactor {
    int epoll_fd;
    int64_t now_ns;            /* monotonic, refreshed at every wake-up */
    struct reactor_slot *heap; /* owned */
    size_t timers;
    size_t capacity;
};

/* Returns 0 or a negative errno. */
int reactor_init(struct reactor *reactor, struct errmsg *err) ATTR_MUST_CHECK;
void reactor_done(struct reactor *reactor);

/* Ask for events (EPOLLIN, EPOLLOUT), replacing what was asked before; 0 keeps the
 * descriptor registered but asks for nothing but errors. Returns 0 or a negative errno.
 */
int reactor_watch(struct reactor *reactor, struct reactor_io *io,
                  uint32_t events) ATTR_MUST_CHECK;

/* Stop watching; call it before the descriptor is closed. */
void reactor_forget(struct reactor *reactor, struct reactor_io *io);

/* Call back once at due_ns or soon after. A timer already set is moved. */
void reactor_timer_set(struct reactor *reactor, struct reactor_timer *timer,
                       int64_t due_ns);
void reactor_timer_cancel(struct reactor *reactor, struct reactor_timer *timer);

/* Wait for something, at most max_wait_ns, and call back: sockets first, then timers.
 * Returns 0, also when a signal came, or a negative errno. */
int reactor_turn(struct reactor *reactor, int64_t max_wait_ns) ATTR_MUST_CHECK;

#endif
