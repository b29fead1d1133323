#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/net/listener.h"
#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"

#include "tests/support/test.h"

#define CLIENTS 40

struct bench {
    struct loop *loop;
    struct listener *listener;
    struct admission *admission;
    struct netaddr addr;
    unsigned accepted;
    unsigned refused;
    unsigned trouble;
    unsigned closed;
    enum admission_answer why;
    int fds[CLIENTS];
    struct netaddr remotes[CLIENTS];
    bool close_inside;
};

static void on_accept(int fd, const struct netaddr *remote, const struct netaddr *local,
                      void *owner)
{
    struct bench *bench = owner;
    cr_assert_lt(bench->accepted, CLIENTS);
    cr_assert_neq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    cr_assert(netaddr_equal(local, &bench->addr));
    bench->remotes[bench->accepted] = *remote;
    bench->fds[bench->accepted++] = fd;
    if (bench->close_inside) {
        listener_close(bench->listener);
    }
}

static void on_refused(const struct netaddr *remote, enum admission_answer why,
                       void *owner)
{
    struct bench *bench = owner;
    cr_assert_neq(remote->family, NETADDR_NONE);
    bench->refused++;
    bench->why = why;
}

static void on_trouble(int errno_value, void *owner)
{
    struct bench *bench = owner;
    cr_assert_gt(errno_value, 0);
    bench->trouble++;
}

static void on_closed(void *owner)
{
    struct bench *bench = owner;
    bench->closed++;
}

static const struct listener_ops ops = {.accept_cb = on_accept,
                                        .refused_cb = on_refused,
                                        .trouble_cb = on_trouble,
                                        .closed_cb = on_closed};

static void bench_open(struct bench *bench, const char *host,
                       struct admission_limits limits)
{
    static const uint64_t key[2] = {3, 4};
    struct errmsg err;
    struct netaddr addr;
    int fd = -1;
    memset(bench, 0, sizeof *bench);
    cr_assert_eq(loop_open(&bench->loop), 0);
    bench->admission = admission_new(key);
    cr_assert_eq(netaddr_parse(host, 0, &addr), 0);
    cr_assert_eq(listener_bind(&addr, true, -1, &fd, &err), 0, "%s", err.text);
    cr_assert_eq(listener_local(fd, &bench->addr), 0);
    struct listener_options options = {.admission = bench->admission,
                                       .limits = limits,
                                       .refusal_total = "421 full\r\n",
                                       .refusal_address = "421 you\r\n"};
    cr_assert_eq(listener_open(&bench->listener, bench->loop, fd, &options, &ops, bench),
                 0);
}

static void bench_close(struct bench *bench)
{
    for (unsigned i = 0; i < bench->accepted; i++) {
        admission_leave(bench->admission, &bench->remotes[i]);
        (void)close(bench->fds[i]);
    }
    cr_assert_eq(admission_total(bench->admission), 0);
    listener_close(bench->listener);
    loop_close(bench->loop);
    cr_assert_eq(bench->closed, 1);
    admission_free(bench->admission);
}

static int client(const struct bench *bench, const char *from)
{
    struct sockaddr_storage sockaddr;
    struct netaddr local;
    int fd =
        socket(bench->addr.family == NETADDR_V4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    if (from != NULL) {
        cr_assert_eq(netaddr_parse(from, 0, &local), 0);
        socklen_t size = netaddr_to_sockaddr(&local, &sockaddr);
        cr_assert_eq(bind(fd, (const struct sockaddr *)&sockaddr, size), 0);
    }
    socklen_t size = netaddr_to_sockaddr(&bench->addr, &sockaddr);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&sockaddr, size), 0);
    return fd;
}

static void expect_line(int fd, const char *line)
{
    char buffer[64] = "";
    ssize_t size = recv(fd, buffer, sizeof buffer - 1, MSG_WAITALL);
    cr_assert_eq(size, (ssize_t)strlen(line));
    cr_assert_str_eq(buffer, line);
}

/* Connections are accepted in numbers and counted, on both IP versions. */
TEST(listener, accepts)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    for (int i = 0; i < 2; i++) {
        struct bench bench;
        int fds[CLIENTS];
        bench_open(&bench, hosts[i], (struct admission_limits){0, 0});
        for (int j = 0; j < CLIENTS; j++) {
            fds[j] = client(&bench, NULL);
        }
        while (bench.accepted < CLIENTS) {
            (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
        }
        cr_assert_eq(admission_total(bench.admission), CLIENTS);
        for (int j = 0; j < CLIENTS; j++) {
            (void)close(fds[j]);
        }
        bench_close(&bench);
    }
}

/* One too many from an address, and in all, gets its line and is closed; others go on. */
TEST(listener, refuses_with_a_line)
{
    struct bench bench;
    bench_open(&bench, "127.0.0.1",
               (struct admission_limits){.total = 3, .per_address = 2});
    int fds[5] = {client(&bench, NULL), client(&bench, NULL), client(&bench, NULL), -1,
                  -1};
    while (bench.accepted + bench.refused < 3) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    cr_assert_eq(bench.refused, 1);
    cr_assert_eq(bench.why, ADMISSION_ADDRESS_FULL);
    expect_line(fds[2], "421 you\r\n");
    fds[3] = client(&bench, "127.0.0.9");
    fds[4] = client(&bench, "127.0.0.10");
    while (bench.accepted + bench.refused < 5) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    cr_assert_eq(bench.accepted, 3);
    cr_assert_eq(bench.why, ADMISSION_FULL);
    expect_line(fds[4], "421 full\r\n");
    for (int i = 0; i < 5; i++) {
        (void)close(fds[i]);
    }
    bench_close(&bench);
}

/* New limits count from the next connection on. */
TEST(listener, new_limits)
{
    struct bench bench;
    bench_open(&bench, "127.0.0.1",
               (struct admission_limits){.total = 1, .per_address = 0});
    int first = client(&bench, NULL);
    while (bench.accepted < 1) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    listener_set_limits(bench.listener,
                        &(struct admission_limits){.total = 2, .per_address = 0});
    int second = client(&bench, NULL);
    while (bench.accepted < 2) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    cr_assert_eq(bench.refused, 0);
    (void)close(first);
    (void)close(second);
    bench_close(&bench);
}

/* With the table of descriptors full, clients are shed with a line, the loop does not
 * spin, and accepting goes on when there is room again. */
TEST(listener, out_of_descriptors)
{
    struct bench bench;
    struct rlimit limit;
    bench_open(&bench, "127.0.0.1", (struct admission_limits){0, 0});
    int shed = client(&bench, NULL);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int probe = dup(0);
    (void)close(probe);
    struct rlimit tight = limit;
    tight.rlim_cur = (rlim_t)probe;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    while (bench.refused < 1) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    cr_assert_eq(bench.why, ADMISSION_NO_DESCRIPTOR);
    cr_assert_eq(bench.trouble, 1);
    cr_assert_eq(bench.accepted, 0);
    expect_line(shed, "421 full\r\n");
    for (int i = 0; i < 100; i++) {
        loop_run_once(bench.loop);
    }
    cr_assert_leq(bench.trouble, 2);

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int served = client(&bench, NULL);
    while (bench.accepted < 1) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    (void)close(shed);
    (void)close(served);
    bench_close(&bench);
}

/* Without even a spare descriptor the listener rests instead of spinning, and recovers.
 */
TEST(listener, rests_without_spare)
{
    struct bench bench;
    struct rlimit limit;
    bench_open(&bench, "127.0.0.1", (struct admission_limits){0, 0});
    int waiting = client(&bench, NULL);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = limit;
    none.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (bench.trouble < 1) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    for (int i = 0; i < 200; i++) {
        loop_run_once(bench.loop);
    }
    cr_assert_leq(bench.trouble, 2);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (bench.accepted < 1) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    (void)close(waiting);
    bench_close(&bench);
}

/* Closing twice, and from inside accept_cb, ends once. */
TEST(listener, close_inside)
{
    struct bench bench;
    bench_open(&bench, "127.0.0.1", (struct admission_limits){0, 0});
    bench.close_inside = true;
    int first = client(&bench, NULL);
    int second = client(&bench, NULL);
    while (bench.closed < 1) {
        (void)uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
    }
    cr_assert_eq(bench.accepted, 1);
    bench.listener = NULL;
    (void)close(first);
    (void)close(second);
    bench_close(&bench);
}

/* An address that is taken, or not ours, is refused with the address in the words; two
 * workers may share one with SO_REUSEPORT. */
TEST(listener, bind_errors)
{
    struct errmsg err = {""};
    struct netaddr addr;
    struct netaddr none = {0};
    int fd = -1;
    int other = -1;
    cr_assert_eq(netaddr_parse("127.0.0.1", 0, &addr), 0);
    cr_assert_eq(listener_bind(&addr, false, -1, &fd, &err), 0);
    cr_assert_eq(listener_local(fd, &addr), 0);
    cr_assert_neq(addr.port, 0);
    cr_assert_eq(listener_bind(&addr, false, -1, &other, &err), -EADDRINUSE);
    cr_assert_not_null(strstr(err.text, "127.0.0.1:"));
    (void)close(fd);

    addr.port = 0;
    cr_assert_eq(listener_bind(&addr, true, -1, &fd, &err), 0);
    cr_assert_eq(listener_local(fd, &addr), 0);
    cr_assert_eq(listener_bind(&addr, true, -1, &other, &err), 0);
    (void)close(fd);
    (void)close(other);

    cr_assert_eq(netaddr_parse("192.0.2.1", 0, &addr), 0);
    cr_assert_eq(listener_bind(&addr, false, -1, &fd, &err), -EADDRNOTAVAIL);
    cr_assert_eq(listener_bind(&none, false, -1, &fd, &err), -EINVAL);
    cr_assert_eq(listener_local(-1, &addr), -ENOTSOCK);
}

/* Sockets from a service manager: for us and listening, or not taken. */
TEST(listener, inherit)
{
    struct errmsg err = {""};
    char pid[32];
    int fds[4];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    cr_assert_eq(listener_inherit(NULL, NULL, fds, 4, &err), 0);
    cr_assert_eq(listener_inherit("1", "1", fds, 4, &err), 0);
    cr_assert_eq(listener_inherit("x", "1", fds, 4, &err), -EINVAL);
    cr_assert_eq(listener_inherit(pid, "-1", fds, 4, &err), -EINVAL);
    cr_assert_eq(listener_inherit(pid, "5", fds, 4, &err), -E2BIG);

    struct netaddr addr;
    int fd = -1;
    cr_assert_eq(netaddr_parse("127.0.0.1", 0, &addr), 0);
    cr_assert_eq(listener_bind(&addr, false, -1, &fd, &err), 0);
    int saved = dup(3); /* the test framework's own descriptor, perhaps */
    cr_assert_eq(dup2(fd, 3), 3);
    cr_assert_eq(listener_inherit(pid, "1", fds, 4, &err), 1, "%s", err.text);
    cr_assert_eq(fds[0], 3);
    cr_assert_neq(fcntl(3, F_GETFD) & FD_CLOEXEC, 0);
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(dup2(plain, 3), 3);
    cr_assert_eq(listener_inherit(pid, "1", fds, 4, &err), -ENOTSOCK);
    cr_assert_eq(dup2(saved < 0 ? plain : saved, 3), 3);
    (void)close(plain);
    (void)close(fd);
}
