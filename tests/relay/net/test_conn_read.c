#include "tests/relay/net/side.h"

/* Any history of writes, partial takes, pauses and resumes delivers every byte once and
 * in order, and the end after the last of them. */
TEST(conn_read, random_histories)
{
    for (unsigned seed = 1; seed <= 25; seed++) {
        struct pair pair;
        unsigned dice = seed;
        size_t sent = 0;
        unsigned stuck = 0;
        pair_open(&pair);
        for (int step = 0; step < 300; step++) {
            char bytes[3000];
            dice = dice * 1103515245U + 12345U;
            unsigned roll = dice >> 16;
            size_t size = roll % sizeof bytes;
            for (size_t i = 0; i < size; i++) {
                bytes[i] = (char)((sent + i) * 31U >> 3);
            }
            switch (roll % 5) {
            case 0: conn_pause(pair.server.conn); break;
            case 1: conn_resume(pair.server.conn); break;
            case 2: pair.server.take_most = 1 + roll % 700; break;
            default:
                if (conn_write(pair.client.conn, bytes, size) == 0) {
                    sent += size;
                }
                break;
            }
            loop_run_once(pair.loop);
        }
        conn_shutdown(pair.client.conn);
        while (pair.server.ended == 0) {
            size_t before = pair.server.got_size;
            conn_resume(pair.server.conn);
            loop_run_once(pair.loop);
            stuck = pair.server.got_size == before ? stuck + 1 : 0;
            cr_assert_lt(stuck, 100000U, "seed %u", seed);
        }
        cr_assert_eq(pair.server.got_size, sent, "seed %u", seed);
        cr_assert_eq(conn_bytes_in(pair.server.conn), sent, "seed %u", seed);
        for (size_t i = 0; i < sent; i++) {
            cr_assert_eq(pair.server.got[i], (char)(i * 31U >> 3), "seed %u byte %zu",
                         seed, i);
        }
        pair_close(&pair);
    }
}

/* The end of a paused connection is told when the kept bytes are taken, not before. */
TEST(conn_read, end_waits_for_kept_bytes)
{
    struct pair pair;
    pair_open(&pair);
    pair.server.take_most = 3;
    cr_assert_eq(conn_write(pair.client.conn, "abcdef", 6), 0);
    conn_close(pair.client.conn);
    PAIR_UNTIL(&pair, pair.client.closed == 1 && pair.server.got_size == 3);
    for (int i = 0; i < 20; i++) {
        loop_run_once(pair.loop);
    }
    cr_assert_eq(pair.server.ended, 0);
    conn_resume(pair.server.conn);
    conn_resume(pair.server.conn);
    PAIR_UNTIL(&pair, pair.server.ended == 1);
    cr_assert(side_has(&pair.server, "abcdef"));
    pair_close(&pair);
}

/* A resume from inside read_cb is not forgotten: what was not taken comes again by
 * itself, turn by turn, and a pause after it wins. */
TEST(conn_read, resume_inside)
{
    struct pair pair;
    pair_open(&pair);
    pair.server.take_most = 2;
    pair.server.resume_on_read = true;
    cr_assert_eq(conn_write(pair.client.conn, "abcdef", 6), 0);
    PAIR_UNTIL(&pair, side_has(&pair.server, "abcdef"));
    pair.server.resume_on_read = false;
    cr_assert_eq(conn_write(pair.client.conn, "ghijkl", 6), 0);
    PAIR_UNTIL(&pair, side_has(&pair.server, "abcdefgh"));
    for (int i = 0; i < 20; i++) {
        loop_run_once(pair.loop);
    }
    cr_assert(side_has(&pair.server, "abcdefgh"));
    pair_close(&pair);
}
