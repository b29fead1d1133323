#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <malloc.h>

#include "tests/relay/net/side.h"

/* A connection comes up, carries bytes both ways and ends once on each side. */
TEST(conn, carries_bytes)
{
    struct pair pair;
    pair_open(&pair);
    cr_assert_eq(conn_write(pair.client.conn, "EHLO a\r\n", 8), 0);
    PAIR_UNTIL(&pair, side_has(&pair.server, "EHLO a\r\n"));
    cr_assert_eq(conn_write(pair.server.conn, "250 b\r\n", 7), 0);
    PAIR_UNTIL(&pair, side_has(&pair.client, "250 b\r\n"));
    cr_assert_eq(conn_bytes_out(pair.client.conn), 8);
    cr_assert_eq(conn_bytes_in(pair.client.conn), 7);

    conn_close(pair.client.conn);
    PAIR_UNTIL(&pair, pair.client.closed == 1 && pair.server.ended == 1);
    cr_assert_eq(pair.client.ended, 0);
    cr_assert_eq(pair.server.end.cause, CONN_EOF);
    pair_close(&pair);
    cr_assert_eq(pair.server.closed, 1);
}

/* The same over IPv6. */
TEST(conn, carries_bytes_v6)
{
    struct pair pair;
    pair_listen(&pair, "::1");
    pair_connect(&pair, &pair.none);
    PAIR_UNTIL(&pair, pair.client.connected == 1 && pair.accepted == 1);
    cr_assert_eq(conn_write(pair.client.conn, "x", 1), 0);
    PAIR_UNTIL(&pair, side_has(&pair.server, "x"));
    struct netaddr local = conn_local(pair.client.conn);
    struct netaddr remote = conn_remote(pair.server.conn);
    cr_assert(netaddr_equal(&local, &remote));
    pair_close(&pair);
}

/* Nobody listens: the end says refused, after conn_connect has returned. */
TEST(conn, refused)
{
    struct pair pair;
    pair_listen(&pair, "127.0.0.1");
    listener_close(pair.listener);
    pair.listener = NULL;
    loop_run_once(pair.loop);
    loop_run_once(pair.loop);
    pair.client.close_on_end = true;
    pair_connect(&pair, &pair.none);
    PAIR_UNTIL(&pair, pair.client.closed == 1);
    cr_assert_eq(pair.client.ended, 1);
    cr_assert_eq(pair.client.connected, 0);
    cr_assert_eq(pair.client.end.cause, CONN_REFUSED);

    struct reply reply;
    conn_end_reply(&pair.client.end, REPLY_STAGE_CONNECT, &reply);
    cr_assert_eq(reply.origin, REPLY_NETWORK);
    cr_assert_eq(reply.code, 0);
    cr_assert_str_eq(reply.text, "connection refused");
    pair_close(&pair);
}

/* A server whose backlog is full never answers: the connect timeout ends it. */
TEST(conn, connect_times_out)
{
    struct pair pair;
    int fd = -1;
    struct errmsg err;
    struct netaddr addr;
    pair_listen(&pair, "127.0.0.1");
    cr_assert_eq(netaddr_parse("127.0.0.1", 0, &addr), 0);
    cr_assert_eq(listener_bind(&addr, false, 0, &fd, &err), 0);
    cr_assert_eq(listener_local(fd, &pair.addr), 0);
    int fill[8];
    struct sockaddr_storage sockaddr;
    socklen_t size = netaddr_to_sockaddr(&pair.addr, &sockaddr);
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (const struct sockaddr *)&sockaddr, size);
    }
    pair.options.connect_ms = 60;
    pair_connect(&pair, &pair.none);
    PAIR_UNTIL(&pair, pair.client.ended == 1);
    cr_assert_eq(pair.client.end.cause, CONN_TIMED_OUT);
    for (int i = 0; i < 8; i++) {
        (void)close(fill[i]);
    }
    (void)close(fd);
    pair_close(&pair);
}

/* The connection leaves from the address it is told to, the port left to the kernel. */
TEST(conn, leaves_from_source)
{
    struct pair pair;
    struct netaddr local;
    pair_listen(&pair, "127.0.0.1");
    cr_assert_eq(netaddr_parse("127.0.0.77", 0, &local), 0);
    pair_connect(&pair, &local);
    PAIR_UNTIL(&pair, pair.client.connected == 1 && pair.accepted == 1);
    struct netaddr used = conn_local(pair.client.conn);
    struct netaddr seen = conn_remote(pair.server.conn);
    cr_assert(netaddr_same_host(&used, &local));
    cr_assert(netaddr_equal(&used, &seen));
    pair_close(&pair);
}

/* A source that is not ours, or of the other IP version, is our fault and says so. */
TEST(conn, bad_source)
{
    static const char *const sources[] = {"192.0.2.1", "::1"};
    for (unsigned i = 0; i < 2; i++) {
        struct pair pair;
        struct netaddr local;
        struct reply reply;
        pair_listen(&pair, "127.0.0.1");
        cr_assert_eq(netaddr_parse(sources[i], 0, &local), 0);
        pair_connect(&pair, &local);
        cr_assert_eq(pair.client.ended, 0);
        PAIR_UNTIL(&pair, pair.client.ended == 1);
        cr_assert_eq(pair.client.end.cause, CONN_NO_SOURCE);
        cr_assert_not_null(strstr(pair.client.end.text, sources[i]));
        conn_end_reply(&pair.client.end, REPLY_STAGE_CONNECT, &reply);
        cr_assert_eq(reply.origin, REPLY_LOCAL);
        pair_close(&pair);
    }
}

/* Closing while connecting is quiet: no connected, no end, one closed. */
TEST(conn, close_while_connecting)
{
    struct pair pair;
    pair_listen(&pair, "127.0.0.1");
    pair_connect(&pair, &pair.none);
    conn_close(pair.client.conn);
    conn_close(pair.client.conn);
    PAIR_UNTIL(&pair, pair.client.closed == 1);
    cr_assert_eq(pair.client.connected, 0);
    cr_assert_eq(pair.client.ended, 0);
    pair_close(&pair);
}

/* The same when the start has already failed, and from inside connected_cb and ended_cb.
 */
TEST(conn, close_inside_callbacks)
{
    struct pair pair;
    struct netaddr foreign;
    pair_listen(&pair, "127.0.0.1");
    cr_assert_eq(netaddr_parse("192.0.2.1", 0, &foreign), 0);
    pair_connect(&pair, &foreign);
    conn_close(pair.client.conn);
    PAIR_UNTIL(&pair, pair.client.closed == 1);
    cr_assert_eq(pair.client.ended, 0);

    memset(&pair.client, 0, sizeof pair.client);
    pair.client.close_on_connect = true;
    pair.server.finish_on_end = true;
    pair_connect(&pair, &pair.none);
    PAIR_UNTIL(&pair, pair.client.closed == 1 && pair.server.closed == 1);
    cr_assert_eq(pair.client.connected, 1);
    cr_assert_eq(pair.server.ended, 1);
    pair_close(&pair);
}

/* Closing from read_cb with bytes untaken, while paused, and while writes wait. */
TEST(conn, close_with_work_left)
{
    struct pair pair;
    pair_open(&pair);
    char *big = calloc(1, 1 << 24);
    struct conn_slice slice = {big, 1 << 24};
    cr_assert_eq(conn_write(pair.client.conn, "abc", 3), 0);
    cr_assert_eq(conn_write_slices(pair.server.conn, &slice, 1), 1);
    conn_pause(pair.client.conn);
    pair.server.take_most = 1;
    pair.server.close_on_read = true;
    PAIR_UNTIL(&pair, pair.server.closed == 1);
    conn_close(pair.client.conn);
    PAIR_UNTIL(&pair, pair.client.closed == 1);
    cr_assert_eq(pair.server.drained, 0);
    free(big);
    pair_close(&pair);
}

/* What read_cb does not take is offered again after resume, in order and completely, and
 * the end comes after it. */
TEST(conn, partial_takes)
{
    struct pair pair;
    char sent[5000];
    pair_open(&pair);
    for (size_t i = 0; i < sizeof sent; i++) {
        sent[i] = (char)(i * 7 + i / 256);
    }
    pair.server.take_most = 97;
    cr_assert_eq(conn_write(pair.client.conn, sent, sizeof sent), 0);
    conn_shutdown(pair.client.conn);
    while (pair.server.got_size < sizeof sent) {
        size_t before = pair.server.got_size;
        PAIR_UNTIL(&pair, pair.server.got_size > before);
        cr_assert(pair.server.ended == 0 || pair.server.got_size == sizeof sent);
        cr_assert_leq(pair.server.got_size, before + 97);
        conn_resume(pair.server.conn);
    }
    PAIR_UNTIL(&pair, pair.server.ended == 1);
    cr_assert_eq(memcmp(pair.server.got, sent, sizeof sent), 0);
    cr_assert_eq(pair.server.end.cause, CONN_EOF);
    pair_close(&pair);
}

/* A pause holds back bytes and the end of the stream; resume lets both through. */
TEST(conn, pause_holds_back)
{
    struct pair pair;
    pair_open(&pair);
    conn_pause(pair.server.conn);
    cr_assert_eq(conn_write(pair.client.conn, "late", 4), 0);
    conn_close(pair.client.conn);
    PAIR_UNTIL(&pair, pair.client.closed == 1);
    for (int i = 0; i < 20; i++) {
        loop_run_once(pair.loop);
    }
    cr_assert_eq(pair.server.got_size, 0);
    cr_assert_eq(pair.server.ended, 0);
    conn_resume(pair.server.conn);
    cr_assert_eq(pair.server.got_size, 0);
    PAIR_UNTIL(&pair, pair.server.ended == 1);
    cr_assert(side_has(&pair.server, "late"));
    pair_close(&pair);
}

/* After the peer's half-close we can still answer; after ours, writing is refused. */
TEST(conn, half_close)
{
    struct pair pair;
    pair_open(&pair);
    cr_assert_eq(conn_write(pair.client.conn, "QUIT\r\n", 6), 0);
    conn_shutdown(pair.client.conn);
    cr_assert_eq(conn_write(pair.client.conn, "x", 1), -EPIPE);
    PAIR_UNTIL(&pair, pair.server.ended == 1);
    cr_assert(side_has(&pair.server, "QUIT\r\n"));
    cr_assert_eq(conn_write(pair.server.conn, "221 bye\r\n", 9), 0);
    conn_finish(pair.server.conn, 1000);
    PAIR_UNTIL(&pair, pair.server.closed == 1 && pair.client.ended == 1);
    cr_assert(side_has(&pair.client, "221 bye\r\n"));
    pair_close(&pair);
}

/* conn_finish: the last reply arrives although the peer was still talking, which a plain
 * close would have turned into a reset. */
TEST(conn, finish_delivers_last_reply)
{
    struct pair pair;
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    pair_open(&pair);
    pair.client.finish_on_end = true;
    conn_pause(pair.server.conn);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(conn_write(pair.client.conn, junk, sizeof junk), 0);
    }
    cr_assert_eq(conn_write(pair.server.conn, "421 too much\r\n", 14), 0);
    conn_finish(pair.server.conn, 5000);
    conn_finish(pair.server.conn, 5000);
    PAIR_UNTIL(&pair, pair.server.closed == 1 && pair.client.closed == 1);
    cr_assert(side_has(&pair.client, "421 too much\r\n"));
    cr_assert_eq(pair.client.end.cause, CONN_EOF);
    cr_assert_eq(pair.server.ended, 0);
    cr_assert_eq(pair.server.got_size, 0);
    pair_close(&pair);
}

/* A peer that never closes is waited for linger_ms and no longer; conn_close cuts short.
 */
TEST(conn, finish_is_bounded)
{
    struct pair pair;
    pair_open(&pair);
    conn_pause(pair.client.conn);
    conn_finish(pair.server.conn, 30);
    PAIR_UNTIL(&pair, pair.server.closed == 1);

    conn_finish(pair.client.conn, 3600000);
    conn_close(pair.client.conn);
    PAIR_UNTIL(&pair, pair.client.closed == 1);
    pair_close(&pair);
}

/* Idle connections are small: a thousand inbound ones cost less than 2 KiB each. */
TEST(conn, idle_is_small)
{
    struct pair pair;
    pair_open(&pair);
    enum { COUNT = 200 };
    struct side *sides = calloc(COUNT, sizeof *sides);
    int fds[COUNT][2];
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds[i]), 0);
        cr_assert_eq(
            conn_accept(&sides[i].conn, pair.loop, fds[i][0], NULL, &side_ops, &sides[i]),
            0);
    }
    loop_run_once(pair.loop);
    struct mallinfo2 after = mallinfo2();
    if (after.uordblks > 0) { /* 0 under ASan, whose allocator does not count here */
        cr_assert_lt(after.uordblks - before.uordblks, (size_t)COUNT * 2048);
    }
    for (int i = 0; i < COUNT; i++) {
        conn_close(sides[i].conn);
        (void)close(fds[i][1]);
    }
    PAIR_UNTIL(&pair, sides[COUNT - 1].closed == 1);
    free(sides);
    pair_close(&pair);
}

/* Without a descriptor left, connecting fails as our own fault and nothing leaks. */
TEST(conn, out_of_descriptors)
{
    struct pair pair;
    struct rlimit limit;
    struct rlimit tight;
    pair_listen(&pair, "127.0.0.1");
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int probe = dup(0);
    cr_assert_geq(probe, 0);
    (void)close(probe);
    tight = limit;
    tight.rlim_cur = (rlim_t)probe;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    pair_connect(&pair, &pair.none);
    PAIR_UNTIL(&pair, pair.client.ended == 1);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(pair.client.end.cause, CONN_NO_ROOM);
    pair_close(&pair);
}
