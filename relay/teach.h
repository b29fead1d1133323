/* What a finished job teaches: the lane's controller, the stops, the destination.
 *
 * Called by settle, once for each job (teach_lane, teach_dest) or recipient
 * (teach_stops). Core thread. */

#ifndef RELAY_TEACH_H
#define RELAY_TEACH_H

#include "policy/verdict.h"

struct core;
struct dest;
struct job;
struct job_rcpt;

/* Rate, window and messages per connection learn from every answer of the job. */
void teach_lane(struct core *core, struct job *job);

/* An answer that names a list stops the source; one that refuses us, the lane. */
void teach_stops(struct core *core, struct job *job, const struct job_rcpt *rcpt,
                 const struct verdict *verdict);

/* Did any server speak, or was nobody there? verdict is the first recipient's. */
void teach_dest(struct dest *dest, const struct job *job, const struct verdict *verdict);

#endif
