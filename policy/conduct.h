/* How a user behaves against its own history: is this volume, these recipients, this
 * network, this content usual for it?
 *
 * Volume alone is told and slowed; a second sign holds (docs/policy.md). Times are hours
 * and days since 1970 in UTC; a clock that goes back changes nothing. Storable field by
 * field. */

#ifndef POLICY_CONDUCT_H
#define POLICY_CONDUCT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/evidence.h"

#define CONDUCT_DAYS     90
#define CONDUCT_NETWORKS 16
#define CONDUCT_PRINTS   32

/* All defaults are those of docs/policy.md. */
struct conduct_limits {
    uint32_t notify_per_hour; /* recipients; at least this much is never odd: 500 */
    uint32_t slow_factor;     /* times the 90-day peak: 3 */
    uint32_t hold_factor;     /* times what is usual at this hour: 10 */
    uint32_t hold_floor;      /* what is usual is at least this: 50 */
    double unknown_share;     /* of recipients that do not exist: 0.05 */
    uint32_t history_days;    /* novelty means nothing before: 7 */
};

extern const struct conduct_limits conduct_defaults;

enum conduct_sign {
    CONDUCT_SIGN_UNKNOWN = 1, /* too many recipients that do not exist */
    CONDUCT_SIGN_NETWORK = 2, /* came from a network it never came from */
    CONDUCT_SIGN_PRINT = 4,   /* content of a kind it never sent */
};

struct conduct {
    int32_t hour;       /* that `sent` counts */
    int32_t born_day;   /* of the first message */
    uint32_t sent;      /* recipients in this hour */
    uint32_t day_sent;  /* and on this day */
    uint32_t signs;     /* of novelty, in this hour */
    float usual[2][24]; /* recipients in that hour of a weekday, of a weekend day */
    uint32_t
        peaks[CONDUCT_DAYS]; /* the biggest hour of each day, by day % CONDUCT_DAYS */
    uint64_t networks[CONDUCT_NETWORKS]; /* hashes, newest first; 0 empty */
    uint64_t prints[CONDUCT_PRINTS];
    struct evidence unknown;  /* recipients that do not exist, of those that ended */
    struct evidence bounced;  /* refused for good, likewise */
    int32_t expected_until;   /* hour; a campaign is announced before it */
    uint64_t expected_volume; /* so many recipients ... */
    uint64_t expected_sent;   /* ... of which so many came */
};

enum conduct_judgement {
    CONDUCT_CALM,
    CONDUCT_SLOW, /* tell, and let no more out than `allowed` an hour */
    CONDUCT_HOLD, /* tell, and let nothing out until an operator says so */
};

struct conduct_verdict {
    enum conduct_judgement judgement;
    uint32_t allowed; /* an hour, by volume alone */
    uint32_t usual;   /* of this hour of the day, or of the same days of other months */
    uint32_t peak;    /* the biggest hour of the last 90 days */
    uint32_t signs;   /* those that stand now */
};

void conduct_init(struct conduct *conduct, int32_t hour);

/* It is `hour` now: what the hours before were goes into the history. True when a new
 * hour began. */
bool conduct_hour(struct conduct *conduct, int32_t hour);

/* A message to so many recipients was accepted, from a network, with content of a kind
 * (hashes; 0 not known). It is remembered. */
void conduct_see(struct conduct *conduct, uint32_t recipients, uint64_t network,
                 uint64_t print);

/* A recipient has ended: delivered, refused for good, and does not exist. */
void conduct_ended(struct conduct *conduct, bool refused, bool unknown, int64_t now_ns);

/* Announce a campaign: so many recipients until that hour are nothing odd. */
void conduct_expect(struct conduct *conduct, uint64_t volume, int32_t until_hour);

/* trusted: a network of the operator's, never held in its first 60 days. */
struct conduct_verdict conduct_judge(const struct conduct *conduct,
                                     const struct conduct_limits *limits, bool trusted,
                                     int64_t now_ns);

#endif
