/* Segments for the writer: prepared, recycled and freed on the helper thread, so that the
 * writer never waits for a file system's bookkeeping.
 *
 * A prepared segment is zero-filled or recycled, has its header block, is synced, and its
 * name is synced in the directory, before the first record goes in. Spare files are raw
 * material: some are the reserve, which only state records may use when the disk is full;
 * one more comes from recycling, as long as none is prepared. */

#ifndef QUEUE_SUPPLY_H
#define QUEUE_SUPPLY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "queue/disk.h"
#include "queue/helper.h"
#include "queue/segment.h"

#define SUPPLY_RESERVE_MAX 16

struct supply_segment {
    struct segment_header header;
    int handle;   /* owned by whoever takes it */
    bool reserve; /* made from the reserve: for state records only */
};

/* The segment's file is gone for good, and that is durable. On the helper thread. */
typedef void (*supply_gone_cb)(void *owner, uint64_t number);

struct supply_options {
    const struct disk *disk; /* borrowed */
    struct helper *helper;   /* borrowed */
    uint32_t segment_bytes;
    uint64_t reserve_bytes;
    uint64_t salt;
    uint64_t key_id;
    uint64_t now_unix_ms;
    supply_gone_cb gone_cb;
    void *owner;
};

struct supply {
    struct supply_options options;
    struct helper_job job;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct supply_segment next;
    bool has_next;
    bool wants_next;    /* false: the writer's own has room for long */
    bool wants_reserve; /* the writer has state records and nothing else will do */
    bool stopping;
    int error; /* why there is no next: 0 = being made */
    uint64_t next_number;
    uint64_t spares[SUPPLY_RESERVE_MAX + 1]; /* names of spare files */
    unsigned spare_count;
    unsigned reserve_count;
    uint64_t *gone; /* owned; numbers to be freed */
    unsigned gone_count;
    unsigned gone_room;
    uint64_t stalls;
};

/* next_number: above every segment and spare there is. */
void supply_init(struct supply *supply, const struct supply_options *options,
                 uint64_t next_number);
/* After the helper was stopped. A prepared segment that was never used stays as a spare.
 */
void supply_done(struct supply *supply);

/* Before supply_kick, from start-up: a file that may be overwritten. */
void supply_adopt(struct supply *supply, const char *name);

/* The writer will need a next segment before long: so much of its own is full. Until then
 * none is prepared, because the one before may die and be used again meanwhile: at rest
 * there is one file beside the one that is written. Writer. */
void supply_want(struct supply *supply);

/* Get going, or try again after an error. Any thread. */
void supply_kick(struct supply *supply);
/* Let nobody wait any more. */
void supply_stop(struct supply *supply);

/* Writer: take the next segment, waiting for it when needed. -ENOSPC; others are fatal.
 */
int supply_take(struct supply *supply, bool for_states,
                struct supply_segment *out_segment);
/* A segment that is no reserve can be had without waiting. */
bool supply_is_ready(struct supply *supply);

/* Core: nothing in this segment is needed; gone_cb says when it is gone. */
void supply_free(struct supply *supply, uint64_t number);

/* Bytes of spare and prepared files; without the reserve. */
uint64_t supply_bytes(struct supply *supply);
uint64_t supply_spare_bytes(struct supply *supply);

/* Write the whole block of a fresh header. */
int supply_stamp(const struct disk *disk, int handle,
                 const struct segment_header *header);

#endif
