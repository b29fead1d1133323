#include <stdlib.h>
#include <string.h>

#include "relay/limits.h"
#include "relay/net/dns_answer.h"

#include "tests/support/nameserver.h"

/* Write a response to (name, type) by hand. */
static void head(struct nameserver_out *out, unsigned flags, unsigned answers,
                 const char *name, unsigned type)
{
    memset(out, 0, sizeof *out);
    ns_u16(out, 0x1234);
    ns_u16(out, flags);
    ns_u16(out, 1);
    ns_u16(out, answers);
    ns_u32(out, 0);
    ns_name(out, name);
    ns_u16(out, type);
    ns_u16(out, 1);
}

static void record(struct nameserver_out *out, const char *name, const char *data,
                   enum dns_type type, uint32_t ttl_s)
{
    struct nameserver_row row = {name, type, data, ttl_s};
    ns_name(out, name);
    ns_u16(out, type);
    ns_u16(out, 1);
    ns_u32(out, ttl_s);
    ns_data(out, &row);
}

static struct dns_answer parsed(const struct nameserver_out *out, const char *name,
                                enum dns_type type)
{
    static struct dns_answer answer;
    dns_answer_parse(out->bytes, out->size, name, type, &answer);
    return answer;
}

/* An MX flood keeps the twenty best, in order, whatever order they came in. */
TEST(dns_answer, keeps_best_hosts)
{
    struct nameserver_out out;
    char data[64];
    head(&out, 0x8180, 60, "a.example", DNS_MX);
    for (unsigned i = 0; i < 60; i++) {
        (void)snprintf(data, sizeof data, "%u h%u.example", (i * 37) % 60, (i * 37) % 60);
        record(&out, "a.example", data, DNS_MX, 100);
    }
    struct dns_answer answer = parsed(&out, "a.example", DNS_MX);
    cr_assert_eq(answer.outcome, DNS_OK);
    cr_assert_eq(answer.count, DNS_RECORDS_MAX);
    cr_assert(answer.cut);
    for (unsigned i = 0; i < DNS_RECORDS_MAX; i++) {
        cr_assert_eq(answer.records[i].preference, i);
    }
}

/* Records of other names, types and classes are not ours; the question's case is. */
TEST(dns_answer, minds_owner_and_type)
{
    struct nameserver_out out;
    head(&out, 0x8180, 4, "A.Example", DNS_A);
    record(&out, "b.example", "192.0.2.1", DNS_A, 100);
    record(&out, "a.example", "x.example", DNS_PTR, 100);
    record(&out, "A.EXAMPLE", "192.0.2.3", DNS_A, 100);
    record(&out, "a.example", "192.0.2.4", DNS_A, 50);
    struct dns_answer answer = parsed(&out, "a.example.", DNS_A);
    cr_assert_eq(answer.outcome, DNS_OK);
    cr_assert_eq(answer.count, 2);
    cr_assert_eq(answer.ttl_s, 50);
    cr_assert_eq(parsed(&out, "b.example", DNS_A).outcome, DNS_MALFORMED);
    cr_assert_eq(parsed(&out, "a.example", DNS_MX).outcome, DNS_MALFORMED);
}

/* A chain of aliases is followed whatever the order of records, up to the cap; a circle
 * is no answer. */
TEST(dns_answer, aliases)
{
    struct nameserver_out out;
    char from[32];
    char to[32];
    for (unsigned length = LIMIT_CNAME_STEPS; length <= LIMIT_CNAME_STEPS + 1; length++) {
        head(&out, 0x8180, length + 1, "c0.example", DNS_A);
        (void)snprintf(from, sizeof from, "c%u.example", length);
        record(&out, from, "192.0.2.1", DNS_A, 100);
        for (unsigned i = length; i > 0; i--) {
            (void)snprintf(from, sizeof from, "c%u.example", i - 1);
            (void)snprintf(to, sizeof to, "c%u.example", i);
            record(&out, from, to, DNS_CNAME, 10 + i);
        }
        struct dns_answer answer = parsed(&out, "c0.example", DNS_A);
        cr_assert_eq(answer.outcome,
                     length == LIMIT_CNAME_STEPS ? DNS_OK : DNS_MALFORMED);
        cr_assert(length != LIMIT_CNAME_STEPS || answer.ttl_s == 11);
    }
    head(&out, 0x8180, 2, "x.example", DNS_A);
    record(&out, "x.example", "y.example", DNS_CNAME, 1);
    record(&out, "y.example", "x.example", DNS_CNAME, 1);
    cr_assert_eq(parsed(&out, "x.example", DNS_A).outcome, DNS_MALFORMED);
}

/* Names are compressed; pointers go back only, so that no name is endless. */
TEST(dns_answer, compression)
{
    struct nameserver_out out;
    head(&out, 0x8180, 1, "a.example", DNS_MX);
    static const uint8_t good[] = {0xc0, 12, 0, 15, 0, 1,   0,   0,    0, 60,
                                   0,    7,  0, 5,  2, 'm', 'x', 0xc0, 14};
    memcpy(out.bytes + out.size, good, sizeof good);
    size_t start = out.size;
    out.size += sizeof good;
    struct dns_answer answer = parsed(&out, "a.example", DNS_MX);
    cr_assert_eq(answer.outcome, DNS_OK);
    cr_assert_str_eq(answer.records[0].name, "mx.example");

    out.bytes[start + 1] = (uint8_t)start; /* to itself */
    cr_assert_eq(parsed(&out, "a.example", DNS_MX).outcome, DNS_MALFORMED);
    out.bytes[start + 1] = (uint8_t)(start + 10); /* ahead */
    cr_assert_eq(parsed(&out, "a.example", DNS_MX).outcome, DNS_MALFORMED);
    out.bytes[start] = 0x80; /* a label type that does not exist */
    cr_assert_eq(parsed(&out, "a.example", DNS_MX).outcome, DNS_MALFORMED);
}

/* A host's name with other bytes than a host name may have is dropped. */
TEST(dns_answer, odd_names)
{
    static const char *const names[] = {"m x.example", "m\nx.example", "m\\x.example",
                                        "m\xc3\xa9.example", "[1.2.3.4]"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct nameserver_out out;
        head(&out, 0x8180, 2, "a.example", DNS_CNAME);
        record(&out, "a.example", names[i], DNS_CNAME, 1);
        record(&out, "a.example", "good_one.example", DNS_CNAME, 1);
        struct dns_answer answer = parsed(&out, "a.example", DNS_CNAME);
        cr_assert_eq(answer.count, 1);
        cr_assert_str_eq(answer.records[0].name, "good_one.example");
    }
}

/* Records whose data is not of their type's size are dropped, the others kept. */
TEST(dns_answer, wrong_sizes)
{
    static const uint8_t short_a[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 3, 1, 2, 3};
    struct nameserver_out out;
    head(&out, 0x8180, 2, "a.example", DNS_A);
    memcpy(out.bytes + out.size, short_a, sizeof short_a);
    out.size += sizeof short_a;
    record(&out, "a.example", "192.0.2.4", DNS_A, 50);
    struct dns_answer answer = parsed(&out, "a.example", DNS_A);
    cr_assert_eq(answer.outcome, DNS_OK);
    cr_assert_eq(answer.count, 1);
}

/* Codes, flags and TTLs mean what the RFCs say. */
TEST(dns_answer, flags)
{
    struct nameserver_out out;
    head(&out, 0x81a0, 1, "a.example", DNS_A);
    record(&out, "a.example", "192.0.2.4", DNS_A, UINT32_C(0x80000001));
    cr_assert(parsed(&out, "a.example", DNS_A).secure);
    cr_assert_eq(parsed(&out, "a.example", DNS_A).ttl_s, 0);
    head(&out, 0x8183, 0, "a.example", DNS_A);
    cr_assert_eq(parsed(&out, "a.example", DNS_A).outcome, DNS_NXDOMAIN);
    head(&out, 0x8180, 0, "a.example", DNS_A);
    cr_assert_eq(parsed(&out, "a.example", DNS_A).outcome, DNS_NODATA);
    head(&out, 0x8380, 0, "a.example", DNS_A); /* truncated: not the same as "no" */
    cr_assert_eq(parsed(&out, "a.example", DNS_A).outcome, DNS_MALFORMED);
    head(&out, 0x8182, 0, "a.example", DNS_A);
    cr_assert_eq(parsed(&out, "a.example", DNS_A).outcome, DNS_SERVFAIL);
    head(&out, 0x0100, 0, "a.example", DNS_A); /* a question */
    cr_assert_eq(parsed(&out, "a.example", DNS_A).outcome, DNS_MALFORMED);
}

/* Cut anywhere, with any byte changed, a response is parsed without harm, and every name
 * that comes out is a terminated host name. */
TEST(dns_answer, mutations)
{
    struct nameserver_out out;
    unsigned seed = 7;
    head(&out, 0x8180, 3, "a.example", DNS_MX);
    record(&out, "a.example", "b.example", DNS_CNAME, 60);
    record(&out, "b.example", "10 mx1.example", DNS_MX, 60);
    record(&out, "b.example", "20 mx2.example", DNS_MX, 60);
    for (size_t size = 0; size <= out.size; size++) {
        uint8_t *cut = malloc(size + 1); /* exact, so that ASan sees the end */
        struct dns_answer answer;
        memcpy(cut, out.bytes, size);
        uint8_t *exact = realloc(cut, size == 0 ? 1 : size);
        dns_answer_parse(exact, size, "a.example", DNS_MX, &answer);
        cr_assert(size == out.size || answer.outcome == DNS_MALFORMED);
        free(exact);
    }
    for (int round = 0; round < 200000; round++) {
        struct nameserver_out bad = out;
        struct dns_answer answer;
        for (int i = 0; i < 3; i++) {
            seed = seed * 1664525U + 1013904223U;
            bad.bytes[(seed >> 8) % bad.size] = (uint8_t)(seed >> 24);
        }
        dns_answer_parse(bad.bytes, bad.size, "a.example", DNS_MX, &answer);
        cr_assert_leq(answer.count, DNS_RECORDS_MAX);
        for (unsigned i = 0; i < answer.count; i++) {
            size_t length = strnlen(answer.records[i].name, DNS_NAME_BYTES);
            cr_assert_lt(length, DNS_NAME_BYTES);
            cr_assert_eq(
                strspn(answer.records[i].name, "abcdefghijklmnopqrstuvwxyz0123456789-_."),
                length);
        }
    }
}

/* Every outcome has words. */
TEST(dns_answer, names)
{
    for (enum dns_outcome outcome = DNS_OK; outcome <= DNS_MALFORMED; outcome++) {
        cr_assert_neq(dns_answer_outcome_name(outcome)[0], '\0');
    }
}
