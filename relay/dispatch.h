/* From a choice to a job: takes recipients from a flow, spends what they cost, and posts
 * the job to a slot of the lane. Core thread. */

#ifndef RELAY_DISPATCH_H
#define RELAY_DISPATCH_H

#include <stdint.h>

struct choose_pick;
struct core;

/* Start one transaction with recipients of the first flow of the picked list, at most
 * pick->units of them; the flow goes to the list's end. The gates have said go. Returns
 * how many recipients; 0 when the flow had none to give, or may not go (it has left the
 * list, or has gone to its end). */
uint32_t dispatch_from(struct core *core, uint32_t stream, const struct choose_pick *pick,
                       int64_t now);

#endif
