/* A resolver over a name server of the test's own, and what its lookups have found. */

#ifndef TESTS_SUPPORT_RESOLVE_BENCH_H
#define TESTS_SUPPORT_RESOLVE_BENCH_H

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
    {"dane.example", DNS_MX, "10 mx.dane.example", 300},
    {"dane.example", DNS_MX, "20 near.example", 300},
    {"dane.example", DNS_MX, "30 cname.dane.example", 300},
    {"dane.example", DNS_MX, "40 odd.dane.example", 300},
    {"dane.example", DNS_MX, "50 broken.dane.example", 300},
    {"mx.dane.example", DNS_A, "8.8.8.6", 300},
    {"_25._tcp.mx.dane.example", DNS_TLSA, "3 1 1 32", 20},
    {"_25._tcp.mx.dane.example", DNS_TLSA, "2 0 2 64", 20},
    {"_25._tcp.mx.dane.example", DNS_TLSA, "1 1 1 32", 20},
    {"cname.dane.example", DNS_CNAME, "real.dane.example", 300},
    {"real.dane.example", DNS_A, "8.8.8.7", 300},
    {"_25._tcp.real.dane.example", DNS_TLSA, "3 1 1 32", 300},
    {"odd.dane.example", DNS_A, "8.8.8.8", 300},
    {"_25._tcp.odd.dane.example", DNS_TLSA, "0 1 1 32", 300},
    {"_25._tcp.odd.dane.example", DNS_TLSA, "3 0 0 200", 300},
    {"broken.dane.example", DNS_A, "8.8.8.10", 300},
    {"_25._tcp.broken.dane.example", 0, "!SERVFAIL", 0},
    {"_2526._tcp.mx.dane.example", DNS_TLSA, "3 1 1 32", 300},
    {NULL, 0, NULL, 0},
};

struct resolve_bench {
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
    bool wants_tlsa;
    struct destination destination;
    struct destination_guard guard;
    struct reply refusal;
};

static inline void on_done(const struct destination *destination,
                           const struct reply *refusal, void *owner)
{
    struct resolve_bench *bench = owner;
    cr_assert_not(bench->starting);
    cr_assert_neq(destination == NULL, refusal == NULL);
    bench->results++;
    bench->found = destination != NULL;
    if (destination != NULL) {
        bench->destination = *destination;
        if (destination->guard != NULL) {
            bench->guard = *destination->guard;
            bench->destination.guard = &bench->guard;
        }
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

static inline void bench_open(struct resolve_bench *bench)
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
    bench->options = (struct resolve_options){.hostname = "Relay.Example",
                                              .own = bench->own,
                                              .own_count = 2,
                                              .ipv6 = true,
                                              .trust_ad = true};
    bench->resolve = resolve_open(bench->loop, bench->dns, &bench->options);
}

static inline void bench_close(struct resolve_bench *bench)
{
    resolve_close(bench->resolve);
    dns_close(bench->dns);
    nameserver_stop(&bench->server);
    loop_close(bench->loop);
}

static inline void on_beat(uv_timer_t *timer)
{
    unsigned *beats = timer->data;
    (*beats)++;
}

static inline void run_until(struct resolve_bench *bench, unsigned results)
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

static inline struct resolve_lookup *start(struct resolve_bench *bench,
                                           const char *domain)
{
    bench->starting = true;
    struct resolve_lookup *lookup =
        resolve_domain(bench->resolve, domain, 25, on_done, bench);
    if (bench->wants_tlsa) {
        resolve_want_tlsa(lookup);
    }
    bench->starting = false;
    return lookup;
}

static inline void look_up(struct resolve_bench *bench, const char *domain)
{
    unsigned before = bench->results;
    (void)start(bench, domain);
    run_until(bench, before + 1);
}

static inline void expect_refusal(struct resolve_bench *bench, const char *domain,
                                  const char *enhanced)
{
    char text[32];
    look_up(bench, domain);
    cr_assert_not(bench->found, "%s was found", domain);
    (void)snprintf(text, sizeof text, "%u.%u.%u", bench->refusal.enhanced[0],
                   bench->refusal.enhanced[1], bench->refusal.enhanced[2]);
    cr_assert_str_eq(text, enhanced, "%s: %s %s", domain, text, bench->refusal.text);
    cr_assert_neq(bench->refusal.text[0], '\0');
}

static inline void expect_hops(struct resolve_bench *bench, const char *domain,
                               const char *hops)
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

#endif
