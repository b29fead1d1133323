/* The lists: how they are configured, what they are called, what is asked.
 *
 * No test of its own: tests/relay/test_watcher.c. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/limits.h"
#include "relay/log.h"
#include "relay/snapshot.h"
#include "relay/watcher_parts.h"

/* ---- names ---- */

bool watcher_name(const struct netaddr *address, const char *zone, char *out,
                  unsigned size)
{
    char reversed[80] = "";
    int used = 0;
    if (address->family == NETADDR_V4) {
        used = snprintf(reversed, sizeof reversed, "%u.%u.%u.%u.", address->bytes[3],
                        address->bytes[2], address->bytes[1], address->bytes[0]);
    }
    for (int i = 15; address->family == NETADDR_V6 && i >= 0; i--) {
        used += snprintf(reversed + used, sizeof reversed - (size_t)used, "%x.%x.",
                         address->bytes[i] & 15U, address->bytes[i] >> 4U);
    }
    int wrote = snprintf(out, size, "%s%s", reversed, zone);
    return used > 0 && wrote > 0 && (unsigned)wrote < size && wrote < DNS_NAME_BYTES - 2;
}

void watcher_test_point(bool v6, unsigned last, struct netaddr *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    *out = (struct netaddr){.family = v6 ? NETADDR_V6 : NETADDR_V4};
    if (v6) {
        memcpy(out->bytes, mapped, sizeof mapped);
    }
    out->bytes[v6 ? 12 : 0] = 127;
    out->bytes[v6 ? 15 : 3] = (uint8_t)last;
}

/* ---- zones ---- */

static enum stop_list configured_kind(const struct config_zone *zone)
{
    switch (zone->kind) {
    case CONFIG_ZONE_GRAVE: return STOP_LIST_GRAVE;
    case CONFIG_ZONE_COMPLAINT: return STOP_LIST_COMPLAINT;
    case CONFIG_ZONE_POLICY: return STOP_LIST_POLICY;
    case CONFIG_ZONE_NETWORK: return STOP_LIST_WIDE;
    case CONFIG_ZONE_BY_NAME: break;
    }
    return stop_list_kind(zone->zone, 0);
}

/* Two names of one list: "bl.spamcop.net", "SpamCop". */
static bool is_list(const char *zone, const char *list)
{
    return strcasecmp(zone, list) == 0 || strcasecmp(zone, stop_list_zone(list)) == 0;
}

struct watcher_zone *watcher_find_zone(const struct watcher *watcher, const char *list)
{
    struct watcher_zone *found = NULL;
    list_each (node, &watcher->zones) {
        struct watcher_zone *zone = LIST_OWNER(node, struct watcher_zone, node);
        bool better = found == NULL || strcasecmp(zone->name, list) == 0;
        found = is_list(zone->name, list) && better ? zone : found;
    }
    return found;
}

enum stop_list watcher_kind(const struct watcher *watcher, const char *list)
{
    const struct config_dnsbl *dnsbl = &watcher->core->snapshot->config->dnsbl;
    for (size_t i = 0; i < dnsbl->zone_count; i++) {
        const struct config_zone *zone = &dnsbl->zones[i];
        bool said = zone->kind != CONFIG_ZONE_BY_NAME;
        if (strcasecmp(zone->zone, list) == 0 || (said && is_list(zone->zone, list))) {
            return configured_kind(zone);
        }
    }
    return stop_list_kind(list, 0);
}

const char *watcher_zone(const struct watcher *watcher, const char *list)
{
    const struct watcher_zone *zone = watcher_find_zone(watcher, list);
    return zone != NULL ? zone->name : stop_list_zone(list);
}

struct watcher_zone *watcher_add_zone(struct watcher *watcher, const char *name)
{
    if (watcher->zone_count >= LIMIT_WATCHER_ZONES || strlen(name) >= DNS_NAME_BYTES) {
        return NULL;
    }
    struct watcher_zone *zone = arena_must(1, sizeof *zone);
    (void)snprintf(zone->name, sizeof zone->name, "%s", name);
    (void)snprintf(zone->query, sizeof zone->query, "%s", name);
    zone->kind = stop_list_kind(name, 0);
    list_push_back(&watcher->zones, &zone->node);
    watcher->zone_count++;
    return zone;
}

/* The first line of the key file, without what does not belong into a name. */
static bool read_key(const char *path, char out[64])
{
    FILE *file = fopen(path, "re");
    bool done = file != NULL && fgets(out, 64, file) != NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (!done) {
        return false;
    }
    out[strspn(out, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] =
        '\0';
    return out[0] != '\0';
}

void watcher_configure(struct watcher *watcher, const struct config_zone *from)
{
    struct watcher_zone *zone = NULL;
    list_each (node, &watcher->zones) {
        struct watcher_zone *other = LIST_OWNER(node, struct watcher_zone, node);
        zone = strcasecmp(other->name, from->zone) == 0 ? other : zone;
    }
    zone = zone != NULL ? zone : watcher_add_zone(watcher, from->zone);
    if (zone == NULL) {
        return;
    }
    const char *base = from->query[0] != '\0' ? from->query : from->zone;
    char key[64] = "";
    zone->is_mute = from->key_file[0] != '\0' && !read_key(from->key_file, key);
    if (zone->is_mute) {
        log_error(
            "dnsbl: the key of zone %s cannot be read from %s; the zone is not asked",
            from->zone, from->key_file);
    }
    (void)snprintf(zone->query, sizeof zone->query, "%s%s%.180s", key,
                   key[0] != '\0' ? "." : "", base);
    zone->is_configured = true;
    zone->kind = configured_kind(from);
    zone->code_count = 0;
    for (size_t i = 0; i < from->codes.count && i < LISTING_CODES; i++) {
        zone->code_count +=
            listing_code_parse(from->codes.items[i], &zone->codes[zone->code_count]);
    }
    zone->health[0] = WATCHER_UNKNOWN;
    zone->health[1] = WATCHER_UNKNOWN;
}

/* ---- answers ---- */

enum listing_reading watcher_read(const struct watcher_zone *zone,
                                  const struct dns_answer *answer, uint32_t *out_code)
{
    uint32_t addresses[DNS_RECORDS_MAX];
    unsigned count = 0;
    *out_code = 0;
    switch (answer->outcome) {
    case DNS_NXDOMAIN:
    case DNS_NODATA: break;
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
    case DNS_MALFORMED: return LISTING_READ_ERROR;
    case DNS_OK:
        for (unsigned i = 0; i < answer->count; i++) {
            const uint8_t *bytes = answer->records[i].address;
            addresses[count++] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                                 (uint32_t)bytes[2] << 8 | bytes[3];
        }
        break;
    }
    return listing_read(zone->codes, zone->code_count, addresses, count, out_code);
}

const char *watcher_print(const struct dns_answer *answer, uint32_t code, char out[80])
{
    if (answer->outcome != DNS_OK) {
        (void)snprintf(out, 80, "%s", dns_answer_outcome_name(answer->outcome));
    } else if (code != 0) {
        (void)snprintf(out, 80, "%u.%u.%u.%u", code >> 24U, code >> 16U & 255U,
                       code >> 8U & 255U, code & 255U);
    } else {
        const uint8_t *bytes = answer->records[0].address;
        (void)snprintf(out, 80, "%u.%u.%u.%u, which is no listing", bytes[0], bytes[1],
                       bytes[2], bytes[3]);
    }
    return out;
}

/* ---- what they have said ---- */

void watcher_said(const struct watcher *watcher, const struct source *source,
                  struct watcher_said *out)
{
    *out = (struct watcher_said){.listed = ""};
    if (watcher == NULL) {
        return;
    }
    list_each (node, &watcher->pairs) {
        const struct watcher_pair *pair = LIST_OWNER(node, struct watcher_pair, node);
        if (pair->source != source || !pair->zone->is_configured || pair->zone->is_mute) {
            continue;
        }
        bool is_listed = pair->listing.is_listed || pair->listing.hits > 0;
        out->lists++;
        out->unheard += pair->asked_unix_ms == 0;
        out->uncertain += pair->asked_unix_ms != 0 && pair->listing.errors > 0;
        if (is_listed && out->listed[0] == '\0') {
            out->listed = pair->zone->name;
        }
    }
}
