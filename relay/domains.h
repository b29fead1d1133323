/* Recipient domains with mail in the queue: where their mail goes, and whether it can.
 *
 * A dest is one (domain, stream), because routes may depend on both. It is resolved when
 * its first recipient is due, again when the answer is older than its TTL; while it is
 * being resolved, down, or refused by DNS, its flows wait here and not in a site's bay.
 * Core thread. */

#ifndef RELAY_DOMAINS_H
#define RELAY_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/reply.h"

#include "queue/list.h"
#include "queue/queue.h"

#include "relay/agenda.h"
#include "relay/sts.h"

struct core;
struct dest;
struct job_destination;
struct resolve_lookup;
struct site;

enum dest_state {
    DEST_UNKNOWN, /* not asked yet, or the answer is stale */
    DEST_PENDING, /* being asked */
    DEST_OPEN,    /* deliver */
    DEST_DOWN,    /* no answer from DNS or from any host: closed until retry */
    DEST_HALF,    /* that time is over: one message may try */
    DEST_REFUSED, /* no such domain, null MX, ...: what waits is being bounced */
};

/* What the scheduler keeps for a flow. */
struct lading {
    struct flow *flow;      /* borrowed: lives as long */
    struct dest *dest;      /* borrowed: outlives its ladings */
    struct list_node node;  /* in dest->waiting, or in a bay's list */
    struct bay *bay;        /* the bay whose list it is in, or NULL */
    struct agenda_item due; /* when its next deferred recipient is */
    struct core *core;
};

struct dest {
    struct dest *next;     /* of the same domain, another stream */
    struct domain *domain; /* borrowed: lives as long */
    struct core *core;
    bool is_archive; /* copies for ourselves: no warm-up counts them */
    uint32_t stream; /* index; CONFIG_NONE: gone from the file, the default's routes */
    enum dest_state state;
    struct resolve_lookup *lookup; /* out, or NULL */
    struct sts_want sts_want;      /* linked while the MTA-STS policy is asked for */
    struct job_destination *destination; /* one reference, or NULL */
    struct site *site;                   /* NULL until resolved */
    int route;                           /* index of the route, or -1 */
    int tls;                             /* enum config_delivery_tls */
    int64_t fresh_until_ns;
    int64_t down_since_ns;
    int64_t down_until_ns;
    unsigned failures;   /* in a row */
    bool is_probing;     /* half open, and the one message is out */
    struct reply *reply; /* owned: the last refusal or failure; NULL when none */
    struct list waiting; /* struct lading */
    struct agenda_item retry;
};

struct domains {
    uint64_t dests;
};

/* The flow's dest, made when new. */
struct dest *domains_dest(struct core *core, struct flow *flow);

/* For index_hooks: the domain has no recipients any more. */
void domains_gone(struct core *core, struct domain *domain);

/* The lading has something ready: give it to its bay, or keep it until the dest is open
 * (asking DNS where that is due). */
void domains_ready(struct lading *lading);

/* Where does it lead? Asked for its own sake: nothing need be due. */
void domains_ask(struct dest *dest);

/* No host of the destination answered: close it for a while. */
void domains_failed(struct dest *dest, const struct reply *reply);

/* Some host answered: open. */
void domains_answered(struct dest *dest);

/* A job to this dest was never tried: a probe must not wait for it. */
void domains_untried(struct dest *dest);

/* After a reload: ask again for every stream's dest, used or not, as routes and streams
 * have other numbers now. The ladings are out of the bays and wait nowhere. */
void domains_forget(struct domain *domain);

/* Words for `why`: "open", "down", ... */
const char *dest_state_name(enum dest_state state);

#endif
