/* Sources and lanes out of service: told at once to the workers, kept in the store, said
 * in the journal, the event log and to whoever runs the relay. Core thread.
 *
 * stops.c: who may go, time, an operator's hand. stops_hit.c: what an answer or a list's
 * proof does. stops_book.c: across restarts. stops_words.c: telling. */

#ifndef RELAY_STOPS_H
#define RELAY_STOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/finding.h"
#include "policy/reply.h"
#include "policy/stop.h"
#include "policy/verdict.h"

#include "relay/config.h"
#include "relay/net/netaddr.h"

struct core;
struct job;
struct job_rcpt;
struct lane;
struct site;
struct source;
struct store_row;
struct store_ticket;

/* Is this a stream of bulk mail? By its name, or that of its retry schedule. */
bool stops_is_bulk(const struct config *config, const struct config_stream *stream);

/* ---- asking ---- */

/* Does a stop keep this stream's mail from the source? *out_until_ns: when to ask again;
 * INT64_MAX until somebody lifts it. A source that tries canaries holds: see stops_ask.
 */
bool stops_source_holds(const struct source *source, const struct config *config,
                        const struct config_stream *stream, int64_t *out_until_ns);

/* The same of a lane: its stop, or its controller's pause. */
bool stops_lane_holds(const struct lane *lane, const struct config *config,
                      const struct config_stream *stream, int64_t now_ns,
                      int64_t *out_until_ns);

/* What the stops of source and lane say of one transaction. */
struct stops_pass {
    bool source_holds;
    bool lane_holds;
    int64_t source_until_ns;
    int64_t lane_until_ns;
    bool is_source_canary; /* it may go as the one message that tries */
    bool is_lane_canary;
    bool is_careful; /* one connection */
    double fraction; /* of the lane's rate */
    double resuming; /* of what the source normally sends a day; 0: no limit */
};

void stops_ask(const struct lane *lane, const struct config *config,
               const struct config_stream *stream, int64_t now_ns,
               struct stops_pass *out_pass);

/* ---- what happens ---- */

/* One recipient's answer: stops the source that a list names or the lane that refuses,
 * and says what became of a canary. */
void stops_answer(struct core *core, struct job *job, const struct job_rcpt *rcpt,
                  const struct verdict *verdict);

/* A job that was a canary has started, or has come back untried. */
void stops_started(struct core *core, const struct job *job);
void stops_untried(struct core *core, const struct job *job);

/* A reply named a DNSBL. `remote`: who said so, NULL unknown. */
void stops_freeze(struct core *core, struct lane *lane, const struct netaddr *remote,
                  const struct reply *reply, const struct finding *finding);

/* The receiver refuses this source for a reason of its own: stop the lane for a while. */
void stops_lane(struct core *core, struct lane *lane, enum stop_cause cause,
                const struct reply *reply);

/* The list that a stop of this source waits for: when it wants to be asked again, in ms
 * from the last answer; 0: no stop asks. `zone` is the watcher's name of the list. */
int64_t stops_wants_ms(struct core *core, const struct source *source, const char *zone);

/* What a list has answered about the source's address. */
struct stops_proof {
    const char *zone;
    enum stop_proof proof;
    enum stop_list kind; /* of the answer, where listed */
    bool is_news;        /* it counts as listed from now on, or no longer */
    const char *ip;
    const char *answer; /* "127.0.0.2", or why nobody can tell */
};
void stops_proved(struct core *core, struct source *source,
                  const struct stops_proof *proof);

/* ---- an operator ---- */

struct stops_order {
    const char *site;      /* that lane alone; "" the source and all its lanes */
    const char *why;       /* "" none was given */
    const char *by;        /* for the journal */
    int64_t until_unix_ms; /* of stops_hold; 0: until it is cleared */
};

/* Lift the stops that the order means. Returns how many were lifted; ticket tells when
 * that is durable (it is answered when the count is above 0), and may be NULL. */
unsigned stops_clear(struct core *core, struct source *source,
                     const struct stops_order *order, struct store_ticket *ticket);

/* They stand, whatever is proved meanwhile: those that were about to come back as well.
 * Returns and ticket as above. */
unsigned stops_hold(struct core *core, struct source *source,
                    const struct stops_order *order, struct store_ticket *ticket);

/* ---- time and restarts ---- */

/* Take back one row of STORE_STOP at start. */
void stops_load(struct core *core, const struct store_row *row);

/* Time passes; about once a second. */
void stops_tick(struct core *core, int64_t now_unix_ms);

/* So many more of the source were accepted: what is normal for it. */
void stops_sent(struct core *core, struct lane *lane, uint32_t accepted);

#endif
