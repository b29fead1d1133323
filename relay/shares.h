/* Streams that meet on one lane: whose are its connections?
 *
 * Their rate is divided by the scheduler's turns, by weight. Connections are divided
 * here, because one that is taken is not given back before its message is through: by
 * weight among the streams that have something to send, and bulk on a shared source never
 * has more than half, so that a password reset finds one free. Core thread. */

#ifndef RELAY_SHARES_H
#define RELAY_SHARES_H

#include <stdbool.h>
#include <stdint.h>

struct core;
struct lane;
struct site;

/* How many of the lane's connections the stream may hold now; 0: all of them, nobody else
 * is there. window: the lane's; 0 none. */
uint32_t shares_window(const struct core *core, uint32_t stream, const struct site *site,
                       const struct lane *lane, uint32_t window);

/* How many it holds. */
uint32_t shares_used(const struct lane *lane, uint32_t stream);

/* Must bulk wait although the lane might try? While a lane is throttled, what may be
 * tried belongs to the others that wait for it. */
bool shares_yields(const struct core *core, uint32_t stream, const struct site *site,
                   const struct lane *lane);

#endif
