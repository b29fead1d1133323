/* One lane's closed loop: outcomes in, rate, window and messages per connection out.
 *
 * Starts low, grows geometrically while replies are clean and the lane used what it had;
 * on an explicit throttle goes a little under what was recently accepted, pauses, probes
 * with one message, reopens in steps without a burst, remembers the ceiling and holds
 * just under it. Numbers: docs/policy.md. The caller keeps one per lane (and may keep one
 * per site, From domain x site or netblock x site), applies the rate with a struct pace,
 * and asks control_ask before a transaction. Every call that can change a limit says what
 * changed, for the journal. */

#ifndef POLICY_CONTROL_H
#define POLICY_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/evidence.h"
#include "policy/finding.h"
#include "policy/pace.h"
#include "policy/window.h"

struct control_limits {
    bool enabled;                 /* false: the configured limits and nothing learnt */
    struct pace_limit max_rate;   /* the site's; unlimited allowed */
    struct pace_limit start_rate; /* adapt.start_rate */
    uint32_t max_connections;     /* the site's; 0 none */
    uint32_t max_messages;        /* per connection, the site's; 0 none */
    int64_t pause_ns;     /* adapt.pause, default 1 min; all steps scale with it */
    int64_t max_pause_ns; /* adapt.max_pause, default 4 h */
};

enum control_state {
    CONTROL_OPEN,    /* sending at the rate */
    CONTROL_PAUSED,  /* nothing starts before until_ns */
    CONTROL_PROBING, /* one message is out; all else waits for its answer */
};

enum control_what {
    CONTROL_UNCHANGED,
    CONTROL_RATE_CUT,     /* values: units per second */
    CONTROL_RATE_GROWN,   /* values: units per second */
    CONTROL_WINDOW_CUT,   /* values: connections */
    CONTROL_WINDOW_GROWN, /* values: connections */
    CONTROL_MESSAGES_CUT, /* values: messages per connection */
    CONTROL_REOPENED,     /* the probe was accepted; values: units per second */
    CONTROL_PAUSED_AGAIN, /* the probe was refused; values: units per second */
    CONTROL_EASED,        /* x0.9 for the receiver's load, or its end */
};

/* For the journal and for `why`. */
struct control_change {
    enum control_what what;
    double before;
    double after;
    int64_t until_ns; /* of a pause or an easing; 0 none */
    uint32_t times;   /* how many throttles in the last 30 min, this one included */
};

/* What refusals without rate text add up to: most are the receiver's own affair, and some
 * are its way of saying that we are too fast. */
struct control_soft {
    struct evidence recent; /* such refusals against all answers, over minutes */
    struct evidence usual;  /* the same over hours: what it defers anyway */
    double sum;             /* how much likelier a limit is than the usual; a logarithm */
    double hits;            /* since the sum was last zero */
    double answers;
    double first_share; /* refused before the first cut of a row of such cuts */
    double first_rate;  /* and the rate and ceiling of then */
    double first_ceiling;
    double slow_hits; /* since such cuts have brought the rate to half of that */
    double slow_answers;
    double accepted_share; /* of a row that did not help: not a limit; 0 none */
    int64_t accepted_ns;   /* when that was found */
    uint32_t cuts;         /* in a row, on such evidence alone */
    bool pauses;           /* the present pause is for such refusals */
};

struct control {
    double rate;    /* units per second, learnt; the site's maximum apart */
    double ceiling; /* what the receiver was seen to take; 0 unknown */
    double sure;    /* growth is quick up to this, and slow from it to the ceiling; 0: the
                       ceiling is as sure */
    double accepted_slow;   /* recently let through, units per second: over five pauses */
    double accepted_fast;   /* the same over one sixth of a pause */
    double step_used;       /* units let through in this step */
    double since_cut;       /* units let through since the last throttle */
    int64_t accepted_at_ns; /* when the two averages were written */
    int64_t born_ns;        /* averages know nothing from before */
    int64_t step_ns;        /* when this step began */
    int64_t clean_since_ns; /* last throttle, or birth */
    int64_t crept_ns;       /* up to where creeping is counted */
    int64_t cut_ns;         /* last throttle; meaningless while throttles is 0 */
    int64_t until_ns;       /* of the pause */
    int64_t ceiling_ns;     /* when the ceiling was last seen */
    int64_t eased_until_ns; /* receiver's load: x0.9 until then */
    uint32_t throttles;     /* in a row, each within 30 pauses of the one before */
    uint32_t low_throttles; /* in a row, below 70 % of the ceiling */
    uint32_t messages;      /* per connection, learnt; 0 no limit known */
    uint32_t closed_after;  /* accepted before the last silent close; 0 none */
    bool looked;            /* the last throttle was met by creeping: it begins no row */
    bool light;    /* it was met near the ceiling, after a while: it soon begins none */
    bool seasoned; /* a ceiling was known before the present row of throttles */
    enum control_state state;
    enum finding_behaviour behaviour; /* of the last throttle */
    struct window window;
    struct control_soft soft;
};

/* What must survive a restart: plain values, times as ages. Store the whole struct. */
struct control_snapshot {
    double rate;
    double ceiling;
    int64_t ceiling_age_ns;
    int64_t clean_age_ns;  /* since the last throttle, or birth */
    int64_t pause_left_ns; /* 0 not paused */
    uint32_t throttles;
    uint32_t messages;
    uint32_t window;
    uint32_t window_ceiling;
    uint8_t behaviour;
};

struct control_answer {
    bool go;
    int64_t earliest_ns; /* when to ask again; INT64_MAX: when the probe is answered */
    enum control_state state;
};

void control_init(struct control *control, const struct control_limits *limits,
                  int64_t now_ns);

/* May a transaction start, the pace apart? After a pause exactly one may: starting it is
 * told by control_started, which makes it the probe. */
struct control_answer control_ask(const struct control *control,
                                  const struct control_limits *limits, int64_t now_ns);

/* A transaction starts. True when it is the probe: the caller marks it and reports it
 * with `probe` set, whatever becomes of it. */
bool control_started(struct control *control, const struct control_limits *limits,
                     int64_t now_ns);

/* `units` recipients were accepted in one transaction while `open` connections were up.
 */
struct control_change control_accepted(struct control *control,
                                       const struct control_limits *limits,
                                       uint32_t units, uint32_t open, bool probe,
                                       int64_t now_ns);

struct control_event {
    const struct finding *finding;
    uint32_t units;     /* attempted recipients it speaks of */
    uint32_t open;      /* connections up */
    uint32_t messages;  /* accepted on this connection before it */
    int64_t started_ns; /* when the transaction or connection was started */
    bool probe;
};

/* A reply other than acceptance (a finding whose scope is not the lane's does nothing,
 * but ends a probe as answered). Replies to what was started before the last cut do not
 * cut again: one cut per flight. */
struct control_change control_refused(struct control *control,
                                      const struct control_limits *limits,
                                      const struct control_event *event, int64_t now_ns);

/* The connection was closed after `messages` accepted ones and before the next was begun,
 * without a reply. Not an error; the second time in a row after the same number it is the
 * receiver's limit. */
struct control_change control_closed(struct control *control, uint32_t messages);

/* The receiver stated its limit per connection (RFC 9422 LIMITS MAILMAX). */
void control_stated(struct control *control, uint32_t messages);

/* The probe ended without any answer of the receiver (cancelled, our own fault, no
 * connection): the next transaction is the probe. */
void control_probe_lost(struct control *control, int64_t now_ns);

/* What holds now. Rate: with burst for the pace; connections: at least 1; messages: per
 * connection, 0 no limit. */
struct pace_limit control_rate(const struct control *control,
                               const struct control_limits *limits, int64_t now_ns);
uint32_t control_connections(const struct control *control,
                             const struct control_limits *limits, int64_t now_ns);
uint32_t control_messages(const struct control *control,
                          const struct control_limits *limits);

/* Slower answers are a warning: true when answers at latency_ns, against the usual
 * usual_ns, say that growth should wait; the lane then skips its next step. */
bool control_slow(struct control *control, const struct control_limits *limits,
                  int64_t latency_ns, int64_t usual_ns, int64_t now_ns);

void control_save(const struct control *control, const struct control_limits *limits,
                  int64_t now_ns, struct control_snapshot *out_snapshot);

/* Take back what was stored age_ns ago. Pauses go on; a rate older than 24 h is not
 * trusted above a quarter of what it was. Values out of range are brought into range. */
void control_restore(struct control *control, const struct control_limits *limits,
                     const struct control_snapshot *snapshot, int64_t age_ns,
                     int64_t now_ns);

const char *control_what_name(enum control_what what);

#endif
