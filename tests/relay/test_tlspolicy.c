#include <stdio.h>
#include <string.h>

#include "relay/tlspolicy.h"

#include "tests/support/test.h"

static struct destination destination;
static struct destination_guard guard;

static void begin(void)
{
    memset(&destination, 0, sizeof destination);
    memset(&guard, 0, sizeof guard);
    (void)snprintf(destination.domain, sizeof destination.domain, "example.net");
    (void)snprintf(destination.hosts[0].name, sizeof destination.hosts[0].name,
                   "mx.example.net");
    destination.host_count = 1;
    destination.guard = &guard;
}

static struct tlspolicy_answer ask(enum config_delivery_tls policy)
{
    struct tlspolicy_ask question = {.policy = policy, .destination = &destination};
    struct tlspolicy_answer answer;
    tlspolicy_ask(&question, &answer);
    return answer;
}

/* Without anything published, the operator's word is what counts. */
TEST(tlspolicy, operators)
{
    static const struct {
        enum config_delivery_tls policy;
        enum tlspolicy_level level;
    } cases[] = {{CONFIG_TLS_NONE, TLSPOLICY_NONE},
                 {CONFIG_TLS_OPPORTUNISTIC, TLSPOLICY_OPPORTUNISTIC},
                 {CONFIG_TLS_REQUIRED, TLSPOLICY_REQUIRED},
                 {CONFIG_TLS_VERIFY, TLSPOLICY_VERIFY},
                 {CONFIG_TLS_DANE, TLSPOLICY_OPPORTUNISTIC},
                 {CONFIG_TLS_STS, TLSPOLICY_OPPORTUNISTIC}};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tlspolicy_answer answer = ask(cases[i].policy);
        cr_assert(answer.usable);
        cr_assert_eq(answer.level, cases[i].level);
        cr_assert_eq(answer.basis, TLSPOLICY_BASIS_NONE);
    }
    destination.guard = NULL;
    cr_assert_eq(ask(CONFIG_TLS_STS).level, TLSPOLICY_OPPORTUNISTIC);
}

/* TLSA records decide where they are asked for: matched, or TLS with any certificate, or
 * not this host now; and they win over MTA-STS. A policy that does not ask ignores them.
 */
TEST(tlspolicy, dane)
{
    begin();
    guard.hosts[0].tlsa = DESTINATION_TLSA_USABLE;
    cr_assert_eq(ask(CONFIG_TLS_DANE).level, TLSPOLICY_DANE);
    cr_assert_eq(ask(CONFIG_TLS_DANE).basis, TLSPOLICY_BASIS_TLSA);
    cr_assert_eq(ask(CONFIG_TLS_VERIFY).level, TLSPOLICY_VERIFY);
    guard.sts = DESTINATION_STS_ENFORCE; /* and does not name the host */
    cr_assert(ask(CONFIG_TLS_STS).usable);
    cr_assert_eq(ask(CONFIG_TLS_STS).level, TLSPOLICY_DANE);
    guard.hosts[0].tlsa = DESTINATION_TLSA_UNUSABLE;
    cr_assert_eq(ask(CONFIG_TLS_STS).level, TLSPOLICY_REQUIRED);
    guard.hosts[0].tlsa = DESTINATION_TLSA_FAILED;
    struct tlspolicy_answer answer = ask(CONFIG_TLS_DANE);
    cr_assert_not(answer.usable);
    cr_assert_eq(answer.refusal.origin, REPLY_LOCAL);
    cr_assert_eq(answer.refusal.enhanced[0], 4);
    cr_assert_eq(answer.refusal.stage, REPLY_STAGE_STARTTLS);
    cr_assert_not_null(strstr(answer.refusal.text, "mx.example.net"));
}

/* MTA-STS: enforced for the hosts it names, no others; testing changes nothing but what
 * is reported; only where the policy is "sts". */
TEST(tlspolicy, sts)
{
    begin();
    guard.sts = DESTINATION_STS_ENFORCE;
    struct tlspolicy_answer answer = ask(CONFIG_TLS_STS);
    cr_assert_not(answer.usable);
    cr_assert_eq(answer.refusal.enhanced[0], 4, "deferred, not bounced (RFC 8461 4.2)");
    guard.hosts[0].sts_match = true;
    answer = ask(CONFIG_TLS_STS);
    cr_assert(answer.usable);
    cr_assert_eq(answer.level, TLSPOLICY_VERIFY);
    cr_assert_eq(answer.basis, TLSPOLICY_BASIS_STS);
    cr_assert_eq(ask(CONFIG_TLS_DANE).level, TLSPOLICY_OPPORTUNISTIC);
    guard.sts = DESTINATION_STS_TESTING;
    guard.hosts[0].sts_match = false;
    answer = ask(CONFIG_TLS_STS);
    cr_assert(answer.usable);
    cr_assert_eq(answer.level, TLSPOLICY_OPPORTUNISTIC);
    cr_assert_eq(answer.basis, TLSPOLICY_BASIS_STS);
}

/* "TLS-Required: No" puts the receiver's policies aside, never the operator's; REQUIRETLS
 * on the same message wins over it. */
TEST(tlspolicy, lenient)
{
    begin();
    guard.sts = DESTINATION_STS_ENFORCE;
    guard.hosts[0].tlsa = DESTINATION_TLSA_FAILED;
    struct tlspolicy_ask question = {
        .policy = CONFIG_TLS_STS, .destination = &destination, .is_lenient = true};
    struct tlspolicy_answer answer;
    tlspolicy_ask(&question, &answer);
    cr_assert(answer.usable);
    cr_assert_eq(answer.level, TLSPOLICY_OPPORTUNISTIC);
    question.policy = CONFIG_TLS_VERIFY;
    tlspolicy_ask(&question, &answer);
    cr_assert_eq(answer.level, TLSPOLICY_VERIFY);
    question.policy = CONFIG_TLS_STS;
    question.requiretls = true;
    tlspolicy_ask(&question, &answer);
    cr_assert_not(answer.usable);
}

/* REQUIRETLS: a proven way to the host's name and a verified certificate, or a bounce. */
TEST(tlspolicy, requiretls)
{
    struct tlspolicy_answer answer;
    begin();
    struct tlspolicy_ask question = {.policy = CONFIG_TLS_OPPORTUNISTIC,
                                     .destination = &destination,
                                     .requiretls = true};
    tlspolicy_ask(&question, &answer);
    cr_assert_not(answer.usable);
    cr_assert_eq(answer.refusal.enhanced[0], 5);
    cr_assert_eq(answer.refusal.enhanced[2], 10);
    cr_assert_eq(answer.refusal.code, 550, "final");
    destination.secure = true;
    tlspolicy_ask(&question, &answer);
    cr_assert(answer.usable);
    cr_assert_eq(answer.level, TLSPOLICY_VERIFY);
    destination.secure = false;
    question.policy = CONFIG_TLS_STS;
    guard.sts = DESTINATION_STS_TESTING;
    guard.hosts[0].sts_match = true;
    tlspolicy_ask(&question, &answer);
    cr_assert(answer.usable);
    cr_assert_eq(answer.level, TLSPOLICY_VERIFY);
    guard.hosts[0].tlsa = DESTINATION_TLSA_USABLE;
    tlspolicy_ask(&question, &answer);
    cr_assert_eq(answer.level, TLSPOLICY_DANE);
    destination.explicit_route = true;
    destination.guard = NULL;
    question.policy = CONFIG_TLS_REQUIRED;
    tlspolicy_ask(&question, &answer);
    cr_assert(answer.usable);
    cr_assert_eq(answer.level, TLSPOLICY_VERIFY);
    question.policy = CONFIG_TLS_NONE;
    tlspolicy_ask(&question, &answer);
    cr_assert_not(answer.usable);
}

/* Which policies ask DNS and the web for more. */
TEST(tlspolicy, wants)
{
    cr_assert(tlspolicy_wants_tlsa(CONFIG_TLS_DANE));
    cr_assert(tlspolicy_wants_tlsa(CONFIG_TLS_STS));
    cr_assert_not(tlspolicy_wants_tlsa(CONFIG_TLS_VERIFY));
    cr_assert(tlspolicy_wants_sts(CONFIG_TLS_STS));
    cr_assert_not(tlspolicy_wants_sts(CONFIG_TLS_DANE));
    cr_assert_str_eq(tlspolicy_level_name(TLSPOLICY_DANE), "dane");
}
