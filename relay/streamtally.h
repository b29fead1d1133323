/* What became of the recipients of each stream since start, by the stream's name, so that
 * a reload changes nothing. Core thread. */

#ifndef RELAY_STREAMTALLY_H
#define RELAY_STREAMTALLY_H

#include <stdint.h>

#include "relay/sources.h"

struct stream_tally;

/* Zeroed is empty. */
struct stream_tallies {
    struct stream_tally **items; /* owned */
    uint32_t count;
};

/* The stream's counts, made when its name is new: names come from the configuration. They
 * live as long as the tallies. */
struct tally *stream_tally(struct stream_tallies *tallies, const char *name);

void stream_tallies_done(struct stream_tallies *tallies);

#endif
