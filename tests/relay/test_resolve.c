#include "relay/entropy.h"
#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"
#include "relay/resolve.h"

#include "tests/support/nameserver.h"

static const struct nameserver_row zone[] = {
    {"two.example", DNS_MX, "20 far.example", 300},
    {"two.example", DNS_MX, "10 near.example", 300},
    {"near.example", DNS_A, "8.8.8.1", 300},
    {"near.example", DNS_AAAA, "2600::1", 300},
    {"far.example", DNS_A, "8.8.8.2", 300},
    {"equal.example", DNS_MX, "10 a.equal.example", 300},
    {"equal.example", DNS_MX, "10 b.equal.example", 300},
    {"a.equal.example", DNS_A, "8.8.4.1", 300},
    {"b.equal.example", DNS_A, "8.8.4.2", 300},
    {"plain.example", DNS_A, "8.8.8.3", 300},
    {"alias.example", DNS_CNAME, "two.example", 300},
    {"null.example", DNS_MX, "0 .", 300},
    {"local.example", DNS_MX, "10 localhost", 300},
    {"servfail.example", 0, "!SERVFAIL", 0},
    {"nothing.example", DNS_TXT, "no mail here", 300},
    {"deadmx.example", DNS_MX, "10 gone.example", 300},
    {"halfmx.example", DNS_MX, "10 servfail.example", 300},
    {"halfmx.example", DNS_MX, "20 near.example", 300},
    {"failmx.example", DNS_MX, "10 servfail.example", 300},
    {"own.example", DNS_MX, "10 near.example", 300},
    {"own.example", DNS_MX, "20 relay.example", 300},
    {"own.example", DNS_MX, "20 far.example", 300},
    {"own.example", DNS_MX, "30 far.example", 300},
    {"relay.example", DNS_A, "8.8.8.9", 300},
    {"allown.example", DNS_MX, "10 RELAY.example", 300},
    {"allown.example", DNS_MX, "20 far.example", 300},
    {"ownaddr.example", DNS_MX, "10 other-name.example", 300},
    {"other-name.example", DNS_A, "8.8.8.9", 300},
    {"inside.example", DNS_MX, "10 in1.example", 300},
    {"in1.example", DNS_A, "10.1.2.3", 300},
    {"mixed.example", DNS_MX, "10 in2.example", 300},
    {"in2.example", DNS_A, "127.0.0.1", 300},
    {"in2.example", DNS_A, "8.8.8.4", 300},
    {"in2.example", DNS_AAAA, "64:ff9b::a01:203", 300},
    {"multi.example", DNS_MX, "10 m.multi.example", 300},
    {"m.multi.example", DNS_A, "224.0.0.5", 300},
    {"short.example", DNS_A, "8.8.8.5", 0},
    {"many.example", DNS_MX, "1 near.example", 300},
    {"many.example", DNS_MX, "2 n2.example", 300},
    {"many.example", DNS_MX, "3 n3.example", 300},
    {"many.example", DNS_MX, "4 n4.example", 300},
    {"many.example", DNS_MX, "5 n5.example", 300},
    {"many.example", DNS_MX, "6 n6.example", 300},
    {"many.example", DNS_MX, "7 n7.example", 300},
    {"many.example", DNS_MX, "8 n8.example", 300},
    {"many.example", DNS_MX, "9 n9.example", 300},
    {"many.example", DNS_MX, "10 n10.example", 300},
    {"many.example", DNS_MX, "11 n11.example", 300},
    {"many.example", DNS_MX, "12 n12.example", 300},
    {"loop.example", DNS_CNAME, "loop2.example", 300},
    {"loop2.example", DNS_CNAME, "loop.example", 300},
    {"drop.example", 0, "!DROP", 0},
    {NULL, 0, NULL, 0},
};

struct bench {
    struct loop *loop;
    struct dns *dns;
    struct resolve *resolve;
    struct nameserver server;
    struct netaddr own[2];
    struct resolve_options options;
    unsigned results;
    bool starting;
    bool close_inside;
    bool found;
    struct destination destination;
    struct reply refusal;
};

static void on_done(const struct destination *destination, const struct reply *refusal,
                    void *owner)
{
    struct bench *bench = owner;
    cr_assert_not(bench->starting);
    cr_assert_neq(destination == NULL, refusal == NULL);
    bench->results++;
    bench->found = destination != NULL;
    if (destination != NULL) {
        bench->destination = *destination;
    } else {
        bench->refusal = *refusal;
        cr_assert_eq(refusal->origin, REPLY_DNS_FAILURE);
        cr_assert_eq(refusal->stage, REPLY_STAGE_DNS);
        cr_assert_eq(refusal->code, 0);
    }
    if (bench->close_inside) {
        resolve_close(bench->resolve);
        bench->resolve = NULL;
    }
}

static void bench_open(struct bench *bench)
{
    struct errmsg err;
    memset(bench, 0, sizeof *bench);
    cr_assert_eq(entropy_start(&err), 0);
    cr_assert_eq(loop_open(&bench->loop), 0);
    nameserver_start(&bench->server, loop_uv(bench->loop), zone);
    struct dns_options dns = {.servers = bench->server.text, .timeout_ms = 400};
    cr_assert_eq(dns_open(&bench->dns, bench->loop, &dns, &err), 0, "%s", err.text);
    cr_assert_eq(netaddr_parse("8.8.8.9", 0, &bench->own[0]), 0);
    cr_assert_eq(netaddr_parse("8.8.8.3", 587, &bench->own[1]), 0);
    bench->options = (struct resolve_options){
        .hostname = "Relay.Example", .own = bench->own, .own_count = 2, .ipv6 = true};
    bench->resolve = resolve_open(bench->loop, bench->dns, &bench->options);
}

static void bench_close(struct bench *bench)
{
    resolve_close(bench->resolve);
    dns_close(bench->dns);
    nameserver_stop(&bench->server);
    loop_close(bench->loop);
}

static void on_beat(uv_timer_t *timer)
{
    unsigned *beats = timer->data;
    (*beats)++;
}

static void run_until(struct bench *bench, unsigned results)
{
    uv_timer_t beat;
    unsigned beats = 0;
    (void)uv_timer_init(loop_uv(bench->loop), &beat);
    beat.data = &beats;
    (void)uv_timer_start(&beat, on_beat, 5, 5);
    while (bench->results < results) {
        (void)uv_run(loop_uv(bench->loop), UV_RUN_ONCE);
        cr_assert_lt(beats, 4000, "no result in 20 s");
    }
    uv_close((uv_handle_t *)&beat, NULL);
    (void)uv_run(loop_uv(bench->loop), UV_RUN_NOWAIT);
}

static struct resolve_lookup *start(struct bench *bench, const char *domain)
{
    bench->starting = true;
    struct resolve_lookup *lookup =
        resolve_domain(bench->resolve, domain, 25, on_done, bench);
    bench->starting = false;
    return lookup;
}

static void look_up(struct bench *bench, const char *domain)
{
    unsigned before = bench->results;
    (void)start(bench, domain);
    run_until(bench, before + 1);
}

static void expect_refusal(struct bench *bench, const char *domain, const char *enhanced)
{
    char text[32];
    look_up(bench, domain);
    cr_assert_not(bench->found, "%s was found", domain);
    (void)snprintf(text, sizeof text, "%u.%u.%u", bench->refusal.enhanced[0],
                   bench->refusal.enhanced[1], bench->refusal.enhanced[2]);
    cr_assert_str_eq(text, enhanced, "%s: %s %s", domain, text, bench->refusal.text);
    cr_assert_neq(bench->refusal.text[0], '\0');
}

static void expect_hops(struct bench *bench, const char *domain, const char *hops)
{
    char text[512] = "";
    look_up(bench, domain);
    cr_assert(bench->found, "%s: %s", domain, bench->refusal.text);
    for (unsigned i = 0; i < bench->destination.hop_count; i++) {
        char addr[NETADDR_TEXT_BYTES];
        const struct destination_hop *hop = &bench->destination.hops[i];
        cr_assert_lt(hop->host, bench->destination.host_count);
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
                       i == 0 ? "" : " ", netaddr_format_port(&hop->addr, addr));
    }
    cr_assert_str_eq(text, hops, "%s: %s", domain, text);
}

/* Hosts come by preference, IPv6 before IPv4, with the port asked for. */
TEST(resolve, by_preference)
{
    struct bench bench;
    bench_open(&bench);
    expect_hops(&bench, "two.example", "[2600::1]:25 8.8.8.1:25 8.8.8.2:25");
    cr_assert_str_eq(bench.destination.hosts[0].name, "near.example");
    cr_assert_str_eq(bench.destination.hosts[1].name, "far.example");
    cr_assert_not(bench.destination.implicit);
    cr_assert_leq(bench.destination.ttl_s, 300);
    cr_assert_geq(bench.destination.ttl_s, 290);
    expect_hops(&bench, "alias.example", "[2600::1]:25 8.8.8.1:25 8.8.8.2:25");
    bench_close(&bench);
}

/* Without MX the domain's own address is used; with neither, mail is refused. */
TEST(resolve, implicit_mx)
{
    struct bench bench;
    bench_open(&bench);
    expect_hops(&bench, "plain.example", "8.8.8.3:25");
    cr_assert(bench.destination.implicit);
    cr_assert_str_eq(bench.destination.hosts[0].name, "plain.example");
    expect_refusal(&bench, "nothing.example", "5.1.2");
    bench_close(&bench);
}

/* Hosts of equal preference do not always come in one order. */
TEST(resolve, equal_preferences_shuffled)
{
    struct bench bench;
    unsigned first_a = 0;
    bench_open(&bench);
    for (int i = 0; i < 64; i++) {
        look_up(&bench, "equal.example");
        first_a +=
            strcmp(bench.destination.hosts[0].name, "a.equal.example") == 0 ? 1 : 0;
    }
    cr_assert_gt(first_a, 8);
    cr_assert_lt(first_a, 56);
    bench_close(&bench);
}

/* Each way in which there is no destination has its code. */
TEST(resolve, refusals)
{
    struct bench bench;
    bench_open(&bench);
    expect_refusal(&bench, "nowhere.example", "5.1.2");
    expect_refusal(&bench, "null.example", "5.1.10");
    expect_refusal(&bench, "local.example", "5.1.10");
    expect_refusal(&bench, "servfail.example", "4.4.3");
    expect_refusal(&bench, "drop.example", "4.4.3");
    expect_refusal(&bench, "bad..name", "4.4.3");
    expect_refusal(&bench, "deadmx.example", "5.4.4");
    expect_refusal(&bench, "failmx.example", "4.4.3");
    expect_refusal(&bench, "loop.example", "4.4.3");
    expect_hops(&bench, "halfmx.example", "[2600::1]:25 8.8.8.1:25");
    bench_close(&bench);
}

/* We never deliver to ourselves: hosts from our own preference on are dropped, by name
 * and by address; nothing left is a loop. An own address counts only with its port. */
TEST(resolve, own_host_eliminated)
{
    struct bench bench;
    bench_open(&bench);
    expect_hops(&bench, "own.example", "[2600::1]:25 8.8.8.1:25");
    cr_assert_eq(bench.destination.host_count, 1);
    expect_refusal(&bench, "allown.example", "5.4.6");
    expect_refusal(&bench, "ownaddr.example", "5.4.6");
    expect_refusal(&bench, "relay.example", "5.4.6");
    expect_hops(&bench, "plain.example", "8.8.8.3:25");
    bench_close(&bench);
}

/* Addresses that no stranger's MX may have are left out; only such: refused, with the
 * address in the words. allow_private lets them through, but never multicast. */
TEST(resolve, barred_addresses)
{
    struct bench bench;
    bench_open(&bench);
    expect_refusal(&bench, "inside.example", "5.4.4");
    cr_assert_not_null(strstr(bench.refusal.text, "10.1.2.3"));
    cr_assert_not_null(strstr(bench.refusal.text, "private"));
    expect_hops(&bench, "mixed.example", "8.8.8.4:25");
    bench.options.allow_private = true;
    resolve_set_options(bench.resolve, &bench.options);
    expect_hops(&bench, "inside.example", "10.1.2.3:25");
    expect_refusal(&bench, "multi.example", "5.4.4");
    bench_close(&bench);
}

/* With IPv6 switched off, AAAA is neither asked for nor used. */
TEST(resolve, without_ipv6)
{
    struct bench bench;
    bench_open(&bench);
    bench.options.ipv6 = false;
    resolve_set_options(bench.resolve, &bench.options);
    expect_hops(&bench, "two.example", "8.8.8.1:25 8.8.8.2:25");
    cr_assert_eq(bench.server.asked, 3);
    bench_close(&bench);
}

/* Ten hosts of an MX flood are looked at, the best ones, and that is said. */
TEST(resolve, caps_hosts)
{
    struct bench bench;
    bench_open(&bench);
    look_up(&bench, "many.example");
    cr_assert(bench.found);
    cr_assert(bench.destination.cut);
    cr_assert_eq(bench.destination.host_count, LIMIT_MX_HOSTS);
    cr_assert_str_eq(bench.destination.hosts[9].name, "n10.example");
    cr_assert_leq(bench.server.asked, 1 + 2 * LIMIT_MX_HOSTS);
    bench_close(&bench);
}

/* Equal questions in flight are asked once; a fresh answer is not asked for again; "no"
 * is remembered too. */
TEST(resolve, coalesces_and_caches)
{
    struct bench bench;
    struct resolve_stats stats;
    bench_open(&bench);
    for (int i = 0; i < 50; i++) {
        (void)start(&bench, "plain.example");
        (void)start(&bench, "nowhere.example");
    }
    run_until(&bench, 100);
    cr_assert_eq(bench.server.asked, 4);
    look_up(&bench, "plain.example");
    expect_refusal(&bench, "nowhere.example", "5.1.2");
    cr_assert_eq(bench.server.asked, 4);
    resolve_stats(bench.resolve, &stats);
    cr_assert_eq(stats.asked, 4);
    cr_assert_eq(stats.answers, 4);
    cr_assert_geq(stats.joined, 98);
    cr_assert_gt(stats.hits, 0);
    look_up(&bench, "short.example");
    cr_assert_geq(bench.destination.ttl_s, 5);
    resolve_flush(bench.resolve);
    look_up(&bench, "plain.example");
    cr_assert_eq(bench.server.asked, 4 + 3 + 3);
    bench_close(&bench);
}

/* An explicit route: names and literals in their order, any address, no MX asked for. */
TEST(resolve, explicit_hosts)
{
    struct bench bench;
    const char *const hosts[] = {"127.0.0.1", "[::1]", "in1.example", "[far.example]",
                                 "gone.example"};
    bench_open(&bench);
    (void)resolve_hosts(bench.resolve, hosts, 5, 2526, on_done, &bench);
    run_until(&bench, 1);
    cr_assert(bench.found);
    cr_assert(bench.destination.explicit_route);
    cr_assert_eq(bench.destination.hop_count, 4);
    char text[NETADDR_TEXT_BYTES];
    static const char *const expected[] = {"127.0.0.1:2526", "[::1]:2526",
                                           "10.1.2.3:2526", "8.8.8.2:2526"};
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_str_eq(netaddr_format_port(&bench.destination.hops[i].addr, text),
                         expected[i]);
    }
    cr_assert_str_eq(bench.destination.hosts[3].name, "far.example");

    const char *const gone[] = {"gone.example"};
    (void)resolve_hosts(bench.resolve, gone, 1, 25, on_done, &bench);
    run_until(&bench, 2);
    cr_assert_not(bench.found);
    cr_assert_eq(bench.refusal.enhanced[0], 5);
    const char *const failing[] = {"servfail.example"};
    (void)resolve_hosts(bench.resolve, failing, 1, 25, on_done, &bench);
    run_until(&bench, 3);
    cr_assert_eq(bench.refusal.enhanced[0], 4);
    bench_close(&bench);
}

/* A cancelled lookup says nothing: at once, while asked, when about to be told; others
 * that wait for the same answer are served. */
TEST(resolve, cancel)
{
    struct bench bench;
    bench_open(&bench);
    resolve_cancel(start(&bench, "plain.example"));
    struct resolve_lookup *other = start(&bench, "two.example");
    (void)start(&bench, "two.example");
    resolve_cancel(other);
    run_until(&bench, 1);
    struct resolve_lookup *cached = start(&bench, "two.example");
    resolve_cancel(cached);
    const char *const hosts[] = {"127.0.0.1"};
    resolve_cancel(resolve_hosts(bench.resolve, hosts, 1, 25, on_done, &bench));
    look_up(&bench, "plain.example");
    cr_assert_eq(bench.results, 2);
    bench_close(&bench);
}

/* Closing with lookups in every state, and from inside a result, ends quietly. */
TEST(resolve, close_any_time)
{
    struct bench bench;
    const char *const hosts[] = {"127.0.0.1"};
    bench_open(&bench);
    (void)start(&bench, "drop.example");
    (void)start(&bench, "plain.example");
    (void)resolve_hosts(bench.resolve, hosts, 1, 25, on_done, &bench);
    bench_close(&bench);
    cr_assert_eq(bench.results, 0);

    bench_open(&bench);
    bench.close_inside = true;
    (void)resolve_hosts(bench.resolve, hosts, 1, 25, on_done, &bench);
    (void)resolve_hosts(bench.resolve, hosts, 1, 25, on_done, &bench);
    (void)start(&bench, "drop.example");
    run_until(&bench, 1);
    cr_assert_eq(bench.results, 1);
    bench_close(&bench);
}

/* The cache is bounded: old answers go, and are asked for again when wanted. */
TEST(resolve, bounded_cache)
{
    struct bench bench;
    struct resolve_stats stats;
    char domain[32];
    bench_open(&bench);
    resolve_close(bench.resolve);
    bench.options.cache_max = 20;
    bench.resolve = resolve_open(bench.loop, bench.dns, &bench.options);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(domain, sizeof domain, "d%d.example", i);
        look_up(&bench, domain);
        resolve_stats(bench.resolve, &stats);
        cr_assert_leq(stats.answers, 20);
    }
    unsigned asked = bench.server.asked;
    look_up(&bench, "d199.example");
    cr_assert_eq(bench.server.asked, asked);
    look_up(&bench, "d0.example");
    cr_assert_eq(bench.server.asked, asked + 1);
    bench_close(&bench);
}

/* DNSSEC's word is passed on for the MX set and for each host. */
TEST(resolve, secure)
{
    struct bench bench;
    bench_open(&bench);
    bench.server.say_secure = true;
    look_up(&bench, "two.example");
    cr_assert(bench.destination.secure);
    cr_assert(bench.destination.hosts[0].secure);
    resolve_flush(bench.resolve);
    bench.server.say_secure = false;
    look_up(&bench, "two.example");
    cr_assert_not(bench.destination.secure);
    cr_assert_not(bench.destination.hosts[0].secure);
    bench_close(&bench);
}
