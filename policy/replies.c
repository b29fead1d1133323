#include "policy/replies.h"

#include <string.h>

#include "policy/replies_tables.h"

/* What would mislead every later rule stands here: a receiver whose own resolver is
 * broken quotes a blocklist, a greylisting one quotes whatever it likes. */
static const struct replies_rule first_rules[] = {
    {.name = "broken-lookup",
     .match =
         "open resolver|query refused|refused.shtml|returnc|127.255.255.|"
         "dnsbl*lookup*fail|rbl*lookup*fail|dnsbl*timed out|rbl*timeout|rbl*timed out|"
         "public resolver*spamhaus|spamhaus*public resolver|excessive*queries|"
         "dnsbl*temporar*error|dnsbl*servfail",
     .class = FINDING_REMOTE_FAILURE,
     .scope = FINDING_SCOPE_LANE,
     .flags = FINDING_TEMPORARY},
    {.name = "greylist",
     .match =
         "greylist|graylist|grey-list|gray-list|grey list|gray list|greyliste|greytrap|"
         "liste grise|listes grises|liste gris|lista gris|szara lista|szarej li|"
         "серый список|сером списке|грейлист|灰名单|灰名單|グレイリス|グレーリス|"
         "intentional policy rejection, please try|temporarily rejected*first*contact|"
         "first time*sender*try again|unknown triplet|not yet*whitelist*try again|"
         "come back in # min|try again in # sec*triplet",
     .unless = "permanent*greylist|greylist*database|greylist*unavailable|greylist*error",
     .code_low = 400,
     .code_high = 499,
     .class = FINDING_GREYLIST,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "greylist-5xx",
     .match = "greylisted|graylisted|greylisting",
     .code_low = 500,
     .code_high = 599,
     .class = FINDING_GREYLIST,
     .scope = FINDING_SCOPE_RECIPIENT,
     .flags = FINDING_TEMPORARY},
    {.name = "permanently-deferred",
     .match = "permanently deferred|retrying will not succeed|will not be accepted*do "
              "not retry",
     .class = FINDING_IP_REPUTATION,
     .scope = FINDING_SCOPE_LANE,
     .blocked = FINDING_BLOCKED_IP,
     .flags = FINDING_PERMANENT},
    {.name = "verify-failed-far-side",
     .match = "recipient address rejected: unverified address*said: 4|"
              "recipient address rejected: unverified address*connection|"
              "recipient address rejected: unverified address*timed out|"
              "recipient*verify*could not complete|could not complete recipient verify|"
              "recipient*callout*tempor|recipient verification*tempor",
     .class = FINDING_REMOTE_FAILURE,
     .scope = FINDING_SCOPE_RECIPIENT},
};

const struct replies_rule *replies_builtin(enum replies_table table, size_t *out_count)
{
    switch (table) {
    case REPLIES_FIRST:
        *out_count = sizeof(first_rules) / sizeof(first_rules[0]);
        return first_rules;
    case REPLIES_VENDOR: return replies_vendor_table(out_count);
    case REPLIES_SUBJECT: return replies_subject_table(out_count);
    case REPLIES_REST: return replies_rest_table(out_count);
    case REPLIES_SENDER: return replies_sender_table(out_count);
    case REPLIES_MAIL: return replies_mail_table(out_count);
    case REPLIES_NOTIONS: return replies_notions_table(out_count);
    case REPLIES_ENHANCED_CODES: return replies_enhanced_table(out_count);
    case REPLIES_CODES: return replies_codes_table(out_count);
    case REPLIES_TABLES: break;
    }
    *out_count = 0;
    return NULL;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool replies_code_parse(const char *text, uint16_t *out_low, uint16_t *out_high)
{
    uint16_t low = 0;
    uint16_t high = 0;
    size_t digits = 0;

    if (text[0] == '\0') {
        *out_low = 0;
        *out_high = 0;
        return true;
    }
    while (is_digit(text[digits]) && digits < 3) {
        low = (uint16_t)(low * 10 + (text[digits] - '0'));
        digits++;
    }
    const char *rest = text + digits;
    bool open = strcmp(rest, "xx") == 0 || strcmp(rest, "x") == 0;
    bool fits = rest[0] == '\0' || (open && digits + strlen(rest) == 3);
    if (digits == 0 || !fits) {
        return false;
    }
    high = low;
    for (size_t i = digits; i < 3; i++) {
        low = (uint16_t)(low * 10);
        high = (uint16_t)(high * 10 + 9);
    }
    if (low < 200 || high > 599) {
        return false;
    }
    *out_low = low;
    *out_high = high;
    return true;
}

/* One part of an enhanced code: a number, a range, or '*'. Returns where it ends. */
static const char *parse_part(const char *at, uint16_t *out_low, uint16_t *out_high)
{
    uint32_t numbers[2] = {0, 0};
    int count = 0;

    if (*at == '*') {
        *out_low = 0;
        *out_high = 999;
        return at + 1;
    }
    for (;;) {
        size_t digits = 0;
        while (is_digit(at[digits]) && digits < 3) {
            numbers[count] = numbers[count] * 10 + (uint32_t)(at[digits] - '0');
            digits++;
        }
        if (digits == 0) {
            return NULL;
        }
        at += digits;
        count++;
        if (*at != '-' || count == 2) {
            break;
        }
        at++;
    }
    *out_low = (uint16_t)numbers[0];
    *out_high = (uint16_t)numbers[count - 1];
    return *out_low <= *out_high ? at : NULL;
}

bool replies_enhanced_parse(const char *text, uint16_t out_low[3], uint16_t out_high[3])
{
    uint16_t low[3] = {0};
    uint16_t high[3] = {0};
    const char *at = text;

    for (int i = 0; text[0] != '\0' && i < 3; i++) {
        at = parse_part(at, &low[i], &high[i]);
        if (at == NULL || *at != (i < 2 ? '.' : '\0')) {
            return false;
        }
        at += i < 2 ? 1 : 0;
    }
    memcpy(out_low, low, sizeof(low));
    memcpy(out_high, high, sizeof(high));
    return true;
}
