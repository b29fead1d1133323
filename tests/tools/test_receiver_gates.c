#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"
#include "tools/dice.h"
#include "tools/receiver_capacity.h"
#include "tools/receiver_gates.h"
#include "tools/ticks.h"

#define S TICKS_SECOND

static struct receiver_provider *provider_of(const char *text)
{
    struct receiver_spec spec;
    struct errmsg err = {""};

    receiver_spec_init(&spec);
    cr_assert_eq(receiver_spec_parse(&spec, text, &err), 0, "%s", err.text);
    cr_assert_eq(receiver_spec_check(&spec, &err), 0, "%s", err.text);
    return receiver_book_new(&spec);
}

static struct receiver_source *source_of(struct receiver_provider *provider,
                                         const char *address)
{
    struct sockaddr_storage peer = {.ss_family = AF_INET};
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)&peer;

    cr_assert_eq(inet_pton(AF_INET, address, &four->sin_addr), 1);
    return receiver_book_source(provider, &peer, 0);
}

static enum receiver_class judge(struct receiver_provider *provider,
                                 struct receiver_source *source, int stage,
                                 int64_t model_ns)
{
    const char *text = NULL;
    struct receiver_case what = {
        .provider = provider,
        .source = source,
        .stage = stage,
        .model_ns = model_ns,
        .sender = "a@s",
        .recipient = stage == RECEIVER_RCPT ? "b@d" : "",
    };

    return receiver_gates_judge(&what, &text);
}

/* Whatever the times of the attempts: in any span the bucket lets through at most its
 * burst and what the rate brings in it. */
TEST(receiver_gates, bucket_bound)
{
    struct receiver_provider *provider =
        provider_of("rate=3/s,burst=5,diurnal=0.5,day=60s");
    struct receiver_source *source = source_of(provider, "127.0.0.1");
    uint64_t seed = (uint64_t)ticks_now_ns();
    uint64_t dice = seed;
    static int64_t passed[5000];
    int count = 0;
    int64_t now_ns = 0;

    (void)printf("# seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < 5000; i++) {
        now_ns += (int64_t)(dice_next(&dice) % (uint64_t)(S / 2));
        if (judge(provider, source, RECEIVER_MAIL, now_ns) == RECEIVER_ACCEPTED) {
            passed[count++] = now_ns;
        }
    }
    for (int from = 0; from < count; from += 17) {
        for (int to = from; to < count; to += 13) {
            double most =
                provider->spec.burst +
                receiver_capacity_refill(&provider->spec, passed[from], passed[to]);

            cr_assert_leq((double)(to - from + 1), most + 1e-6);
        }
    }
    receiver_book_free(provider);
}

/* A greedy sender gets all there is. */
TEST(receiver_gates, bucket_gives_all)
{
    struct receiver_provider *provider = provider_of("rate=10/s,burst=1");
    struct receiver_source *source = source_of(provider, "127.0.0.1");
    int passed = 0;

    for (int64_t ns = 0; ns < 100 * S; ns += S / 1000) {
        passed += judge(provider, source, RECEIVER_MAIL, ns) == RECEIVER_ACCEPTED;
    }
    cr_assert_geq(passed, 999);
    cr_assert_leq(passed, 1001);
    receiver_book_free(provider);
}

/* Exactly the (K+1)th refusal within the window opens the box; slower ones never do. */
TEST(receiver_gates, strikes)
{
    struct receiver_provider *provider =
        provider_of("rate=1/h,burst=1,strikes=3,strike_window=10s,box=5s,box_attempts=0");
    struct receiver_source *source = source_of(provider, "127.0.0.1");
    int64_t ns = 0;

    cr_assert_eq(judge(provider, source, RECEIVER_MAIL, ns), RECEIVER_ACCEPTED);
    for (int i = 0; i < 20; i++) {
        ns += 4 * S; /* four of these span 12 s */
        cr_assert_eq(judge(provider, source, RECEIVER_MAIL, ns), RECEIVER_RATE);
    }
    ns += 20 * S;
    for (int i = 0; i < 4; i++) {
        ns += 1 * S;
        cr_assert_eq(judge(provider, source, RECEIVER_MAIL, ns), RECEIVER_RATE);
    }
    cr_assert_eq(judge(provider, source, RECEIVER_CONNECT, ns + 1), RECEIVER_BOX);
    cr_assert_eq(judge(provider, source, RECEIVER_MAIL, ns + 4 * S), RECEIVER_BOX);
    cr_assert_eq(judge(provider, source, RECEIVER_CONNECT, ns + 5 * S),
                 RECEIVER_ACCEPTED);
    cr_assert_eq(source->account->boxes, 1);
    receiver_book_free(provider);
}

/* What another gate refuses at the same stage is not charged. */
TEST(receiver_gates, refused_is_not_charged)
{
    struct receiver_provider *provider =
        provider_of("daily=2,at=rcpt,grey_min=10s,grey_triplet=false");
    struct receiver_source *source = source_of(provider, "127.0.0.1");

    for (int i = 0; i < 10; i++) {
        cr_assert_eq(judge(provider, source, RECEIVER_RCPT, i), RECEIVER_GREY);
    }
    cr_assert_eq(judge(provider, source, RECEIVER_RCPT, 11 * S), RECEIVER_ACCEPTED);
    cr_assert_eq(judge(provider, source, RECEIVER_RCPT, 12 * S), RECEIVER_ACCEPTED);
    cr_assert_eq(judge(provider, source, RECEIVER_RCPT, 13 * S), RECEIVER_DAILY);
    receiver_book_free(provider);
}

/* Greylisting: too soon, in time, remembered, forgotten, too late. */
TEST(receiver_gates, grey)
{
    struct receiver_provider *provider =
        provider_of("grey_min=10s,grey_max=60s,grey_keep=100s");
    struct receiver_source *source = source_of(provider, "127.0.0.1");
    static const struct {
        int64_t at_s;
        enum receiver_class class;
    } steps[] = {
        {0, RECEIVER_GREY},       {9, RECEIVER_GREY},       {10, RECEIVER_ACCEPTED},
        {109, RECEIVER_ACCEPTED}, {210, RECEIVER_GREY},     {271, RECEIVER_GREY},
        {280, RECEIVER_GREY},     {281, RECEIVER_ACCEPTED},
    };

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        cr_assert_eq(judge(provider, source, RECEIVER_RCPT, steps[i].at_s * S),
                     steps[i].class, "at %d", (int)steps[i].at_s);
    }
    receiver_book_free(provider);
}

/* A curve lets its allowance through each day, for many days, and never more. */
TEST(receiver_gates, curve_days)
{
    struct receiver_provider *provider =
        provider_of("curve=20,curve_growth=1.5,curve_overrun=0.5,day=100s");
    struct receiver_source *source = source_of(provider, "127.0.0.1");

    for (int64_t day = 0; day < 10; day++) {
        int allowance = (int)receiver_capacity_curve(&provider->spec, day);

        for (int i = 0; i < allowance; i++) {
            cr_assert_eq(judge(provider, source, RECEIVER_MAIL, day * 100 * S + i),
                         RECEIVER_ACCEPTED);
        }
        cr_assert_eq(judge(provider, source, RECEIVER_MAIL, day * 100 * S + 99 * S),
                     RECEIVER_CURVE);
    }
    receiver_book_free(provider);
}

/* Sources of one prefix share an account; IPv4 in IPv6 is IPv4. */
TEST(receiver_gates, shared_accounts)
{
    struct receiver_provider *provider = provider_of("daily=3,share=/24");
    struct sockaddr_storage mapped = {.ss_family = AF_INET6};
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&mapped;
    struct receiver_source *a = source_of(provider, "10.0.0.1");
    struct receiver_source *b = source_of(provider, "10.0.0.200");
    struct receiver_source *c = source_of(provider, "10.0.1.1");

    cr_assert_eq(a->account, b->account);
    cr_assert_neq(a->account, c->account);
    cr_assert_eq(inet_pton(AF_INET6, "::ffff:10.0.0.1", &six->sin6_addr), 1);
    cr_assert_eq(receiver_book_source(provider, &mapped, 0), a);
    cr_assert_str_eq(a->text, "10.0.0.1");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(judge(provider, i % 2 == 0 ? a : b, RECEIVER_MAIL, i),
                     RECEIVER_ACCEPTED);
    }
    cr_assert_eq(judge(provider, b, RECEIVER_MAIL, 4), RECEIVER_DAILY);
    cr_assert_eq(judge(provider, c, RECEIVER_MAIL, 4), RECEIVER_ACCEPTED);
    receiver_book_free(provider);
}
