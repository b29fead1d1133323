/* One end of a connection in a test: records what its callbacks said. And a pair of them
 * on one loop, over a listener on an ephemeral port. */

#ifndef TESTS_RELAY_NET_SIDE_H
#define TESTS_RELAY_NET_SIDE_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/net/admission.h"
#include "relay/net/conn.h"
#include "relay/net/listener.h"
#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"
#include "relay/net/timer.h"

#include "tests/support/test.h"

#define SIDE_BEAT_MS                                                  \
    5 /* a turn of the loop waits no longer: conditions are seen soon \
       */
#define SIDE_BEATS 4000

struct side {
    struct conn *conn; /* NULL before it exists and after closed_cb */
    char *got;
    size_t got_size;
    size_t got_room;
    size_t take_most; /* of each read; 0: all */
    bool starting;    /* inside the function that starts it: nothing may be called */
    bool resume_on_read;
    bool close_on_connect;
    bool close_on_read;
    bool close_on_end;
    bool finish_on_end;
    struct tls_context *tls_on_read; /* start TLS at the first bytes */
    unsigned connected;
    unsigned secured;
    unsigned drained;
    unsigned ended;
    unsigned closed;
    struct conn_end end;
};

static inline void side_connected(struct conn *conn, void *owner)
{
    struct side *side = owner;
    cr_assert_not(side->starting);
    side->connected++;
    if (side->close_on_connect) {
        conn_close(conn);
    }
}

static inline size_t side_read(struct conn *conn, const char *bytes, size_t size,
                               void *owner)
{
    struct side *side = owner;
    cr_assert_not(side->starting);
    cr_assert_eq(side->closed, 0);
    size_t take = side->take_most != 0 && side->take_most < size ? side->take_most : size;
    if (side->got_size + take > side->got_room) {
        side->got_room = (side->got_size + take) * 2;
        side->got = realloc(side->got, side->got_room);
        cr_assert_not_null(side->got);
    }
    memcpy(side->got + side->got_size, bytes, take);
    side->got_size += take;
    if (side->tls_on_read != NULL) {
        cr_assert_eq(conn_start_tls(conn, side->tls_on_read, ""), 0);
        side->tls_on_read = NULL;
    }
    if (side->resume_on_read) {
        conn_resume(conn);
    }
    if (side->close_on_read) {
        conn_close(conn);
    }
    return take;
}

static inline void side_drained(struct conn *conn, void *owner)
{
    (void)conn;
    struct side *side = owner;
    cr_assert_not(side->starting);
    side->drained++;
}

static inline void side_secured(struct conn *conn, void *owner)
{
    struct side *side = owner;
    cr_assert_not(side->starting);
    cr_assert(conn_is_secure(conn));
    side->secured++;
}

static inline void side_ended(struct conn *conn, const struct conn_end *end, void *owner)
{
    struct side *side = owner;
    cr_assert_not(side->starting);
    cr_assert_eq(side->closed, 0);
    side->ended++;
    side->end = *end;
    if (side->close_on_end) {
        conn_close(conn);
    }
    if (side->finish_on_end) {
        conn_finish(conn, 1000);
    }
}

static inline void side_closed(struct conn *conn, void *owner)
{
    (void)conn;
    struct side *side = owner;
    cr_assert_not(side->starting);
    side->closed++;
    side->conn = NULL;
}

static const struct conn_ops side_ops = {
    .connected_cb = side_connected,
    .read_cb = side_read,
    .drained_cb = side_drained,
    .secured_cb = side_secured,
    .ended_cb = side_ended,
    .closed_cb = side_closed,
};

struct pair {
    struct loop *loop;
    struct admission *admission;
    struct listener *listener;
    struct netaddr addr; /* where the listener is */
    struct netaddr none;
    struct timer *patience;
    unsigned beats;
    struct side client;
    struct side server;
    unsigned accepted;
    int extra_fds[16]; /* accepted beyond the first */
    struct conn_options options;
};

static inline void pair_accept(int fd, const struct netaddr *remote,
                               const struct netaddr *local, void *owner)
{
    (void)remote;
    (void)local;
    struct pair *pair = owner;
    pair->accepted++;
    if (pair->accepted > 1) {
        cr_assert_leq(pair->accepted, 16);
        pair->extra_fds[pair->accepted - 1] = fd;
        return;
    }
    pair->server.starting = true;
    cr_assert_eq(conn_accept(&pair->server.conn, pair->loop, fd, &pair->options,
                             &side_ops, &pair->server),
                 0);
    pair->server.starting = false;
}

static const struct listener_ops pair_listener_ops = {.accept_cb = pair_accept};

static inline void pair_beat(void *owner)
{
    struct pair *pair = owner;
    pair->beats++;
    timer_start(pair->patience, SIDE_BEAT_MS);
}

/* Run the loop until the condition holds; fail the test when it takes too long. */
#define PAIR_UNTIL(PAIR, CONDITION)                                             \
    do {                                                                        \
        (PAIR)->beats = 0;                                                      \
        timer_start((PAIR)->patience, SIDE_BEAT_MS);                            \
        while (!(CONDITION)) {                                                  \
            (void)uv_run(loop_uv((PAIR)->loop), UV_RUN_ONCE);                   \
            cr_assert_lt((PAIR)->beats, SIDE_BEATS, "never came: " #CONDITION); \
        }                                                                       \
        timer_stop((PAIR)->patience);                                           \
    } while (0)

static inline void pair_listen(struct pair *pair, const char *host)
{
    static const uint64_t key[2] = {1, 2};
    int fd = -1;
    struct errmsg err;
    struct netaddr addr;
    memset(pair, 0, sizeof *pair);
    cr_assert_eq(loop_open(&pair->loop), 0);
    pair->patience = timer_open(pair->loop, pair_beat, pair);
    pair->admission = admission_new(key);
    cr_assert_eq(netaddr_parse(host, 0, &addr), 0);
    cr_assert_eq(listener_bind(&addr, false, -1, &fd, &err), 0, "%s", err.text);
    cr_assert_eq(listener_local(fd, &pair->addr), 0);
    struct listener_options options = {.admission = pair->admission};
    cr_assert_eq(listener_open(&pair->listener, pair->loop, fd, &options,
                               &pair_listener_ops, pair),
                 0);
}

static inline void pair_connect(struct pair *pair, const struct netaddr *local)
{
    pair->client.starting = true;
    pair->client.conn = conn_connect(pair->loop, &pair->addr, local, &pair->options,
                                     &side_ops, &pair->client);
    pair->client.starting = false;
}

/* Both sides up. */
static inline void pair_open(struct pair *pair)
{
    pair_listen(pair, "127.0.0.1");
    pair_connect(pair, &pair->none);
    PAIR_UNTIL(pair, pair->client.connected == 1 && pair->accepted == 1);
}

static inline void pair_close(struct pair *pair)
{
    if (pair->client.conn != NULL) {
        conn_close(pair->client.conn);
        PAIR_UNTIL(pair, pair->client.closed == 1);
    }
    if (pair->server.conn != NULL) {
        conn_close(pair->server.conn);
        PAIR_UNTIL(pair, pair->server.closed == 1);
    }
    for (unsigned i = 1; i < pair->accepted; i++) {
        (void)close(pair->extra_fds[i]);
    }
    listener_close(pair->listener);
    timer_close(pair->patience);
    loop_close(pair->loop);
    admission_free(pair->admission);
    free(pair->client.got);
    free(pair->server.got);
}

/* Forget what a side has read so far. */
static inline void side_forget(struct side *side)
{
    side->got_size = 0;
}

static inline bool side_has(const struct side *side, const char *text)
{
    return side->got_size == strlen(text) && memcmp(side->got, text, side->got_size) == 0;
}

#endif
