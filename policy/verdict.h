/* What follows from a finding: class x scope -> message, recipient, lane, source, sender
 * domain, ramp. One table; nothing else in the relay decides this.
 *
 * Scope beats code. What is our own fault (FINDING_LOCAL) feeds nothing. */

#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include <stdbool.h>

#include "policy/finding.h"
#include "policy/reply.h"

enum verdict_message {
    VERDICT_DONE,   /* accepted */
    VERDICT_RETRY,  /* by the stream's backoff, or the finding's wait_ns */
    VERDICT_BOUNCE, /* final */
    VERDICT_HOLD, /* caught by a stop: no attempt before it opens; DSN by decisions.md */
};

enum verdict_lane {
    VERDICT_LANE_NOTHING,
    VERDICT_LANE_CLEAN,          /* counts as accepted for the controller */
    VERDICT_LANE_RATE,           /* explicit rate text: cut and pause */
    VERDICT_LANE_CONNECTIONS,    /* halve the window */
    VERDICT_LANE_PER_CONNECTION, /* fewer messages on one connection */
    VERDICT_LANE_LOAD,           /* x0.9 for a minute */
    VERDICT_LANE_SOFT,           /* a 4xx without such text: evidence only */
    VERDICT_LANE_UNREACHABLE,    /* no reply: the destination's own backoff */
    VERDICT_LANE_STOP,           /* the receiver refuses this source: out of service */
};

enum verdict_source {
    VERDICT_SOURCE_NOTHING,
    VERDICT_SOURCE_EVIDENCE, /* one site's word against the source (stop_witness) */
    VERDICT_SOURCE_FREEZE,   /* a list was named: freeze at once, then check */
};

enum verdict_domain {
    VERDICT_DOMAIN_NOTHING,
    VERDICT_DOMAIN_EVIDENCE, /* against (From domain, stream, selector) at this site */
};

enum verdict_ramp {
    VERDICT_RAMP_NOTHING,
    VERDICT_RAMP_ACCEPTED,
    VERDICT_RAMP_DEFERRAL,
    VERDICT_RAMP_REFUSAL, /* policy refusal of a message */
    VERDICT_RAMP_BAD_MAILBOX,
    VERDICT_RAMP_BLOCK,
};

struct verdict {
    enum verdict_message message;
    enum verdict_lane lane;
    enum verdict_source source;
    enum verdict_domain domain;
    enum verdict_ramp ramp;
    bool suppress;    /* a bad mailbox: evidence for the suppression list */
    bool next_host;   /* another MX host of the destination may answer otherwise */
    bool whole;       /* the same fate awaits the other recipients of this transaction */
    bool sticks;      /* a remote server spoke: the recipient keeps its source for 24 h */
    bool same_source; /* retry only from this source (greylisting) */
};

struct verdict verdict_of(const struct reply *reply, const struct finding *finding);

/* Words for logs: "retry", "rate", "freeze", ... */
const char *verdict_message_name(enum verdict_message message);
const char *verdict_lane_name(enum verdict_lane lane);

#endif
