/* Sources and lanes out of service: told at once to the workers, kept in the store, said
 * in the journal, the event log and to whoever runs the relay. Core thread. */

#ifndef RELAY_STOPS_H
#define RELAY_STOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/finding.h"
#include "policy/reply.h"
#include "policy/stop.h"

#include "relay/config.h"

struct core;
struct lane;
struct site;
struct source;
struct store_row;
struct store_ticket;

/* Does a stop keep this stream's mail from the source? *out_until_ns: when to ask again;
 * INT64_MAX until somebody lifts it. */
bool stops_source_holds(const struct source *source, const struct config_stream *stream,
                        int64_t *out_until_ns);

/* The same of a lane: its stop, or its controller's pause. */
bool stops_lane_holds(const struct lane *lane, const struct config_stream *stream,
                      int64_t now_ns, int64_t *out_until_ns);

/* All sources of the stream are stopped and a fallback is configured: its lane. */
bool stops_fallback(struct core *core, uint32_t stream, struct site *site, int64_t now_ns,
                    struct lane **out_lane);

/* A reply named a DNSBL: stop the source. `site` refused. */
void stops_freeze(struct core *core, struct lane *lane, const struct reply *reply,
                  const struct finding *finding);

/* The receiver refuses this source for a reason of its own: stop the lane for a while. */
void stops_lane(struct core *core, struct lane *lane, enum stop_cause cause,
                const struct reply *reply);

/* Lift the stop of the source and all its lanes, or of one lane (site not ""). Returns
 * how many stops were lifted; ticket tells when that is durable (it is answered when the
 * count is above 0), and may be NULL. */
unsigned stops_clear(struct core *core, struct source *source, const char *site,
                     const char *by, struct store_ticket *ticket);

/* Take back one row of STORE_STOP at start. */
void stops_load(struct core *core, const struct store_row *row);

/* Time passes; about once a second. */
void stops_tick(struct core *core, int64_t now_unix_ms);

#endif
