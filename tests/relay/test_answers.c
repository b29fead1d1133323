#include "relay/answers.h"
#include "relay/entropy.h"
#include "relay/net/loop.h"
#include "relay/net/loop_uv.h"
#include "relay/now.h"

#include "tests/support/nameserver.h"

static const struct nameserver_row zone[] = {
    {"a.example", DNS_A, "192.0.2.1", 300},
    {"a.example", DNS_A, "192.0.2.2", 300},
    {"b.example", DNS_MX, "10 mx1.example", 300},
    {"b.example", DNS_MX, "20 mx2.example", 300},
    {"fail.example", 0, "!SERVFAIL", 0},
    {NULL, 0, NULL, 0},
};

struct bench {
    struct loop *loop;
    struct dns *dns;
    struct answers *answers;
    struct nameserver server;
};

struct waiter {
    struct answers_want want;
    unsigned known;
};

static void on_known(struct answers_want *want)
{
    ((struct waiter *)want)->known++;
}

static void bench_open(struct bench *bench, uint32_t most)
{
    struct errmsg err;
    memset(bench, 0, sizeof *bench);
    cr_assert_eq(entropy_start(&err), 0);
    cr_assert_eq(loop_open(&bench->loop), 0);
    nameserver_start(&bench->server, loop_uv(bench->loop), zone);
    struct dns_options options = {.servers = bench->server.text};
    cr_assert_eq(dns_open(&bench->dns, bench->loop, &options, &err), 0);
    bench->answers = answers_new(bench->dns, most);
}

static void bench_close(struct bench *bench)
{
    answers_free(bench->answers);
    dns_close(bench->dns);
    nameserver_stop(&bench->server);
    loop_close(bench->loop);
}

static struct answers_entry *ask(struct bench *bench, const char *name,
                                 enum dns_type type, struct waiter *waiter)
{
    waiter->want.known_cb = on_known;
    return answers_ask(bench->answers, name, type, &waiter->want);
}

static void wait_for(struct bench *bench, const struct waiter *waiter, unsigned known)
{
    while (waiter->known < known) {
        (void)uv_run(loop_uv(bench->loop), UV_RUN_ONCE);
    }
}

/* Known answers hold their data packed; a second asker gets the same entry at once. */
TEST(answers, keeps_data)
{
    struct bench bench;
    struct waiter waiter = {0};
    bench_open(&bench, 10);
    struct answers_entry *a = ask(&bench, "a.example", DNS_A, &waiter);
    cr_assert_not(a->known);
    wait_for(&bench, &waiter, 1);
    cr_assert_eq(a->outcome, DNS_OK);
    cr_assert_eq(a->count, 2);
    cr_assert_eq(memcmp(a->data, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8), 0);
    int64_t left_s = (a->until_ns - now_ns()) / NOW_NS_PER_S;
    cr_assert_geq(left_s, 298);
    cr_assert_leq(left_s, 300);
    cr_assert_eq(ask(&bench, "a.example", DNS_A, &waiter), a);
    answers_release(a);
    answers_release(a);

    struct answers_entry *b = ask(&bench, "b.example", DNS_MX, &waiter);
    wait_for(&bench, &waiter, 2);
    cr_assert_str_eq(answers_name(b, 0), "mx1.example");
    cr_assert_str_eq(answers_name(b, 1), "mx2.example");
    cr_assert_eq(b->preferences[1], 20);
    answers_release(b);
    bench_close(&bench);
}

/* "No" is kept for a minute at least, a failure for seconds only. */
TEST(answers, lifetimes)
{
    struct bench bench;
    struct waiter one = {0};
    struct waiter two = {0};
    bench_open(&bench, 10);
    struct answers_entry *none = ask(&bench, "none.example", DNS_A, &one);
    struct answers_entry *failed = ask(&bench, "fail.example", DNS_A, &two);
    wait_for(&bench, &one, 1);
    wait_for(&bench, &two, 1);
    cr_assert_eq(failed->outcome, DNS_SERVFAIL);
    cr_assert_leq(failed->until_ns - now_ns(), 5 * NOW_NS_PER_S);
    cr_assert_eq(none->outcome, DNS_NXDOMAIN);
    cr_assert_gt(none->until_ns - now_ns(), 59 * NOW_NS_PER_S);
    answers_release(none);
    answers_release(failed);
    bench_close(&bench);
}

/* Who gives up is not told; when nobody is left the question is dropped. */
TEST(answers, give_up)
{
    struct bench bench;
    struct waiter one = {0};
    struct waiter two = {0};
    struct answers_stats stats;
    bench_open(&bench, 10);
    struct answers_entry *entry = ask(&bench, "a.example", DNS_A, &one);
    cr_assert_eq(ask(&bench, "a.example", DNS_A, &two), entry);
    list_remove(&one.want.node);
    answers_release(entry);
    wait_for(&bench, &two, 1);
    cr_assert_eq(one.known, 0);
    answers_release(entry);

    entry = ask(&bench, "b.example", DNS_MX, &one);
    list_remove(&one.want.node);
    answers_release(entry);
    cr_assert_eq(dns_pending(bench.dns), 0);
    answers_count(bench.answers, &stats);
    cr_assert_eq(stats.count, 1);
    bench_close(&bench);
}

/* An entry that is held outlives the cache's forgetting, and the cache itself. */
TEST(answers, holders_outlive)
{
    struct bench bench;
    struct waiter waiter = {0};
    bench_open(&bench, 10);
    struct answers_entry *entry = ask(&bench, "a.example", DNS_A, &waiter);
    wait_for(&bench, &waiter, 1);
    answers_flush(bench.answers);
    cr_assert_eq(entry->count, 2);
    struct answers_entry *fresh = ask(&bench, "a.example", DNS_A, &waiter);
    cr_assert_neq(fresh, entry);
    wait_for(&bench, &waiter, 2);
    bench_close(&bench);
    cr_assert_eq(fresh->count, 2);
    answers_release(fresh);
    answers_release(entry);
    answers_release(NULL);
}

/* A list of our own is known at once and belongs to no cache. */
TEST(answers, own_list)
{
    struct errmsg err;
    const char *const hosts[] = {"one.example", "two.example"};
    cr_assert_eq(entropy_start(&err), 0);
    struct answers_entry *list = answers_list(hosts, 2, 60);
    cr_assert(list->known);
    cr_assert_eq(list->count, 2);
    cr_assert_str_eq(answers_name(list, 1), "two.example");
    cr_assert_lt(list->preferences[0], list->preferences[1]);
    answers_release(list);
}
