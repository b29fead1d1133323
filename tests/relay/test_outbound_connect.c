#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/config.h"
#include "relay/outbound.h"
#include "relay/worker.h"

#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

/* One recipient, accepted. */
static void take_message(int fd)
{
    char content[4096];
    worker_rig_expect_line(fd, "MAIL FROM:<s@example.com>");
    worker_rig_say(fd, "250 2.1.0 ok\r\n");
    worker_rig_expect_line(fd, "RCPT TO:<r0@example.net>");
    worker_rig_say(fd, "250 2.1.5 ok\r\n");
    worker_rig_expect_line(fd, "DATA");
    worker_rig_say(fd, "354 go\r\n");
    (void)worker_rig_content(fd, content, sizeof content);
    worker_rig_say(fd, "250 2.0.0 taken\r\n");
}

static void expect_delivered(struct worker_rig *rig, const char *host)
{
    struct job *job = worker_rig_back(rig);
    cr_assert_eq(job->outcome, JOB_ANSWERED);
    cr_assert_eq(job->rcpts[0].reply.code, 250, "%s", job->rcpts[0].reply.text);
    cr_assert_str_eq(job->remote_host, host);
    job_free(job);
}

/* Nobody has knocked. */
static void expect_quiet(int listening)
{
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    cr_assert_eq(fd, -1);
}

static void be_nonblocking(int fd)
{
    struct timeval none = {.tv_usec = 1000};
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none), 0);
}

/* A socket that does not answer: its backlog is full. */
struct deaf {
    int listening;
    int clients[2];
    uint16_t port;
};

static void deaf_open(struct deaf *deaf)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t size = sizeof addr;
    deaf->listening = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(deaf->listening, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(listen(deaf->listening, 0), 0);
    cr_assert_eq(getsockname(deaf->listening, (struct sockaddr *)&addr, &size), 0);
    deaf->port = ntohs(addr.sin6_port);
    for (unsigned i = 0; i < 2; i++) {
        deaf->clients[i] =
            socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(deaf->clients[i], (struct sockaddr *)&addr, sizeof addr);
    }
}

static void deaf_close(struct deaf *deaf)
{
    for (unsigned i = 0; i < 2; i++) {
        (void)close(deaf->clients[i]);
    }
    (void)close(deaf->listening);
}

/* The job's first hop becomes this address of IPv6. */
static struct job *with_v6_first(struct job *job, uint16_t port)
{
    struct destination to = {.host_count = 0};
    job_destination_copy(job->destination, &to);
    to.hops[1] = to.hops[0];
    cr_assert_eq(netaddr_parse("::1", port, &to.hops[0].addr), 0);
    to.hop_count = 2;
    job_destination_unref(job->destination);
    job->destination = job_destination_new(&to);
    return job;
}

TEST(outbound_connect, falls_back_to_the_other_family)
{
    /* IPv6 that does not answer costs the fallback time and not the connect time, and the
     * next connection begins with what has worked. */
    struct worker_rig rig;
    uint16_t port;
    struct deaf deaf;
    worker_rig_open(
        &rig, "",
        "delivery = { timeouts = { connect = \"1h\"; fallback = \"50ms\"; }; };");
    int listening = worker_rig_listen(&port);
    deaf_open(&deaf);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    for (unsigned i = 0; i < 2; i++) {
        struct job *job = worker_rig_job(&rig, message, 1, &port, 1);
        job->per_connection = 1;
        worker_rig_send(&rig, with_v6_first(job, deaf.port));
        if (i == 1) {
            break;
        }
        int fd = worker_rig_serve(listening, "250 HELP\r\n");
        take_message(fd);
        expect_delivered(&rig, "mx0.example.net");
        worker_rig_release(&rig, 1);
        (void)close(fd);
    }
    deaf_close(&deaf); /* were it asked now, it would refuse at once */
    int fd = worker_rig_serve(listening, "250 HELP\r\n");
    take_message(fd);
    expect_delivered(&rig, "mx0.example.net");
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound_connect, gives_slow_addresses_their_time)
{
    /* When the other family fails too, the address that was hurried has its full time. */
    struct worker_rig rig;
    uint16_t port;
    struct deaf deaf;
    worker_rig_open(
        &rig, "",
        "delivery = { timeouts = { connect = \"300ms\"; fallback = \"20ms\"; }; };");
    int closed = worker_rig_listen(&port);
    (void)close(closed);
    deaf_open(&deaf);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig,
                    with_v6_first(worker_rig_job(&rig, message, 1, &port, 1), deaf.port));
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.origin, REPLY_NETWORK);
    cr_assert_eq(job->rcpts[0].reply.stage, REPLY_STAGE_CONNECT);
    cr_assert_not_null(strstr(job->rcpts[0].reply.text, "timed out"), "%s",
                       job->rcpts[0].reply.text);
    cr_assert_geq(job->connect_ns, 290 * INT64_C(1000000));
    job_free(job);
    deaf_close(&deaf);
    worker_rig_close(&rig);
}

TEST(outbound_connect, a_host_that_was_down_goes_last)
{
    /* The best host falls silent once: the next connection goes to the second at once,
     * and when that is gone the first is tried again. */
    struct worker_rig rig;
    uint16_t ports[2];
    worker_rig_open(&rig, "", "");
    int first = worker_rig_listen(&ports[0]);
    int second = worker_rig_listen(&ports[1]);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    for (unsigned i = 0; i < 2; i++) {
        struct job *job = worker_rig_job(&rig, message, 1, ports, 2);
        job->per_connection = 1;
        worker_rig_send(&rig, job);
        if (i == 0) {
            (void)close(worker_rig_accept(first));
        }
        int fd = worker_rig_serve(second, "250 HELP\r\n");
        take_message(fd);
        expect_delivered(&rig, "mx1.example.net");
        worker_rig_release(&rig, 1);
        (void)close(fd);
    }
    be_nonblocking(first);
    expect_quiet(first);
    (void)close(second);
    struct timeval patient = {.tv_sec = 10};
    cr_assert_eq(setsockopt(first, SOL_SOCKET, SO_RCVTIMEO, &patient, sizeof patient), 0);
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, ports, 2));
    int fd = worker_rig_serve(first, "250 HELP\r\n");
    take_message(fd);
    expect_delivered(&rig, "mx0.example.net");
    (void)close(fd);
    (void)close(first);
    worker_rig_close(&rig);
}

TEST(outbound_connect, broken_tls_is_remembered)
{
    /* After a failed handshake the host is not asked for TLS again for a while, where TLS
     * is optional; where it is required it is asked each time. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    for (unsigned i = 0; i < 2; i++) {
        struct job *job = worker_rig_job(&rig, message, 1, &port, 1);
        job->tls = CONFIG_TLS_OPPORTUNISTIC;
        job->per_connection = 1;
        worker_rig_send(&rig, job);
        int fd = worker_rig_serve(listening, "250 STARTTLS\r\n");
        if (i == 0) {
            worker_rig_expect_line(fd, "STARTTLS");
            worker_rig_say(fd, "220 go\r\n");
            (void)close(fd);
            fd = worker_rig_serve(listening, "250 STARTTLS\r\n");
        }
        take_message(fd);
        expect_delivered(&rig, "mx0.example.net");
        worker_rig_release(&rig, 1);
        (void)close(fd);
    }
    struct job *job = worker_rig_job(&rig, message, 1, &port, 1);
    job->tls = CONFIG_TLS_REQUIRED;
    worker_rig_send(&rig, job);
    int fd = worker_rig_serve(listening, "250 STARTTLS\r\n");
    worker_rig_expect_line(fd, "STARTTLS");
    worker_rig_say(fd, "220 go\r\n");
    (void)close(fd);
    job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.stage, REPLY_STAGE_STARTTLS);
    cr_assert_str_eq(job->tls_facts.policy, "required");
    job_free(job);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound_connect, a_host_that_policy_forbids_is_not_asked)
{
    /* MTA-STS enforced and no host named by it: nobody is connected to, and the message
     * waits. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    struct job *job = worker_rig_job(&rig, message, 1, &port, 1);
    struct destination to = {.host_count = 0};
    job_destination_copy(job->destination, &to);
    struct destination_guard guard = {.sts = DESTINATION_STS_ENFORCE};
    to.guard = &guard;
    job_destination_unref(job->destination);
    job->destination = job_destination_new(&to);
    job->tls = CONFIG_TLS_STS;
    worker_rig_send(&rig, job);
    job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.origin, REPLY_LOCAL);
    cr_assert_eq(job->rcpts[0].reply.enhanced[0], 4);
    cr_assert_not_null(strstr(job->rcpts[0].reply.text, "MTA-STS"));
    job_free(job);
    be_nonblocking(listening);
    expect_quiet(listening);
    (void)close(listening);
    worker_rig_end_slot(&rig);
    worker_rig_close(&rig);
}

TEST(outbound_connect, content_goes_by_bdat_where_that_is_offered)
{
    /* CHUNKING: the bytes as they are, a line that starts with a dot untouched; switched
     * off, DATA. */
    for (unsigned i = 0; i < 2; i++) {
        struct worker_rig rig;
        uint16_t port;
        char line[WORKER_RIG_LINE];
        worker_rig_open(&rig, "", i == 0 ? "" : "delivery = { chunking = false; };");
        int listening = worker_rig_listen(&port);
        uint32_t message = worker_rig_submit(&rig, 1, "..dot\r\nend");
        worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
        int fd = worker_rig_serve(listening, "250-PIPELINING\r\n250 CHUNKING\r\n");
        if (i == 1) {
            take_message(fd);
        } else {
            char content[4096];
            char *end = NULL;
            worker_rig_expect_line(fd, "MAIL FROM:");
            worker_rig_expect_line(fd, "RCPT TO:");
            worker_rig_say(fd, "250 ok\r\n250 ok\r\n");
            (void)worker_rig_line(fd, line);
            cr_assert_eq(strncmp(line, "BDAT ", 5), 0, "%s", line);
            size_t size = strtoul(line + 5, &end, 10);
            cr_assert(end > line + 5 && strncmp(end, " LAST", 5) == 0, "%s", line);
            cr_assert_lt(size, sizeof content);
            cr_assert_eq(recv(fd, content, size, MSG_WAITALL), (ssize_t)size);
            content[size] = '\0';
            cr_assert_not_null(strstr(content, "\r\n\r\n.dot\r\nend"));
            worker_rig_say(fd, "250 2.0.0 taken\r\n");
        }
        expect_delivered(&rig, "mx0.example.net");
        (void)close(fd);
        (void)close(listening);
        worker_rig_close(&rig);
    }
}
