/* What a DNSBL's answers mean, and when an address counts as listed.
 *
 * Only an address of 127.0.0.0/8 that the zone's codes know is "listed"; 127.255.255.x
 * (the zone's own errors), 127.0.0.1, anything outside 127/8 (a wildcard, a parked
 * domain) and failures cannot tell. One reading never changes a state; two do. */

#ifndef POLICY_LISTING_H
#define POLICY_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/stop.h"

#define LISTING_CODES 16 /* of one zone */

enum listing_reading {
    LISTING_READ_NOTHING, /* no such name: not listed */
    LISTING_READ_LISTED,
    LISTING_READ_ERROR, /* cannot tell */
};

/* Answers between two addresses (127.0.0.4 to 127.0.0.7), and what they mean. */
struct listing_code {
    uint32_t low; /* host order */
    uint32_t high;
    bool has_kind; /* else what the zone as a whole means */
    enum stop_list kind;
};

/* "127.0.0.2", "127.0.0.4-7", "127.0.0.10-11 policy". False when it is none of these. */
bool listing_code_parse(const char *text, struct listing_code *out_code);

/* "grave", "complaint", "policy", "network". */
bool listing_kind_parse(const char *name, enum stop_list *out_kind);

/* The A records of an answer (host order); count 0: the name does not exist. No codes:
 * every address of 127.0.0.0/24 but 127.0.0.1 is a listing. out_code is the first that
 * counts. */
enum listing_reading listing_read(const struct listing_code *codes, size_t code_count,
                                  const uint32_t *addresses, size_t count,
                                  uint32_t *out_code);

/* What the answer means: the codes', else the zone's own kind. */
enum stop_list listing_kind(const struct listing_code *codes, size_t code_count,
                            uint32_t code, enum stop_list otherwise);

/* One address in one zone, over time. Zeroed: never asked. */
struct listing {
    bool is_listed;
    uint32_t hits; /* in a row */
    uint32_t misses;
    uint32_t errors;        /* since the last answer that could tell */
    uint32_t code;          /* of the last hit, host order */
    int64_t since_unix_ms;  /* is_listed since */
    int64_t change_unix_ms; /* the first of the row of hits or misses */
};

enum listing_news {
    LISTING_NEWS_NONE,
    LISTING_NEWS_LISTED,   /* now it counts as listed */
    LISTING_NEWS_DELISTED, /* and now no more */
};

/* One answer of a healthy zone. `refused`: a reply named this list too, so that one hit
 * is enough. */
enum listing_news listing_heard(struct listing *listing, enum listing_reading reading,
                                uint32_t code, bool refused, int64_t now_unix_ms);

/* When to ask again after an answer: every_ms as configured; soon when the last reading
 * has to be confirmed; half an hour while listed. */
int64_t listing_next_ms(const struct listing *listing, int64_t every_ms);

/* Half of our sources listed at once: the zone is at fault, not they. Only told with at
 * least 4 sources in 2 networks. */
bool listing_breaks(uint32_t listed, uint32_t sources, uint32_t networks);

#endif
