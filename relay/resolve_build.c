#include "relay/resolve_build.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relay/now.h"

#define TTL_LEAST_S 5
#define TTL_MOST_S  (24 * 3600)

/* What was seen on the way, for the sentence when nothing is left. */
struct findings {
    unsigned usable_hosts;
    bool any_failed; /* a server did not say whether there is an address */
    enum dns_outcome failure;
    const char *failed_name;
    bool any_barred;
    struct netaddr barred;
    const char *barred_name;
    bool own_found;
    const char *own_name;
};

static void refuse(struct reply *out, unsigned class, unsigned subject, unsigned detail)
{
    memset(out, 0, sizeof *out);
    out->stage = REPLY_STAGE_DNS;
    out->origin = REPLY_DNS_FAILURE;
    out->enhanced[0] = (uint16_t) class;
    out->enhanced[1] = (uint16_t)subject;
    out->enhanced[2] = (uint16_t)detail;
}

static void say(struct reply *out, const char *format, ...) ATTR_PRINTF(2, 3);

static void say(struct reply *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out->text, sizeof out->text, format, args);
    va_end(args);
}

static bool is_failure(enum dns_outcome outcome)
{
    return outcome == DNS_SERVFAIL || outcome == DNS_TIMEOUT || outcome == DNS_MALFORMED;
}

/* No host in the list can be one: "." (RFC 7505), or "localhost" as some write it. */
static bool is_null_list(const struct answers_entry *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        const char *name = answers_name(list, i);
        if (name[0] != '\0' && strcmp(name, "localhost") != 0) {
            return false;
        }
    }
    return true;
}

enum resolve_build_next resolve_build_judge_list(const struct resolve_case *facts,
                                                 struct reply *out_refusal)
{
    const struct answers_entry *list = facts->list;
    switch (list->outcome) {
    case DNS_NODATA: return RESOLVE_BUILD_IMPLICIT;
    case DNS_NXDOMAIN:
        refuse(out_refusal, 5, 1, 2);
        say(out_refusal, "the domain %s does not exist", facts->domain);
        return RESOLVE_BUILD_REFUSED;
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
    case DNS_MALFORMED:
        refuse(out_refusal, 4, 4, 3);
        say(out_refusal, "cannot look up the mail exchangers of %s: %s", facts->domain,
            dns_answer_outcome_name(list->outcome));
        return RESOLVE_BUILD_REFUSED;
    case DNS_OK: break;
    }
    if (!facts->explicit_route && is_null_list(list)) {
        refuse(out_refusal, 5, 1, 10);
        say(out_refusal, "the domain %s accepts no mail (null MX)", facts->domain);
        return RESOLVE_BUILD_REFUSED;
    }
    return RESOLVE_BUILD_GO;
}

unsigned resolve_build_host_count(const struct resolve_case *facts)
{
    return facts->list->count < LIMIT_MX_HOSTS ? facts->list->count : LIMIT_MX_HOSTS;
}

void resolve_build_bare_name(const char *host, char *out)
{
    size_t size = strlen(host);
    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    }
    int length = (int)(size > LIMIT_DOMAIN ? LIMIT_DOMAIN : size);
    (void)snprintf(out, LIMIT_DOMAIN + 1, "%.*s", length, host);
}

static struct netaddr address_at(const struct answers_entry *entry, unsigned i,
                                 uint16_t port)
{
    struct netaddr addr = {.port = port};
    bool v4 = entry->type == DNS_A;
    size_t width = v4 ? 4 : 16;
    addr.family = v4 ? NETADDR_V4 : NETADDR_V6;
    memcpy(addr.bytes, entry->data + i * width, width);
    return addr;
}

static unsigned address_count(const struct answers_entry *entry)
{
    return entry != NULL && entry->outcome == DNS_OK ? entry->count : 0;
}

static bool is_own_address(const struct resolve_self *self, const struct netaddr *addr)
{
    for (unsigned i = 0; i < self->own_count; i++) {
        const struct netaddr *own = &self->own[i];
        if (netaddr_same_host(own, addr) && (own->port == 0 || own->port == addr->port)) {
            return true;
        }
    }
    return false;
}

static bool is_barred(const struct resolve_self *self, const struct netaddr *addr)
{
    enum netaddr_range range = netaddr_range(addr);
    bool never = range == NETADDR_UNSPECIFIED || range == NETADDR_MULTICAST;
    return never || (range != NETADDR_PUBLIC && !self->allow_private);
}

uint16_t resolve_build_port(const struct resolve_case *facts, unsigned i)
{
    return facts->ports[i] != 0 ? facts->ports[i] : facts->port;
}

/* Is the i-th host of the list ourselves? */
static bool is_own_host(const struct resolve_case *facts, const struct resolve_self *self,
                        unsigned i)
{
    if (strcmp(answers_name(facts->list, i), self->hostname) == 0) {
        return true;
    }
    const struct answers_entry *const entries[2] = {facts->v4[i], facts->v6[i]};
    for (unsigned which = 0; which < 2; which++) {
        for (unsigned j = 0; j < address_count(entries[which]); j++) {
            struct netaddr addr = address_at(entries[which], j, facts->port);
            if (is_own_address(self, &addr)) {
                return true;
            }
        }
    }
    return false;
}

/* The hosts before the best preference that is ours: RFC 5321 5.1, against loops. */
static unsigned count_before_own(const struct resolve_case *facts,
                                 const struct resolve_self *self,
                                 struct findings *findings)
{
    unsigned count = resolve_build_host_count(facts);
    if (facts->explicit_route) {
        return count;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!is_own_host(facts, self, i)) {
            continue;
        }
        findings->own_found = true;
        findings->own_name = answers_name(facts->list, i);
        uint16_t preference = facts->list->preferences[i];
        unsigned before = i;
        while (before > 0 && facts->list->preferences[before - 1] == preference) {
            before--;
        }
        return before;
    }
    return count;
}

static void lower_ttl(struct destination *out, const struct answers_entry *entry,
                      int64_t now_ns)
{
    int64_t left_s = (entry->until_ns - now_ns) / NOW_NS_PER_S;
    if (left_s < (int64_t)out->ttl_s) {
        out->ttl_s = left_s < TTL_LEAST_S ? TTL_LEAST_S : (uint32_t)left_s;
    }
}

static void note_entry(const struct answers_entry *entry, const char *name,
                       struct findings *findings)
{
    if (entry != NULL && is_failure(entry->outcome)) {
        findings->any_failed = true;
        findings->failure = entry->outcome;
        findings->failed_name = name;
    }
}

/* Up to `most` good addresses of a host, from both families in turn. */
static void add_host_hops(const struct resolve_case *facts,
                          const struct resolve_self *self, unsigned i, unsigned most,
                          struct destination *out, struct findings *findings)
{
    const struct answers_entry *v6 = facts->v6[i];
    const struct answers_entry *v4 = facts->v4[i];
    unsigned v6_count = address_count(v6);
    unsigned v4_count = address_count(v4);
    unsigned added = 0;
    for (unsigned turn = 0; turn < 2 * (v6_count > v4_count ? v6_count : v4_count);
         turn++) {
        const struct answers_entry *entry = turn % 2 == 0 ? v6 : v4;
        unsigned at = turn / 2;
        if (at >= (turn % 2 == 0 ? v6_count : v4_count)) {
            continue;
        }
        struct netaddr addr = address_at(entry, at, resolve_build_port(facts, i));
        if (!facts->explicit_route && is_barred(self, &addr)) {
            findings->any_barred = true;
            findings->barred = addr;
            findings->barred_name = answers_name(facts->list, i);
            continue;
        }
        if (added == most || out->hop_count == LIMIT_ADDRESSES) {
            out->cut = true;
            break;
        }
        out->hops[out->hop_count++] =
            (struct destination_hop){.addr = addr, .host = out->host_count};
        added++;
    }
}

static void add_literal(const struct netaddr *literal, struct destination *out)
{
    if (out->hop_count < LIMIT_ADDRESSES) {
        out->hops[out->hop_count++] =
            (struct destination_hop){.addr = *literal, .host = out->host_count};
    }
}

bool resolve_build_is_secure(const struct resolve_case *facts,
                             const struct resolve_self *self, unsigned i)
{
    const struct answers_entry *v4 = facts->v4[i];
    const struct answers_entry *v6 = facts->v6[i];
    return self->trust_ad && v4 != NULL && v4->secure && (v6 == NULL || v6->secure);
}

static void add_host(const struct resolve_case *facts, const struct resolve_self *self,
                     unsigned i, unsigned most, struct destination *out,
                     struct findings *findings)
{
    const char *name = answers_name(facts->list, i);
    struct destination_host *host = &out->hosts[out->host_count];
    (void)snprintf(host->name, sizeof host->name, "%s", name);
    host->preference = facts->list->preferences[i];
    host->secure = resolve_build_is_secure(facts, self, i);
    host->guard = (uint8_t)i;
    note_entry(facts->v4[i], name, findings);
    note_entry(facts->v6[i], name, findings);

    struct netaddr literal;
    if (facts->explicit_route &&
        netaddr_parse(name, resolve_build_port(facts, i), &literal) == 0) {
        add_literal(&literal, out);
    } else {
        add_host_hops(facts, self, i, most, out, findings);
    }
    out->host_count++;
}

static void explain_nothing(const struct resolve_case *facts,
                            const struct findings *findings, unsigned candidates,
                            struct reply *out)
{
    char text[NETADDR_TEXT_BYTES];
    if (candidates == 0 && findings->own_found) {
        refuse(out, 5, 4, 6);
        say(out, "mail for %s loops back to this relay: its best mail exchanger %s is us",
            facts->domain, findings->own_name);
    } else if (findings->any_failed) {
        refuse(out, 4, 4, 3);
        say(out, "cannot look up the address of %s: %s", findings->failed_name,
            dns_answer_outcome_name(findings->failure));
    } else if (findings->any_barred) {
        refuse(out, 5, 4, 4);
        say(out, "mail for %s must not go to %s [%s]: its address is %s", facts->domain,
            findings->barred_name, netaddr_format(&findings->barred, text),
            netaddr_range_name(netaddr_range(&findings->barred)));
    } else if (facts->implicit) {
        refuse(out, 5, 1, 2);
        say(out, "the domain %s has neither mail exchangers nor an address",
            facts->domain);
    } else {
        refuse(out, 5, 4, 4);
        say(out, "%s of %s has an address",
            facts->explicit_route ? "no host of the route" : "no mail exchanger",
            facts->domain);
    }
}

bool resolve_build(const struct resolve_case *facts, const struct resolve_self *self,
                   int64_t now_ns, struct destination *out, struct reply *out_refusal)
{
    struct findings findings = {0};
    memset(out, 0, sizeof *out);
    memcpy(out->domain, facts->domain, sizeof out->domain);
    out->implicit = facts->implicit;
    out->explicit_route = facts->explicit_route;
    out->secure = self->trust_ad && facts->list->secure;
    out->ttl_s = TTL_MOST_S;
    out->cut = facts->list->cut || facts->list->count > LIMIT_MX_HOSTS;
    lower_ttl(out, facts->list, now_ns);

    unsigned count = count_before_own(facts, self, &findings);
    unsigned most = count == 0 ? 0 : LIMIT_ADDRESSES / count;
    for (unsigned i = 0; i < count; i++) {
        add_host(facts, self, i, most, out, &findings);
        if (facts->v4[i] != NULL) {
            lower_ttl(out, facts->v4[i], now_ns);
        }
        if (facts->v6[i] != NULL) {
            lower_ttl(out, facts->v6[i], now_ns);
        }
        for (unsigned which = 0; which < 2; which++) {
            if (facts->tlsa[which][i] != NULL) {
                lower_ttl(out, facts->tlsa[which][i], now_ns);
            }
        }
    }
    if (out->hop_count == 0) {
        explain_nothing(facts, &findings, count, out_refusal);
        return false;
    }
    return true;
}
