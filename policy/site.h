/* Which receivers share limits: recipient domain and MX names -> site.
 *
 * A configured or shipped group first, in the order of the rules; else the organisational
 * domain of the best MX, which the caller computes (public suffixes are data of relay/).
 */

#ifndef POLICY_SITE_H
#define POLICY_SITE_H

#include <stddef.h>
#include <stdint.h>

struct site_rule {
    const char *name; /* borrowed: lives as long as the rules */
    const char *const
        *patterns; /* borrowed: "gmail.com", "*.example.com", "mx:*.google.com" */
    uint32_t pattern_count;
};

struct site_ask {
    const char *domain;         /* of the recipient, without trailing dot */
    const char *const *mx;      /* the names of the best preference; NULL when unknown */
    uint32_t mx_count;          /* 0: not resolved, or no MX */
    const char *organisational; /* of the best MX, or of the domain when it has none; ""
                                   unknown */
};

struct site_answer {
    int32_t rule;     /* index into the rules, -1 when none matched */
    const char *name; /* borrowed from the rule or from the question; never NULL */
};

/* Name the site. A rule matches when one of its domain patterns matches the domain, or
 * when every MX name matches one of its "mx:" patterns: a domain that has only one foot
 * at a provider is not that provider. Without any match the organisational domain is the
 * site, and where that is "", the domain itself. */
struct site_answer site_of(const struct site_rule *rules, size_t rule_count,
                           const struct site_ask *ask);

#endif
