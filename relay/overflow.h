/* What mail does that a warm-up's allowance does not cover: it waits, goes by a warm
 * source of its stream, or is held for the operator; never is it sent anyway. Core
 * thread. */

#ifndef RELAY_OVERFLOW_H
#define RELAY_OVERFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct core;
struct lading;
struct lane;
struct split_source;

/* Warm-ups hold the sources whose bits are set in `ramped`: may the warm ones of the
 * stream carry the lading's free mail? If not they are made not live, unless another
 * warming source is. True when some of it was held, and the site must be looked at again.
 * lanes and candidates are `count` each, at most 64; lading is the first of its bay. */
bool overflow_split(struct core *core, struct lading *lading, struct lane **lanes,
                    struct split_source *candidates, size_t count, uint64_t ramped);

#endif
