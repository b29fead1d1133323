#include <errno.h>

#include "relay/entropy.h"
#include "relay/limits.h"
#include "relay/net/dns.h"
#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"

#include "tests/support/nameserver.h"

static const struct nameserver_row zone[] = {
    {"example.net", DNS_MX, "20 mx2.example.net", 300},
    {"example.net", DNS_MX, "10 MX1.Example.Net", 200},
    {"mx1.example.net", DNS_A, "192.0.2.1", 60},
    {"mx1.example.net", DNS_AAAA, "2001:db8::1", 60},
    {"www.example.net", DNS_CNAME, "mx1.example.net", 30},
    {"txt.example.net", DNS_TXT, "v=STSv1; id=1", 60},
    {"1.2.0.192.in-addr.arpa", DNS_PTR, "mx1.example.net", 60},
    {"_25._tcp.mx1.example.net", DNS_TLSA, "", 60},
    {"fail.example", 0, "!SERVFAIL", 0},
    {"refused.example", 0, "!REFUSED", 0},
    {"drop.example", 0, "!DROP", 0},
    {"garbage.example", 0, "!GARBAGE", 0},
    {"big.example", DNS_A, "!TRUNCATE", 0},
    {"big.example", DNS_A, "192.0.2.9", 60},
    {NULL, 0, NULL, 0},
};

struct bench {
    struct loop *loop;
    struct dns *dns;
    struct nameserver server;
    unsigned answers;
    bool starting;
    bool close_inside;
    struct dns_answer last;
};

static void on_answer(const struct dns_answer *answer, void *owner)
{
    struct bench *bench = owner;
    cr_assert_not(bench->starting);
    bench->last = *answer;
    bench->answers++;
    if (bench->close_inside) {
        dns_close(bench->dns);
        bench->dns = NULL;
    }
}

static void bench_open(struct bench *bench, uint32_t timeout_ms)
{
    struct errmsg err;
    memset(bench, 0, sizeof *bench);
    cr_assert_eq(entropy_start(&err), 0);
    cr_assert_eq(loop_open(&bench->loop), 0);
    nameserver_start(&bench->server, loop_uv(bench->loop), zone);
    struct dns_options options = {.servers = bench->server.text,
                                  .timeout_ms = timeout_ms};
    cr_assert_eq(dns_open(&bench->dns, bench->loop, &options, &err), 0, "%s", err.text);
}

static void bench_close(struct bench *bench)
{
    dns_close(bench->dns);
    nameserver_stop(&bench->server);
    loop_close(bench->loop);
}

static struct dns_query *start(struct bench *bench, const char *name, enum dns_type type)
{
    bench->starting = true;
    struct dns_query *query = dns_ask(bench->dns, name, type, on_answer, bench);
    bench->starting = false;
    return query;
}

static void on_beat(uv_timer_t *timer)
{
    unsigned *beats = timer->data;
    (*beats)++;
}

/* A beat ends each wait of the loop, so that a condition is seen soon. */
static void run_until(struct bench *bench, unsigned answers)
{
    uv_timer_t beat;
    unsigned beats = 0;
    (void)uv_timer_init(loop_uv(bench->loop), &beat);
    beat.data = &beats;
    (void)uv_timer_start(&beat, on_beat, 5, 5);
    while (bench->answers < answers) {
        (void)uv_run(loop_uv(bench->loop), UV_RUN_ONCE);
        cr_assert_lt(beats, 4000, "no answer in 20 s");
    }
    uv_close((uv_handle_t *)&beat, NULL);
    (void)uv_run(loop_uv(bench->loop), UV_RUN_NOWAIT);
}

static const struct dns_answer *ask(struct bench *bench, const char *name,
                                    enum dns_type type)
{
    unsigned before = bench->answers;
    (void)start(bench, name, type);
    run_until(bench, before + 1);
    return &bench->last;
}

/* Each type comes back as a value, hosts in order of preference and in lower case. */
TEST(dns, types)
{
    struct bench bench;
    const struct dns_answer *answer;
    bench_open(&bench, 0);

    answer = ask(&bench, "Example.NET", DNS_MX);
    cr_assert_eq(answer->outcome, DNS_OK);
    cr_assert_eq(answer->count, 2);
    cr_assert_str_eq(answer->records[0].name, "mx1.example.net");
    cr_assert_eq(answer->records[0].preference, 10);
    cr_assert_str_eq(answer->records[1].name, "mx2.example.net");
    cr_assert_eq(answer->ttl_s, 200);

    answer = ask(&bench, "www.example.net", DNS_A);
    cr_assert_eq(answer->outcome, DNS_OK);
    cr_assert_str_eq(answer->name, "mx1.example.net");
    cr_assert_eq(memcmp(answer->records[0].address, "\xc0\x00\x02\x01", 4), 0);
    cr_assert_eq(answer->ttl_s, 30);

    answer = ask(&bench, "mx1.example.net.", DNS_AAAA);
    cr_assert_eq(answer->outcome, DNS_OK);
    cr_assert_eq(answer->records[0].address[15], 1);

    answer = ask(&bench, "txt.example.net", DNS_TXT);
    cr_assert_eq(answer->outcome, DNS_OK);
    cr_assert_eq(answer->records[0].size, 13);
    cr_assert_eq(memcmp(answer->records[0].text, "v=STSv1; id=1", 13), 0);

    answer = ask(&bench, "1.2.0.192.in-addr.arpa", DNS_PTR);
    cr_assert_str_eq(answer->records[0].name, "mx1.example.net");

    answer = ask(&bench, "_25._tcp.mx1.example.net", DNS_TLSA);
    cr_assert_eq(answer->outcome, DNS_OK);
    cr_assert_eq(answer->records[0].tlsa.usage, 3);
    cr_assert_eq(answer->records[0].tlsa.size, 32);

    answer = ask(&bench, "www.example.net", DNS_CNAME);
    cr_assert_str_eq(answer->records[0].name, "mx1.example.net");
    bench_close(&bench);
}

/* Permanent, temporary and "not this type" are told apart. */
TEST(dns, outcomes)
{
    struct bench bench;
    bench_open(&bench, 400);
    cr_assert_eq(ask(&bench, "nowhere.example", DNS_MX)->outcome, DNS_NXDOMAIN);
    cr_assert_eq(bench.last.ttl_s, 300);
    cr_assert_eq(ask(&bench, "mx1.example.net", DNS_MX)->outcome, DNS_NODATA);
    cr_assert_eq(bench.last.ttl_s, 300);
    cr_assert_eq(ask(&bench, "fail.example", DNS_MX)->outcome, DNS_SERVFAIL);
    cr_assert_eq(ask(&bench, "refused.example", DNS_MX)->outcome, DNS_SERVFAIL);
    cr_assert_eq(ask(&bench, "garbage.example", DNS_MX)->outcome, DNS_MALFORMED);
    cr_assert_eq(ask(&bench, "drop.example", DNS_MX)->outcome, DNS_TIMEOUT);
    bench_close(&bench);
}

/* Names that cannot be asked are answered all the same, from the loop, without a packet.
 */
TEST(dns, unaskable_names)
{
    struct bench bench;
    char longest[300];
    char label[80];
    memset(longest, 'a', sizeof longest - 1);
    for (size_t i = 30; i < sizeof longest - 1; i += 31) {
        longest[i] = '.';
    }
    longest[sizeof longest - 1] = '\0';
    memset(label, 'b', sizeof label);
    memcpy(label + sizeof label - 5, ".com", 5);
    const char *const names[] = {"",      ".",      "a..b",  ".a", "a b",
                                 "a\\.b", "x\x80y", longest, label};
    bench_open(&bench, 0);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_eq(ask(&bench, names[i], DNS_MX)->outcome, DNS_MALFORMED, "%s",
                     names[i]);
    }
    cr_assert_eq(bench.server.asked, 0);
    bench_close(&bench);
}

/* Ids are random: many questions, no run of equal or rising ids, none of them all zero.
 */
TEST(dns, random_ids)
{
    struct bench bench;
    unsigned rising = 0;
    unsigned zero = 0;
    bench_open(&bench, 0);
    for (unsigned i = 0; i < 64; i++) {
        (void)ask(&bench, "mx1.example.net", DNS_A);
    }
    cr_assert_eq(bench.server.asked, 64);
    for (unsigned i = 0; i < 64; i++) {
        zero += bench.server.ids[i] == 0 ? 1 : 0;
        rising += i > 0 && bench.server.ids[i] == bench.server.ids[i - 1] + 1 ? 1 : 0;
    }
    cr_assert_leq(zero, 2);
    cr_assert_leq(rising, 2);
    bench_close(&bench);
}

/* We ask for AD, and it is only believed when the answer has it. */
TEST(dns, authenticated_data)
{
    struct bench bench;
    bench_open(&bench, 0);
    cr_assert_not(ask(&bench, "example.net", DNS_MX)->secure);
    bench.server.say_secure = true;
    cr_assert(ask(&bench, "example.net", DNS_MX)->secure);
    cr_assert_eq(bench.server.asked_with_ad, 2);
    bench_close(&bench);
}

/* A truncated answer is fetched again over TCP. */
TEST(dns, falls_back_to_tcp)
{
    struct bench bench;
    bench_open(&bench, 0);
    cr_assert_eq(ask(&bench, "big.example", DNS_A)->outcome, DNS_OK);
    cr_assert_eq(bench.server.asked_tcp, 1);
    cr_assert_eq(bench.last.records[0].address[3], 9);
    bench_close(&bench);
}

/* A cancelled question is never answered: waiting, in flight, or about to be told. */
TEST(dns, cancel)
{
    struct bench bench;
    bench_open(&bench, 0);
    dns_cancel(start(&bench, "mx1.example.net", DNS_A));
    dns_cancel(start(&bench, "a..b", DNS_A));
    cr_assert_eq(dns_pending(bench.dns), 0);
    (void)ask(&bench, "mx1.example.net", DNS_AAAA);
    cr_assert_eq(bench.answers, 1);
    cr_assert_eq(bench.last.type, DNS_AAAA);
    bench_close(&bench);
}

/* More questions than may be in flight wait, and all are answered. */
TEST(dns, many_at_once)
{
    struct bench bench;
    enum { COUNT = LIMIT_DNS_IN_FLIGHT * 4 };
    struct dns_query *queries[COUNT];
    bench_open(&bench, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        queries[i] = start(&bench, "mx1.example.net", DNS_A);
    }
    cr_assert_eq(dns_pending(bench.dns), COUNT);
    dns_cancel(queries[COUNT - 1]);
    run_until(&bench, COUNT - 1);
    cr_assert_eq(bench.last.outcome, DNS_OK);
    cr_assert_eq(dns_pending(bench.dns), 0);
    bench_close(&bench);
}

/* Closing with questions out, and from inside an answer, ends quietly. */
TEST(dns, close_any_time)
{
    struct bench bench;
    bench_open(&bench, 0);
    for (unsigned i = 0; i < LIMIT_DNS_IN_FLIGHT + 10; i++) {
        (void)start(&bench, "drop.example", DNS_A);
    }
    (void)start(&bench, "a..b", DNS_A);
    bench_close(&bench);
    cr_assert_eq(bench.answers, 0);

    bench_open(&bench, 0);
    bench.close_inside = true;
    (void)start(&bench, "mx1.example.net", DNS_A);
    (void)start(&bench, "mx1.example.net", DNS_A);
    run_until(&bench, 1);
    loop_run_once(bench.loop);
    cr_assert_eq(bench.answers, 1);
    nameserver_stop(&bench.server);
    loop_close(bench.loop);
}

/* A server list that is none is refused with words. */
TEST(dns, bad_servers)
{
    struct loop *loop;
    struct dns *dns;
    struct errmsg err = {""};
    struct dns_options options = {.servers = "not-an-address"};
    cr_assert_eq(entropy_start(&err), 0);
    cr_assert_eq(loop_open(&loop), 0);
    cr_assert_eq(dns_open(&dns, loop, &options, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "not-an-address"));
    loop_close(loop);
}
