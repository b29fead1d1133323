#include "policy/classify.h"

#include <stdbool.h>
#include <string.h>

#include "policy/extract.h"
#include "policy/match.h"
#include "policy/notion.h"
#include "policy/wrapping.h"

static bool enhanced_fits(const struct replies_rule *rule, const uint16_t enhanced[3])
{
    static const uint16_t any[3] = {0, 0, 0};

    if (memcmp(rule->enhanced_high, any, sizeof(any)) == 0) {
        return true;
    }
    for (int i = 0; i < 3; i++) {
        if (enhanced[i] < rule->enhanced_low[i] || enhanced[i] > rule->enhanced_high[i]) {
            return false;
        }
    }
    return true;
}

/* A reply as rules see it. */
struct look {
    const struct reply *reply;
    const char *provider;
    struct match_text text;
    uint64_t notions; /* found when the first rule asks for them */
    bool has_notions;
    bool listed; /* the text names a list */
};

static bool notions_fit(const struct replies_rule *rule, struct look *look)
{
    if ((rule->speaks | rule->speaks_any | rule->silent) == 0) {
        return true;
    }
    if (!look->has_notions) {
        look->notions = notion_find(&look->text);
        look->has_notions = true;
    }
    return (look->notions & rule->speaks) == rule->speaks &&
           (rule->speaks_any == 0 || (look->notions & rule->speaks_any) != 0) &&
           (look->notions & rule->silent) == 0;
}

static bool rule_fits(const struct replies_rule *rule, struct look *look)
{
    const struct reply *reply = look->reply;

    if (rule->code_high > 0 &&
        (reply->code < rule->code_low || reply->code > rule->code_high)) {
        return false;
    }
    if (rule->stages != 0 && ((rule->stages >> reply->stage) & 1) == 0) {
        return false;
    }
    if ((rule->listed && !look->listed) || !enhanced_fits(rule, reply->enhanced)) {
        return false;
    }
    if (rule->provider != NULL && !match_glob(rule->provider, look->provider)) {
        return false;
    }
    return (rule->match == NULL || match_phrase(rule->match, &look->text)) &&
           (rule->unless == NULL || !match_phrase(rule->unless, &look->text)) &&
           notions_fit(rule, look);
}

static void apply(const struct replies_rule *rule, struct finding *out_finding)
{
    out_finding->class = rule->class;
    out_finding->scope = rule->scope;
    out_finding->blocked = rule->blocked;
    out_finding->behaviour = rule->behaviour;
    out_finding->flags |= rule->flags;
    out_finding->rule = rule->name;
    bool passes = rule->class == FINDING_THROTTLE || rule->class == FINDING_GREYLIST;
    if (passes && (rule->flags & FINDING_PERMANENT) == 0) {
        out_finding->flags |=
            FINDING_TEMPORARY; /* a limit is never final, whatever the code */
    }
}

static void no_reply(const struct reply *reply, struct finding *out_finding)
{
    bool dns = reply->origin == REPLY_DNS_FAILURE;
    bool final = dns && reply->enhanced[0] == 5;

    out_finding->class = final                              ? FINDING_BAD_DOMAIN
                         : reply->origin == REPLY_LOCAL     ? FINDING_OTHER
                         : reply->origin == REPLY_MALFORMED ? FINDING_PROTOCOL
                                                            : FINDING_REMOTE_FAILURE;
    out_finding->scope = dns                            ? FINDING_SCOPE_RECIPIENT
                         : reply->origin == REPLY_LOCAL ? FINDING_SCOPE_MESSAGE
                                                        : FINDING_SCOPE_LANE;
    switch (reply->origin) {
    case REPLY_LOCAL:
        out_finding->flags = FINDING_LOCAL;
        out_finding->rule = "local";
        break;
    case REPLY_DNS_FAILURE:
        out_finding->flags = FINDING_LOCAL;
        out_finding->rule = "dns";
        break;
    case REPLY_NETWORK:
        out_finding->flags = FINDING_NETWORK;
        out_finding->rule = "network";
        break;
    case REPLY_MALFORMED:
    case REPLY_REMOTE:
        out_finding->flags = FINDING_UNKNOWN;
        out_finding->rule = "malformed";
        break;
    }
}

/* The first rule that fits, configured ones before the tables. The last table ends with a
 * rule that always does. */
static const struct replies_rule *decide(struct look *look,
                                         const struct classify_rules *rules)
{
    for (size_t i = 0; rules != NULL && i < rules->count; i++) {
        if (rule_fits(&rules->rules[i], look)) {
            return &rules->rules[i];
        }
    }
    for (int table = 0; table < REPLIES_TABLES; table++) {
        size_t count = 0;
        const struct replies_rule *row =
            replies_builtin((enum replies_table)table, &count);
        for (size_t i = 0; i < count; i++) {
            if (rule_fits(&row[i], look)) {
                return &row[i];
            }
        }
    }
    return NULL;
}

void classify_reply(const struct reply *reply, const char *provider,
                    const struct classify_rules *rules, struct finding *out_finding)
{
    *out_finding = (struct finding){.rule = "accepted"};
    if (reply->origin != REPLY_REMOTE &&
        !(reply->origin == REPLY_MALFORMED && reply->code >= 400)) {
        no_reply(reply, out_finding);
        return;
    }
    if (reply->code >= 200 && reply->code < 400) {
        return;
    }

    struct look look = {.reply = reply, .provider = provider};
    char words[REPLY_TEXT_BYTES];
    wrapping_strip(reply->text, words, sizeof(words));
    match_prepare(&look.text, words);
    look.listed = extract_list(words, out_finding->list, sizeof(out_finding->list));
    extract_ip(reply->text, out_finding->ip, sizeof(out_finding->ip));
    const struct replies_rule *rule = decide(&look, rules);
    if (rule != NULL) {
        apply(rule, out_finding);
    }

    bool about_list = out_finding->class == FINDING_IP_LISTED ||
                      out_finding->class == FINDING_DOMAIN_REPUTATION ||
                      out_finding->class == FINDING_REMOTE_FAILURE;
    if (!about_list) {
        out_finding->list[0] = '\0';
    }
    if (!classify_is_permanent(reply, out_finding)) {
        out_finding->wait_ns = extract_wait_ns(reply->text);
    }
}

bool classify_is_permanent(const struct reply *reply, const struct finding *finding)
{
    if ((finding->flags & FINDING_PERMANENT) != 0) {
        return true;
    }
    if ((finding->flags & FINDING_TEMPORARY) != 0) {
        return false;
    }
    if (reply->code >= 500) {
        return true;
    }
    if (reply->code >= 400) {
        return reply->enhanced[0] == 5; /* "421 5.7.32": the finer code is meant */
    }
    return reply->origin == REPLY_DNS_FAILURE && reply->enhanced[0] == 5;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "5.7.606" with a blank or the end behind it; NULL when it is none. */
static const char *parse_enhanced(const char *at, uint16_t out_enhanced[3])
{
    uint16_t parts[3] = {0};

    for (int i = 0; i < 3; i++) {
        int digits = 0;
        while (is_digit(at[digits]) && digits < 3) {
            parts[i] = (uint16_t)(parts[i] * 10 + (at[digits] - '0'));
            digits++;
        }
        at += digits;
        if (digits == 0 || (i < 2 && *at++ != '.')) {
            return NULL;
        }
    }
    if ((parts[0] != 2 && parts[0] != 4 && parts[0] != 5) ||
        (*at != ' ' && *at != '\0')) {
        return NULL;
    }
    memcpy(out_enhanced, parts, sizeof(parts));
    return at;
}

bool classify_parse_line(const char *line, enum reply_stage stage,
                         struct reply *out_reply)
{
    if (!is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2]) || line[0] < '2' ||
        line[0] > '5' || (line[3] != ' ' && line[3] != '-' && line[3] != '\0')) {
        return false;
    }
    memset(out_reply, 0, sizeof(*out_reply));
    out_reply->stage = stage;
    out_reply->origin = REPLY_REMOTE;
    out_reply->code =
        (uint16_t)((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));

    const char *text = line + (line[3] == '\0' ? 3 : 4);
    while (*text == ' ') {
        text++;
    }
    const char *after = parse_enhanced(text, out_reply->enhanced);
    text = after != NULL ? after : text;
    while (*text == ' ') {
        text++;
    }
    size_t end = strcspn(text, "\r\n");
    size_t length = end < REPLY_TEXT_BYTES - 1 ? end : REPLY_TEXT_BYTES - 1;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        out_reply->text[i] = text[i];
        if (byte < 0x20 || byte == 0x7F) {
            out_reply->text[i] = '?';
        }
    }
    out_reply->text[length] = '\0';
    return true;
}
