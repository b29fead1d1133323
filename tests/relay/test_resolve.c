#include "tests/support/resolve_bench.h"

/* Hosts come by preference, IPv6 before IPv4, with the port asked for. */
TEST(resolve, by_preference)
{
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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
    struct resolve_bench bench;
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

/* The word of a resolver that is not our own is not believed. */
TEST(resolve, secure_only_when_trusted)
{
    struct resolve_bench bench;
    bench_open(&bench);
    bench.server.say_secure = true;
    bench.options.trust_ad = false;
    resolve_set_options(bench.resolve, &bench.options);
    bench.wants_tlsa = true;
    look_up(&bench, "dane.example");
    cr_assert_not(bench.destination.secure);
    cr_assert_not(bench.destination.hosts[0].secure);
    cr_assert_eq(bench.guard.hosts[0].tlsa, DESTINATION_TLSA_NONE);
    bench_close(&bench);
}

/* TLSA records where DNSSEC covers the way: usable ones kept, other usages left out,
 * under the end of an alias; those that say nothing we can use, and those that cannot be
 * had, are told apart from none. */
TEST(resolve, tlsa)
{
    struct resolve_bench bench;
    bench_open(&bench);
    bench.server.say_secure = true;
    look_up(&bench, "dane.example");
    cr_assert_null(bench.destination.guard, "nobody asked");
    bench.wants_tlsa = true;
    look_up(&bench, "dane.example");
    const struct destination_guard_host *hosts = bench.guard.hosts;
    cr_assert_eq(hosts[0].tlsa, DESTINATION_TLSA_USABLE);
    cr_assert_eq(hosts[0].tlsa_count, 2);
    cr_assert_eq(bench.guard.tlsa[hosts[0].tlsa_first + 1].size, 64);
    cr_assert_str_eq(hosts[0].base, "mx.dane.example");
    cr_assert_eq(hosts[1].tlsa, DESTINATION_TLSA_NONE);
    cr_assert_eq(hosts[2].tlsa, DESTINATION_TLSA_USABLE);
    cr_assert_str_eq(hosts[2].base, "real.dane.example");
    cr_assert_eq(hosts[3].tlsa, DESTINATION_TLSA_UNUSABLE);
    cr_assert_eq(hosts[4].tlsa, DESTINATION_TLSA_FAILED);
    cr_assert_leq(bench.destination.ttl_s, 20, "no longer than its records");
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(bench.destination.hosts[i].guard, i);
    }
    bench_close(&bench);
}

/* A route's hosts have ports of their own, and TLSA records under theirs; the route
 * itself needs no DNSSEC. */
TEST(resolve, explicit_ports)
{
    static const char *const hosts[] = {"mx.dane.example", "8.8.8.8", "near.example"};
    static const uint16_t ports[] = {2526, 0, 465};
    struct resolve_bench bench;
    bench_open(&bench);
    bench.server.say_secure = true;
    struct resolve_lookup *lookup =
        resolve_hosts(bench.resolve, hosts, 3, 587, on_done, &bench);
    resolve_set_ports(lookup, ports, 3);
    resolve_want_tlsa(lookup);
    run_until(&bench, 1);
    cr_assert_eq(bench.destination.hop_count, 4);
    cr_assert_eq(bench.destination.hops[0].addr.port, 2526);
    cr_assert_eq(bench.destination.hops[1].addr.port, 587);
    cr_assert_eq(bench.destination.hops[2].addr.port, 465);
    cr_assert_eq(bench.guard.hosts[0].tlsa, DESTINATION_TLSA_USABLE);
    cr_assert_eq(bench.guard.hosts[1].tlsa, DESTINATION_TLSA_NONE);
    bench_close(&bench);
}
