/* Making core and taking it down, in order; and what a reload makes again. Core thread.
 */

#ifndef RELAY_CORE_START_H
#define RELAY_CORE_START_H

#include "queue/errmsg.h"

struct config;
struct core;
struct core_options;

/* Loop, DNS, schedules, what the store and the queue remember, the control API. */
int core_start_open(struct core *core, const struct core_options *options,
                    struct errmsg *err) ATTR_MUST_CHECK;

/* The workers; mail begins to move. */
int core_start_workers(struct core *core, const struct core_options *options,
                       struct errmsg *err) ATTR_MUST_CHECK;

/* After the loop has ended: join the workers, save, free. core is gone. */
void core_start_close(struct core *core);

/* May this configuration take the place of the one in force? What it cannot change while
 * running is said; -EBUSY when a source or stream that still has mail would vanish. */
int core_start_check(struct core *core, const struct config *config,
                     void (*say)(void *owner, const char *line),
                     void *owner) ATTR_MUST_CHECK;

/* After the snapshot has changed: DNS switches, users, alerts. */
void core_start_renew(struct core *core);

#endif
