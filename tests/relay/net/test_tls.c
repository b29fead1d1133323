#include <errno.h>

#include "relay/net/tls_config.h"
#include "relay/net/tls_sessions.h"

#include "tests/relay/net/side.h"
#include "tests/support/certificate.h"

#define NAME "mx.example.net"
#define BIG  ((size_t)4 * 1024 * 1024)

struct tls_bench {
    struct certificate_set set;
    struct tls_context *server;
    struct tls_context *client;
    struct pair pair;
};

static struct tls_context *client_of(const struct certificate_set *set,
                                     enum tls_level level)
{
    struct tls_roots *roots;
    struct errmsg err;
    cr_assert_eq(tls_roots_load(&roots, set->root, &err), 0, "%s", err.text);
    struct tls_context *context = tls_config_client(level, roots);
    tls_roots_free(roots);
    return context;
}

static struct tls_context *server_of(const char *certificate, const char *key)
{
    struct tls_context *context;
    struct errmsg err;
    cr_assert_eq(tls_config_server(&context, certificate, key, "a", &err), 0, "%s",
                 err.text);
    return context;
}

static void bench_open(struct tls_bench *bench, enum tls_level level)
{
    certificate_set_make(&bench->set, NAME);
    bench->server = server_of(bench->set.leaf, bench->set.leaf_key);
    bench->client = client_of(&bench->set, level);
    pair_open(&bench->pair);
}

static void bench_close(struct tls_bench *bench)
{
    pair_close(&bench->pair);
    tls_config_unref(bench->server);
    tls_config_unref(bench->client);
    certificate_set_remove(&bench->set);
}

static void start_both(struct tls_bench *bench, const char *name)
{
    cr_assert_eq(conn_start_tls(bench->pair.server.conn, bench->server, ""), 0);
    cr_assert_eq(conn_start_tls(bench->pair.client.conn, bench->client, name), 0);
}

static void secure_both(struct tls_bench *bench, const char *name)
{
    start_both(bench, name);
    PAIR_UNTIL(&bench->pair,
               bench->pair.client.secured == 1 && bench->pair.server.secured == 1);
}

/* A verified session: bytes pass both ways, and the facts are those of the certificate.
 */
TEST(tls, verified_session)
{
    struct tls_bench bench;
    struct conn_tls_facts facts;
    bench_open(&bench, TLS_VERIFY);
    start_both(&bench, NAME);
    cr_assert_eq(conn_write(bench.pair.client.conn, "x", 1), -ENOTCONN);
    cr_assert_eq(conn_start_tls(bench.pair.client.conn, bench.client, NAME), -EALREADY);
    PAIR_UNTIL(&bench.pair,
               bench.pair.client.secured == 1 && bench.pair.server.secured == 1);
    cr_assert_eq(conn_write(bench.pair.client.conn, "EHLO a\r\n", 8), 0);
    PAIR_UNTIL(&bench.pair, side_has(&bench.pair.server, "EHLO a\r\n"));
    cr_assert_eq(conn_write(bench.pair.server.conn, "250 b\r\n", 7), 0);
    PAIR_UNTIL(&bench.pair, side_has(&bench.pair.client, "250 b\r\n"));

    conn_tls_facts(bench.pair.client.conn, &facts);
    cr_assert_str_eq(facts.version, "TLSv1.3");
    cr_assert_neq(facts.cipher[0], '\0');
    cr_assert_geq(facts.bits, 128);
    cr_assert(facts.verified);
    cr_assert_str_eq(facts.peer_name, NAME);
    cr_assert_str_eq(facts.issuer, "Test Root");
    cr_assert_eq(conn_bytes_in(bench.pair.client.conn), 7);
    cr_assert_eq(conn_bytes_out(bench.pair.client.conn), 8);
    bench_close(&bench);
}

/* The wrong name: refused where it matters, only noted where it does not. */
TEST(tls, wrong_name)
{
    struct tls_bench bench;
    struct conn_tls_facts facts;
    bench_open(&bench, TLS_VERIFY);
    start_both(&bench, "mx.example.org");
    PAIR_UNTIL(&bench.pair, bench.pair.client.ended == 1);
    cr_assert_eq(bench.pair.client.end.cause, CONN_TLS);
    cr_assert_not_null(strstr(bench.pair.client.end.text, "ostname mismatch"), "%s",
                       bench.pair.client.end.text);
    cr_assert_eq(bench.pair.client.secured, 0);
    PAIR_UNTIL(&bench.pair, bench.pair.server.ended == 1);
    bench_close(&bench);

    bench_open(&bench, TLS_OPPORTUNISTIC);
    secure_both(&bench, "mx.example.org");
    conn_tls_facts(bench.pair.client.conn, &facts);
    cr_assert_not(facts.verified);
    cr_assert_not_null(strstr(facts.verify_text, "ostname mismatch"));
    bench_close(&bench);
}

/* An expired certificate is refused by verify and taken by opportunistic. */
TEST(tls, expired)
{
    for (int i = 0; i < 2; i++) {
        struct tls_bench bench;
        bench_open(&bench, i == 0 ? TLS_VERIFY : TLS_REQUIRED);
        tls_config_unref(bench.server);
        bench.server = server_of(bench.set.expired, bench.set.leaf_key);
        start_both(&bench, NAME);
        PAIR_UNTIL(&bench.pair, bench.pair.client.ended + bench.pair.client.secured == 1);
        cr_assert_eq(bench.pair.client.ended, i == 0 ? 1 : 0);
        bench_close(&bench);
    }
}

/* Large bodies pass through lent slices, with the memory of the waiting ciphertext small.
 */
TEST(tls, lends_slices)
{
    struct tls_bench bench;
    char *bytes = malloc(BIG);
    bench_open(&bench, TLS_VERIFY);
    secure_both(&bench, NAME);
    for (size_t i = 0; i < BIG; i++) {
        bytes[i] = (char)(i ^ (i >> 9));
    }
    struct conn_slice slices[2] = {{bytes, BIG}, {".\r\n", 3}};
    conn_pause(bench.pair.server.conn);
    cr_assert_eq(conn_write_slices(bench.pair.client.conn, slices, 2), 1);
    cr_assert_eq(conn_write(bench.pair.client.conn, "x", 1), -EBUSY);
    conn_resume(bench.pair.server.conn);
    PAIR_UNTIL(&bench.pair, bench.pair.client.drained == 1);
    PAIR_UNTIL(&bench.pair, bench.pair.server.got_size == BIG + 3);
    cr_assert_eq(memcmp(bench.pair.server.got, bytes, BIG), 0);
    cr_assert_eq(memcmp(bench.pair.server.got + BIG, ".\r\n", 3), 0);
    struct conn_slice small = {"ok", 2};
    cr_assert_eq(conn_write_slices(bench.pair.client.conn, &small, 1), 0);
    free(bytes);
    bench_close(&bench);
}

/* Pausing and taking in parts work as without TLS, and a close_notify ends in order. */
TEST(tls, partial_takes)
{
    struct tls_bench bench;
    char sent[40000];
    memset(sent, 'q', sizeof sent);
    bench_open(&bench, TLS_VERIFY);
    secure_both(&bench, NAME);
    bench.pair.server.take_most = 3000;
    cr_assert_eq(conn_write(bench.pair.client.conn, sent, sizeof sent), 0);
    conn_shutdown(bench.pair.client.conn);
    while (bench.pair.server.got_size < sizeof sent) {
        size_t before = bench.pair.server.got_size;
        PAIR_UNTIL(&bench.pair, bench.pair.server.got_size > before);
        cr_assert_lt(bench.pair.server.got_size,
                     before + (size_t)2 * 3000); /* a short rest, then one more */
        conn_resume(bench.pair.server.conn);
    }
    PAIR_UNTIL(&bench.pair, bench.pair.server.ended == 1);
    cr_assert_eq(bench.pair.server.end.cause, CONN_EOF);
    bench_close(&bench);
}

/* STARTTLS from inside read_cb, with nothing behind it. */
TEST(tls, starttls_in_read)
{
    struct tls_bench bench;
    bench_open(&bench, TLS_VERIFY);
    bench.pair.server.tls_on_read = bench.server;
    cr_assert_eq(conn_write(bench.pair.client.conn, "STARTTLS\r\n", 10), 0);
    PAIR_UNTIL(&bench.pair, side_has(&bench.pair.server, "STARTTLS\r\n"));
    cr_assert_eq(conn_start_tls(bench.pair.client.conn, bench.client, NAME), 0);
    PAIR_UNTIL(&bench.pair,
               bench.pair.client.secured == 1 && bench.pair.server.secured == 1);
    bench_close(&bench);
}

/* Plaintext behind STARTTLS is an attack: untaken bytes end the connection, and never
 * come out as if they had been protected. */
TEST(tls, injection)
{
    struct tls_bench bench;
    bench_open(&bench, TLS_VERIFY);
    bench.pair.server.tls_on_read = bench.server;
    bench.pair.server.take_most = 10;
    cr_assert_eq(conn_write(bench.pair.client.conn, "STARTTLS\r\nRSET\r\n", 16), 0);
    PAIR_UNTIL(&bench.pair, bench.pair.server.ended == 1);
    cr_assert_eq(bench.pair.server.end.cause, CONN_INJECTED);
    cr_assert(side_has(&bench.pair.server, "STARTTLS\r\n"));
    bench_close(&bench);

    bench_open(&bench, TLS_VERIFY);
    bench.pair.server.take_most = 10;
    cr_assert_eq(conn_write(bench.pair.client.conn, "STARTTLS\r\nRSET\r\n", 16), 0);
    PAIR_UNTIL(&bench.pair, side_has(&bench.pair.server, "STARTTLS\r\n"));
    cr_assert_eq(conn_start_tls(bench.pair.server.conn, bench.server, ""), -EBADMSG);
    bench_close(&bench);
}

/* A peer that speaks no TLS, or hangs up in the handshake, is a TLS failure. */
TEST(tls, not_tls)
{
    struct tls_bench bench;
    bench_open(&bench, TLS_OPPORTUNISTIC);
    cr_assert_eq(conn_start_tls(bench.pair.client.conn, bench.client, NAME), 0);
    cr_assert_eq(conn_write(bench.pair.server.conn, "250-nonsense\r\n250 ok\r\n", 22), 0);
    PAIR_UNTIL(&bench.pair, bench.pair.client.ended == 1);
    cr_assert_eq(bench.pair.client.end.cause, CONN_TLS);
    bench_close(&bench);

    bench_open(&bench, TLS_OPPORTUNISTIC);
    cr_assert_eq(conn_start_tls(bench.pair.client.conn, bench.client, NAME), 0);
    conn_close(bench.pair.server.conn);
    PAIR_UNTIL(&bench.pair, bench.pair.client.ended == 1);
    cr_assert_eq(bench.pair.client.end.cause, CONN_TLS);
    struct reply reply;
    conn_end_reply(&bench.pair.client.end, REPLY_STAGE_STARTTLS, &reply);
    cr_assert_eq(reply.enhanced[1], 7);
    bench_close(&bench);
}

/* Closing in the middle of a handshake, and finishing after one, are quiet and complete.
 */
TEST(tls, close_any_time)
{
    struct tls_bench bench;
    bench_open(&bench, TLS_VERIFY);
    start_both(&bench, NAME);
    loop_run_once(bench.pair.loop);
    conn_close(bench.pair.client.conn);
    conn_finish(bench.pair.server.conn, 1000);
    PAIR_UNTIL(&bench.pair,
               bench.pair.client.closed == 1 && bench.pair.server.closed == 1);
    bench_close(&bench);

    bench_open(&bench, TLS_VERIFY);
    secure_both(&bench, NAME);
    bench.pair.client.finish_on_end = true;
    cr_assert_eq(conn_write(bench.pair.server.conn, "221 bye\r\n", 9), 0);
    conn_finish(bench.pair.server.conn, 5000);
    PAIR_UNTIL(&bench.pair,
               bench.pair.client.closed == 1 && bench.pair.server.closed == 1);
    cr_assert(side_has(&bench.pair.client, "221 bye\r\n"));
    cr_assert_eq(bench.pair.client.end.cause, CONN_EOF);
    bench_close(&bench);
}

/* Random bytes in place of the handshake, and a handshake with a flipped byte, end the
 * connection on the attacked side and do nothing worse. */
TEST(tls, garbage)
{
    unsigned seed = 20260922;
    for (int round = 0; round < 40; round++) {
        struct tls_bench bench;
        char junk[600];
        bench_open(&bench, TLS_OPPORTUNISTIC);
        cr_assert_eq(conn_start_tls(bench.pair.server.conn, bench.server, ""), 0);
        for (size_t i = 0; i < sizeof junk; i++) {
            seed = seed * 1664525U + 1013904223U;
            junk[i] = (char)(seed >> 24);
        }
        if (round % 2 == 0) { /* the frame of a ClientHello around it */
            static const char head[9] = {0x16, 3, 1, 2, 0x53, 1, 0, 2, 0x4f};
            memcpy(junk, head, sizeof head);
        }
        cr_assert_eq(conn_write(bench.pair.client.conn, junk, sizeof junk), 0);
        conn_shutdown(bench.pair.client.conn);
        PAIR_UNTIL(&bench.pair, bench.pair.server.ended == 1);
        cr_assert_eq(bench.pair.server.end.cause, CONN_TLS, "seed round %d", round);
        bench_close(&bench);
    }
}

/* A second session with the same server goes on where the first ended, verified as it
 * was; under another key it does not. */
TEST(tls, resumes)
{
    struct tls_sessions *sessions = tls_sessions_new();
    struct conn_tls_facts facts;
    struct tls_bench bench;
    bench_open(&bench, TLS_VERIFY);
    for (unsigned i = 0; i < 3; i++) {
        struct conn_tls_peer peer = {.server_name = NAME,
                                     .domain = "",
                                     .sessions = sessions,
                                     .session_key = i < 2 ? "one" : "other"};
        if (i > 0) {
            pair_close(&bench.pair);
            pair_open(&bench.pair);
        }
        cr_assert_eq(conn_start_tls(bench.pair.server.conn, bench.server, ""), 0);
        cr_assert_eq(conn_start_tls_to(bench.pair.client.conn, bench.client, &peer), 0);
        PAIR_UNTIL(&bench.pair,
                   bench.pair.client.secured == 1 && bench.pair.server.secured == 1);
        cr_assert_eq(conn_write(bench.pair.server.conn, "250 b\r\n", 7), 0);
        PAIR_UNTIL(&bench.pair, side_has(&bench.pair.client, "250 b\r\n"));
        conn_tls_facts(bench.pair.client.conn, &facts);
        cr_assert(facts.verified);
        cr_assert_eq(facts.resumed, i == 1, "session %u", i);
    }
    bench_close(&bench);
    tls_sessions_free(sessions);
}
