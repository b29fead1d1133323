#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/spf.h"

#include "tests/support/test.h"

struct row {
    const char *name;
    enum dns_type type;
    const char *data; /* "!" SERVFAIL; "" the name exists without this */
};

/* A world of names; what is not in it does not exist. */
static const struct row *world;
static struct dns_answer answers[64];
static unsigned answer_count;
static const char *unknown; /* a name that is not known yet; NULL none */

static void put(struct dns_answer *answer, const struct row *row)
{
    struct dns_record *record = &answer->records[answer->count];
    if (row->data[0] == '!') {
        answer->outcome = DNS_SERVFAIL;
        return;
    }
    answer->outcome = answer->count > 0 ? DNS_OK : DNS_NODATA;
    if (row->data[0] == '\0' || row->type != answer->type) {
        return;
    }
    answer->outcome = DNS_OK;
    answer->count++;
    switch (answer->type) {
    case DNS_A: (void)inet_pton(AF_INET, row->data, record->address); break;
    case DNS_AAAA: (void)inet_pton(AF_INET6, row->data, record->address); break;
    case DNS_TXT:
        record->size = (uint16_t)strlen(row->data);
        memcpy(record->text, row->data, record->size);
        break;
    case DNS_MX:
    case DNS_PTR:
    case DNS_CNAME:
    case DNS_TLSA:
        (void)snprintf(record->name, sizeof record->name, "%s", row->data);
        break;
    }
}

static const struct dns_answer *look(const char *name, enum dns_type type, void *owner)
{
    (void)owner;
    if (unknown != NULL && strcasecmp(unknown, name) == 0) {
        return NULL;
    }
    if (answer_count == sizeof answers / sizeof answers[0]) {
        abort(); /* nothing may ask so often */
    }
    struct dns_answer *answer = &answers[answer_count++];
    *answer = (struct dns_answer){.outcome = DNS_NXDOMAIN, .type = type};
    for (const struct row *row = world; row->name != NULL; row++) {
        if (strcasecmp(row->name, name) == 0) {
            put(answer, row);
        }
    }
    return answer;
}

static struct spf_answer check(const struct row *rows, const char *domain,
                               const char *address)
{
    struct spf_answer answer;
    struct spf_ask ask = {.domain = domain,
                          .sender = "strong-bad",
                          .helo = "mx.example.org",
                          .look_cb = look};
    cr_assert_eq(netaddr_parse(address, 0, &ask.address), 0);
    world = rows;
    answer_count = 0;
    spf_check(&ask, &answer);
    return answer;
}

static void expect(const struct row *rows, const char *address, enum spf_result result,
                   const char *term)
{
    struct spf_answer answer = check(rows, "example.com", address);
    cr_assert_str_eq(spf_result_name(answer.result), spf_result_name(result),
                     "%s from %s: %s", rows[0].data, address, answer.term);
    if (term != NULL) {
        cr_assert_str_eq(answer.term, term);
    }
}

#define RECORD(TEXT)                    \
    (const struct row[])                \
    {                                   \
        {"example.com", DNS_TXT, TEXT}, \
        {                               \
            NULL, 0, NULL               \
        }                               \
    }

/* Addresses, networks and qualifiers decide, from left to right; nothing is neutral. */
TEST(spf, addresses)
{
    expect(RECORD("v=spf1 ip4:192.0.2.0/24 -all"), "192.0.2.77", SPF_PASS,
           "ip4:192.0.2.0/24");
    expect(RECORD("v=spf1 ip4:192.0.2.0/24 -all"), "192.0.3.1", SPF_FAIL, "-all");
    expect(RECORD("v=spf1 ip4:192.0.2.1 ~all"), "192.0.2.2", SPF_SOFTFAIL, "~all");
    expect(RECORD("v=spf1 ?ip4:192.0.2.1 -all"), "192.0.2.1", SPF_NEUTRAL, NULL);
    expect(RECORD("v=spf1 -ip4:192.0.2.1 +all"), "192.0.2.1", SPF_FAIL, NULL);
    expect(RECORD("v=spf1 ip6:2001:db8::/32 -all"), "2001:db8::1", SPF_PASS, NULL);
    expect(RECORD("v=spf1 ip6:2001:db8::/32 -all"), "192.0.2.1", SPF_FAIL, NULL);
    expect(RECORD("V=SPF1 IP4:192.0.2.1 -ALL"), "192.0.2.1", SPF_PASS, NULL);
    expect(RECORD("v=spf1"), "192.0.2.1", SPF_NEUTRAL, "");
    expect(RECORD("v=spf1  ip4:192.0.2.1   exp=why.%{d} "), "192.0.2.1", SPF_PASS, NULL);
}

/* No record is none; two, or one that cannot be read as a whole, are an error. */
TEST(spf, records)
{
    static const struct row two[] = {{"example.com", DNS_TXT, "v=spf1 +all"},
                                     {"example.com", DNS_TXT, "v=spf1 -all"},
                                     {NULL, 0, NULL}};
    static const struct row other[] = {{"example.com", DNS_TXT, "hello"},
                                       {"example.com", DNS_TXT, "v=spf10 +all"},
                                       {"example.com", DNS_TXT, "v=spf1 +all"},
                                       {NULL, 0, NULL}};
    static const char *const broken[] = {"v=spf1 ip4:192.0.2 -all",
                                         "v=spf1 ip4:192.0.2.1/33 +all",
                                         "v=spf1 ip4: +all",
                                         "v=spf1 ip6:192.0.2.1 +all",
                                         "v=spf1 include +all",
                                         "v=spf1 all:x",
                                         "v=spf1 b +all",
                                         "v=spf1 a/024 +all",
                                         "v=spf1 a/24//129 +all",
                                         "v=spf1 redirect= ",
                                         "v=spf1 -",
                                         "v=spf1 exists:%{z} +all",
                                         "v=spf1 a:%x.example.com -all",
                                         "v=spf1 ip4:[192.0.2.1] +all"};
    expect(two, "192.0.2.1", SPF_PERMERROR, "more than one record");
    expect(other, "192.0.2.1", SPF_PASS, NULL);
    expect(RECORD("nothing of it"), "192.0.2.1", SPF_NONE, "no record");
    expect(RECORD("!"), "192.0.2.1", SPF_TEMPERROR, NULL);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct row rows[] = {{"example.com", DNS_TXT, broken[i]}, {NULL, 0, NULL}};
        expect(rows, "198.51.100.1", SPF_PERMERROR, NULL);
    }
}

static const struct row hosts[] = {
    {"example.com", DNS_TXT,
     "v=spf1 a:www.example.com/30 mx ptr exists:%{ir}.ok.test -all"},
    {"example.com", DNS_MX, "mx1.example.com"},
    {"example.com", DNS_MX, "mx2.example.com"},
    {"www.example.com", DNS_A, "192.0.2.8"},
    {"mx1.example.com", DNS_A, "192.0.2.20"},
    {"mx2.example.com", DNS_A, "192.0.2.21"},
    {"mx2.example.com", DNS_AAAA, "2001:db8::21"},
    {"40.2.0.192.in-addr.arpa", DNS_PTR, "out.example.com"},
    {"out.example.com", DNS_A, "192.0.2.40"},
    {"41.2.0.192.in-addr.arpa", DNS_PTR, "liar.example.com"},
    {"liar.example.com", DNS_A, "192.0.2.99"},
    {"42.2.0.192.in-addr.arpa", DNS_PTR, "notexample.com"},
    {"notexample.com", DNS_A, "192.0.2.42"},
    {"50.2.0.192.ok.test", DNS_A, "127.0.0.2"},
    {NULL, 0, NULL}};

/* Names are asked: hosts with their neighbours, mail hosts, reverse names that lead back,
 * names made of macros. */
TEST(spf, names)
{
    expect(hosts, "192.0.2.9", SPF_PASS, "a:www.example.com/30");
    expect(hosts, "192.0.2.12", SPF_FAIL, "-all");
    expect(hosts, "192.0.2.21", SPF_PASS, "mx");
    expect(hosts, "2001:db8::21", SPF_PASS, "mx");
    expect(hosts, "192.0.2.40", SPF_PASS, "ptr");
    expect(hosts, "192.0.2.41", SPF_FAIL, "-all");
    expect(hosts, "192.0.2.42", SPF_FAIL, "-all");
    expect(hosts, "192.0.2.50", SPF_PASS, "exists:%{ir}.ok.test");
}

static const struct row others[] = {
    {"example.com", DNS_TXT, "v=spf1 include:a.test ?include:b.test redirect=c.test"},
    {"a.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all"},
    {"b.test", DNS_TXT, "v=spf1 include:d.test ~all"},
    {"c.test", DNS_TXT, "v=spf1 ip4:192.0.2.3 -all"},
    {"d.test", DNS_TXT, "v=spf1 ip4:192.0.2.2"},
    {NULL, 0, NULL}};

/* An include matches when its record passes, whatever else it says; a redirect takes the
 * record's place. */
TEST(spf, other_records)
{
    expect(others, "192.0.2.1", SPF_PASS, "include:a.test");
    expect(others, "192.0.2.2", SPF_NEUTRAL, "?include:b.test");
    expect(others, "192.0.2.3", SPF_PASS, "ip4:192.0.2.3");
    expect(others, "192.0.2.4", SPF_FAIL, "-all");
    expect(RECORD("v=spf1 include:nowhere.test +all"), "192.0.2.1", SPF_PERMERROR,
           "no record");
    expect(RECORD("v=spf1 redirect=nowhere.test"), "192.0.2.1", SPF_PERMERROR, NULL);
}

/* A record that asks for too much, or itself, is an error and ends. */
TEST(spf, bounds)
{
    static const struct row loop[] = {{"example.com", DNS_TXT, "v=spf1 include:b.test"},
                                      {"b.test", DNS_TXT, "v=spf1 include:example.com"},
                                      {NULL, 0, NULL}};
    static const struct row circle[] = {
        {"example.com", DNS_TXT, "v=spf1 redirect=example.com"}, {NULL, 0, NULL}};
    expect(loop, "192.0.2.1", SPF_PERMERROR, NULL);
    expect(circle, "192.0.2.1", SPF_PERMERROR, "it needs more than ten look-ups");
    expect(RECORD("v=spf1 a a a a a a a a a a a -all"), "192.0.2.1", SPF_PERMERROR, NULL);
    expect(RECORD("v=spf1 a:x.test a:y.test a:z.test +all"), "192.0.2.1", SPF_PERMERROR,
           "more than two of its names do not exist");
    expect(RECORD("v=spf1 a:x.test a:y.test +all"), "192.0.2.1", SPF_PASS, NULL);
}

/* What is not known yet is asked for, by name; a server that fails is no verdict. */
TEST(spf, asks)
{
    unknown = "mx2.example.com";
    struct spf_answer answer = check(hosts, "example.com", "192.0.2.21");
    unknown = NULL;
    cr_assert_eq(answer.result, SPF_ASKS);
    cr_assert_str_eq(answer.wants, "mx2.example.com");
    cr_assert_eq(answer.wants_type, DNS_A);
    static const struct row sick[] = {{"example.com", DNS_TXT, "v=spf1 a:x.test -all"},
                                      {"x.test", DNS_A, "!"},
                                      {NULL, 0, NULL}};
    expect(sick, "192.0.2.1", SPF_TEMPERROR, "server failure");
}

/* The standard's own examples of macros (RFC 7208, 7.4). */
TEST(spf, macros)
{
    static const struct {
        const char *spec;
        const char *address;
        const char *name;
    } cases[] = {
        {"%{ir}.%{v}._spf.%{d2}", "192.0.2.3", "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp._spf.%{d2}", "192.0.2.3", "bad.strong.lp._spf.example.com"},
        {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "192.0.2.3",
         "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"%{d2}.trusted-domains.example.net", "192.0.2.3",
         "example.com.trusted-domains.example.net"},
        {"%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01",
         "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf."
         "example.com"},
        {"%{h}.%{p}", "192.0.2.3", "mx.example.org.unknown"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char record[200];
        (void)snprintf(record, sizeof record, "v=spf1 exists:%s -all", cases[i].spec);
        struct row rows[] = {{"email.example.com", DNS_TXT, record},
                             {cases[i].name, DNS_A, "127.0.0.2"},
                             {NULL, 0, NULL}};
        struct spf_answer answer = check(rows, "email.example.com", cases[i].address);
        cr_assert_eq(answer.result, SPF_PASS, "%s: %s", cases[i].spec, answer.term);
    }
}
