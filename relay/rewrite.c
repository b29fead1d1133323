#include "relay/rewrite.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/config.h"

/* Atoms and dots, or one quoted string: what may stand in front of an @. */
static bool is_local_part(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > 64) {
        return false;
    }
    if (length > 2 && text[0] == '"' && text[length - 1] == '"') {
        return true;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte <= ' ' || byte == 0x7f || strchr("()<>[]:;@\\,\"", byte) != NULL) {
            return false;
        }
    }
    return text[0] != '.' && text[length - 1] != '.';
}

/* The @ in front of the domain: the last one, behind any quoted local part. */
static const char *domain_of(const char *address)
{
    const char *at = strrchr(address, '@');
    const char *quote = strrchr(address, '"');
    return at != NULL && (quote == NULL || quote < at) ? at + 1 : NULL;
}

bool rewrite_complete(const struct config *config, const char *address, char *out,
                      size_t size)
{
    if (domain_of(address) != NULL || !is_local_part(address)) {
        (void)snprintf(out, size, "%s", address);
        return false;
    }
    (void)snprintf(out, size, "%s@%s", address, config->origin);
    return true;
}

static const struct config_rewrite *rule_for(const struct config *config,
                                             const char *address)
{
    const char *domain = domain_of(address);
    for (size_t i = 0; i < config->rewrite_count; i++) {
        if (config->rewrites[i].from[0] != '@' &&
            strcasecmp(config->rewrites[i].from, address) == 0) {
            return &config->rewrites[i];
        }
    }
    for (size_t i = 0; domain != NULL && i < config->rewrite_count; i++) {
        if (config->rewrites[i].from[0] == '@' &&
            strcasecmp(config->rewrites[i].from + 1, domain) == 0) {
            return &config->rewrites[i];
        }
    }
    return NULL;
}

bool rewrite_sender(const struct config *config, const char *address, char *out,
                    size_t size)
{
    bool is_new = rewrite_complete(config, address, out, size);
    const struct config_rewrite *rule = rule_for(config, out);
    if (rule == NULL) {
        return is_new;
    }
    if (rule->to[0] != '@') {
        (void)snprintf(out, size, "%s", rule->to);
        return true;
    }
    const char *domain = domain_of(out); /* a rule that names a domain found one */
    size_t local = domain == NULL ? strlen(out) : (size_t)(domain - out) - 1;
    (void)snprintf(out + local, size - local, "%s", rule->to);
    return true;
}

bool rewrite_matches(const char *pattern, const char *address)
{
    const char *domain = domain_of(address);
    if (strcmp(pattern, "*") == 0) {
        return true;
    }
    if (domain == NULL) {
        return false;
    }
    if (pattern[0] == '@') {
        return strcasecmp(pattern + 1, domain) == 0;
    }
    if (pattern[0] == '.') {
        size_t tail = strlen(pattern);
        size_t length = strlen(domain);
        return length > tail && strcasecmp(domain + length - tail, pattern) == 0;
    }
    return strcasecmp(pattern, strchr(pattern, '@') != NULL ? address : domain) == 0;
}
