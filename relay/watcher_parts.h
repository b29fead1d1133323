/* Shared by watcher.c and watcher_zones.c alone. */

#ifndef RELAY_WATCHER_PARTS_H
#define RELAY_WATCHER_PARTS_H

#include "queue/list.h"

#include "relay/net/dns_answer.h"
#include "relay/watcher.h"

struct config_zone;
struct dns;
struct dns_query;

enum watcher_health {
    WATCHER_UNKNOWN,
    WATCHER_HALF, /* 127.0.0.2 is listed */
    WATCHER_GOOD, /* and 127.0.0.1 is not */
    WATCHER_BAD,
};

struct watcher_zone {
    struct list_node node;
    char name[DNS_NAME_BYTES];
    char query[DNS_NAME_BYTES]; /* with its key: never to be logged */
    bool is_configured;
    bool is_mute; /* its key cannot be read */
    enum stop_list kind;
    struct listing_code codes[LISTING_CODES];
    unsigned code_count;
    enum watcher_health health[2]; /* IPv4, IPv6 */
    int64_t health_unix_ms[2];
    int64_t broken_unix_ms; /* the breaker's last word; 0 never */
};

struct watcher_pair {
    struct list_node node;
    struct source *source; /* borrowed: lives as long as core's sources */
    struct watcher_zone *zone;
    struct netaddr address;
    struct listing listing;
    bool is_urgent; /* a reply has named it: the next question is this one */
    bool is_refused;
    unsigned tries; /* in a row without an answer that tells */
    int64_t asked_unix_ms;
    int64_t next_unix_ms;
    char why[80];
};

enum watcher_question {
    WATCHER_ASKS_LISTED,   /* 127.0.0.2 must be there */
    WATCHER_ASKS_UNLISTED, /* 127.0.0.1 must not */
    WATCHER_ASKS_ADDRESS,
};

struct watcher {
    struct core *core;
    struct dns *dns;         /* owned */
    struct dns_query *query; /* out, or NULL */
    struct list zones;
    struct list pairs;
    unsigned zone_count;
    unsigned pair_count;
    struct watcher_pair *asking; /* whom the question is for */
    enum watcher_question question;
};

/* The test entries of RFC 5782: 127.0.0.LAST, or ::ffff:7f00:LAST. */
void watcher_test_point(bool v6, unsigned last, struct netaddr *out);

/* The zone of a list by either of its names; NULL when it was never heard of. */
struct watcher_zone *watcher_find_zone(const struct watcher *watcher, const char *list);
/* NULL when there are too many. */
struct watcher_zone *watcher_add_zone(struct watcher *watcher, const char *name);
void watcher_configure(struct watcher *watcher, const struct config_zone *from);

/* What an answer means in this zone; *out_code the listing's address, host order. */
enum listing_reading watcher_read(const struct watcher_zone *zone,
                                  const struct dns_answer *answer, uint32_t *out_code);
/* "127.0.0.2", "203.0.113.9, which is no listing", "no such domain". Returns out. */
const char *watcher_print(const struct dns_answer *answer, uint32_t code, char out[80]);

#endif
