/* Footers read ahead of replay: a thread reads, checks and opens them while core inserts
 * what the one before said. In order, a few at a time, so that memory stays bounded. */

#ifndef QUEUE_AHEAD_H
#define QUEUE_AHEAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/disk.h"
#include "queue/seal.h"
#include "queue/segment.h"

#define AHEAD_SLOTS 4 /* footers in memory at once; one of 80,000 messages has 4 MB */

/* What is known of one segment. */
struct ahead_footer {
    int rc; /* 0; -ENOENT or -EBADMSG: no (whole) footer, scan; else it cannot be read */
    uint64_t file_bytes; /* 0 = not known */
    struct segment_trailer trailer;
    uint8_t *bytes; /* owned by whoever took it; the digest, opened */
    size_t length;
};

struct ahead {
    const struct disk *disk;              /* borrowed, as the two below */
    const struct seal *seal;              /* NULL = plain */
    const struct segment_header *headers; /* of the segments wanted, in order */
    size_t count;
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct ahead_footer slots[AHEAD_SLOTS];
    size_t loaded; /* so many of the row were read */
    size_t taken;  /* and so many were taken */
    bool stopping;
};

/* Never fails: without a thread each footer is read when it is taken. */
void ahead_start(struct ahead *ahead, const struct disk *disk, const struct seal *seal,
                 const struct segment_header *headers, size_t count);
/* The next one in order; waits for it. At most count times. */
void ahead_take(struct ahead *ahead, struct ahead_footer *out_footer);
/* May come before all were taken. */
void ahead_stop(struct ahead *ahead);

#endif
