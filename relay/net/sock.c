#include "relay/net/sock.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int bind_local(int fd, const struct netaddr *local, struct conn_end *out_end)
{
    char text[NETADDR_TEXT_BYTES];
    int on = 1;
    if (local->port == 0 &&
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0) {
        conn_end_from_errno(out_end, -errno);
        return -1;
    }
    struct sockaddr_storage sockaddr;
    socklen_t size = netaddr_to_sockaddr(local, &sockaddr);
    if (bind(fd, (const struct sockaddr *)&sockaddr, size) != 0) {
        char meaning[128];
        conn_end_set(out_end, CONN_NO_SOURCE, "source address %s cannot be used: %s",
                     netaddr_format(local, text),
                     strerror_r(errno, meaning, sizeof meaning));
        return -1;
    }
    return 0;
}

int sock_outbound(const struct netaddr *remote, const struct netaddr *local, int *out_fd,
                  struct conn_end *out_end)
{
    char text[NETADDR_TEXT_BYTES];
    if (remote->family == NETADDR_NONE) {
        conn_end_set(out_end, CONN_UNREACHABLE, "no address to connect to");
        return -1;
    }
    if (local->family != NETADDR_NONE && local->family != remote->family) {
        conn_end_set(out_end, CONN_NO_SOURCE,
                     "source address %s is of the other IP version than the destination",
                     netaddr_format(local, text));
        return -1;
    }
    int family = remote->family == NETADDR_V4 ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        conn_end_from_errno(out_end, -errno);
        return -1;
    }
    if (local->family != NETADDR_NONE && bind_local(fd, local, out_end) != 0) {
        (void)close(fd);
        return -1;
    }
    *out_fd = fd;
    return 0;
}

struct netaddr sock_local(int fd)
{
    struct netaddr addr = {0};
    struct sockaddr_storage sockaddr;
    socklen_t size = sizeof sockaddr;
    if (getsockname(fd, (struct sockaddr *)&sockaddr, &size) == 0) {
        netaddr_from_sockaddr((const struct sockaddr *)&sockaddr, &addr);
    }
    return addr;
}

struct netaddr sock_peer(int fd)
{
    struct netaddr addr = {0};
    struct sockaddr_storage sockaddr;
    socklen_t size = sizeof sockaddr;
    if (getpeername(fd, (struct sockaddr *)&sockaddr, &size) == 0) {
        netaddr_from_sockaddr((const struct sockaddr *)&sockaddr, &addr);
    }
    return addr;
}
