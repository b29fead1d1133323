#include "relay/preflight_judge.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One more finding; where its text goes. */
static char *add(struct preflight_report *out, const char *check,
                 enum preflight_grade grade)
{
    assert(out->count < PREFLIGHT_FINDINGS);
    struct preflight_finding *finding = &out->findings[out->count++];
    finding->check = check;
    finding->grade = grade;
    return finding->text;
}

/* ---- names ---- */

enum found {
    FOUND,
    FOUND_NOTHING,
    FOUND_TROUBLE, /* no server tells */
    FOUND_LATER,   /* asked for */
};

static enum found find(const struct preflight_ask *ask, struct preflight_report *out,
                       const char *name, enum dns_type type,
                       const struct dns_answer **answer)
{
    *answer = ask->look_cb(name, type, ask->owner);
    if (*answer == NULL) {
        out->asks = true;
        return FOUND_LATER;
    }
    switch ((*answer)->outcome) {
    case DNS_OK: return FOUND;
    case DNS_NODATA:
    case DNS_NXDOMAIN: return FOUND_NOTHING;
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
    case DNS_MALFORMED: break;
    }
    return FOUND_TROUBLE;
}

/* Does the name have the address? FOUND_NOTHING: it has others, or none. */
static enum found leads_to(const struct preflight_ask *ask, struct preflight_report *out,
                           const char *name, const struct netaddr *address)
{
    const struct dns_answer *answer = NULL;
    bool v6 = address->family == NETADDR_V6;
    enum found found = find(ask, out, name, v6 ? DNS_AAAA : DNS_A, &answer);
    if (found != FOUND) {
        return found;
    }
    for (unsigned i = 0; i < answer->count; i++) {
        if (memcmp(answer->records[i].address, address->bytes, v6 ? 16 : 4) == 0) {
            return FOUND;
        }
    }
    return FOUND_NOTHING;
}

void preflight_reverse(const struct netaddr *address, char out[DNS_NAME_BYTES])
{
    const uint8_t *bytes = address->bytes;
    if (address->family != NETADDR_V6) {
        (void)snprintf(out, DNS_NAME_BYTES, "%u.%u.%u.%u.in-addr.arpa", bytes[3],
                       bytes[2], bytes[1], bytes[0]);
        return;
    }
    for (size_t i = 0; i < 16; i++) {
        (void)snprintf(out + 4 * i, DNS_NAME_BYTES - 4 * i, "%x.%x.", bytes[15 - i] & 15U,
                       bytes[15 - i] >> 4U);
    }
    (void)snprintf(out + 64, DNS_NAME_BYTES - 64, "ip6.arpa");
}

/* ---- the checks ---- */

/* The reverse names of the address, one of which leads back to it. */
static void check_reverse(const struct preflight_ask *ask, const struct netaddr *address,
                          const char *ip, struct preflight_report *out)
{
    char reverse[DNS_NAME_BYTES];
    const struct dns_answer *answer = NULL;
    bool is_sure = true;
    bool is_helo = false;
    const char *good = NULL;
    preflight_reverse(address, reverse);
    enum found found = find(ask, out, reverse, DNS_PTR, &answer);
    if (found == FOUND_LATER) {
        return;
    }
    if (found != FOUND) {
        bool none = found == FOUND_NOTHING;
        (void)snprintf(
            add(out, "ptr", none ? PREFLIGHT_BAD : PREFLIGHT_UNKNOWN), PREFLIGHT_TEXT,
            none ? "%s has no PTR record: ask whoever gave you the address for one"
                 : "%s: no name server tells its PTR record",
            ip);
        return;
    }
    for (unsigned i = 0; i < answer->count && i < 10; i++) {
        const char *name = answer->records[i].name;
        enum found leads = leads_to(ask, out, name, address);
        is_sure = is_sure && (leads == FOUND || leads == FOUND_NOTHING);
        is_helo = is_helo || strcasecmp(name, ask->helo) == 0;
        good = leads == FOUND && good == NULL ? name : good;
    }
    if (good == NULL) {
        (void)snprintf(
            add(out, "ptr", is_sure ? PREFLIGHT_BAD : PREFLIGHT_UNKNOWN), PREFLIGHT_TEXT,
            is_sure ? "the PTR of %s is %s, which does not lead back to it"
                    : "the PTR of %s is %s; no name server tells where that leads",
            ip, answer->records[0].name);
        return;
    }
    (void)snprintf(
        add(out, "ptr", is_helo ? PREFLIGHT_GOOD : PREFLIGHT_NOTE), PREFLIGHT_TEXT,
        is_helo ? "%s is %s, and that is it" : "%s is %s; HELO is another name", ip,
        good);
}

static void check_helo(const struct preflight_ask *ask, const struct netaddr *address,
                       const char *ip, struct preflight_report *out)
{
    if (strchr(ask->helo, '.') == NULL) {
        (void)snprintf(add(out, "helo", PREFLIGHT_BAD), PREFLIGHT_TEXT,
                       "HELO %s is not a full name", ask->helo);
        return;
    }
    switch (leads_to(ask, out, ask->helo, address)) {
    case FOUND:
        (void)snprintf(add(out, "helo", PREFLIGHT_GOOD), PREFLIGHT_TEXT, "%s is %s",
                       ask->helo, ip);
        break;
    case FOUND_NOTHING:
        (void)snprintf(add(out, "helo", PREFLIGHT_BAD), PREFLIGHT_TEXT,
                       "HELO %s does not lead to %s", ask->helo, ip);
        break;
    case FOUND_TROUBLE:
        (void)snprintf(add(out, "helo", PREFLIGHT_UNKNOWN), PREFLIGHT_TEXT,
                       "no name server tells where HELO %s leads", ask->helo);
        break;
    case FOUND_LATER: break;
    }
}

/* A domain must cover the address; a HELO name may go without a record. */
static void check_spf(const struct preflight_ask *ask, const struct netaddr *address,
                      const char *ip, const char *domain, struct preflight_report *out)
{
    struct spf_answer answer;
    bool is_helo = domain == ask->helo;
    spf_check(&(struct spf_ask){.address = *address,
                                .domain = domain,
                                .sender = "postmaster",
                                .helo = ask->helo,
                                .look_cb = ask->look_cb,
                                .owner = ask->owner},
              &answer);
    switch (answer.result) {
    case SPF_ASKS: out->asks = true; break;
    case SPF_PASS:
        (void)snprintf(add(out, "spf", PREFLIGHT_GOOD), PREFLIGHT_TEXT,
                       "%s covers %s by %s (%u look-ups)", domain, ip, answer.term,
                       answer.lookups);
        break;
    case SPF_TEMPERROR:
        (void)snprintf(add(out, "spf", PREFLIGHT_UNKNOWN), PREFLIGHT_TEXT,
                       "%s: no name server tells (%s)", domain, answer.term);
        break;
    case SPF_PERMERROR:
        (void)snprintf(add(out, "spf", PREFLIGHT_BAD), PREFLIGHT_TEXT,
                       "the SPF record of %.80s is broken: %s", answer.domain,
                       answer.term);
        break;
    case SPF_NONE:
        if (!is_helo) {
            (void)snprintf(add(out, "spf", PREFLIGHT_BAD), PREFLIGHT_TEXT,
                           "%s has no SPF record: publish \"v=spf1 ip%d:%s -all\"",
                           domain, address->family == NETADDR_V6 ? 6 : 4, ip);
        }
        break;
    case SPF_NEUTRAL:
    case SPF_FAIL:
    case SPF_SOFTFAIL:
        (void)snprintf(add(out, "spf", PREFLIGHT_BAD), PREFLIGHT_TEXT,
                       "%.80s does not cover %s: %s%s%.60s", domain, ip,
                       spf_result_name(answer.result),
                       answer.term[0] != '\0' ? " by " : "", answer.term);
        break;
    }
}

static void check_lists(const struct preflight_ask *ask, struct preflight_report *out)
{
    if (ask->listed[0] != '\0') {
        (void)snprintf(add(out, "lists", PREFLIGHT_BAD), PREFLIGHT_TEXT,
                       "it is listed in %s", ask->listed);
    } else if (ask->unheard > 0) {
        (void)snprintf(add(out, "lists", PREFLIGHT_UNKNOWN), PREFLIGHT_TEXT,
                       "%u of %u block lists have not answered yet", ask->unheard,
                       ask->lists);
    } else if (ask->lists == 0) {
        (void)snprintf(add(out, "lists", PREFLIGHT_NOTE), PREFLIGHT_TEXT,
                       "no block list is asked about it");
    } else {
        (void)snprintf(
            add(out, "lists", ask->uncertain > 0 ? PREFLIGHT_NOTE : PREFLIGHT_GOOD),
            PREFLIGHT_TEXT, "not listed in %u block list%s, %u cannot tell",
            ask->lists - ask->uncertain, ask->lists - ask->uncertain == 1 ? "" : "s",
            ask->uncertain);
    }
}

void preflight_judge(const struct preflight_ask *ask, struct preflight_report *out)
{
    *out = (struct preflight_report){0};
    if (ask->address_count == 0) {
        (void)snprintf(
            add(out, "address", PREFLIGHT_BAD), PREFLIGHT_TEXT,
            "it has no address of its own: give it `address`, or `public` behind NAT");
    }
    for (size_t i = 0; i < ask->address_count; i++) {
        char ip[NETADDR_TEXT_BYTES];
        const struct netaddr *address = &ask->addresses[i];
        (void)netaddr_format(address, ip);
        check_reverse(ask, address, ip, out);
        check_helo(ask, address, ip, out);
        check_spf(ask, address, ip, ask->helo, out);
        for (size_t k = 0; k < ask->domain_count; k++) {
            check_spf(ask, address, ip, ask->domains[k], out);
        }
    }
    check_lists(ask, out);
}

enum preflight_grade preflight_worst(const struct preflight_report *report)
{
    enum preflight_grade worst = PREFLIGHT_GOOD;
    for (size_t i = 0; i < report->count; i++) {
        worst = report->findings[i].grade > worst ? report->findings[i].grade : worst;
    }
    return worst;
}

const char *preflight_grade_name(enum preflight_grade grade)
{
    static const char *const names[] = {[PREFLIGHT_GOOD] = "ok",
                                        [PREFLIGHT_NOTE] = "note",
                                        [PREFLIGHT_UNKNOWN] = "unknown",
                                        [PREFLIGHT_BAD] = "bad"};
    return names[grade];
}
