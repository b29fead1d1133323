#include "relay/resolve_guard.h"

#include <stdio.h>
#include <string.h>

#define USAGE_DANE_TA    2
#define USAGE_DANE_EE    3
#define SELECTOR_KEY     1
#define MATCHING_SHA_256 1
#define MATCHING_SHA_512 2

static bool has_address(const struct answers_entry *entry)
{
    return entry != NULL && entry->outcome == DNS_OK;
}

/* The end of the host's CNAME chain; NULL when the host is no alias. */
static const char *alias_of(const struct resolve_case *facts, unsigned i)
{
    const struct answers_entry *const entries[2] = {facts->v4[i], facts->v6[i]};
    for (unsigned which = 0; which < 2; which++) {
        if (has_address(entries[which])) {
            return entries[which]->alias;
        }
    }
    return NULL;
}

bool resolve_guard_name(const struct resolve_case *facts, const struct resolve_self *self,
                        unsigned i, unsigned which, char out[DNS_NAME_BYTES])
{
    bool is_way_secure = facts->explicit_route || (self->trust_ad && facts->list->secure);
    bool is_there = has_address(facts->v4[i]) || has_address(facts->v6[i]);
    if (!is_way_secure || !is_there || !resolve_build_is_secure(facts, self, i)) {
        return false;
    }
    const char *alias = alias_of(facts, i);
    if (which == 0 && alias == NULL) {
        return false;
    }
    int length =
        snprintf(out, DNS_NAME_BYTES, "_%u._tcp.%s", resolve_build_port(facts, i),
                 which == 0 ? alias : answers_name(facts->list, i));
    return length > 0 && length < DNS_NAME_BYTES - 2;
}

/* What we can match: the certificate or key of the server or of an issuer, hashed. The
 * usages 0 and 1 mean nothing in SMTP (RFC 7672 3.1.3), and OpenSSL would take them. */
static bool is_usable(const struct dns_tlsa *tlsa)
{
    bool is_dane = tlsa->usage == USAGE_DANE_TA || tlsa->usage == USAGE_DANE_EE;
    bool is_hash = (tlsa->matching == MATCHING_SHA_256 && tlsa->size == 32) ||
                   (tlsa->matching == MATCHING_SHA_512 && tlsa->size == 64);
    return is_dane && tlsa->selector <= SELECTOR_KEY && is_hash;
}

static void take_records(const struct answers_entry *entry, struct destination_guard *out,
                         struct destination_guard_host *host)
{
    host->tlsa_first = out->tlsa_count;
    for (unsigned i = 0; i < entry->count && out->tlsa_count < LIMIT_TLSA; i++) {
        struct dns_tlsa tlsa;
        memcpy(&tlsa, entry->data + i * sizeof tlsa, sizeof tlsa);
        if (is_usable(&tlsa)) {
            out->tlsa[out->tlsa_count++] = tlsa;
        }
    }
    host->tlsa_count = (uint8_t)(out->tlsa_count - host->tlsa_first);
    host->tlsa =
        host->tlsa_count > 0 ? DESTINATION_TLSA_USABLE : DESTINATION_TLSA_UNUSABLE;
}

/* True when this answer decides. */
static bool judge(const struct answers_entry *entry, struct destination_guard *out,
                  struct destination_guard_host *host)
{
    switch (entry->outcome) {
    case DNS_OK:
        if (!entry->secure) {
            return false; /* what is not signed binds nobody */
        }
        take_records(entry, out, host);
        return true;
    case DNS_NODATA:
    case DNS_NXDOMAIN: return false;
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
    case DNS_MALFORMED: break;
    }
    host->tlsa = DESTINATION_TLSA_FAILED;
    return true;
}

void resolve_guard_build(const struct resolve_case *facts, struct destination_guard *out)
{
    memset(out, 0, sizeof *out);
    unsigned count = resolve_build_host_count(facts);
    for (unsigned i = 0; i < count; i++) {
        struct destination_guard_host *host = &out->hosts[i];
        const struct answers_entry *expanded = facts->tlsa[0][i];
        const struct answers_entry *own = facts->tlsa[1][i];
        const char *name = answers_name(facts->list, i);
        if (expanded != NULL && judge(expanded, out, host)) {
            name = alias_of(facts, i);
        } else if (own != NULL) {
            (void)judge(own, out, host);
        }
        (void)snprintf(host->base, sizeof host->base, "%s", name);
    }
}
