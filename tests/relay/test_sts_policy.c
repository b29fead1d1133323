#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/sts_policy.h"

#include "tests/support/test.h"

static bool record(const char *text, char *id)
{
    return sts_policy_record(text, strlen(text), id);
}

/* A record begins with its version and has an id of letters and digits. */
TEST(sts_policy, records)
{
    char id[STS_POLICY_ID_BYTES] = "";
    cr_assert(record("v=STSv1; id=20160831085700Z;", id));
    cr_assert_str_eq(id, "20160831085700Z");
    cr_assert(record("v=STSv1;x=y;id=a", id));
    cr_assert_str_eq(id, "a");
    static const char *const bad[] = {"",
                                      "v=STSv1",
                                      "v=STSv1;",
                                      "id=1; v=STSv1",
                                      "v=STSv2; id=1",
                                      "v=STSv1; id=",
                                      "v=STSv1; id=a-b",
                                      "v=STSv1; id=012345678901234567890123456789012",
                                      "v=spf1 -all"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(record(bad[i], id), "%s", bad[i]);
    }
}

static bool parse(const char *text, struct sts_policy *policy)
{
    const char *problem = NULL;
    bool is_good = sts_policy_parse(text, strlen(text), policy, &problem);
    cr_assert_eq(is_good, problem == NULL);
    return is_good;
}

/* The file of the RFC's example, whatever ends its lines; what is unknown is skipped,
 * what comes twice counts once, a year is the most. */
TEST(sts_policy, files)
{
    struct sts_policy policy;
    memset(&policy, 0, sizeof policy);
    cr_assert(parse("version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\n"
                    "mx: *.example.net\r\nmax_age: 604800\r\n",
                    &policy));
    cr_assert_eq(policy.mode, DESTINATION_STS_ENFORCE);
    cr_assert_eq(policy.max_age_s, 604800);
    cr_assert_str_eq(policy.mx, "mail.example.com *.example.net ");
    cr_assert(parse("version:STSv1\nmode:testing\nmode:enforce\nmx:A.B\nx: y\nnonsense\n"
                    "max_age:9999999999\n",
                    &policy));
    cr_assert_eq(policy.mode, DESTINATION_STS_TESTING);
    cr_assert_eq(policy.max_age_s, STS_POLICY_AGE_MOST_S);
    cr_assert_str_eq(policy.mx, "a.b ");
    cr_assert(parse("version: STSv1\nmode: none\nmax_age: 0", &policy));
    cr_assert_eq(policy.mode, DESTINATION_STS_NONE);
}

/* What is no policy leaves what was there alone. */
TEST(sts_policy, no_files)
{
    static const char *const bad[] = {
        "",
        "<html>404</html>",
        "version: STSv1\nmode: enforce\nmx: a.b\n",
        "version: STSv1\nmode: enforce\nmax_age: 1\n",
        "version: STSv2\nmode: enforce\nmx: a.b\nmax_age: 1\n",
        "version: STSv1\nmode: strict\nmx: a.b\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: -1\n",
        "version: STSv1\nmode: enforce\nmx: a..b\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.*.b\nmax_age: 1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sts_policy policy = {.id = "before"};
        cr_assert_not(parse(bad[i], &policy), "%s", bad[i]);
        cr_assert_str_eq(policy.id, "before");
    }
    size_t room = (size_t)64 * 1024;
    char *large = malloc(room);
    size_t length =
        (size_t)snprintf(large, room, "version: STSv1\nmode: enforce\nmax_age: 1\n");
    while (length < 60000) {
        length += (size_t)snprintf(large + length, room - length,
                                   "mx: mx%zu.example.com\n", length);
    }
    struct sts_policy policy;
    cr_assert_not(parse(large, &policy), "more patterns than we keep");
    free(large);
}

/* A star is one label, the leftmost. */
TEST(sts_policy, patterns)
{
    struct sts_policy policy = {.mx = "mail.example.com *.example.net "};
    cr_assert(sts_policy_matches(&policy, "mail.example.com"));
    cr_assert(sts_policy_matches(&policy, "a.example.net"));
    static const char *const others[] = {
        "example.net", "a.b.example.net", "mail.example.co", "xmail.example.com", "",
        ".example.net"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_not(sts_policy_matches(&policy, others[i]), "%s", others[i]);
    }
}
