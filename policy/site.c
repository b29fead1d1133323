#include "policy/site.h"

#include <stdbool.h>
#include <string.h>

#include "policy/match.h"

static const char mx_prefix[] = "mx:";

static bool is_mx_pattern(const char *pattern)
{
    return strncmp(pattern, mx_prefix, sizeof(mx_prefix) - 1) == 0;
}

static bool mx_matches(const struct site_rule *rule, const char *mx)
{
    for (uint32_t i = 0; i < rule->pattern_count; i++) {
        const char *pattern = rule->patterns[i];
        if (is_mx_pattern(pattern) && match_glob(pattern + sizeof(mx_prefix) - 1, mx)) {
            return true;
        }
    }
    return false;
}

static bool domain_matches(const struct site_rule *rule, const char *domain)
{
    for (uint32_t i = 0; i < rule->pattern_count; i++) {
        if (!is_mx_pattern(rule->patterns[i]) && match_glob(rule->patterns[i], domain)) {
            return true;
        }
    }
    return false;
}

static bool rule_matches(const struct site_rule *rule, const struct site_ask *ask)
{
    if (domain_matches(rule, ask->domain)) {
        return true;
    }
    for (uint32_t i = 0; i < ask->mx_count; i++) {
        if (!mx_matches(rule, ask->mx[i])) {
            return false;
        }
    }
    return ask->mx_count > 0;
}

struct site_answer site_of(const struct site_rule *rules, size_t rule_count,
                           const struct site_ask *ask)
{
    for (size_t i = 0; i < rule_count; i++) {
        if (rule_matches(&rules[i], ask)) {
            return (struct site_answer){.rule = (int32_t)i, .name = rules[i].name};
        }
    }
    bool known = ask->organisational != NULL && ask->organisational[0] != '\0';
    return (struct site_answer){
        .rule = -1,
        .name = known ? ask->organisational : ask->domain,
    };
}
