/* The writer thread: takes what waits, writes it, syncs once for all of it.
 *
 * It does no work per byte: payload checksums come with the writes. A batch is what is
 * written between two syncs; the next batch is not begun before the sync of the last has
 * returned, which is how start-up can tell a torn tail from damage. */

#ifndef QUEUE_WRITER_H
#define QUEUE_WRITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "queue/disk.h"
#include "queue/queue.h"
#include "queue/supply.h"

#define WRITER_BATCH_BYTES   UINT64_C(33554432)
#define WRITER_BATCH_RECORDS 16384
#define WRITER_SPACING_NS    UINT64_C(1500000)
#define WRITER_PARTS         1000 /* of one pwritev; the system allows 1024 */

/* The writer has left a segment: all its records are durable. On the writer thread. */
struct writer_closed {
    struct segment_header header;
    uint64_t end;     /* offset after its last record */
    uint64_t records; /* but pieces */
};
typedef void (*writer_closed_cb)(void *owner, const struct writer_closed *closed);
typedef void (*writer_failed_cb)(void *owner);

struct writer_options {
    const struct disk *disk; /* borrowed */
    struct supply *supply;   /* borrowed */
    uint32_t segment_bytes;
    uint64_t (*now_ns_cb)(void); /* may be NULL */
    writer_closed_cb closed_cb;
    writer_failed_cb failed_cb; /* once */
    void *owner;
};

struct writer_list {
    struct queue_write *first;
    struct queue_write *last;
};

static inline void writer_list_add(struct writer_list *list, struct queue_write *write)
{
    write->next = NULL;
    if (list->first == NULL) {
        list->first = write;
    } else {
        list->last->next = write;
    }
    list->last = write;
}

static inline struct queue_write *writer_list_take(struct writer_list *list)
{
    struct queue_write *write = list->first;
    if (write != NULL) {
        list->first = write->next;
        write->next = NULL;
    }
    return write;
}

struct writer {
    struct writer_options options;
    pthread_t thread;
    bool running;
    _Atomic(struct queue_write *) newest; /* submitted, newest first */
    atomic_uint sleeping;  /* futex: 1 = wake me; 2 = when nobody is awaited any more */
    atomic_uint submitted; /* in all; wraps */
    atomic_uint enough;    /* while napping: wake me when so many were */
    atomic_ullong early;   /* naps cut short because nobody was left to wait for */
    atomic_bool stopping;
    atomic_bool failed;
    atomic_ullong current; /* number of the segment being written */
    atomic_ullong records;
    atomic_ullong bytes;      /* of all but copies */
    atomic_ullong copy_bytes; /* written by compaction */
    atomic_ullong syncs;

    /* the thread's own */
    struct writer_list waiting;    /* taken, not yet in a batch */
    struct writer_list batch;      /* written or being gathered */
    struct queue_write *unwritten; /* first of batch that pwritev has not seen */
    unsigned batch_records;
    uint64_t batch_bytes;
    uint64_t last_sync_ns;
    bool had_company;
    unsigned company; /* records of the larger ones of the last batches */
    unsigned taken;   /* of those submitted; wraps */
    bool has_segment;
    bool wants_next; /* the supply was told that it is half full */
    struct supply_segment segment;
    uint64_t offset;         /* of the next record */
    uint64_t written_offset; /* everything before it is written */
    uint32_t sequence;
    uint32_t batch_number;
    uint64_t segment_records;
    struct iovec parts[WRITER_PARTS];
    int part_count;
    size_t part_bytes;
};

void writer_init(struct writer *writer, const struct writer_options *options);
int writer_start(struct writer *writer); /* 0 or negative errno */
/* Write what was submitted, sync, join. */
void writer_stop(struct writer *writer);

/* Any thread; payload checksum, kind and length are set. */
void writer_submit(struct writer *writer, struct queue_write *write);

#endif
