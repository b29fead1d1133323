#include <stdio.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/replies.h"

#include "tests/support/test.h"

#define RULES_MOST 400
#define LINE_BYTES 1024

static enum reply_stage stage_of(const char *name)
{
    return strcmp(name, "greeting") == 0 ? REPLY_STAGE_GREETING
           : strcmp(name, "mail") == 0   ? REPLY_STAGE_MAIL
           : strcmp(name, "dot") == 0    ? REPLY_STAGE_DOT
                                         : REPLY_STAGE_RCPT;
}

/* The number of a rule over all tables, -1 when there is none of that name. */
static int rule_number(const char *name)
{
    int number = 0;

    for (int table = 0; table < REPLIES_TABLES; table++) {
        size_t count = 0;
        const struct replies_rule *rules =
            replies_builtin((enum replies_table)table, &count);
        for (size_t i = 0; i < count; i++, number++) {
            if (strcmp(rules[i].name, name) == 0) {
                return number;
            }
        }
    }
    return -1;
}

struct shown {
    bool decides[RULES_MOST];
    bool refrains[RULES_MOST];
};

static void check_row(char *line, struct shown *shown)
{
    char *columns[5];
    char *at = line;
    struct reply reply;
    struct finding finding;

    for (int i = 0; i < 5; i++) {
        columns[i] = at;
        at += strcspn(at, "\t\n");
        cr_assert(i == 4 || *at == '\t', "a row of five columns: %s", line);
        *at++ = '\0';
    }
    int number = rule_number(columns[0]);
    cr_assert(number >= 0, "a sample for an unknown rule: %s", columns[0]);
    cr_assert(classify_parse_line(columns[4], stage_of(columns[3]), &reply), "%s",
              columns[4]);
    const char *provider = strcmp(columns[2], "-") == 0 ? "" : columns[2];
    classify_reply(&reply, provider, NULL, &finding);
    bool same = strcmp(finding.rule, columns[0]) == 0;
    if (columns[1][0] == '+') {
        cr_assert(same, "%s is decided by %s, not by %s", columns[4], finding.rule,
                  columns[0]);
        shown->decides[number] = true;
    } else {
        cr_assert(!same, "%s must not be decided by %s", columns[4], columns[0]);
        shown->refrains[number] = true;
    }
}

/* Every built-in rule decides its own samples and none of those it must not, and no rule
 * is without one of each: a rule that can never match, or always does, is found here. */
TEST(replies, every_rule_has_a_sample_that_it_decides)
{
    struct shown shown = {0};
    char line[LINE_BYTES];
    FILE *file = fopen(REPLIES_SAMPLE, "r");
    int number = 0;

    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] != '#') {
            check_row(line, &shown);
        }
    }
    (void)fclose(file);
    for (int table = 0; table < REPLIES_TABLES; table++) {
        size_t count = 0;
        const struct replies_rule *rules =
            replies_builtin((enum replies_table)table, &count);
        for (size_t i = 0; i < count; i++, number++) {
            cr_assert(number < RULES_MOST);
            cr_assert(shown.decides[number], "no sample for %s", rules[i].name);
            cr_assert(shown.refrains[number], "no counter-sample for %s", rules[i].name);
        }
    }
}

/* A code condition is a code, or the beginning of one. */
TEST(replies, codes_are_parsed)
{
    uint16_t low = 1;
    uint16_t high = 1;

    cr_assert(replies_code_parse("421", &low, &high) && low == 421 && high == 421);
    cr_assert(replies_code_parse("4", &low, &high) && low == 400 && high == 499);
    cr_assert(replies_code_parse("5xx", &low, &high) && low == 500 && high == 599);
    cr_assert(replies_code_parse("45x", &low, &high) && low == 450 && high == 459);
    cr_assert(replies_code_parse("", &low, &high) && low == 0 && high == 0);
    const char *const bad[] = {"4x", "600", "1xx", "x", "4210", "42a", "4xxx", "-1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        low = 7;
        cr_assert_not(replies_code_parse(bad[i], &low, &high), "%s", bad[i]);
        cr_assert_eq(low, 7, "nothing is written on failure");
    }
}

/* An enhanced condition is a code with ranges and stars. */
TEST(replies, enhanced_codes_are_parsed)
{
    uint16_t low[3] = {9, 9, 9};
    uint16_t high[3] = {9, 9, 9};

    cr_assert(replies_enhanced_parse("5.7.606-649", low, high));
    cr_assert(low[0] == 5 && low[1] == 7 && low[2] == 606 && high[2] == 649);
    cr_assert(replies_enhanced_parse("*.7.28", low, high));
    cr_assert(low[0] == 0 && high[0] == 999 && low[2] == 28 && high[2] == 28);
    cr_assert(replies_enhanced_parse("", low, high) && high[0] == 0);
    const char *const bad[] = {"5.7",     "5.7.", "5.7.1.1", "a.b.c",
                               "5.7.9-1", "5..1", "5.7.1x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        low[0] = 77;
        cr_assert_not(replies_enhanced_parse(bad[i], low, high), "%s", bad[i]);
        cr_assert_eq(low[0], 77);
    }
}
