/* The permissions for outbound connections: taken by jobs, idle between them, given back
 * when nobody wants them. Limits are counted in slots and never divided among workers.
 * Core thread. */

#ifndef RELAY_SLOTS_H
#define RELAY_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct core;
struct job;
struct job_destination;
struct lane;
struct slot;

/* A slot of the lane for a job to this destination: an idle one whose connection leads
 * there, else any idle one, else a new one on the least loaded worker. The caller has
 * asked the gates whether a new one may be. */
struct slot *slots_take(struct core *core, struct lane *lane,
                        struct job_destination *destination);

/* The job goes to the slot's worker. */
void slots_send(struct slot *slot, struct job *job);

/* The job has come back: the slot is idle. */
void slots_idle(struct core *core, struct slot *slot);

/* The results of a job of the slot are written: its worker may send the next dot. */
void slots_release(struct slot *slot);

/* The release letter is back. */
void slots_released(struct slot *slot);

/* End what has been idle too long, or everything that is idle. */
void slots_retire(struct core *core, int64_t now_ns, bool all);

/* The lane's window is smaller than what it has: end idle ones. */
void slots_trim(struct lane *lane, int64_t now_ns);

/* A lane may not connect as there are delivery.max_connections: the connection that has
 * been idle longest, wherever it leads, is ended, and whoever waits looks again then. */
void slots_yield(struct core *core);

/* The worker has given it back: free it. */
void slots_gone(struct core *core, struct slot *slot);

/* After the workers have ended: free what is left. */
void slots_free_all(struct core *core);

#endif
