#include "relay/destination.h"

#include <assert.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>

/* A die of its own, so that one roll orders everything: xorshift64*. */
static uint64_t next_roll(uint64_t *state)
{
    uint64_t value = *state;
    value ^= value >> 12;
    value ^= value << 25;
    value ^= value >> 27;
    *state = value;
    return value * UINT64_C(0x2545f4914f6cdd1d);
}

static unsigned below(uint64_t *state, unsigned bound)
{
    return (unsigned)((next_roll(state) >> 32) % bound);
}

/* Fisher and Yates. */
static void shuffle_indexes(uint8_t *indexes, unsigned count, uint64_t *state)
{
    for (unsigned i = count; i > 1; i--) {
        unsigned j = below(state, i);
        uint8_t other = indexes[j];
        indexes[j] = indexes[i - 1];
        indexes[i - 1] = other;
    }
}

/* The order of the hosts: each run of equal preference shuffled. */
static void order_hosts(const struct destination *from, uint8_t *order, uint64_t *state)
{
    for (uint8_t i = 0; i < from->host_count; i++) {
        order[i] = i;
    }
    if (from->explicit_route) {
        return;
    }
    unsigned start = 0;
    for (unsigned i = 1; i <= from->host_count; i++) {
        if (i == from->host_count ||
            from->hosts[i].preference != from->hosts[start].preference) {
            shuffle_indexes(order + start, i - start, state);
            start = i;
        }
    }
}

/* The hops of one host, each family shuffled, IPv6 and IPv4 in turn. */
static void add_hops(struct destination *to, const struct destination *from,
                     uint8_t from_host, uint8_t to_host, uint64_t *state)
{
    uint8_t v6[LIMIT_ADDRESSES];
    uint8_t v4[LIMIT_ADDRESSES];
    unsigned v6_count = 0;
    unsigned v4_count = 0;
    for (uint8_t i = 0; i < from->hop_count; i++) {
        if (from->hops[i].host != from_host) {
            continue;
        }
        if (from->hops[i].addr.family == NETADDR_V6) {
            v6[v6_count++] = i;
        } else {
            v4[v4_count++] = i;
        }
    }
    shuffle_indexes(v6, v6_count, state);
    shuffle_indexes(v4, v4_count, state);
    for (unsigned i = 0; i < v6_count || i < v4_count; i++) {
        if (i < v6_count) {
            to->hops[to->hop_count] = from->hops[v6[i]];
            to->hops[to->hop_count++].host = to_host;
        }
        if (i < v4_count) {
            to->hops[to->hop_count] = from->hops[v4[i]];
            to->hops[to->hop_count++].host = to_host;
        }
    }
}

size_t destination_bytes(const struct destination *destination)
{
    return offsetof(struct destination, hosts) +
           destination->host_count * sizeof destination->hosts[0];
}

void destination_shuffle(struct destination *destination, uint64_t roll)
{
    assert(destination->host_count <= LIMIT_MX_HOSTS);
    assert(destination->hop_count <= LIMIT_ADDRESSES);
    struct destination from = *destination;
    uint64_t state = roll == 0 ? 1 : roll;
    uint8_t order[LIMIT_MX_HOSTS];

    order_hosts(&from, order, &state);
    destination->hop_count = 0;
    for (uint8_t i = 0; i < from.host_count; i++) {
        destination->hosts[i] = from.hosts[order[i]];
        add_hops(destination, &from, order[i], i, &state);
    }
}

void destination_postpone(struct destination *destination,
                          bool (*is_last)(const struct netaddr *addr, void *owner),
                          void *owner)
{
    struct destination_hop last[LIMIT_ADDRESSES];
    unsigned count = 0;
    unsigned kept = 0;
    for (unsigned i = 0; i < destination->hop_count; i++) {
        if (is_last(&destination->hops[i].addr, owner)) {
            last[count++] = destination->hops[i];
        } else {
            destination->hops[kept++] = destination->hops[i];
        }
    }
    memcpy(destination->hops + kept, last, count * sizeof *last);
}

void destination_org_domain(const char *name, char *out)
{
    struct netaddr literal;
    const char *org = NULL;
    if (netaddr_parse(name, 0, &literal) != 0) {
        org = psl_registrable_domain(psl_builtin(), name);
    }
    (void)snprintf(out, LIMIT_DOMAIN + 1, "%s", org == NULL ? name : org);
}
