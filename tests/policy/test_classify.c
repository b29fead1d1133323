#include <stdio.h>
#include <string.h>

#include "policy/classify.h"

#include "tests/support/test.h"

#define LINE_BYTES 1024

static struct finding find(const char *line, const char *provider,
                           const struct classify_rules *rules)
{
    struct reply reply;
    struct finding finding;

    cr_assert(classify_parse_line(line, REPLY_STAGE_RCPT, &reply), "%s", line);
    classify_reply(&reply, provider, rules, &finding);
    return finding;
}

static bool permanent(const char *line)
{
    struct reply reply;
    struct finding finding;

    cr_assert(classify_parse_line(line, REPLY_STAGE_RCPT, &reply));
    classify_reply(&reply, "", NULL, &finding);
    return classify_is_permanent(&reply, &finding);
}

/* Replies in many languages and wordings, written without a look at the rules: nearly all
 * classes are right, and so are the list and the address. */
TEST(classify, generalises)
{
    char line[LINE_BYTES];
    FILE *file = fopen(REPLIES_GENERAL, "r");
    int rows = 0;
    int right = 0;

    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char *columns[4];
        char *at = line;
        if (line[0] == '#') {
            continue;
        }
        for (int i = 0; i < 4; i++) {
            columns[i] = at;
            at += strcspn(at, "\t\n");
            *at++ = '\0';
        }
        struct finding finding = find(columns[3], "", NULL);
        bool good =
            strcmp(finding_class_name(finding.class), columns[0]) == 0 &&
            strcmp(finding.list[0] != '\0' ? finding.list : "-", columns[1]) == 0 &&
            strcmp(finding.ip[0] != '\0' ? finding.ip : "-", columns[2]) == 0;
        rows++;
        right += good ? 1 : 0;
        if (!good) {
            cr_log_warn("%s: %s by %s", columns[3], finding_class_name(finding.class),
                        finding.rule);
        }
    }
    (void)fclose(file);
    cr_assert_geq(rows, 130);
    cr_assert_geq(right * 100, rows * 97, "%d of %d", right, rows);
}

/* The four mistakes that must never happen. */
TEST(classify, never_does)
{
    cr_assert_eq(find("450 4.2.1 The user is receiving mail too quickly", "", NULL).scope,
                 FINDING_SCOPE_RECIPIENT);
    cr_assert_eq(find("554 5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org; "
                      "Error: open resolver",
                      "", NULL)
                     .class,
                 FINDING_REMOTE_FAILURE);
    cr_assert(
        permanent("421 4.7.1 [TS03] All messages from 192.0.2.9 will be permanently "
                  "deferred; Retrying will NOT succeed"));
    cr_assert_eq(
        find("550 5.7.1 Mail from your IP is refused for its poor reputation", "", NULL)
            .class,
        FINDING_IP_REPUTATION);
}

/* The class is not the code: 5xx quotas pass, some 4xx are final. */
TEST(classify, permanence)
{
    cr_assert_not(permanent("550 Connection frequency limited"));
    cr_assert_not(permanent("550 RP:TRC"));
    cr_assert(permanent("421 5.7.32 The From header is not aligned"));
    cr_assert(permanent("550 5.1.1 No such user"));
    cr_assert_not(permanent("450 4.1.1 No such user"));
    cr_assert_not(permanent("451 4.3.0 Try later"));
}

/* Configured rules are asked first and may ask for a provider. */
TEST(classify, configured_rules_come_first)
{
    const struct replies_rule own[] = {{.name = "mine",
                                        .match = "no such user",
                                        .provider = "*.example.net",
                                        .class = FINDING_THROTTLE,
                                        .scope = FINDING_SCOPE_LANE}};
    const struct classify_rules rules = {own, 1};

    cr_assert_str_eq(find("550 5.1.1 No such user", "mx.example.net", &rules).rule,
                     "mine");
    cr_assert_eq(find("550 5.1.1 No such user", "mx.example.org", &rules).class,
                 FINDING_BAD_MAILBOX);
}

/* No reply at all: the network's fault is the network's, ours is ours. */
TEST(classify, no_reply)
{
    struct reply reply = {.origin = REPLY_NETWORK, .stage = REPLY_STAGE_CONNECT};
    struct finding finding;

    classify_reply(&reply, "", NULL, &finding);
    cr_assert_eq(finding.class, FINDING_REMOTE_FAILURE);
    cr_assert(finding.flags & FINDING_NETWORK);
    reply.origin = REPLY_LOCAL;
    classify_reply(&reply, "", NULL, &finding);
    cr_assert(finding.flags & FINDING_LOCAL);
    reply = (struct reply){.origin = REPLY_DNS_FAILURE, .enhanced = {5, 1, 2}};
    classify_reply(&reply, "", NULL, &finding);
    cr_assert(finding.class == FINDING_BAD_DOMAIN &&
              classify_is_permanent(&reply, &finding));
    reply = (struct reply){.origin = REPLY_DNS_FAILURE, .enhanced = {4, 4, 3}};
    classify_reply(&reply, "", NULL, &finding);
    cr_assert_not(classify_is_permanent(&reply, &finding));
    reply = (struct reply){.origin = REPLY_REMOTE, .code = 250};
    classify_reply(&reply, "", NULL, &finding);
    cr_assert_eq(finding.class, FINDING_NONE);
}

/* A logged line is a code, perhaps an enhanced one, and text. */
TEST(classify, parses_lines)
{
    struct reply reply;

    cr_assert(classify_parse_line("554 5.7.606 Access\x01 denied\r\n", REPLY_STAGE_DOT,
                                  &reply));
    cr_assert(reply.code == 554 && reply.enhanced[2] == 606);
    cr_assert_str_eq(reply.text, "Access? denied");
    cr_assert(classify_parse_line("421-4.7.0", REPLY_STAGE_DOT, &reply));
    cr_assert(reply.enhanced[0] == 4 && reply.text[0] == '\0');
    cr_assert(classify_parse_line("550 1.2.3.4 is listed", REPLY_STAGE_DOT, &reply));
    cr_assert_eq(reply.enhanced[0], 0, "an address is no enhanced code");
    const char *const bad[] = {"", "55", "654 x", "1xx", "abc", "5504 x", "190 x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(classify_parse_line(bad[i], REPLY_STAGE_DOT, &reply), "%s", bad[i]);
    }
}

/* How many of each kind are right in a table of class, scope, list, address, reply. */
struct score {
    int rows;
    int classes;
    int scopes;
    int lists;
    int ips;
};

static void judge(char *line, struct score *score)
{
    char *columns[5];
    char *at = line;

    for (int i = 0; i < 5; i++) {
        columns[i] = at;
        at += strcspn(at, "\t\n");
        *at++ = '\0';
    }
    struct finding finding = find(columns[4], "", NULL);
    bool is_class = strcmp(finding_class_name(finding.class), columns[0]) == 0;
    score->rows++;
    score->classes += is_class ? 1 : 0;
    score->scopes += columns[1][0] == '*' ||
                     strcmp(finding_scope_name(finding.scope), columns[1]) == 0;
    score->lists += strcmp(finding.list[0] != '\0' ? finding.list : "-", columns[2]) == 0;
    score->ips += strcmp(finding.ip[0] != '\0' ? finding.ip : "-", columns[3]) == 0;
    if (!is_class) {
        cr_log_info("%s: %s by %s", columns[4], finding_class_name(finding.class),
                    finding.rule);
    }
}

static struct score judge_file(const char *path)
{
    char line[LINE_BYTES];
    struct score score = {0};
    FILE *file = fopen(path, "r");

    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] != '#') {
            judge(line, &score);
        }
    }
    (void)fclose(file);
    return score;
}

/* Replies of many vendors and in many languages: what was once understood stays so. What
 * replies never seen may expect stands in the head of replies_held.tsv. */
TEST(classify, known_wordings)
{
    static const char *const files[] = {REPLIES_WILD, REPLIES_HELD, REPLIES_FRESH};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct score score = judge_file(files[i]);
        cr_assert_gt(score.rows, 470);
        cr_assert_geq(score.classes * 100, score.rows * 98, "%d", score.classes);
        cr_assert_geq(score.scopes * 100, score.rows * 97, "%d", score.scopes);
        cr_assert_geq(score.lists * 100, score.rows * 98, "%d", score.lists);
        cr_assert_geq(score.ips * 100, score.rows * 98, "%d", score.ips);
    }
}
