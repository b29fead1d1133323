#include <string.h>

#include "relay/now.h"
#include "relay/resolve_build.h"

#include "tests/support/test.h"

/* Brackets go, the rest stays, and nothing is longer than a domain. */
TEST(resolve_build, bare_name)
{
    static const char *const rows[][2] = {
        {"[smtp.example]", "smtp.example"},
        {"smtp.example", "smtp.example"},
        {"[::1]", "::1"},
        {"[", "["},
        {"[]", ""},
        {"", ""},
    };
    char out[LIMIT_DOMAIN + 1];
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        resolve_build_bare_name(rows[i][0], out);
        cr_assert_str_eq(out, rows[i][1]);
    }
    char longest[700];
    memset(longest, 'h', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    resolve_build_bare_name(longest, out);
    cr_assert_eq(strlen(out), LIMIT_DOMAIN);
}

/* Every outcome of the MX question leads somewhere, each refusal with its code and the
 * domain in its words. */
TEST(resolve_build, judges_lists)
{
    static const struct {
        enum dns_outcome outcome;
        enum resolve_build_next next;
        uint16_t enhanced[3];
    } rows[] = {
        {DNS_OK, RESOLVE_BUILD_GO, {0, 0, 0}},
        {DNS_NODATA, RESOLVE_BUILD_IMPLICIT, {0, 0, 0}},
        {DNS_NXDOMAIN, RESOLVE_BUILD_REFUSED, {5, 1, 2}},
        {DNS_SERVFAIL, RESOLVE_BUILD_REFUSED, {4, 4, 3}},
        {DNS_TIMEOUT, RESOLVE_BUILD_REFUSED, {4, 4, 3}},
        {DNS_MALFORMED, RESOLVE_BUILD_REFUSED, {4, 4, 3}},
    };
    const char *const hosts[] = {"mx.example"};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct resolve_case facts = {.domain = "d.example"};
        struct reply refusal;
        facts.list = answers_list(hosts, 1, 60);
        facts.list->outcome = rows[i].outcome;
        cr_assert_eq(resolve_build_judge_list(&facts, &refusal), rows[i].next);
        if (rows[i].next == RESOLVE_BUILD_REFUSED) {
            cr_assert_eq(
                memcmp(refusal.enhanced, rows[i].enhanced, sizeof refusal.enhanced), 0);
            cr_assert_not_null(strstr(refusal.text, "d.example"));
        }
        answers_release(facts.list);
    }
}

/* Twenty literals of ten hosts and no more; none barred on an explicit route. */
TEST(resolve_build, explicit_literals)
{
    const char *const hosts[] = {"127.0.0.1", "::1", "10.0.0.1"};
    struct resolve_case facts = {
        .domain = "d.example", .port = 2525, .explicit_route = true};
    struct resolve_self self = {.hostname = "127.0.0.1", .ipv6 = true};
    struct destination destination;
    struct reply refusal;
    facts.list = answers_list(hosts, 3, 60);
    cr_assert_eq(resolve_build_host_count(&facts), 3);
    cr_assert(resolve_build(&facts, &self, now_ns(), &destination, &refusal));
    cr_assert_eq(destination.hop_count, 3);
    cr_assert_eq(destination.hops[2].host, 2);
    cr_assert_eq(destination.hops[2].addr.port, 2525);
    cr_assert_leq(destination.ttl_s, 60);
    answers_release(facts.list);
}

/* A host list without any answer is refused for good, unless a server failed. */
TEST(resolve_build, nothing_left)
{
    const char *const hosts[] = {"mx.example"};
    struct resolve_case facts = {.domain = "d.example", .port = 25};
    struct resolve_self self = {.hostname = "relay.example"};
    struct destination destination;
    struct reply refusal;
    facts.list = answers_list(hosts, 1, 60);
    facts.v4[0] = answers_list(hosts, 1, 60);
    facts.v4[0]->outcome = DNS_NXDOMAIN;
    cr_assert_not(resolve_build(&facts, &self, now_ns(), &destination, &refusal));
    cr_assert_eq(refusal.enhanced[0], 5);
    facts.v4[0]->outcome = DNS_TIMEOUT;
    cr_assert_not(resolve_build(&facts, &self, now_ns(), &destination, &refusal));
    cr_assert_eq(refusal.enhanced[0], 4);
    cr_assert_not_null(strstr(refusal.text, "mx.example"));
    self.hostname = "mx.example";
    cr_assert_not(resolve_build(&facts, &self, now_ns(), &destination, &refusal));
    cr_assert_eq(refusal.enhanced[2], 6);
    answers_release(facts.list);
    answers_release(facts.v4[0]);
}
