#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"
#include "relay/net/outflow.h"

#include "tests/support/test.h"

#define BIG ((size_t)1024 * 1024)

struct bench {
    struct loop *loop;
    uv_tcp_t stream;
    int peer;
    struct outflow outflow;
    unsigned done;
    int error;
};

static void on_done(int error, void *owner)
{
    struct bench *bench = owner;
    bench->done++;
    bench->error = error;
}

static void bench_open(struct bench *bench)
{
    int fds[2];
    memset(bench, 0, sizeof *bench);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    cr_assert_eq(loop_open(&bench->loop), 0);
    cr_assert_eq(uv_tcp_init(loop_uv(bench->loop), &bench->stream), 0);
    cr_assert_eq(uv_tcp_open(&bench->stream, fds[0]), 0);
    bench->peer = fds[1];
    outflow_init(&bench->outflow, (uv_stream_t *)&bench->stream, on_done, bench);
}

static void bench_close(struct bench *bench)
{
    uv_close((uv_handle_t *)&bench->stream, NULL);
    loop_run_once(bench->loop);
    loop_run_once(bench->loop);
    outflow_done(&bench->outflow);
    loop_close(bench->loop);
    if (bench->peer >= 0) {
        (void)close(bench->peer);
    }
}

/* Read all that comes until nothing is pending; returns how much matched the pattern. */
static size_t drain(struct bench *bench, size_t at)
{
    char buffer[65536];
    for (int idle = 0; idle < 50;) {
        loop_run_once(bench->loop);
        ssize_t size = recv(bench->peer, buffer, sizeof buffer, MSG_DONTWAIT);
        idle = size > 0 ? 0 : idle + 1;
        for (ssize_t i = 0; i < size; i++) {
            cr_assert_eq((unsigned char)buffer[i], (unsigned char)(at * 13U >> 2));
            at++;
        }
    }
    return at;
}

static void fill(char *bytes, size_t size, size_t at)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)((at + i) * 13U >> 2);
    }
}

/* What fits goes at once: nothing pending, nothing told. What does not is kept in order,
 * told once when all is gone. */
TEST(outflow, copies_the_rest)
{
    struct bench bench;
    char *bytes = malloc(BIG);
    bench_open(&bench);
    fill(bytes, 100, 0);
    cr_assert_eq(outflow_send(&bench.outflow, bytes, 100), 0);
    cr_assert_eq(outflow_pending(&bench.outflow), 0);
    fill(bytes, BIG, 100);
    cr_assert_eq(outflow_send(&bench.outflow, bytes, BIG), 0);
    cr_assert_gt(outflow_pending(&bench.outflow), 0);
    for (size_t at = 100 + BIG; at < 100 + BIG + 5000; at += 500) {
        fill(bytes, 500, at);
        cr_assert_eq(outflow_send(&bench.outflow, bytes, 500), 0);
    }
    memset(bytes, 0, BIG);
    cr_assert_eq(bench.done, 0);
    cr_assert_eq(drain(&bench, 0), 100 + BIG + 5000);
    cr_assert_eq(bench.done, 1);
    cr_assert_eq(bench.error, 0);
    cr_assert_eq(outflow_pending(&bench.outflow), 0);
    free(bytes);
    bench_close(&bench);
}

/* Lent buffers go out as they are, whatever part of which one the kernel took first. */
TEST(outflow, lends)
{
    struct bench bench;
    char *bytes = malloc(BIG);
    uv_buf_t buffers[3];
    bench_open(&bench);
    fill(bytes, BIG, 0);
    buffers[0] = uv_buf_init(bytes, 10);
    buffers[1] = uv_buf_init(bytes + 10, 0);
    buffers[2] = uv_buf_init(bytes + 10, BIG - 10);
    cr_assert_eq(outflow_lend(&bench.outflow, buffers, 3), 1);
    cr_assert_eq(drain(&bench, 0), BIG);
    cr_assert_eq(bench.done, 1);
    free(bytes);
    bench_close(&bench);
}

/* A peer that is gone is found out once, and remembered. */
TEST(outflow, broken)
{
    struct bench bench;
    char *bytes = calloc(1, BIG);
    bench_open(&bench);
    cr_assert_eq(outflow_send(&bench.outflow, bytes, BIG), 0);
    (void)close(bench.peer);
    bench.peer = -1;
    for (int i = 0; i < 10; i++) {
        loop_run_once(bench.loop);
    }
    cr_assert_eq(bench.done, 1);
    cr_assert_lt(bench.error, 0);
    cr_assert_eq(outflow_send(&bench.outflow, "x", 1), bench.error);
    cr_assert_eq(outflow_pending(&bench.outflow), 0);
    free(bytes);
    bench_close(&bench);
}

/* Closed with bytes waiting, nobody is told and nothing leaks. */
TEST(outflow, closed_while_pending)
{
    struct bench bench;
    char *bytes = calloc(1, BIG);
    bench_open(&bench);
    cr_assert_eq(outflow_send(&bench.outflow, bytes, BIG), 0);
    cr_assert_eq(outflow_send(&bench.outflow, bytes, 100), 0);
    free(bytes);
    bench_close(&bench);
    cr_assert_eq(bench.done, 0);
}
