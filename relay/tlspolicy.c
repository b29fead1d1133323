#include "relay/tlspolicy.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "queue/attr.h"

bool tlspolicy_wants_tlsa(enum config_delivery_tls policy)
{
    return policy == CONFIG_TLS_DANE || policy == CONFIG_TLS_STS;
}

bool tlspolicy_wants_sts(enum config_delivery_tls policy)
{
    return policy == CONFIG_TLS_STS;
}

bool tlspolicy_wants_roots(enum config_delivery_tls policy)
{
    return policy == CONFIG_TLS_VERIFY || policy == CONFIG_TLS_STS;
}

static void refuse(struct tlspolicy_answer *out, const uint16_t enhanced[3],
                   const char *format, ...) ATTR_PRINTF(3, 4);

static void refuse(struct tlspolicy_answer *out, const uint16_t enhanced[3],
                   const char *format, ...)
{
    va_list args;
    out->usable = false;
    out->refusal = (struct reply){.stage = REPLY_STAGE_STARTTLS, .origin = REPLY_LOCAL};
    memcpy(out->refusal.enhanced, enhanced, sizeof out->refusal.enhanced);
    out->refusal.code = enhanced[0] == 5 ? 550 : 0; /* final: as if they had said so */
    va_start(args, format);
    (void)vsnprintf(out->refusal.text, sizeof out->refusal.text, format, args);
    va_end(args);
}

/* What the host's TLSA records say; false when they say nothing. */
static bool apply_tlsa(enum destination_tlsa tlsa, const char *name,
                       struct tlspolicy_answer *out)
{
    static const uint16_t later[3] = {4, 7, 5};
    out->basis = TLSPOLICY_BASIS_TLSA;
    switch (tlsa) {
    case DESTINATION_TLSA_NONE: out->basis = TLSPOLICY_BASIS_NONE; return false;
    case DESTINATION_TLSA_USABLE: out->level = TLSPOLICY_DANE; return true;
    case DESTINATION_TLSA_UNUSABLE: out->level = TLSPOLICY_REQUIRED; return true;
    case DESTINATION_TLSA_FAILED:
        refuse(out, later,
               "the TLSA records of %s cannot be looked up securely; it may not be used",
               name);
        return true;
    }
    return false;
}

static void apply_sts(const struct destination *destination,
                      const struct destination_guard_host *host, const char *name,
                      struct tlspolicy_answer *out)
{
    static const uint16_t later[3] = {4, 7, 5};
    switch (destination->guard->sts) {
    case DESTINATION_STS_NONE: return;
    case DESTINATION_STS_TESTING: out->basis = TLSPOLICY_BASIS_STS; return;
    case DESTINATION_STS_ENFORCE: break;
    }
    out->basis = TLSPOLICY_BASIS_STS;
    out->level = TLSPOLICY_VERIFY;
    if (!host->sts_match) {
        refuse(out, later, "%s is not among the mail exchangers of %s's MTA-STS policy",
               name, destination->domain);
    }
}

/* REQUIRETLS (RFC 8689 4.2.1): the way to the host's name must be proven, and then its
 * certificate. */
static void apply_requiretls(const struct destination *destination,
                             const struct destination_guard_host *host, const char *name,
                             struct tlspolicy_answer *out)
{
    static const uint16_t never[3] = {5, 7, 10};
    bool by_sts = host != NULL && host->sts_match &&
                  destination->guard->sts != DESTINATION_STS_NONE;
    bool is_proven = destination->explicit_route || destination->secure || by_sts;
    if (out->level == TLSPOLICY_NONE) {
        refuse(out, never,
               "the message asks for REQUIRETLS and TLS is switched off for %s", name);
    } else if (!is_proven) {
        refuse(out, never,
               "the message asks for REQUIRETLS and nothing proves that %s is a mail "
               "exchanger of %s (neither DNSSEC nor MTA-STS)",
               name, destination->domain);
    } else if (out->level != TLSPOLICY_DANE) {
        out->level = TLSPOLICY_VERIFY;
    }
}

static enum tlspolicy_level level_of(enum config_delivery_tls policy)
{
    switch (policy) {
    case CONFIG_TLS_NONE: return TLSPOLICY_NONE;
    case CONFIG_TLS_REQUIRED: return TLSPOLICY_REQUIRED;
    case CONFIG_TLS_VERIFY: return TLSPOLICY_VERIFY;
    case CONFIG_TLS_INHERIT:
    case CONFIG_TLS_OPPORTUNISTIC:
    case CONFIG_TLS_DANE:
    case CONFIG_TLS_STS: break;
    }
    return TLSPOLICY_OPPORTUNISTIC;
}

void tlspolicy_ask(const struct tlspolicy_ask *ask, struct tlspolicy_answer *out)
{
    const struct destination *destination = ask->destination;
    assert(ask->host < destination->host_count);
    const struct destination_host *mx = &destination->hosts[ask->host];
    const struct destination_guard_host *host =
        destination->guard != NULL ? &destination->guard->hosts[mx->guard] : NULL;
    memset(out, 0, sizeof *out);
    out->usable = true;
    out->level = level_of(ask->policy);
    bool is_lenient = ask->is_lenient && !ask->requiretls;
    if (host != NULL && !is_lenient) {
        bool has_tlsa =
            tlspolicy_wants_tlsa(ask->policy) && apply_tlsa(host->tlsa, mx->name, out);
        if (!has_tlsa && tlspolicy_wants_sts(ask->policy)) {
            apply_sts(destination, host, mx->name, out);
        }
    }
    if (ask->requiretls && out->usable) {
        apply_requiretls(destination, host, mx->name, out);
    }
}

const char *tlspolicy_level_name(enum tlspolicy_level level)
{
    switch (level) {
    case TLSPOLICY_NONE: return "none";
    case TLSPOLICY_OPPORTUNISTIC: return "opportunistic";
    case TLSPOLICY_REQUIRED: return "required";
    case TLSPOLICY_VERIFY: return "verify";
    case TLSPOLICY_DANE: return "dane";
    }
    return "";
}
