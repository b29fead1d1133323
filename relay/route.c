#include "relay/route.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "relay/net/netaddr.h"

/* How telling a match is: the larger wins. A domain weighs more than a sender, a sender
 * more than a stream. A domain counts 1 for any, 1 + its length for a suffix, most for
 * itself; a sender 1 to 3; a stream 1 or 2. */
#define NO_MATCH      0
#define WEIGHT_DOMAIN 10
#define WEIGHT_SENDER 2

static unsigned weigh_domain(const char *pattern, const char *domain)
{
    size_t size = strlen(pattern);
    size_t have = strlen(domain);
    if (size == 0 || strcmp(pattern, "*") == 0) {
        return 1;
    }
    if (pattern[0] == '.') {
        bool below = have > size && strcmp(domain + have - size, pattern) == 0;
        return below ? 1 + (unsigned)size : NO_MATCH;
    }
    return strcmp(pattern, domain) == 0 ? LIMIT_DOMAIN + 2 : NO_MATCH;
}

/* Local parts are the sender's own business, domains are not: compared in lower case. */
static bool same_domain(const char *pattern, const char *domain)
{
    for (; *pattern != '\0' && *domain != '\0'; pattern++, domain++) {
        char byte = *domain;
        if (byte >= 'A' && byte <= 'Z') {
            byte = (char)(byte + ('a' - 'A'));
        }
        if (*pattern != byte) {
            return false;
        }
    }
    return *pattern == *domain;
}

/* 1 for any, 2 for its domain, 3 for the whole address; NO_MATCH. */
static unsigned weigh_sender(const char *pattern, const char *sender)
{
    if (pattern[0] == '\0') {
        return 1;
    }
    if (strcmp(pattern, "<>") == 0) {
        return sender[0] == '\0' ? 3 : NO_MATCH;
    }
    const char *at = strrchr(sender, '@');
    const char *pattern_at = strrchr(pattern, '@');
    if (at == NULL || pattern_at == NULL || !same_domain(pattern_at + 1, at + 1)) {
        return NO_MATCH;
    }
    if (pattern_at == pattern) {
        return 2;
    }
    size_t local = (size_t)(pattern_at - pattern);
    bool same = local == (size_t)(at - sender) && memcmp(pattern, sender, local) == 0;
    return same ? 3 : NO_MATCH;
}

static unsigned weigh_stream(int pattern, int stream)
{
    if (pattern < 0) {
        return 1;
    }
    return pattern == stream ? 2 : NO_MATCH;
}

const struct route_rule *route_choose(const struct route_rule *rules, unsigned count,
                                      const struct route_ask *ask)
{
    const struct route_rule *best = NULL;
    unsigned best_weight = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct route_rule *rule = &rules[i];
        unsigned domain = weigh_domain(rule->domain, ask->domain);
        unsigned sender = weigh_sender(rule->sender, ask->sender);
        unsigned stream = weigh_stream(rule->stream, ask->stream);
        if (domain == NO_MATCH || sender == NO_MATCH || stream == NO_MATCH) {
            continue;
        }
        unsigned weight = domain * WEIGHT_DOMAIN + sender * WEIGHT_SENDER + stream;
        if (weight > best_weight) {
            best = rule;
            best_weight = weight;
        }
    }
    return best;
}

#define LABEL   ";from="
#define ARCHIVE ";archive"

bool route_label(const char *domain, bool is_archive, const char *sender, char *out,
                 size_t size)
{
    bool is_sent = sender[0] != '\0';
    int length = snprintf(out, size, "%s%s%s%s", domain, is_archive ? ARCHIVE : "",
                          is_sent ? LABEL : "", sender);
    return length > 0 && (size_t)length < size;
}

const char *route_unlabel(const char *name, char out_domain[LIMIT_DOMAIN + 1])
{
    const char *label = strstr(name, LABEL);
    size_t length = strcspn(name, ";");
    (void)snprintf(out_domain, LIMIT_DOMAIN + 1, "%.*s", (int)length, name);
    return label != NULL ? label + sizeof LABEL - 1 : "";
}

bool route_is_archive(const char *name)
{
    const char *mark = strchr(name, ';');
    return mark != NULL && strncmp(mark, ARCHIVE, sizeof ARCHIVE - 1) == 0;
}

void route_key(const struct route_rule *rule, uint16_t port, char *out)
{
    assert(rule->host_count > 0);
    const char *host = rule->hosts[0];
    uint16_t used = rule->port != 0 ? rule->port : port;
    struct netaddr literal;
    if (netaddr_parse(host, used, &literal) == 0) {
        char text[NETADDR_TEXT_BYTES];
        (void)snprintf(out, ROUTE_KEY_BYTES, "%s", netaddr_format_port(&literal, text));
        return;
    }
    size_t size = strlen(host);
    bool bracketed = size >= 2 && host[0] == '[' && host[size - 1] == ']';
    int length = (int)(bracketed ? size - 2 : size);
    length = length > LIMIT_DOMAIN ? LIMIT_DOMAIN : length;
    (void)snprintf(out, ROUTE_KEY_BYTES, "%.*s:%u", length, host + (bracketed ? 1 : 0),
                   used);
}
