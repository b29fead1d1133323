/* Lanes and sources out of service until they prove clean.
 *
 * A stop has a cause, a reach, a clock and a proof. It is a value in wall time: what the
 * caller stores is the struct itself, and a restart goes on where it was. A stop must be
 * durable before anybody relies on it being lifted, and acts at once in memory. */

#ifndef POLICY_STOP_H
#define POLICY_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/finding.h"

#define STOP_WHY_BYTES  200
#define STOP_SITE_BYTES 256
#define STOP_WITNESSES  8 /* sites remembered against one source; 3 decide */

/* Holds where nothing else is said: of a lane that refuses us, and of a source whose
 * listing cannot be looked up. */
#define STOP_REPUTATION_MS INT64_C(14400000)
#define STOP_UNKNOWN_MS    INT64_C(172800000)
#define STOP_DAY_MS        INT64_C(86400000)
/* Between two answers of a zone that are to count as two. */
#define STOP_APART_MS      INT64_C(600000)

enum stop_cause {
    STOP_CAUSE_NONE,
    STOP_CAUSE_LISTED,     /* a reply or the watcher named a DNSBL */
    STOP_CAUSE_REPUTATION, /* the receiver's own block */
    STOP_CAUSE_AUTH,       /* PTR, HELO, TLS demanded and missing */
    STOP_CAUSE_OPERATOR,   /* a person */
};

enum stop_state {
    STOP_CLEAR,
    STOP_CHECKING, /* frozen at once; the zone is being asked */
    STOP_HELD,     /* out of service until until_unix_ms or the proof */
    STOP_CANARY,   /* single messages to the site that refused */
    STOP_RESUMING, /* in service at a fraction of normal */
};

/* Who is stopped. For a lane's stop only NOTHING and ALL are used. */
enum stop_reach {
    STOP_REACH_NOTHING,   /* the source itself goes on (the lane alone is stopped) */
    STOP_REACH_BULK,      /* bulk stops everywhere; transactional goes careful */
    STOP_REACH_BULK_ONLY, /* bulk stops; transactional goes on as it was */
    STOP_REACH_ALL,
};

/* What is known of a list by its name. */
enum stop_list {
    STOP_LIST_UNKNOWN,   /* private, dead or never heard of: the lane only */
    STOP_LIST_GRAVE,     /* SBL, CSS, XBL, DROP, BCL */
    STOP_LIST_COMPLAINT, /* SpamCop, Barracuda and the like */
    STOP_LIST_POLICY,    /* PBL: a configuration error */
    STOP_LIST_WIDE,      /* UCEPROTECT 2/3 and others that list networks */
    STOP_LIST_DEAD,      /* SORBS, ORDB, ...: closed */
    STOP_LIST_MIXED,     /* ZEN: the answer's code decides */
};

/* What asking the zone about the source's public address has given. */
enum stop_proof {
    STOP_PROOF_PENDING,
    STOP_PROOF_LISTED,           /* with the address code of a healthy zone */
    STOP_PROOF_NOT_LISTED,       /* a healthy zone, once */
    STOP_PROOF_NOT_LISTED_TWICE, /* and again at least 10 min later */
    STOP_PROOF_NOT_OURS,         /* the reply names an address that is none of ours */
    STOP_PROOF_CANNOT_TELL,      /* no healthy zone to ask */
};

struct stop {
    enum stop_state state;
    enum stop_cause cause;
    enum stop_reach reach;
    enum stop_list list_kind;
    bool pinned;     /* by an operator: no proof, no clock lifts it */
    bool was_listed; /* a healthy zone has said so: it ends by canary, not at once */
    int64_t since_unix_ms;
    int64_t until_unix_ms;  /* INT64_MAX: until lifted */
    int64_t proved_unix_ms; /* of the last "not listed"; 0 none */
    int64_t hold_ms;        /* length of the present hold; doubles on a refused canary */
    uint32_t canary_sent;   /* of the present step: out, or accepted */
    uint32_t canary_accepted; /* of these */
    uint32_t canary_step;     /* 0: 1 message, 1: 2, 2: 4, 3: 8 */
    uint32_t clean_days;      /* while resuming */
    uint32_t times;           /* stops within 30 days, this one included */
    int64_t step_unix_ms;     /* when the canary step, or the resumed day, began */
    char list[FINDING_LIST_BYTES];
    char ip[FINDING_IP_BYTES];  /* the address that the list is asked about; "" none */
    char site[STOP_SITE_BYTES]; /* who refused first: the canary goes there; "" anybody */
    char why[STOP_WHY_BYTES];   /* the reply, or the operator's words */
};

/* A reply, or the watcher, names a list. */
struct stop_hit {
    const char *list;
    enum stop_list kind; /* by stop_list_kind, or as configured for that zone */
    const char *ip;
    const char *site;
    const char *why;
};

/* Sites that spoke against a source: who, and when. */
struct stop_witness {
    uint64_t site;    /* hash of the organisational domain */
    uint64_t network; /* hash of the MX network (/24 or /48) */
    int64_t unix_ms;
    bool big;     /* one of the eight big providers */
    double share; /* of the source's 30-day volume that goes to this site */
};

struct stop_witnesses {
    struct stop_witness seen[STOP_WITNESSES];
    uint32_t count;
};

struct stop_ruling {
    enum stop_reach reach; /* for the source */
    bool lane_stays;       /* the lane that refused remains stopped ... */
    int64_t lane_hold_ms;  /* ... for so long */
    int64_t hold_ms;       /* for the source; INT64_MAX: until the zone says clean */
    bool alert;
    const char *words; /* what to tell the operator; static */
};

/* What kind of list a zone or list name is ("bl.spamcop.net", "Spamhaus PBL"), refined by
 * the last octet of the zone's answer (127.0.0.x), 0 when not known. */
enum stop_list stop_list_kind(const char *list, uint32_t answer);

/* The zone to ask about a list that is named in words ("Spamhaus" -> zen.spamhaus.org);
 * the name itself when it is a zone; "" when nobody can be asked. */
const char *stop_list_zone(const char *list);

/* A reply named a list: freeze now. True when the stop changed: the caller stores it,
 * tells the workers and starts the check. The same list again while it is being checked
 * or held changes nothing; another one, or one during a canary or while resuming, is a
 * new stop. */
bool stop_freeze(struct stop *stop, const struct stop_hit *hit, int64_t now_unix_ms);

/* Stop a lane or source for another cause, or by an operator (until_unix_ms INT64_MAX:
 * until lifted). A longer or wider stop that stands is not shortened or narrowed. */
void stop_hold(struct stop *stop, enum stop_cause cause, enum stop_reach reach,
               const char *why, int64_t until_unix_ms, int64_t now_unix_ms);

/* What the table of decisions says for this list and this proof. `witnessed`: the answer
 * of stop_witnessed, which counts only where it cannot be told. */
struct stop_ruling stop_rule(enum stop_list kind, enum stop_proof proof, bool witnessed);

/* The check has an answer: apply the ruling. kind: of the answer where the proof is
 * LISTED, else not looked at. Once a zone has said "listed", "cannot tell" changes
 * nothing any more. Pinned stops stay as they are. */
struct stop_ruling stop_proved(struct stop *stop, enum stop_proof proof,
                               enum stop_list kind, bool witnessed, int64_t now_unix_ms);

/* May mail start? `bulk`: of a stream that is bulk; `canary` is set when only a canary
 * may. earliest_unix_ms: when to ask again. */
struct stop_answer {
    bool go;
    bool canary;     /* one message only, to the site that refused, smallest risk first */
    bool careful;    /* a quarter of the rate, one connection, priority first */
    double fraction; /* of the normal rate: 1 unless careful or resuming */
    int64_t earliest_unix_ms;
};
struct stop_answer stop_ask(const struct stop *stop, bool bulk, int64_t now_unix_ms);

/* May a canary go to this site? To the one that refused; to any when no mail for that one
 * has come for an hour. */
bool stop_canary_fits(const struct stop *stop, const char *site, int64_t now_unix_ms);

/* Time passes: a hold that is over becomes a canary, a clean day of resuming doubles, a
 * check that nobody answered cannot tell. True when something changed (store it). Call at
 * least once a minute. */
bool stop_tick(struct stop *stop, bool witnessed, int64_t now_unix_ms);

/* A canary was started; its outcome. A refusal doubles the hold, at most 7 days; one that
 * was lost (no answer, our own fault, a recipient's own trouble) may be sent again. */
enum stop_canary { STOP_CANARY_ACCEPTED, STOP_CANARY_REFUSED, STOP_CANARY_LOST };
void stop_canary_started(struct stop *stop);
void stop_canary_done(struct stop *stop, enum stop_canary outcome, int64_t now_unix_ms);

/* An operator lifts it at once, whatever its state. */
void stop_clear(struct stop *stop);

/* An operator wants it to stand until then, or (pin) until he lifts it, whatever is
 * proved. False when nothing is stopped. `why` is kept. */
bool stop_extend(struct stop *stop, const char *why, int64_t until_unix_ms);
bool stop_pin(struct stop *stop, const char *why);

/* Is this site, by its shipped name, one of the big providers whose word is enough? */
bool stop_is_big(const char *site);

/* Note that a site speaks against a source; those older than 24 h are forgotten. */
void stop_witness_add(struct stop_witnesses *witnesses,
                      const struct stop_witness *witness);

/* Enough independent ones within 24 h: three sites in three networks, or one big
 * provider, or sites with 10 % of the volume. */
bool stop_witnessed(const struct stop_witnesses *witnesses, int64_t now_unix_ms);

/* For ip-reputation: three sites, or a third of the `tried` sites and at least two. */
bool stop_reputation_witnessed(const struct stop_witnesses *witnesses, uint32_t tried,
                               int64_t now_unix_ms);

const char *stop_cause_name(enum stop_cause cause);
const char *stop_state_name(enum stop_state state);
const char *stop_reach_name(enum stop_reach reach);
const char *stop_list_name(enum stop_list kind);

#endif
