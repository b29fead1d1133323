/* Good path: tick -> the next pair (source, list) that is due -> is its list healthy?
 * else the two test points first -> the question -> on_answer -> listing -> stops -> the
 * next time.
 *
 * Failure modes: no answer, SERVFAIL, 127.255.255.x, an answer outside 127/8, a test
 * point that fails: "cannot tell", told to stops after the second try in a row; a list
 * that has half of our sources at once: the same.
 *
 * Suspended while `query` is out: on_answer resumes. */

#include "relay/watcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "queue/list.h"

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/limits.h"
#include "relay/log.h"
#include "relay/net/dns.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/watcher_parts.h"

#define HEALTH_MS INT64_C(300000) /* a list once found healthy is believed so long */
#define AGAIN_MS  INT64_C(15000)  /* the second try of an urgent question */
#define SICK_MS   INT64_C(1800000)

/* ---- pairs ---- */

static struct watcher_pair *find_pair(const struct watcher *watcher,
                                      const struct source *source,
                                      const struct watcher_zone *zone)
{
    list_each (node, &watcher->pairs) {
        struct watcher_pair *pair = LIST_OWNER(node, struct watcher_pair, node);
        if (pair->source == source && pair->zone == zone) {
            return pair;
        }
    }
    return NULL;
}

static struct watcher_pair *get_pair(struct watcher *watcher, struct source *source,
                                     struct watcher_zone *zone)
{
    struct watcher_pair *pair = find_pair(watcher, source, zone);
    if (pair != NULL || watcher->pair_count >= LIMIT_WATCHER_PAIRS) {
        return pair;
    }
    pair = arena_must(1, sizeof *pair);
    pair->source = source;
    pair->zone = zone;
    /* The first round is spread: a start asks no list about everything at once. */
    pair->next_unix_ms = now_unix_ms() + 5000;
    list_push_back(&watcher->pairs, &pair->node);
    watcher->pair_count++;
    return pair;
}

/* An address that a list can know, and that is not one of its test points. */
static bool is_askable(const struct netaddr *address)
{
    enum netaddr_range range = netaddr_range(address);
    bool is_test = range == NETADDR_LOOPBACK && address->family == NETADDR_V4 &&
                   address->bytes[1] == 0 && address->bytes[2] == 0 &&
                   address->bytes[3] <= 2;
    return address->family != NETADDR_NONE && !is_test && range != NETADDR_PRIVATE &&
           range != NETADDR_SHARED && range != NETADDR_LINK_LOCAL &&
           range != NETADDR_UNSPECIFIED;
}

/* Watched without a reason: what strangers can see, or what the operator has named. */
static bool is_watched(const struct core *core, const struct source *source)
{
    if (source->index == CONFIG_NONE || !is_askable(&source->public)) {
        return false;
    }
    const struct config_source *config = &core->snapshot->config->sources[source->index];
    return netaddr_range(&source->public) == NETADDR_PUBLIC ||
           memcmp(config->public.bytes, config->address.bytes,
                  sizeof config->public.bytes) != 0;
}

static void make_pairs(struct watcher *watcher)
{
    struct core *core = watcher->core;
    for (uint32_t i = 0; i < core->sources.count; i++) {
        struct source *source = core->sources.items[i];
        list_each (node, &watcher->zones) {
            struct watcher_zone *zone = LIST_OWNER(node, struct watcher_zone, node);
            if (!zone->is_configured || !is_watched(core, source)) {
                continue;
            }
            struct watcher_pair *pair = get_pair(watcher, source, zone);
            if (pair != NULL && !netaddr_same_host(&pair->address, &source->public)) {
                pair->address = source->public;
                pair->listing = (struct listing){0};
            }
        }
    }
}

static void drop_pairs(struct watcher *watcher, const struct watcher_zone *zone)
{
    list_each_safe (node, &watcher->pairs) {
        struct watcher_pair *pair = LIST_OWNER(node, struct watcher_pair, node);
        if (zone == NULL || pair->zone == zone) {
            list_remove(node);
            watcher->pair_count--;
            free(pair);
        }
    }
}

bool watcher_ask(struct watcher *watcher, struct source *source, const char *list,
                 const struct netaddr *address)
{
    struct watcher_zone *zone = watcher_find_zone(watcher, list);
    const char *name = stop_list_zone(list);
    if (zone == NULL && name[0] != '\0') {
        zone = watcher_add_zone(watcher, name);
    }
    struct watcher_pair *pair = zone != NULL && !zone->is_mute && is_askable(address)
                                    ? get_pair(watcher, source, zone)
                                    : NULL;
    if (pair == NULL) {
        return false;
    }
    if (!netaddr_same_host(&pair->address, address)) {
        pair->address = *address;
        pair->listing = (struct listing){0};
    }
    int64_t now = now_unix_ms();
    pair->is_refused = true;
    if (!pair->is_urgent && now - pair->asked_unix_ms >= AGAIN_MS) {
        pair->is_urgent = true;
        pair->tries = 0;
        pair->next_unix_ms = now;
    }
    return true;
}

/* ---- answers ---- */

/* Half of all sources at once: it is the list that is wrong. */
static bool is_broken(struct watcher *watcher, const struct watcher_zone *zone)
{
    uint32_t sources = 0;
    uint32_t listed = 0;
    uint32_t networks = 0;
    list_each (node, &watcher->pairs) {
        const struct watcher_pair *pair = LIST_OWNER(node, struct watcher_pair, node);
        if (pair->zone != zone) {
            continue;
        }
        bool is_first = true;
        list_each (other_node, &watcher->pairs) {
            const struct watcher_pair *other =
                LIST_OWNER(other_node, struct watcher_pair, node);
            if (other == pair) {
                break;
            }
            is_first = is_first &&
                       (other->zone != zone ||
                        !netaddr_in_prefix(&other->address, &pair->address,
                                           pair->address.family == NETADDR_V6 ? 48 : 24));
        }
        sources++;
        listed += pair->listing.hits > 0 || pair->listing.is_listed;
        networks += is_first;
    }
    return listing_breaks(listed, sources, networks);
}

/* When to ask next, after whatever was heard. */
static void plan(struct watcher *watcher, struct watcher_pair *pair)
{
    struct core *core = watcher->core;
    int64_t now = now_unix_ms();
    int64_t every_ms = core->snapshot->config->dnsbl.every_ns / NOW_NS_PER_MS;
    int64_t next_ms = listing_next_ms(&pair->listing, every_ms);
    int64_t wanted_ms = stops_wants_ms(core, pair->source, pair->zone->name);
    if (wanted_ms > 0 && wanted_ms < next_ms) {
        next_ms = wanted_ms;
    }
    pair->is_urgent = false;
    if (wanted_ms == 0 && !pair->listing.is_listed) {
        pair->is_refused = false;
    }
    pair->asked_unix_ms = now;
    pair->next_unix_ms = now + next_ms;
}

static void tell(struct watcher *watcher, struct watcher_pair *pair,
                 enum stop_proof proof, enum listing_news news)
{
    char ip[NETADDR_TEXT_BYTES];
    struct watcher_zone *zone = pair->zone;
    struct stops_proof out = {.zone = zone->name,
                              .proof = proof,
                              .kind = listing_kind(zone->codes, zone->code_count,
                                                   pair->listing.code, zone->kind),
                              .is_news = news != LISTING_NEWS_NONE,
                              .ip = netaddr_format(&pair->address, ip),
                              .answer = pair->why};
    if (zone->kind == STOP_LIST_MIXED) {
        out.kind = stop_list_kind(zone->name, pair->listing.code & 255U);
    }
    stops_proved(watcher->core, pair->source, &out);
}

/* No answer that tells: once more soon when somebody waits for it, then say so. */
static void cannot_tell(struct watcher *watcher, struct watcher_pair *pair,
                        const char *why)
{
    (void)snprintf(pair->why, sizeof pair->why, "%s", why);
    (void)listing_heard(&pair->listing, LISTING_READ_ERROR, 0, false, now_unix_ms());
    pair->tries++;
    if (pair->is_urgent && pair->tries < 2) {
        pair->next_unix_ms = now_unix_ms() + AGAIN_MS;
        return;
    }
    tell(watcher, pair, STOP_PROOF_CANNOT_TELL, LISTING_NEWS_NONE);
    plan(watcher, pair);
    if (pair->next_unix_ms < now_unix_ms() + SICK_MS) {
        pair->next_unix_ms = now_unix_ms() + SICK_MS;
    }
}

static void say_broken(struct watcher *watcher, struct watcher_zone *zone)
{
    (void)watcher;
    if (zone->broken_unix_ms == 0 || now_unix_ms() - zone->broken_unix_ms > 86400000) {
        log_error("dnsbl: %s lists half of all sources at once; it is not believed",
                  zone->name);
    }
    zone->broken_unix_ms = now_unix_ms();
}

static void hear_address(struct watcher *watcher, struct watcher_pair *pair,
                         const struct dns_answer *answer)
{
    uint32_t code = 0;
    enum listing_reading reading = watcher_read(pair->zone, answer, &code);
    char why[80];
    (void)watcher_print(answer, code, why);
    if (reading == LISTING_READ_ERROR) {
        cannot_tell(watcher, pair, why);
        return;
    }
    enum listing_news news =
        listing_heard(&pair->listing, reading, code, pair->is_refused, now_unix_ms());
    if (reading == LISTING_READ_LISTED && is_broken(watcher, pair->zone)) {
        say_broken(watcher, pair->zone);
        cannot_tell(watcher, pair, "it lists half of all sources at once");
        return;
    }
    bool listed = reading == LISTING_READ_LISTED;
    (void)snprintf(pair->why, sizeof pair->why, "%s", listed ? why : "not listed");
    pair->tries = 0;
    tell(watcher, pair, listed ? STOP_PROOF_LISTED : STOP_PROOF_NOT_LISTED, news);
    plan(watcher, pair);
}

/* A test point: healthy so far, or the list cannot be believed. */
static void hear_test(struct watcher *watcher, struct watcher_pair *pair,
                      const struct dns_answer *answer)
{
    struct watcher_zone *zone = pair->zone;
    bool v6 = pair->address.family == NETADDR_V6;
    uint32_t code = 0;
    enum listing_reading reading = watcher_read(zone, answer, &code);
    bool first = watcher->question == WATCHER_ASKS_LISTED;
    bool good = reading == (first ? LISTING_READ_LISTED : LISTING_READ_NOTHING);
    char why[80];
    zone->health_unix_ms[v6] = now_unix_ms();
    if (good) {
        zone->health[v6] = first ? WATCHER_HALF : WATCHER_GOOD;
        return; /* suspended: the next tick asks on */
    }
    zone->health[v6] = WATCHER_BAD;
    if (first && answer->outcome != DNS_OK) {
        (void)snprintf(why, sizeof why, "its test entry is not there (%s)",
                       dns_answer_outcome_name(answer->outcome));
    } else {
        (void)watcher_print(answer, code, why);
    }
    cannot_tell(watcher, pair, why);
}

static void on_answer(const struct dns_answer *answer, void *owner)
{
    struct watcher *watcher = owner;
    struct watcher_pair *pair = watcher->asking;
    watcher->query = NULL;
    watcher->asking = NULL;
    if (watcher->question == WATCHER_ASKS_ADDRESS) {
        hear_address(watcher, pair, answer);
    } else {
        hear_test(watcher, pair, answer);
    }
}

/* ---- asking ---- */

static struct watcher_pair *next_pair(const struct watcher *watcher, int64_t now_unix_ms)
{
    struct watcher_pair *best = NULL;
    list_each (node, &watcher->pairs) {
        struct watcher_pair *pair = LIST_OWNER(node, struct watcher_pair, node);
        if (pair->next_unix_ms > now_unix_ms || pair->zone->is_mute) {
            continue;
        }
        bool better = best == NULL || pair->is_urgent > best->is_urgent ||
                      (pair->is_urgent == best->is_urgent &&
                       pair->next_unix_ms < best->next_unix_ms);
        best = better ? pair : best;
    }
    return best;
}

static enum watcher_question next_question(struct watcher_zone *zone, bool v6,
                                           int64_t now_unix_ms)
{
    bool stale = now_unix_ms - zone->health_unix_ms[v6] >= HEALTH_MS;
    if (stale || zone->health[v6] == WATCHER_UNKNOWN || zone->health[v6] == WATCHER_BAD) {
        return WATCHER_ASKS_LISTED;
    }
    return zone->health[v6] == WATCHER_HALF ? WATCHER_ASKS_UNLISTED
                                            : WATCHER_ASKS_ADDRESS;
}

void watcher_tick(struct watcher *watcher)
{
    int64_t now = now_unix_ms();
    struct watcher_pair *pair = next_pair(watcher, now);
    if (watcher->query != NULL || pair == NULL) {
        return;
    }
    bool v6 = pair->address.family == NETADDR_V6;
    struct netaddr address = pair->address;
    char name[2 * DNS_NAME_BYTES];
    watcher->question = next_question(pair->zone, v6, now);
    if (watcher->question != WATCHER_ASKS_ADDRESS) {
        watcher_test_point(v6, watcher->question == WATCHER_ASKS_LISTED ? 2 : 1,
                           &address);
    }
    if (!watcher_name(&address, pair->zone->query, name, sizeof name)) {
        cannot_tell(watcher, pair, "its name is too long");
        return;
    }
    watcher->asking = pair;
    watcher->query = dns_ask(watcher->dns, name, DNS_A, on_answer, watcher);
}

bool watcher_is_asking(const struct watcher *watcher)
{
    return watcher->query != NULL;
}

bool watcher_row(const struct watcher *watcher, unsigned number,
                 struct watcher_row *out_row)
{
    list_each (node, &watcher->pairs) {
        const struct watcher_pair *pair = LIST_OWNER(node, struct watcher_pair, node);
        if (number-- > 0) {
            continue;
        }
        bool unsure = pair->listing.errors > 0;
        *out_row =
            (struct watcher_row){.source = pair->source->name,
                                 .zone = pair->zone->name,
                                 .state = pair->asked_unix_ms == 0  ? "not asked yet"
                                          : unsure                  ? "cannot tell"
                                          : pair->listing.is_listed ? "listed"
                                                                    : "clean",
                                 .why = pair->why,
                                 .since_unix_ms = pair->listing.since_unix_ms,
                                 .asked_unix_ms = pair->asked_unix_ms,
                                 .next_unix_ms = pair->next_unix_ms};
        (void)netaddr_format(&pair->address, out_row->ip);
        return true;
    }
    return false;
}

/* ---- open and close ---- */

static int open_dns(struct watcher *watcher, struct errmsg *err)
{
    const struct config *config = watcher->core->snapshot->config;
    const struct config_strings *from =
        config->dnsbl.servers.count > 0 ? &config->dnsbl.servers : &config->dns.servers;
    char servers[2048] = "";
    size_t used = 0;
    for (size_t i = 0; i < from->count && used < sizeof servers; i++) {
        int wrote = snprintf(servers + used, sizeof servers - used, "%s%s",
                             i == 0 ? "" : ",", from->items[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    struct dns_options options = {.servers = servers,
                                  .timeout_ms =
                                      (uint32_t)(config->dns.timeout_ns / NOW_NS_PER_MS)};
    struct dns *dns = NULL;
    int rc = dns_open(&dns, watcher->core->loop, &options, err);
    if (rc != 0) {
        errmsg_wrap(err, "dnsbl");
        return rc;
    }
    dns_close(watcher->dns);
    watcher->dns = dns;
    return 0;
}

static void forget_question(struct watcher *watcher)
{
    dns_cancel(watcher->query);
    watcher->query = NULL;
    watcher->asking = NULL;
}

void watcher_take(struct watcher *watcher)
{
    const struct config_dnsbl *dnsbl = &watcher->core->snapshot->config->dnsbl;
    struct errmsg err;
    forget_question(watcher);
    if (open_dns(watcher, &err) != 0) {
        log_error("reload: %s; the old servers stay", err.text);
    }
    list_each (node, &watcher->zones) {
        LIST_OWNER(node, struct watcher_zone, node)->is_configured = false;
    }
    for (size_t i = 0; i < dnsbl->zone_count; i++) {
        watcher_configure(watcher, &dnsbl->zones[i]);
    }
    list_each_safe (node, &watcher->zones) {
        struct watcher_zone *zone = LIST_OWNER(node, struct watcher_zone, node);
        if (!zone->is_configured) {
            drop_pairs(watcher, zone);
            list_remove(node);
            watcher->zone_count--;
            free(zone);
        }
    }
    make_pairs(watcher);
    /* What stops wait for is asked again, also where a reply alone had named the list. */
    struct core *core = watcher->core;
    for (uint32_t i = 0; i < core->sources.count; i++) {
        struct source *source = core->sources.items[i];
        struct netaddr address;
        bool waits =
            source->stop.cause == STOP_CAUSE_LISTED &&
            (source->stop.state == STOP_CHECKING || source->stop.state == STOP_HELD);
        if (waits && netaddr_parse(source->stop.ip, 0, &address) == 0) {
            (void)watcher_ask(watcher, source, source->stop.list, &address);
        }
    }
}

int watcher_open(struct watcher **out, struct core *core, struct errmsg *err)
{
    struct watcher *watcher = arena_must(1, sizeof *watcher);
    watcher->core = core;
    list_init(&watcher->zones);
    list_init(&watcher->pairs);
    int rc = open_dns(watcher, err);
    if (rc != 0) {
        free(watcher);
        return rc;
    }
    watcher_take(watcher);
    *out = watcher;
    return 0;
}

void watcher_close(struct watcher *watcher)
{
    if (watcher == NULL) {
        return;
    }
    forget_question(watcher);
    drop_pairs(watcher, NULL);
    list_each_safe (node, &watcher->zones) {
        list_remove(node);
        free(LIST_OWNER(node, struct watcher_zone, node));
    }
    dns_close(watcher->dns);
    free(watcher);
}
