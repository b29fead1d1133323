/* Read a segment file from front to back, record by record, and past damage. */

#ifndef QUEUE_SCAN_H
#define QUEUE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/disk.h"
#include "queue/record.h"
#include "queue/segment.h"

struct scan {
    const struct disk *disk; /* borrowed */
    int handle;              /* borrowed */
    struct segment_header header;
    uint64_t offset; /* of the next record */
    uint64_t end;    /* nothing is read from here on */
    uint8_t *window; /* owned */
    uint64_t window_offset;
    size_t window_length;
    uint32_t last_batch; /* of the last good record */
};

struct scan_item {
    bool damaged; /* no record: bytes that are none, up to the next good one */
    uint64_t offset;
    struct record_head head;
    const uint8_t *payload; /* in the window; good until the next call */
    uint32_t batch_before;  /* damaged: batches of the good records around; 0 = none */
    uint32_t batch_after;
};

/* end = 0: as far as records may reach. */
void scan_init(struct scan *scan, const struct disk *disk, int handle,
               const struct segment_header *header, uint64_t end);
void scan_done(struct scan *scan);

/* 1 and the next record or damage, 0 when no more follows (scan->offset is then the end
 * of the last good record, aligned), -EIO and the like when the file cannot be read. */
int scan_next(struct scan *scan, struct scan_item *out_item);

#endif
