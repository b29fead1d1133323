/* How much of the disk the queue may use, beside what lives in it. Pure arithmetic.
 *
 * The promise is a bound: twice what lives, two segments, and what is stuck in files
 * that cannot be touched. Mail that dies lowers the bound without freeing a file, so no
 * rule can keep it at every instant; what is kept at every instant is that writing does
 * not widen the gap: the disk used stays under the ceiling, which is SPACE_AHEAD segments
 * above the bound, or above where the last deaths have left it. */

#ifndef QUEUE_SPACE_H
#define QUEUE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#define SPACE_AHEAD 8 /* segments that writing may be ahead of compaction */

struct space {
    uint64_t level; /* the disk used when it was last within its bound, or less since */
};

struct space_now {
    uint64_t disk_bytes;  /* all segments and spares, without the reserve */
    uint64_t live_bytes;  /* of what must be kept */
    uint64_t stuck_bytes; /* what files that cannot be touched have above twice that */
    uint64_t segment_bytes;
};

/* Twice what lives and two segments, and what is stuck. */
uint64_t space_bound(const struct space_now *now);
/* From here on compaction works, so that the bound is kept. */
uint64_t space_begin(const struct space_now *now);
/* The bound is exceeded: compaction takes what it needs, whatever its share is. */
bool space_presses(const struct space_now *now);

/* Look again; bytes of mail that may be written until the next look. */
uint64_t space_room(struct space *space, const struct space_now *now);

#endif
