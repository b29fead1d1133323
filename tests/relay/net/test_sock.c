#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "relay/net/sock.h"

#include "tests/support/test.h"

static struct netaddr addr_of(const char *text, uint16_t port)
{
    struct netaddr addr;
    cr_assert_eq(netaddr_parse(text, port, &addr), 0);
    return addr;
}

/* Bound without a port, the socket has the source and no port yet: thousands may share a
 * source without using up its ports. */
TEST(sock, binds_without_port)
{
    struct netaddr remote = addr_of("127.0.0.1", 25);
    struct netaddr local = addr_of("127.0.0.5", 0);
    struct conn_end end;
    for (int i = 0; i < 2; i++) {
        int fd = -1;
        cr_assert_eq(sock_outbound(&remote, &local, &fd, &end), 0, "%s", end.text);
        struct netaddr used = sock_local(fd);
        cr_assert(netaddr_same_host(&used, &local));
        cr_assert_eq(used.port, 0);
        cr_assert_eq(sock_peer(fd).family, NETADDR_NONE);
        (void)close(fd);
        remote = addr_of("::1", 25);
        local = addr_of("::1", 0);
    }
}

/* What cannot be is said in words, and no descriptor is left open. */
TEST(sock, refusals)
{
    struct netaddr remote = addr_of("127.0.0.1", 25);
    struct netaddr none = {0};
    struct netaddr foreign = addr_of("192.0.2.1", 0);
    struct netaddr other = addr_of("::1", 0);
    struct conn_end end;
    int fd = -1;
    int before = dup(0);
    (void)close(before);
    cr_assert_eq(sock_outbound(&none, &none, &fd, &end), -1);
    cr_assert_eq(end.cause, CONN_UNREACHABLE);
    cr_assert_eq(sock_outbound(&remote, &foreign, &fd, &end), -1);
    cr_assert_eq(end.cause, CONN_NO_SOURCE);
    cr_assert_not_null(strstr(end.text, "192.0.2.1"));
    cr_assert_eq(sock_outbound(&remote, &other, &fd, &end), -1);
    cr_assert_eq(end.cause, CONN_NO_SOURCE);
    cr_assert_eq(fd, -1);
    int after = dup(0);
    (void)close(after);
    cr_assert_eq(before, after);
}

/* Addresses of what is no socket are none. */
TEST(sock, no_socket)
{
    cr_assert_eq(sock_local(-1).family, NETADDR_NONE);
    cr_assert_eq(sock_peer(0).family, NETADDR_NONE);
}
