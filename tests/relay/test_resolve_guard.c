#include <string.h>

#include "relay/resolve_guard.h"

#include "tests/support/test.h"

static const char *const names[] = {"mx.example"};

/* One host with a secure address. */
static void begin(struct resolve_case *facts)
{
    memset(facts, 0, sizeof *facts);
    facts->port = 25;
    facts->list = answers_list(names, 1, 60);
    facts->list->secure = true;
    facts->v4[0] = answers_list(names, 1, 60);
    facts->v4[0]->secure = true;
}

static void end(struct resolve_case *facts)
{
    answers_release(facts->list);
    answers_release(facts->v4[0]);
}

/* The name has the port; it is asked for when MX and addresses are secure and the
 * resolver is believed, and for an explicit route whatever there is no MX. */
TEST(resolve_guard, names)
{
    struct resolve_self self = {.hostname = "relay.example", .trust_ad = true};
    struct resolve_case facts;
    char name[DNS_NAME_BYTES];
    begin(&facts);
    cr_assert_not(resolve_guard_name(&facts, &self, 0, 0, name), "it is no alias");
    cr_assert(resolve_guard_name(&facts, &self, 0, 1, name));
    cr_assert_str_eq(name, "_25._tcp.mx.example");
    facts.list->secure = false;
    cr_assert_not(resolve_guard_name(&facts, &self, 0, 1, name));
    facts.explicit_route = true;
    facts.ports[0] = 587;
    cr_assert(resolve_guard_name(&facts, &self, 0, 1, name));
    cr_assert_str_eq(name, "_587._tcp.mx.example");
    self.trust_ad = false;
    cr_assert_not(resolve_guard_name(&facts, &self, 0, 1, name));
    self.trust_ad = true;
    facts.v4[0]->secure = false;
    cr_assert_not(resolve_guard_name(&facts, &self, 0, 1, name));
    facts.v4[0]->secure = true;
    facts.v4[0]->outcome = DNS_NODATA;
    cr_assert_not(resolve_guard_name(&facts, &self, 0, 1, name), "it has no address");
    end(&facts);
}

/* An unsigned answer binds nobody; one that failed does. */
TEST(resolve_guard, judges)
{
    struct resolve_case facts;
    struct destination_guard guard;
    begin(&facts);
    resolve_guard_build(&facts, &guard);
    cr_assert_eq(guard.hosts[0].tlsa, DESTINATION_TLSA_NONE);
    cr_assert_str_eq(guard.hosts[0].base, "mx.example");
    struct answers_entry *tlsa = answers_list(names, 1, 60);
    tlsa->count = 0;
    facts.tlsa[1][0] = tlsa;
    resolve_guard_build(&facts, &guard);
    cr_assert_eq(guard.hosts[0].tlsa, DESTINATION_TLSA_NONE);
    tlsa->secure = true;
    resolve_guard_build(&facts, &guard);
    cr_assert_eq(guard.hosts[0].tlsa, DESTINATION_TLSA_UNUSABLE);
    tlsa->outcome = DNS_NXDOMAIN;
    resolve_guard_build(&facts, &guard);
    cr_assert_eq(guard.hosts[0].tlsa, DESTINATION_TLSA_NONE);
    tlsa->outcome = DNS_TIMEOUT;
    resolve_guard_build(&facts, &guard);
    cr_assert_eq(guard.hosts[0].tlsa, DESTINATION_TLSA_FAILED);
    answers_release(tlsa);
    end(&facts);
}
