#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>

#include "relay/preflight_judge.h"

#include "tests/support/test.h"

struct row {
    const char *name;
    enum dns_type type;
    const char *data; /* "!" SERVFAIL; "?" not known yet */
};

static const struct row *world;
static struct dns_answer answers[64];
static size_t answer_count;

static const struct dns_answer *look(const char *name, enum dns_type type, void *owner)
{
    (void)owner;
    if (answer_count == sizeof answers / sizeof answers[0]) {
        abort(); /* nothing may ask so often */
    }
    struct dns_answer *answer = &answers[answer_count++];
    *answer = (struct dns_answer){.outcome = DNS_NXDOMAIN, .type = type};
    for (const struct row *row = world; row->name != NULL; row++) {
        struct dns_record *record = &answer->records[answer->count];
        if (row->type != type || strcmp(row->name, name) != 0) {
            continue;
        }
        if (row->data[0] == '?') {
            return NULL;
        }
        answer->outcome = row->data[0] == '!' ? DNS_SERVFAIL : DNS_OK;
        answer->count++;
        if (type == DNS_A) {
            (void)inet_pton(AF_INET, row->data, record->address);
        } else if (type == DNS_TXT) {
            record->size = (uint16_t)strlen(row->data);
            memcpy(record->text, row->data, record->size);
        } else {
            (void)snprintf(record->name, sizeof record->name, "%s", row->data);
        }
    }
    return answer;
}

static struct preflight_report judge(const struct row *rows, const char *helo)
{
    struct preflight_report report;
    struct preflight_ask ask = {.address_count = 1,
                                .helo = helo,
                                .domains = {"example.com"},
                                .domain_count = 1,
                                .listed = "",
                                .lists = 2,
                                .look_cb = look};
    cr_assert_eq(netaddr_parse("192.0.2.20", 0, &ask.addresses[0]), 0);
    world = rows;
    answer_count = 0;
    preflight_judge(&ask, &report);
    return report;
}

static enum preflight_grade grade(const struct preflight_report *report,
                                  const char *check)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->findings[i].check, check) == 0) {
            return report->findings[i].grade;
        }
    }
    cr_assert_fail("nothing is said of %s", check);
    return PREFLIGHT_GOOD;
}

#define REVERSE "20.2.0.192.in-addr.arpa"
#define GOOD_SPF                                             \
    {                                                        \
        "example.com", DNS_TXT, "v=spf1 ip4:192.0.2.20 -all" \
    }

/* A source whose names, SPF and lists are as they should be passes. */
TEST(preflight_judge, passes)
{
    static const struct row rows[] = {{REVERSE, DNS_PTR, "b1.example.com"},
                                      {"b1.example.com", DNS_A, "192.0.2.20"},
                                      GOOD_SPF,
                                      {NULL, 0, NULL}};
    struct preflight_report report = judge(rows, "b1.example.com");
    cr_assert_eq(preflight_worst(&report), PREFLIGHT_GOOD);
    cr_assert_eq(report.count, 4);
    cr_assert_not(report.asks);
}

/* Each thing that is wrong is found, alone, and said with what would be right. */
TEST(preflight_judge, failures)
{
    static const struct row no_ptr[] = {
        {"b1.example.com", DNS_A, "192.0.2.20"}, GOOD_SPF, {NULL, 0, NULL}};
    static const struct row liar[] = {{REVERSE, DNS_PTR, "b1.example.com"},
                                      {"b1.example.com", DNS_A, "192.0.2.21"},
                                      {"other.example.com", DNS_A, "192.0.2.20"},
                                      GOOD_SPF,
                                      {NULL, 0, NULL}};
    static const struct row no_spf[] = {{REVERSE, DNS_PTR, "b1.example.com"},
                                        {"b1.example.com", DNS_A, "192.0.2.20"},
                                        {NULL, 0, NULL}};
    static const struct row softfail[] = {{REVERSE, DNS_PTR, "b1.example.com"},
                                          {"b1.example.com", DNS_A, "192.0.2.20"},
                                          {"example.com", DNS_TXT, "v=spf1 mx ~all"},
                                          {"example.com", DNS_MX, "mx.example.com"},
                                          {"mx.example.com", DNS_A, "192.0.2.1"},
                                          {NULL, 0, NULL}};
    struct preflight_report report = judge(no_ptr, "b1.example.com");
    cr_assert_eq(grade(&report, "ptr"), PREFLIGHT_BAD);
    cr_assert_eq(grade(&report, "helo"), PREFLIGHT_GOOD);
    report = judge(liar, "other.example.com");
    cr_assert_eq(grade(&report, "ptr"), PREFLIGHT_BAD);
    cr_assert_not_null(strstr(report.findings[0].text, "b1.example.com"));
    report = judge(liar, "b1.example.com");
    cr_assert_eq(grade(&report, "helo"), PREFLIGHT_BAD);
    report = judge(no_ptr, "localhost");
    cr_assert_eq(grade(&report, "helo"), PREFLIGHT_BAD);
    report = judge(no_spf, "b1.example.com");
    cr_assert_eq(grade(&report, "spf"), PREFLIGHT_BAD);
    cr_assert_eq(grade(&report, "ptr"), PREFLIGHT_GOOD);
    report = judge(softfail, "b1.example.com");
    cr_assert_eq(grade(&report, "spf"), PREFLIGHT_BAD);
    cr_assert_eq(preflight_worst(&report), PREFLIGHT_BAD);
}

/* A server that fails proves nothing; a PTR that is not the HELO is worth a word only. */
TEST(preflight_judge, doubts)
{
    static const struct row sick[] = {{REVERSE, DNS_PTR, "!"},
                                      {"b1.example.com", DNS_A, "192.0.2.20"},
                                      GOOD_SPF,
                                      {NULL, 0, NULL}};
    static const struct row two[] = {{REVERSE, DNS_PTR, "host20.isp.test"},
                                     {"host20.isp.test", DNS_A, "192.0.2.20"},
                                     {"b1.example.com", DNS_A, "192.0.2.20"},
                                     GOOD_SPF,
                                     {NULL, 0, NULL}};
    static const struct row later[] = {{REVERSE, DNS_PTR, "?"},
                                       {"b1.example.com", DNS_A, "192.0.2.20"},
                                       GOOD_SPF,
                                       {NULL, 0, NULL}};
    struct preflight_report report = judge(sick, "b1.example.com");
    cr_assert_eq(preflight_worst(&report), PREFLIGHT_UNKNOWN);
    report = judge(two, "b1.example.com");
    cr_assert_eq(grade(&report, "ptr"), PREFLIGHT_NOTE);
    cr_assert_eq(preflight_worst(&report), PREFLIGHT_NOTE);
    report = judge(later, "b1.example.com");
    cr_assert(report.asks);
    cr_assert_str_eq(preflight_grade_name(PREFLIGHT_UNKNOWN), "unknown");
}

/* Lists: one that has it is bad, one that is still to answer waits, none is a note; a
 * source without an address fails. */
TEST(preflight_judge, lists)
{
    struct preflight_report report;
    struct preflight_ask ask = {
        .helo = "b1.example.com", .listed = "bl.test", .lists = 2, .look_cb = look};
    preflight_judge(&ask, &report);
    cr_assert_eq(grade(&report, "address"), PREFLIGHT_BAD);
    cr_assert_eq(grade(&report, "lists"), PREFLIGHT_BAD);
    ask.listed = "";
    ask.unheard = 1;
    preflight_judge(&ask, &report);
    cr_assert_eq(grade(&report, "lists"), PREFLIGHT_UNKNOWN);
    ask.unheard = 0;
    ask.uncertain = 1;
    preflight_judge(&ask, &report);
    cr_assert_eq(grade(&report, "lists"), PREFLIGHT_NOTE);
    ask.uncertain = 0;
    preflight_judge(&ask, &report);
    cr_assert_eq(grade(&report, "lists"), PREFLIGHT_GOOD);
    ask.lists = 0;
    preflight_judge(&ask, &report);
    cr_assert_eq(grade(&report, "lists"), PREFLIGHT_NOTE);
}

/* The reverse names of both families. */
TEST(preflight_judge, reverse)
{
    struct netaddr address;
    char name[DNS_NAME_BYTES];
    cr_assert_eq(netaddr_parse("192.0.2.1", 0, &address), 0);
    preflight_reverse(&address, name);
    cr_assert_str_eq(name, "1.2.0.192.in-addr.arpa");
    cr_assert_eq(netaddr_parse("2001:db8::567:89ab", 0, &address), 0);
    preflight_reverse(&address, name);
    cr_assert_str_eq(name,
                     "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0."
                     "2.ip6.arpa");
}
