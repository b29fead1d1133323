/* What mail does that a warm-up's allowance does not cover: it waits, goes by a warm
 * source of its stream, or is held for the operator; never is it sent anyway. Core
 * thread. */

#ifndef RELAY_OVERFLOW_H
#define RELAY_OVERFLOW_H

#include <stdbool.h>

struct core;
struct lading;
struct lane;

enum overflow {
    OVERFLOW_WARM, /* by a warm source of the stream, now */
    OVERFLOW_WAIT, /* for the next release, or the next day */
    OVERFLOW_HOLD, /* the day's allowance is gone: held */
};

/* Does no warm-up limit the lane? */
bool overflow_is_warm(struct core *core, struct lane *lane);

/* A warm-up holds the lane: what its `overflow` says, option after option. `has_warm`:
 * the stream has a source that is warm at this site. */
enum overflow overflow_of(struct core *core, struct lane *lane, bool has_warm);

/* Hold some of what is ready in the lading's flow; what is left is met at the next turn.
 * The lading leaves its bay when nothing is. */
void overflow_hold(struct core *core, struct lading *lading, const struct lane *lane);

#endif
