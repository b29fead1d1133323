/* Inside of replay: what the two halves share. */

#ifndef QUEUE_REPLAY_IMPL_H
#define QUEUE_REPLAY_IMPL_H

#include "queue/digest.h"
#include "queue/queue_impl.h"
#include "queue/scan.h"

struct hole {
    uint64_t segment;
    uint64_t offset;
    uint32_t batch_after; /* 0 = nothing good follows in the segment */
    uint32_t last_batch;  /* of its segment */
};

struct found {
    uint64_t number;
    struct segment_header header;
    uint64_t end;
    uint64_t records;
    bool usable;
    bool sealed;
    bool damaged;
};

struct replay {
    struct queue *queue;
    uint64_t *numbers; /* owned; of segment files */
    size_t count;
    size_t room;
    char (*spares)[SEGMENT_NAME]; /* owned */
    size_t spare_count;
    size_t spare_room;
    struct found *found; /* owned; one per number */
    struct hole *holes;  /* owned */
    size_t hole_count;
    bool check_pieces;  /* the segment was not left whole: pieces may be torn off */
    uint64_t *doubtful; /* owned; ids whose pieces were not there when they were read */
    size_t doubtful_count;
};

/* replay_items.c; a digest_item_cb, owner is the struct replay */
int replay_item(void *owner, const struct digest_item *item);
/* All items of a digest, some at a time so that what they touch is near when it is their
 * turn. As digest_read. */
int replay_digest(struct replay *replay, const uint8_t *bytes, size_t length,
                  uint64_t segment);
/* When all has been read: messages whose pieces are not all there leave the index. */
void replay_drop_incomplete(struct replay *replay);

#endif
