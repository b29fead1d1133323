#include "relay/config_replies.h"

#include <assert.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/match.h"
#include "policy/replies.h"

#include "relay/config_build.h"
#include "relay/config_hint.h"
#include "relay/limits.h"

/* The pattern in the form in which texts are searched, or NULL for "". */
static const char *pattern_fold(struct config_build *build, const char *pattern)
{
    char folded[LIMIT_CONFIG_STRING * 2];

    if (*pattern == '\0') {
        return NULL;
    }
    (void)match_fold(pattern, folded, sizeof folded);
    return config_build_text(build, folded);
}

static void class_parse(struct config_build *build, const struct config_reply *reply,
                        struct replies_rule *rule)
{
    struct config_hint hint;
    char meant[LIMIT_CONFIG_NAME + 32];

    if (reply->class_name[0] == '\0' || /* noted as missing */
        (finding_class_parse(reply->class_name, &rule->class) &&
         rule->class != FINDING_NONE)) {
        return;
    }
    config_hint_init(&hint, reply->class_name);
    for (unsigned i = FINDING_NONE + 1; i < FINDING_CLASSES; i++) {
        config_hint_offer(&hint, finding_class_name((enum finding_class)i));
    }
    config_build_error(
        build, &reply->class_name,
        "reply rule: class \"%.40s\" is not one of those in mesura.conf(5)%s",
        reply->class_name, config_hint_print(&hint, meant, sizeof meant));
}

static void scope_parse(struct config_build *build, const struct config_reply *reply,
                        struct replies_rule *rule)
{
    struct config_hint hint;
    char meant[LIMIT_CONFIG_NAME + 32];

    if (reply->scope_name[0] == '\0' || /* noted as missing */
        finding_scope_parse(reply->scope_name, &rule->scope)) {
        return;
    }
    config_hint_init(&hint, reply->scope_name);
    for (unsigned i = 0; i < FINDING_SCOPES; i++) {
        config_hint_offer(&hint, finding_scope_name((enum finding_scope)i));
    }
    config_build_error(build, &reply->scope_name,
                       "reply rule: scope \"%.40s\" is not possible; write recipient, "
                       "message, sender-domain, lane, source or netblock%s",
                       reply->scope_name, config_hint_print(&hint, meant, sizeof meant));
}

static void conditions_parse(struct config_build *build, const struct config_reply *reply,
                             struct replies_rule *rule)
{
    if (!replies_code_parse(reply->code, &rule->code_low, &rule->code_high)) {
        config_build_error(build, &reply->code,
                           "reply rule: code \"%.40s\" is not possible; write \"421\", "
                           "\"4xx\" or \"\"",
                           reply->code);
    }
    if (!replies_enhanced_parse(reply->enhanced, rule->enhanced_low,
                                rule->enhanced_high)) {
        config_build_error(build, &reply->enhanced,
                           "reply rule: enhanced \"%.40s\" is not possible; write "
                           "\"4.7.28\", \"*.7.1\", \"5.7.606-649\" or \"\"",
                           reply->enhanced);
    }
    if (reply->match[0] == '\0' && reply->code[0] == '\0' && reply->enhanced[0] == '\0') {
        config_build_error(build, &reply->class_name,
                           "reply rule: it would take every reply; say match, code or "
                           "enhanced");
    }
}

/* A name that the rule's provider fits: "*.example.net" -> "x.example.net". */
static void provider_example(const char *glob, char *out, size_t size)
{
    size_t length = 0;

    for (; glob != NULL && *glob != '\0' && length + 1 < size; glob++) {
        out[length++] = *glob;
        if (*glob == '*' || *glob == '?') {
            out[length - 1] = 'x';
        }
    }
    out[length] = '\0';
}

/* Is this the rule that decides the reply, asked at RCPT or wherever the rule looks? */
static void sample_check(struct config_build *build, size_t at,
                         const struct classify_rules *rules, const char *sample,
                         bool must)
{
    const struct config_reply *config = &build->config->replies[at];
    char provider[LIMIT_CONFIG_STRING];
    struct reply reply;
    struct finding finding;

    if (!classify_parse_line(sample, REPLY_STAGE_RCPT, &reply)) {
        config_build_error(build, &config->class_name,
                           "reply rule: \"%.60s\" is no reply; write it as the server "
                           "says it: \"554 5.7.1 ...\"",
                           sample);
        return;
    }
    provider_example(rules->rules[at].provider, provider, sizeof provider);
    classify_reply(&reply, provider, rules, &finding);
    bool decides = finding.rule == rules->rules[at].name;
    if (must && !decides) {
        config_build_error(build, &config->class_name,
                           "reply rule: its sample \"%.60s\" is decided by rule %.60s",
                           sample, finding.rule);
    } else if (!must && decides) {
        config_build_error(build, &config->class_name,
                           "reply rule: it decides \"%.60s\", which stands under never",
                           sample);
    }
}

static void samples_check(struct config_build *build, const struct replies_rule *rules)
{
    const struct classify_rules all = {rules, build->config->reply_count};

    for (size_t i = 0; i < all.count; i++) {
        const struct config_reply *reply = &build->config->replies[i];
        for (size_t k = 0; k < reply->samples.count; k++) {
            sample_check(build, i, &all, reply->samples.items[k], true);
        }
        for (size_t k = 0; k < reply->never.count; k++) {
            sample_check(build, i, &all, reply->never.items[k], false);
        }
    }
}

void config_replies(struct config_build *build)
{
    const struct config *config;
    struct replies_rule *rules;

    assert(build != NULL);
    config = build->config;
    rules = config_build_alloc(build, config->reply_count, sizeof rules[0]);
    for (size_t i = 0; i < config->reply_count; i++) {
        const struct config_reply *reply = &config->replies[i];
        struct config_where where =
            config_snapshot_where(build->snapshot, &reply->class_name);

        rules[i].name = reply->name[0] != '\0'
                            ? reply->name
                            : config_build_format(build, "%s:%u", where.file, where.line);
        rules[i].match = pattern_fold(build, reply->match);
        rules[i].unless = pattern_fold(build, reply->unless);
        rules[i].provider = reply->provider[0] == '\0' ? NULL : reply->provider;
        class_parse(build, reply, &rules[i]);
        scope_parse(build, reply, &rules[i]);
        conditions_parse(build, reply, &rules[i]);
    }
    samples_check(build, rules);
    build->config->reply_rules = rules;
}
