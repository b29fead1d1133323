/* A descriptor on a loop: told when it can be read. For libraries that bring a descriptor
 * of their own, such as an HTTP server's epoll; sockets of ours are struct conn. */

#ifndef RELAY_NET_WATCH_H
#define RELAY_NET_WATCH_H

#include "queue/errmsg.h"

struct loop;
struct watch;

typedef void (*watch_cb)(void *owner);

/* Call ready_cb in each turn of the loop in which fd can be read. The descriptor stays
 * the caller's, who closes it after watch_close; owner is borrowed until then. 0 or a
 * negative errno. */
int watch_open(struct loop *loop, int fd, watch_cb ready_cb, void *owner,
               struct watch **out_watch) ATTR_MUST_CHECK;

/* Stop; ready_cb never comes again, and watch is gone for the caller. NULL is allowed;
 * may be called from ready_cb. */
void watch_close(struct watch *watch);

#endif
