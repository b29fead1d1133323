/* The segments there are, as core sees them: what lives in each, who refers to whom, and
 * when one may go. Core only; bookkeeping only, no files.
 *
 * A segment may be freed when nothing in it is needed any more:
 *   - no message's record or piece and no recipient's latest state is in it, and
 *   - core has been told of every record the writer put there (seen == written), and
 *   - no segment it speaks about still exists: a state record must outlive the accept
 *     record it ends, or that message would rise again at the next start. */

#ifndef QUEUE_SHELF_H
#define QUEUE_SHELF_H

#include <stdbool.h>
#include <stdint.h>

#define SHELF_SLOTS       65535
#define SHELF_STATE_BYTES 160 /* what one state is taken to cost before any was seen */
#define SHELF_TOMB_BYTES  64  /* what one tombstone costs */

struct shelf_segment {
    uint64_t number; /* 0 = free slot */
    uint64_t salt;
    uint64_t file_bytes;
    uint64_t live_bytes; /* of records and pieces; states are counted apart */
    uint64_t tomb_bytes; /* tombstones that compaction put here */
    uint64_t seen;       /* accept and state records that core was told of */
    uint64_t written;    /* by the writer; final when closed */
    uint64_t *refs;      /* owned; segments that records here speak about, sorted */
    uint32_t ref_count;
    uint32_t ref_room;
    uint32_t live_messages; /* records and pieces of queued messages */
    uint32_t live_states;   /* latest states of queued recipients */
    uint32_t pins;
    int handle;   /* for reading; -1 = not open */
    bool closed;  /* the writer has left it */
    bool settled; /* its footer is written, or never will be: the helper has left it */
    bool damaged; /* not everything in it could be read */
    bool moving;  /* compaction is at work on it */
    bool held;    /* by an upload, as of the last look */
};

struct shelf {
    struct shelf_segment *segments; /* owned; by slot, 0 unused */
    uint32_t used;                  /* slots given out once */
    uint32_t count;
    uint16_t *hash; /* owned; number -> slot, open addressing */
    uint32_t hash_size;
    uint64_t state_sum; /* bytes of the states seen lately, and how many they are */
    uint64_t state_count;
};

void shelf_init(struct shelf *shelf);
void shelf_done(struct shelf *shelf);

/* Slot of a segment; 0 when it is not there. */
uint16_t shelf_find(const struct shelf *shelf, uint64_t number);
/* Find or add. 0 when all slots are taken. */
uint16_t shelf_take(struct shelf *shelf, uint64_t number);
void shelf_remove(struct shelf *shelf, uint16_t slot);

static inline struct shelf_segment *shelf_at(const struct shelf *shelf, uint16_t slot)
{
    return &shelf->segments[slot];
}

/* Note that a record in slot speaks about a message in segment home. */
void shelf_refer(struct shelf *shelf, uint16_t slot, uint64_t home);
/* Some segment that slot refers to still exists; those that do not are dropped. */
bool shelf_is_needed(struct shelf *shelf, uint16_t slot);

/* So many states took so many bytes on the disk: what one costs is learnt from it. */
void shelf_learn_states(struct shelf *shelf, uint64_t bytes, uint64_t states);
/* What must be kept of this segment: records, pieces, latest states. */
uint64_t shelf_live_bytes(const struct shelf *shelf, const struct shelf_segment *segment);

struct shelf_totals {
    uint64_t file_bytes;
    uint64_t live_bytes;
    uint64_t stuck_bytes; /* tombstones; and above twice what lives, of segments that must
                             be left alone: damaged, read, with pieces of what comes in */
};
void shelf_totals(const struct shelf *shelf, struct shelf_totals *out_totals);

#endif
