/* Asks all reasons to wait, in order; one answer: go, or the first that holds.
 *
 * Gates are derived and never written per message; a waiting one costs no attempt. The
 * caller gathers what it has into a struct gate_ask (NULL or zero: that gate is open);
 * gate_first is the scheduler's question, gate_all is `mesura why`. */

#ifndef POLICY_GATE_H
#define POLICY_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/pace.h"

/* In the order in which they are asked. */
enum gate {
    GATE_LIFETIME, /* not a wait: the message is to expire */
    GATE_HOLD,     /* an operator's or conduct's hold of this message */
    GATE_FREEZE_STREAM,
    GATE_FREEZE_SITE,
    GATE_FREEZE_SOURCE,
    GATE_FREEZE_USER,
    GATE_SUPPRESSION, /* not a wait: the recipient is suppressed */
    GATE_SENDER_DOMAIN,
    GATE_SOURCE_STOP,
    GATE_LANE_STOP,
    GATE_DESTINATION, /* DNS pending, or no host answers */
    GATE_BACKOFF,
    GATE_RECIPIENT_RATE,
    GATE_RAMP,
    GATE_RATE,
    GATE_CONNECTIONS,
    GATE_COUNT,
};

/* Whose decision it is. */
enum gate_owner {
    GATE_OWNER_NONE,
    GATE_OWNER_CONFIG,   /* file and line */
    GATE_OWNER_OPERATOR, /* freeze, hold, pin */
    GATE_OWNER_LEARNT,   /* a lane's controller */
    GATE_OWNER_RULE,     /* a rule of decisions.md: a stop, a backoff, a ramp */
    GATE_OWNER_REPLY,    /* the receiver's own words */
};

/* A gate that is simply shut: a hold, freeze, stop. NULL: open. */
struct gate_block {
    int64_t until_ns; /* INT64_MAX: until lifted */
    enum gate_owner owner;
    uint32_t ref; /* the caller's: which freeze, stop, config line */
};

/* A pace and its limit. Several may count at once (lane, site, source, stream, user). */
struct gate_pace {
    const struct pace *pace;
    const struct pace_limit *limit;
    enum gate_owner owner;
    uint32_t ref;
};

/* Something counted against a cap: connections in use, a day's allowance. */
struct gate_count {
    uint64_t used;
    uint64_t most; /* 0: no limit */
    int64_t
        earliest_ns; /* when more may be expected; INT64_MAX: when one is given back */
    enum gate_owner owner;
    uint32_t ref;
};

struct gate_ask {
    int64_t now_ns;
    int64_t expires_ns;        /* of the message; INT64_MAX none */
    int64_t due_ns;            /* backoff: not before; 0 at once */
    enum gate_owner due_owner; /* whose wait: the schedule's or the reply's hint */
    bool suppressed;
    const struct gate_block *hold;
    const struct gate_block *freeze_stream;
    const struct gate_block *freeze_site;
    const struct gate_block *freeze_source;
    const struct gate_block *freeze_user;
    const struct gate_block *sender_domain;
    const struct gate_block *source_stop;
    const struct gate_block *lane_stop; /* also a lane's pause and probe */
    const struct gate_block *destination;
    struct gate_pace recipient_rate; /* pace NULL: none */
    const struct gate_count *ramps;
    size_t ramp_count;
    const struct gate_pace *ramp_paces; /* the even release of the allowances */
    size_t ramp_pace_count;
    const struct gate_pace *rates;
    size_t rate_count;
    const struct gate_count *connections;
    size_t connection_count;
};

struct gate_answer {
    enum gate gate; /* GATE_COUNT: go */
    bool holds;
    int64_t earliest_ns; /* INT64_MAX: when something else changes */
    double value; /* what is (for a rate: 0 while open, else the limit), against ... */
    double limit; /* ... what may be; both 0 where there is nothing to count */
    enum gate_owner owner;
    uint32_t ref;
    uint32_t units; /* when go: how many units may leave now, by all gates */
};

/* The first gate that holds, or go. */
struct gate_answer gate_first(const struct gate_ask *ask);

/* Every gate's state, in order: out_answers[GATE_COUNT]. Where several limits stand at
 * one gate, the one that holds longest. */
void gate_all(const struct gate_ask *ask, struct gate_answer *out_answers);

const char *gate_name(enum gate gate);
const char *gate_owner_name(enum gate_owner owner);

#endif
