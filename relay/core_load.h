/* What core remembers across a start. Core thread. */

#ifndef RELAY_CORE_LOAD_H
#define RELAY_CORE_LOAD_H

#include "queue/errmsg.h"

struct core;

/* Read every kind of row, then let the store's thread begin. 0, or a negative errno with
 * a sentence. */
ATTR_MUST_CHECK int core_load(struct core *core, struct errmsg *err);

#endif
