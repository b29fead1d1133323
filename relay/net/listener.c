#include "relay/net/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/net/loop_uv.h"
#include "relay/net/sock.h"

/* Good path: the socket is readable, connections are accepted one after another until
 * there are none or ACCEPT_BATCH, each is counted and given to the owner.
 *
 * What fails: one too many gets the refusal line and a close. No descriptor left: the
 * spare one is given up for a moment to take the connection and refuse it; if even that
 * does not work, the listener rests for REST_MS instead of spinning on a readable
 * socket. A connection that ended before it was accepted is skipped. */

#define ACCEPT_BATCH 64 /* then others on the loop have their turn */
#define REST_MS      100

/* The first descriptor a service manager passes. */
#define INHERIT_FIRST 3

struct listener {
    uv_poll_t poll;
    uv_timer_t rest;
    unsigned handles_open; /* uv handles whose close callback has not run */
    bool closing;
    int fd;    /* owned */
    int spare; /* owned; -1 when it could not be had */
    struct listener_options options;
    const struct listener_ops *ops;
    void *owner; /* borrowed: until closed_cb */
};

static void on_readable(uv_poll_t *poll, int status, int events);

int listener_bind(const struct netaddr *addr, bool reuse_port, int backlog, int *out_fd,
                  struct errmsg *err)
{
    char text[NETADDR_TEXT_BYTES];
    struct sockaddr_storage sockaddr;
    socklen_t size = netaddr_to_sockaddr(addr, &sockaddr);
    netaddr_format_port(addr, text);
    if (size == 0) {
        errmsg_set(err, "no address to listen on");
        return -EINVAL;
    }
    int fd = socket(sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "open a socket for %s", text);
        return rc;
    }
    int on = 1;
    int rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (rc == 0 && reuse_port) {
        rc = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    if (rc == 0 && addr->family == NETADDR_V6) {
        rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (rc == 0) {
        rc = bind(fd, (const struct sockaddr *)&sockaddr, size);
    }
    if (rc == 0) {
        rc = listen(fd, backlog < 0 ? SOMAXCONN : backlog);
    }
    if (rc != 0) {
        rc = -errno;
        (void)close(fd);
        errmsg_errno(err, rc, "listen on %s", text);
        return rc;
    }
    *out_fd = fd;
    return 0;
}

/* A whole number from 0 to most, or -1. */
static long parse_number(const char *text, long most)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0 || value > most) {
        return -1;
    }
    return value;
}

static int adopt(int fd, struct errmsg *err)
{
    int listening = 0;
    int type = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 ||
        listening == 0) {
        errmsg_set(err, "descriptor %d from the service manager is no listening socket",
                   fd);
        return -ENOTSOCK;
    }
    size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) {
        errmsg_set(err, "descriptor %d from the service manager is no stream socket", fd);
        return -ENOTSOCK;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "prepare descriptor %d from the service manager", fd);
        return rc;
    }
    return 0;
}

int listener_inherit(const char *listen_pid, const char *listen_fds, int *fds, int max,
                     struct errmsg *err)
{
    if (listen_pid == NULL || listen_fds == NULL) {
        return 0;
    }
    long pid = parse_number(listen_pid, INT32_MAX);
    long count = parse_number(listen_fds, INT32_MAX - INHERIT_FIRST);
    if (pid < 0 || count < 0) {
        errmsg_set(err, "LISTEN_PID or LISTEN_FDS is no number");
        return -EINVAL;
    }
    if (pid != (long)getpid()) {
        return 0;
    }
    if (count > max) {
        errmsg_set(err, "%ld sockets from the service manager, at most %d are used",
                   count, max);
        return -E2BIG;
    }
    for (int i = 0; i < (int)count; i++) {
        int rc = adopt(INHERIT_FIRST + i, err);
        if (rc != 0) {
            return rc;
        }
        fds[i] = INHERIT_FIRST + i;
    }
    return (int)count;
}

int listener_local(int fd, struct netaddr *out)
{
    struct netaddr addr = sock_local(fd);
    if (addr.family == NETADDR_NONE) {
        return -ENOTSOCK;
    }
    *out = addr;
    return 0;
}

static void take_spare(struct listener *listener)
{
    if (listener->spare < 0) {
        listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

static void on_rested(uv_timer_t *timer)
{
    struct listener *listener = timer->data;
    take_spare(listener);
    (void)uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void rest(struct listener *listener)
{
    (void)uv_poll_stop(&listener->poll);
    (void)uv_timer_start(&listener->rest, on_rested, REST_MS, 0);
}

/* One line, if the kernel takes it at once, and goodbye. */
static void refuse(struct listener *listener, int fd, const struct netaddr *remote,
                   enum admission_answer why)
{
    const char *line = why == ADMISSION_ADDRESS_FULL ? listener->options.refusal_address
                                                     : listener->options.refusal_total;
    if (line != NULL && line[0] != '\0') {
        (void)!send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
    }
    (void)close(fd);
    if (listener->ops->refused_cb != NULL) {
        listener->ops->refused_cb(remote, why, listener->owner);
    }
}

static int accept_one(struct listener *listener, struct netaddr *out_remote)
{
    struct sockaddr_storage sockaddr;
    socklen_t size = sizeof sockaddr;
    int fd = accept4(listener->fd, (struct sockaddr *)&sockaddr, &size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    netaddr_from_sockaddr((const struct sockaddr *)&sockaddr, out_remote);
    return fd;
}

/* The table of descriptors is full: take one connection in the spare's place, refuse it.
 */
static void shed(struct listener *listener, int error)
{
    struct netaddr remote;
    int fd = error;
    if (listener->spare >= 0) {
        (void)close(listener->spare);
        listener->spare = -1;
        fd = accept_one(listener, &remote);
        if (fd >= 0) {
            refuse(listener, fd, &remote, ADMISSION_NO_DESCRIPTOR);
        }
        take_spare(listener);
    }
    if (fd < 0 && fd != -EAGAIN && !listener->closing) {
        rest(listener);
    }
    if (listener->ops->trouble_cb != NULL) {
        listener->ops->trouble_cb(-error, listener->owner);
    }
}

static void admit(struct listener *listener, int fd, const struct netaddr *remote)
{
    struct admission_limits limits = listener->options.limits;
    if (listener->ops->exempt_cb != NULL &&
        listener->ops->exempt_cb(remote, listener->owner)) {
        limits.per_address = 0;
    }
    enum admission_answer answer =
        admission_enter(listener->options.admission, remote, &limits);
    if (answer != ADMISSION_IN) {
        refuse(listener, fd, remote, answer);
        return;
    }
    struct netaddr local = sock_local(fd);
    listener->ops->accept_cb(fd, remote, &local, listener->owner);
}

/* A peer that gave up, or an error of the network that accept reports in its place. */
static bool is_passing(int error)
{
    switch (-error) {
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct listener *listener = poll->data;
    for (int i = 0; i < ACCEPT_BATCH && !listener->closing; i++) {
        struct netaddr remote;
        int fd = accept_one(listener, &remote);
        if (fd >= 0) {
            admit(listener, fd, &remote);
            continue;
        }
        if (fd == -EAGAIN) {
            return;
        }
        if (!is_passing(fd)) {
            shed(listener, fd);
            return;
        }
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    assert(listener->handles_open > 0);
    listener->handles_open--;
    if (listener->handles_open > 0) {
        return;
    }
    if (listener->spare >= 0) {
        (void)close(listener->spare);
    }
    (void)close(listener->fd);
    if (listener->ops->closed_cb != NULL) {
        listener->ops->closed_cb(listener->owner);
    }
    free(listener);
}

int listener_open(struct listener **out, struct loop *loop, int fd,
                  const struct listener_options *options, const struct listener_ops *ops,
                  void *owner)
{
    assert(options->admission != NULL);
    assert(ops->accept_cb != NULL);
    struct listener *listener = loop_alloc(sizeof *listener);
    int rc = uv_poll_init(loop_uv(loop), &listener->poll, fd);
    if (rc != 0) {
        free(listener);
        return rc;
    }
    (void)uv_timer_init(loop_uv(loop), &listener->rest);
    listener->poll.data = listener;
    listener->rest.data = listener;
    listener->handles_open = 2;
    listener->fd = fd;
    listener->spare = -1;
    listener->options = *options;
    listener->ops = ops;
    listener->owner = owner;
    take_spare(listener);
    rc = uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    assert(rc == 0);
    *out = listener;
    return 0;
}

void listener_set_limits(struct listener *listener, const struct admission_limits *limits)
{
    listener->options.limits = *limits;
}

void listener_close(struct listener *listener)
{
    if (listener == NULL || listener->closing) {
        return;
    }
    listener->closing = true;
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    uv_close((uv_handle_t *)&listener->rest, on_closed);
}
