/* Recipients that are not to be written to: when a refused mailbox becomes one, and when
 * a burst of refusals says more about the receiver than about its mailboxes.
 *
 * What counts as a strike is the caller's: the receiver's own word that there is no such
 * mailbox, and nothing else. Wall time in milliseconds, as it outlives a restart. */

#ifndef POLICY_SUPPRESS_H
#define POLICY_SUPPRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/evidence.h"

/* How a stream's mail is kept from recipients. */
enum suppress_rule {
    SUPPRESS_NEVER,   /* not at all */
    SUPPRESS_STRICT,  /* bulk: one strike, complaints, unsubscribes */
    SUPPRESS_LENIENT, /* transactional: several strikes within a week, nothing else */
};

enum suppress_cause {
    SUPPRESS_BAD_MAILBOX,
    SUPPRESS_COMPLAINT,
    SUPPRESS_UNSUBSCRIBE,
    SUPPRESS_OPERATOR, /* by hand, or imported */
    SUPPRESS_CAUSES,
};

/* The numbers; conf/mesura.conf explains each. */
struct suppress_terms {
    int64_t strict_ms;       /* how long one strike holds */
    int64_t strict_apart_ms; /* of a mailbox that took mail lately: two, so far apart */
    unsigned lenient_strikes;
    int64_t lenient_within_ms;
    int64_t lenient_ms;
    int64_t complaint_ms; /* also of unsubscribes; 0: until taken off by hand */
    double breaker_share; /* the lower bound of a site's share of strikes ... */
    double breaker_times; /* ... and its share, against the usual one */
};

#define SUPPRESS_STRIKES 8

/* The strikes of one mailbox, oldest first; storable as it is. */
struct suppress_history {
    int64_t first_ms; /* of this row of strikes; 0: none yet */
    int64_t at_ms[SUPPRESS_STRIKES];
    unsigned count; /* of at_ms */
};

/* One more strike. was_lively: the mailbox has taken mail within strict_ms, or its site
 * is refusing more than it should. Returns until when it is suppressed, 0: not (yet). */
int64_t suppress_strike(struct suppress_history *history, enum suppress_rule rule,
                        const struct suppress_terms *terms, bool was_lively,
                        int64_t now_ms);

/* Nothing in it matters any more under any rule. */
bool suppress_is_stale(const struct suppress_history *history,
                       const struct suppress_terms *terms, int64_t now_ms);

/* Does a complaint or an unsubscribe keep this stream's mail away, and until when? 0: no;
 * INT64_MAX: for ever. */
int64_t suppress_wish(enum suppress_rule rule, const struct suppress_terms *terms,
                      int64_t now_ms);

/* A site's refused mailboxes against what is usual there. All zero is a new one. */
struct suppress_breaker {
    struct evidence recent; /* an hour's half-life */
    double usual_hits;      /* of the hours before, decayed by 30 days */
    double usual_total;
    double hour_hits; /* of the hour that runs */
    double hour_total;
    int64_t hour; /* its number */
    bool is_open; /* the breaker has tripped */
};

/* What happened to `total` recipients of the site, `hits` of them strikes. Returns true
 * when the breaker has just tripped: what was concluded of this site in the last hour is
 * to be taken back. */
bool suppress_breaker_add(struct suppress_breaker *breaker,
                          const struct suppress_terms *terms, double hits, double total,
                          int64_t now_ns, int64_t now_ms);

const char *suppress_cause_name(enum suppress_cause cause);
bool suppress_cause_parse(const char *name, enum suppress_cause *out);

#endif
