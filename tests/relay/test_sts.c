#include <stdlib.h>

#include "relay/entropy.h"
#include "relay/net/dns.h"
#include "relay/net/fetch.h"
#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"
#include "relay/net/wake.h"
#include "relay/now.h"
#include "relay/store.h"
#include "relay/sts.h"

#include "tests/support/certificate.h"
#include "tests/support/https.h"
#include "tests/support/nameserver.h"

static const struct nameserver_row zone[] = {
    {"_mta-sts.good.example", DNS_TXT, "v=STSv1; id=1;", 300},
    {"mta-sts.good.example", DNS_A, "127.0.0.1", 300},
    {"_mta-sts.two.example", DNS_TXT, "v=STSv1; id=1;", 300},
    {"_mta-sts.two.example", DNS_TXT, "v=STSv1; id=2;", 300},
    {"_mta-sts.lost.example", DNS_TXT, "v=STSv1; id=1;", 300},
    {"_mta-sts.odd.example", DNS_TXT, "v=spf1 -all", 300},
    {"_mta-sts.dead.example", 0, "!SERVFAIL", 0},
    {NULL, 0, NULL, 0},
};

static const char enforce[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    "version: STSv1\r\nmode: enforce\r\nmx: mx.good.example\r\nmax_age: 86400\r\n";

struct bench {
    struct loop *loop;
    struct mailbox mailbox;
    struct wake *wake;
    struct nameserver server;
    struct dns *dns;
    struct fetch *fetch;
    struct sts *sts;
    struct certificate_set set;
    struct https https;
    struct sts_options options;
    struct sts_want want;
    unsigned known;
    struct destination destination;
    struct destination_guard guard;
};

static void on_known(struct sts_want *want)
{
    LIST_OWNER(want, struct bench, want)->known++;
}

static void bench_open(struct bench *bench, const char *answer)
{
    struct errmsg err;
    memset(bench, 0, sizeof *bench);
    cr_assert_eq(entropy_start(&err), 0);
    cr_assert_eq(loop_open(&bench->loop), 0);
    cr_assert_eq(wake_open(&bench->wake, bench->loop, &bench->mailbox), 0);
    nameserver_start(&bench->server, loop_uv(bench->loop), zone);
    struct dns_options dns = {.servers = bench->server.text, .timeout_ms = 400};
    cr_assert_eq(dns_open(&bench->dns, bench->loop, &dns, &err), 0, "%s", err.text);
    certificate_set_make(&bench->set, "mta-sts.good.example");
    https_open(&bench->https, bench->set.leaf, bench->set.leaf_key, answer);
    cr_assert_eq(fetch_start(&bench->fetch, &err), 0, "%s", err.text);
    bench->options = (struct sts_options){.port = bench->https.addr.port,
                                          .allow_private = true,
                                          .trust = bench->set.root,
                                          .timeout_ms = 10000};
    bench->sts =
        sts_open(bench->dns, bench->fetch, &bench->mailbox, NULL, &bench->options);
    bench->want.known_cb = on_known;
    (void)snprintf(bench->destination.hosts[0].name, 64, "other.good.example");
    (void)snprintf(bench->destination.hosts[1].name, 64, "mx.good.example");
    bench->destination.hosts[1].guard = 1;
    bench->destination.host_count = 2;
}

static void bench_close(struct bench *bench)
{
    fetch_stop(bench->fetch);
    sts_close(bench->sts);
    dns_close(bench->dns);
    nameserver_stop(&bench->server);
    wake_close(bench->wake);
    loop_close(bench->loop);
    https_close(&bench->https);
    certificate_set_remove(&bench->set);
}

static void on_beat(uv_timer_t *timer)
{
    unsigned *beats = timer->data;
    (*beats)++;
}

/* Ask, wait where it is not known, fill the guard. */
static void look(struct bench *bench, const char *domain)
{
    unsigned beats = 0;
    unsigned before = bench->known;
    uv_timer_t beat;
    (void)uv_timer_init(loop_uv(bench->loop), &beat);
    beat.data = &beats;
    (void)uv_timer_start(&beat, on_beat, 5, 5);
    if (!sts_ask(bench->sts, domain, &bench->want)) {
        while (bench->known == before) {
            (void)uv_run(loop_uv(bench->loop), UV_RUN_ONCE);
            cr_assert_lt(beats, 4000, "no result in 20 s");
        }
    }
    uv_close((uv_handle_t *)&beat, NULL);
    (void)uv_run(loop_uv(bench->loop), UV_RUN_NOWAIT);
    sts_fill(bench->sts, domain, &bench->destination, &bench->guard);
}

/* A policy is found, fetched once, and names its hosts; asked again it is known. */
TEST(sts, enforced)
{
    struct bench bench;
    bench_open(&bench, enforce);
    look(&bench, "good.example");
    cr_assert_eq(bench.guard.sts, DESTINATION_STS_ENFORCE, "%s",
                 sts_problem(bench.sts, "good.example"));
    cr_assert_str_eq(bench.guard.sts_id, "1");
    cr_assert_not(bench.guard.hosts[0].sts_match);
    cr_assert(bench.guard.hosts[1].sts_match);
    cr_assert(sts_ask(bench.sts, "good.example", &bench.want));
    cr_assert_eq(atomic_load(&bench.https.served), 1);
    bench_close(&bench);
}

/* No record, two of them, another kind, a resolver that fails, a host without an address:
 * no policy, and the mail goes on without. */
TEST(sts, none)
{
    static const char *const domains[] = {"no.example", "two.example", "odd.example",
                                          "dead.example", "lost.example"};
    struct bench bench;
    bench_open(&bench, enforce);
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        look(&bench, domains[i]);
        cr_assert_eq(bench.guard.sts, DESTINATION_STS_NONE, "%s", domains[i]);
    }
    cr_assert_neq(sts_problem(bench.sts, "lost.example")[0], '\0');
    cr_assert_eq(atomic_load(&bench.https.served), 0);
    bench_close(&bench);
}

/* A file that is no policy, and a private address where none is allowed, count as none.
 */
TEST(sts, bad_files)
{
    struct bench bench;
    bench_open(&bench, "HTTP/1.1 404 No\r\nConnection: close\r\n\r\nversion: STSv1\r\n");
    look(&bench, "good.example");
    cr_assert_eq(bench.guard.sts, DESTINATION_STS_NONE);
    cr_assert_not_null(strstr(sts_problem(bench.sts, "good.example"), "404"));
    bench_close(&bench);

    bench_open(&bench, enforce);
    bench.options.allow_private = false;
    sts_set_options(bench.sts, &bench.options);
    look(&bench, "good.example");
    cr_assert_eq(bench.guard.sts, DESTINATION_STS_NONE);
    cr_assert_eq(atomic_load(&bench.https.served), 0);
    bench_close(&bench);
}

/* A policy of before the restart holds until it expires, whatever DNS says now; a new
 * version that cannot be fetched leaves it in force. */
TEST(sts, kept)
{
    struct bench bench;
    char value[200];
    bench_open(&bench, "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n");
    (void)snprintf(value, sizeof value,
                   "id=0 mode=enforce until=%lld mx=mx.good.example,",
                   (long long)now_unix_ms() + 100000);
    static const char *const domains[] = {"good.example", "dead.example", "no.example"};
    for (size_t i = 0; i < 3; i++) {
        struct store_row row = {.kind = STORE_STS, .key = domains[i], .value = value};
        sts_load(bench.sts, &row);
        look(&bench, domains[i]);
        cr_assert_eq(bench.guard.sts, DESTINATION_STS_ENFORCE, "%s", domains[i]);
        cr_assert(bench.guard.hosts[1].sts_match);
    }
    cr_assert_gt(atomic_load(&bench.https.served), 0, "the new version was asked for");
    static const char *const bad[] = {"", "id=1", "id=0 mode=enforce until=1 mx=a,",
                                      "mode=enforce until=99999999999999 mx=a,"};
    for (size_t i = 0; i < 4; i++) {
        struct store_row row = {.kind = STORE_STS, .key = "x.example", .value = bad[i]};
        sts_load(bench.sts, &row);
        sts_fill(bench.sts, "x.example", &bench.destination, &bench.guard);
        cr_assert_eq(bench.guard.sts, DESTINATION_STS_NONE);
    }
    bench_close(&bench);
}

/* Whoever gives up is not called, and the end may come at any time. */
TEST(sts, close_any_time)
{
    for (unsigned turns = 0; turns < 40; turns++) {
        struct bench bench;
        bench_open(&bench, enforce);
        cr_assert_not(sts_ask(bench.sts, "good.example", &bench.want));
        for (unsigned i = 0; i < turns; i++) {
            (void)uv_run(loop_uv(bench.loop), UV_RUN_NOWAIT);
        }
        if (turns % 2 == 0 && list_is_linked(&bench.want.node)) {
            list_remove(&bench.want.node);
            bench.want.known_cb = NULL;
        }
        bench_close(&bench);
    }
}
