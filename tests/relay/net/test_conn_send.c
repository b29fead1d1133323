#include <errno.h>

#include "tests/relay/net/side.h"

#define BIG \
    ((size_t)16 * 1024 * 1024) /* more than the kernel buffers for a loopback pair */

static char *pattern(size_t size)
{
    char *bytes = malloc(size);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(i ^ (i >> 8) ^ (i >> 16));
    }
    return bytes;
}

/* A peer that never reads: what is pending is bounded, the refused write sent nothing,
 * and when the peer reads after all, everything accepted arrives in order and drained_cb
 * comes. */
TEST(conn_send, never_reading_peer)
{
    struct pair pair;
    char *bytes = pattern(BIG);
    size_t sent = 0;
    int rc = 0;
    pair_open(&pair);
    conn_pause(pair.client.conn);
    loop_run_once(pair.loop);
    while (sent + 1000 <= BIG) {
        rc = conn_write(pair.server.conn, bytes + sent, 1000);
        if (rc != 0) {
            break;
        }
        sent += 1000;
        cr_assert_leq(conn_write_pending(pair.server.conn), (size_t)64 * 1024);
    }
    cr_assert_eq(rc, -ENOBUFS);
    cr_assert_eq(pair.server.drained, 0);
    cr_assert_eq(pair.server.ended, 0);
    conn_resume(pair.client.conn);
    PAIR_UNTIL(&pair, pair.server.drained == 1 && pair.client.got_size == sent);
    cr_assert_eq(conn_write_pending(pair.server.conn), 0);
    cr_assert_eq(memcmp(pair.client.got, bytes, sent), 0);
    cr_assert_eq(conn_bytes_out(pair.server.conn), sent);
    free(bytes);
    pair_close(&pair);
}

/* A single write larger than the bound is refused before anything of it is sent. */
TEST(conn_send, oversized_write)
{
    struct pair pair;
    char *bytes = pattern(BIG);
    pair_open(&pair);
    cr_assert_eq(conn_write(pair.client.conn, bytes, BIG), -ENOBUFS);
    cr_assert_eq(conn_write(pair.client.conn, "", 0), 0);
    cr_assert_eq(conn_write(pair.client.conn, "ok", 2), 0);
    PAIR_UNTIL(&pair, side_has(&pair.server, "ok"));
    free(bytes);
    pair_close(&pair);
}

/* Lent slices arrive complete and in order, block other writes meanwhile, and are the
 * caller's again at drained_cb. */
TEST(conn_send, lends_slices)
{
    struct pair pair;
    char *bytes = pattern(BIG);
    struct conn_slice slices[3] = {{"head ", 5}, {bytes, BIG}, {" tail", 5}};
    pair_open(&pair);
    cr_assert_eq(conn_write_slices(pair.client.conn, slices, 3), 1);
    cr_assert_eq(conn_write(pair.client.conn, "x", 1), -EBUSY);
    cr_assert_eq(conn_write_slices(pair.client.conn, slices, 3), -EBUSY);
    PAIR_UNTIL(&pair, pair.client.drained == 1);
    memset(bytes, 0, BIG);
    PAIR_UNTIL(&pair, pair.server.got_size == BIG + 10);
    free(bytes);
    bytes = pattern(BIG);
    cr_assert_eq(memcmp(pair.server.got, "head ", 5), 0);
    cr_assert_eq(memcmp(pair.server.got + 5, bytes, BIG), 0);
    cr_assert_eq(memcmp(pair.server.got + 5 + BIG, " tail", 5), 0);
    free(bytes);
    pair_close(&pair);
}

/* A small slice goes at once: no loan and no callback. */
TEST(conn_send, small_slice_at_once)
{
    struct pair pair;
    struct conn_slice slices[2] = {{"a", 1}, {"b", 1}};
    pair_open(&pair);
    cr_assert_eq(conn_write_slices(pair.client.conn, slices, 2), 0);
    PAIR_UNTIL(&pair, side_has(&pair.server, "ab"));
    cr_assert_eq(pair.client.drained, 0);
    pair_close(&pair);
}

/* Before the connection is up, and after it broke, nothing can be written. */
TEST(conn_send, wrong_time)
{
    struct pair pair;
    pair_listen(&pair, "127.0.0.1");
    pair_connect(&pair, &pair.none);
    cr_assert_eq(conn_write(pair.client.conn, "x", 1), -ENOTCONN);
    PAIR_UNTIL(&pair, pair.client.connected == 1 && pair.accepted == 1);
    conn_finish(pair.client.conn, 10);
    cr_assert_eq(conn_write(pair.client.conn, "x", 1), -EPIPE);
    pair_close(&pair);
}

/* The peer refuses in the middle of a body and closes: its 554 is read before the end is
 * told, although our writes had failed by then. */
TEST(conn_send, last_words_are_heard)
{
    struct pair pair;
    char *bytes = pattern(BIG);
    struct conn_slice slice = {bytes, BIG};
    pair_open(&pair);
    conn_pause(pair.server.conn);
    cr_assert_eq(conn_write_slices(pair.client.conn, &slice, 1), 1);
    cr_assert_eq(conn_write(pair.server.conn, "554 5.7.1 blocked\r\n", 19), 0);
    conn_close(pair.server.conn);
    PAIR_UNTIL(&pair, pair.client.ended == 1);
    cr_assert(side_has(&pair.client, "554 5.7.1 blocked\r\n"));
    cr_assert_eq(conn_write(pair.client.conn, "x", 1), -EPIPE);
    free(bytes);
    pair_close(&pair);
}

/* A paused connection whose peer is gone learns it from a write, and is told. */
TEST(conn_send, broken_while_paused)
{
    struct pair pair;
    pair_open(&pair);
    conn_pause(pair.server.conn);
    cr_assert_eq(conn_write(pair.client.conn, "unread", 6), 0);
    conn_close(pair.client.conn);
    PAIR_UNTIL(&pair, pair.client.closed == 1);
    int rc = 0;
    for (int i = 0; i < 1000 && rc == 0; i++) {
        rc = conn_write(pair.server.conn, "250 ok\r\n", 8);
        loop_run_once(pair.loop);
    }
    cr_assert_eq(rc, -EPIPE);
    PAIR_UNTIL(&pair, pair.server.ended == 1);
    cr_assert_eq(pair.server.end.cause, CONN_RESET);
    pair_close(&pair);
}

/* A half-close waits for what is pending. */
TEST(conn_send, shutdown_after_pending)
{
    struct pair pair;
    char *bytes = pattern(BIG);
    struct conn_slice slice = {bytes, BIG};
    pair_open(&pair);
    cr_assert_eq(conn_write_slices(pair.client.conn, &slice, 1), 1);
    conn_shutdown(pair.client.conn);
    PAIR_UNTIL(&pair, pair.server.ended == 1);
    cr_assert_eq(pair.server.end.cause, CONN_EOF);
    cr_assert_eq(pair.server.got_size, BIG);
    cr_assert_eq(memcmp(pair.server.got, bytes, BIG), 0);
    free(bytes);
    pair_close(&pair);
}
