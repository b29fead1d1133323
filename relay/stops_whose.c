/* Whose address a reply names, and who has spoken against a source.
 *
 * No test of its own: tests/relay/test_stops_proof.c. */

#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/destination.h"
#include "relay/learnt.h"
#include "relay/now.h"
#include "relay/stops_parts.h"

#define DAY_MS INT64_C(86400000)

/* ---- whose address ---- */

static bool is_same(const struct netaddr *named, const struct netaddr *ours)
{
    /* Lists and receivers speak of an IPv6 address by its /64. */
    return named->family == NETADDR_V6 ? netaddr_in_prefix(named, ours, 64)
                                       : netaddr_same_host(named, ours);
}

bool stops_is_seen(const struct netaddr *address)
{
    enum netaddr_range range = netaddr_range(address);
    return address->family != NETADDR_NONE && range != NETADDR_PRIVATE &&
           range != NETADDR_SHARED && range != NETADDR_LINK_LOCAL &&
           range != NETADDR_UNSPECIFIED;
}

static bool is_any_of_ours(const struct core *core, const struct netaddr *named)
{
    for (uint32_t i = 0; i < core->sources.count; i++) {
        const struct source *source = core->sources.items[i];
        const struct netaddr *known[] = {&source->public, &source->public6,
                                         &source->address, &source->address6};
        for (unsigned k = 0; k < sizeof known / sizeof known[0]; k++) {
            if (known[k]->family == named->family && is_same(named, known[k])) {
                return true;
            }
        }
    }
    return false;
}

/* The address that a reply speaks of, without brackets and prefix length. */
static bool read_named(const char *text, struct netaddr *out)
{
    char bare[FINDING_IP_BYTES];
    (void)snprintf(bare, sizeof bare, "%s", text);
    bare[strcspn(bare, "/")] = '\0';
    return bare[0] != '\0' && netaddr_parse(bare, 0, out) == 0;
}

enum stops_whose stops_whose(const struct core *core, const struct source *source,
                             const struct netaddr *remote, const struct finding *finding,
                             struct netaddr *out_ask)
{
    struct netaddr named;
    bool v6 = remote != NULL && remote->family == NETADDR_V6;
    const struct netaddr *seen = v6 ? &source->public6 : &source->public;
    *out_ask = *seen;
    if (!read_named(finding->ip, &named)) {
        return stops_is_seen(seen) ? STOPS_OURS : STOPS_UNKNOWN;
    }
    if (named.family == NETADDR_V6) {
        seen = &source->public6;
    }
    if (is_any_of_ours(core, &named)) {
        *out_ask = is_same(&named, seen) && seen->family == named.family ? *seen : named;
        return stops_is_seen(out_ask) ? STOPS_OURS : STOPS_UNKNOWN;
    }
    return seen->family == NETADDR_NONE ? STOPS_UNKNOWN : STOPS_NOT_OURS;
}

/* ---- witnesses ---- */

static uint64_t hash_of(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

/* The network that the receiver stands in: /24 or /48; on this machine a port is a host.
 */
static uint64_t network_of(const struct netaddr *remote)
{
    if (remote->family == NETADDR_V4 && remote->bytes[0] == 127) {
        uint64_t host = hash_of(remote->bytes, 4);
        return host ^ hash_of(&remote->port, sizeof remote->port);
    }
    return hash_of(remote->bytes, remote->family == NETADDR_V4 ? 3 : 6);
}

void stops_add_witness(struct core *core, struct lane *lane, const struct netaddr *remote,
                       struct stop_witnesses *witnesses)
{
    char org[LIMIT_DOMAIN + 1];
    destination_org_domain(lane->site->name, org);
    struct stop_witness one = {.site = hash_of(org, strlen(org)),
                               .unix_ms = now_unix_ms(),
                               .big = stop_is_big(lane->site->name),
                               .share = learnt_share(lane)};
    /* Who cannot be told apart by network is told apart by name. */
    one.network =
        remote != NULL && remote->family != NETADDR_NONE ? network_of(remote) : one.site;
    stop_witness_add(witnesses, &one);
    stops_book_witnesses(core, lane->source);
}

uint32_t stops_sites_tried(const struct source *source)
{
    uint32_t count = 0;
    list_each (node, &source->lanes) {
        const struct lane *lane = LIST_OWNER(node, struct lane, by_source);
        count += lane->used_unix_ms != 0 && now_unix_ms() - lane->used_unix_ms < DAY_MS;
    }
    return count;
}
