/* Accepts connections: sockets are bound in main, before privileges go, and listened on
 * by a worker's loop.
 *
 * Whoever is one too many gets one line and is closed before a conn exists for it. */

#ifndef RELAY_NET_LISTENER_H
#define RELAY_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/net/admission.h"
#include "relay/net/netaddr.h"

struct listener;
struct loop;

struct listener_ops {
    /* A connection was admitted and counted: fd (non-blocking, close-on-exec) is the
     * callee's, and so is one admission_leave(remote) when it is over. */
    void (*accept_cb)(int fd, const struct netaddr *remote, const struct netaddr *local,
                      void *owner);

    /* May this address have any number of connections (a proxy, a trusted network)? May
     * be NULL: nobody. */
    bool (*exempt_cb)(const struct netaddr *remote, void *owner);

    /* Somebody was turned away. May be NULL. */
    void (*refused_cb)(const struct netaddr *remote, enum admission_answer why,
                       void *owner);

    /* accept failed (EMFILE, ...): the listener sheds one connection, or rests for
     * 100 ms, and goes on. May be NULL. */
    void (*trouble_cb)(int errno_value, void *owner);

    /* Comes once, last, after listener_close. May be NULL. */
    void (*closed_cb)(void *owner);
};

struct listener_options {
    struct admission *admission; /* borrowed; shared by all workers of this listener */
    struct admission_limits limits;
    const char *refusal_total;   /* borrowed: a whole reply line with CRLF, or "" */
    const char *refusal_address; /* the same for one address's share */
};

/* A bound and listening socket in *out_fd (not yet accepting: see listener_open), with
 * SO_REUSEADDR, and SO_REUSEPORT when several sockets share the address; an IPv6 socket
 * takes no IPv4. -1 as backlog means the system's. 0, or a negative errno with err set.
 */
int listener_bind(const struct netaddr *addr, bool reuse_port, int backlog, int *out_fd,
                  struct errmsg *err) ATTR_MUST_CHECK;

/* The sockets that a service manager passed, from the values of LISTEN_PID and LISTEN_FDS
 * (NULL when unset): descriptors from 3 on, made non-blocking and close-on-exec. Returns
 * how many are in fds; 0 when they are meant for another process. A negative errno with
 * err set when the values are no numbers, there are more than max, or one is no
 * listening TCP socket. */
int listener_inherit(const char *listen_pid, const char *listen_fds, int *fds, int max,
                     struct errmsg *err) ATTR_MUST_CHECK;

/* The address a socket is bound to, with the real port. A negative errno for a bad fd. */
int listener_local(int fd, struct netaddr *out) ATTR_MUST_CHECK;

/* Accept on loop from fd. fd stays the caller's if this fails, else it is the
 * listener's; several listeners may share a socket by dup. ops, owner, options' pointers
 * are borrowed until closed_cb. */
int listener_open(struct listener **out, struct loop *loop, int fd,
                  const struct listener_options *options, const struct listener_ops *ops,
                  void *owner) ATTR_MUST_CHECK;

/* New limits, for a reload. */
void listener_set_limits(struct listener *listener,
                         const struct admission_limits *limits);

/* Stop accepting and close the socket; connections live on. Any number of times before
 * closed_cb. NULL is allowed. */
void listener_close(struct listener *listener);

#endif
