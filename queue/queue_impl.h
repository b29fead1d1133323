/* Inside of struct queue; for queue*.c, replay.c, restate.c and compact.c. */

#ifndef QUEUE_QUEUE_IMPL_H
#define QUEUE_QUEUE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "queue/footer.h"
#include "queue/helper.h"
#include "queue/index_impl.h"
#include "queue/queue.h"
#include "queue/space.h"
#include "queue/supply.h"
#include "queue/writer.h"

#define QUEUE_CREDIT_BYTES 160 /* of memory for a reserved recipient */
#define QUEUE_LOW_INODES   64  /* below this no new mail */
#define QUEUE_OPEN_FILES   256 /* segments kept open for reading when nobody pins them */
#define QUEUE_ORIGIN_ELSEWHERE \
    UINT64_MAX           /* a copy from another queue: no segment's number */
#define QUEUE_NOTES 1000 /* more than these are only counted */

/* What other threads tell core; taken by queue_tick. Embedded in its owner. */
enum queue_event_kind {
    QUEUE_EVENT_CLOSED,   /* the writer has left a segment */
    QUEUE_EVENT_SETTLED,  /* the helper has sealed it, or given up */
    QUEUE_EVENT_GONE,     /* a dead segment's file is gone */
    QUEUE_EVENT_RESTATED, /* a record of restate.c is written */
    QUEUE_EVENT_COMPACT,  /* compaction has something to say */
};

struct queue_event {
    struct queue_event *next;
    enum queue_event_kind kind;
    uint64_t segment;
    uint64_t salt;
    uint64_t records;
    uint64_t file_bytes;
    void *owner; /* what it is embedded in; freed by the handler */
};

struct compact;

/* A recipient whose state in memory must be written again; see restate.c. */
struct restate_item {
    uint64_t id;
    uint64_t home;
    uint16_t number;
};

struct restate {
    struct restate_item *items; /* owned */
    size_t count;
    size_t room;
    unsigned in_flight; /* records being written */
    uint64_t floor;     /* segments from here on may go; 0 = none may while items wait */
};

struct queue {
    struct queue_options options;
    struct disk own_disk;
    const struct disk *disk; /* own_disk or the caller's */
    const struct seal *seal; /* borrowed; may be NULL */
    struct index index;
    struct helper helper; /* prepares, seals, frees */
    struct helper
        copier; /* compaction: may wait for the writer, which waits for helper */
    struct supply supply;
    struct writer writer;
    bool has_writer;

    struct queue_note *notes; /* owned */
    unsigned note_count;
    unsigned notes_dropped;

    _Atomic(struct queue_event *) events; /* newest first */
    pthread_mutex_t uploads_mutex;
    struct queue_upload *uploads; /* in no order */

    atomic_ullong free_bytes;
    atomic_ullong free_inodes;
    atomic_ullong reserved_bytes;
    atomic_ullong reserved_memory;
    atomic_ullong index_memory;
    atomic_ullong room_end; /* of writer.bytes: intake waits for compaction there */
    struct space space;

    unsigned open_files;
    uint64_t dead_segments;
    struct restate restate;
    struct compact *compact; /* owned */
};

/* queue.c */
void queue_post(struct queue *queue, struct queue_event *event);
void queue_note(struct queue *queue, enum queue_note_kind kind, uint64_t segment,
                uint64_t offset, const char *text);
void queue_refresh_space(struct queue *queue);

/* queue_core.c */
void queue_close_recipient(struct queue *queue, const struct envelope_close *close,
                           const struct place *place);
/* Count one record that core was told of. */
void queue_seen(struct queue *queue, const struct place *place);
/* Pieces may be in a segment that core has heard nothing of yet. Not during replay: there
 * a segment that is missing must stay unknown. */
void queue_know_pieces(struct queue *queue, const struct place *pieces, unsigned count);
/* The disk used and what may not be touched, as of the last look at the uploads. */
void queue_space(struct queue *queue, struct space_now *out_now);
/* What may be written before compaction is too far behind. */
void queue_publish_room(struct queue *queue);

/* queue_upload.c */
/* Mark the segments that an upload may still need. */
void queue_look_at_uploads(struct queue *queue);

/* queue_pin.c */
int queue_open_segment(struct queue *queue, uint16_t slot,
                       struct queue_pin_file *out_file);
void queue_close_segment(struct queue *queue, uint16_t slot);

/* replay.c */
int replay_run(struct queue *queue, uint64_t *out_next_number, struct errmsg *err);

/* restate.c: write the state in memory again, after a copy that may be older than it */
void restate_add(struct queue *queue, const struct restate_item *item);
/* What memory knows of a recipient; false when there is nothing to write. */
bool restate_describe(const struct queue *queue, const struct restate_item *item,
                      struct change *out_change);
void restate_run(struct queue *queue); /* submit what waits, bounded */
void restate_done(struct queue *queue, struct queue_event *event);
void restate_drop(struct queue_event *event);    /* the queue closes */
bool restate_is_idle(const struct queue *queue); /* nothing waits or is in flight */

/* compact.c */
void compact_run(struct queue *queue, uint64_t now_ns);
void compact_event(struct queue *queue, struct queue_event *event);
void compact_free(struct queue *queue);

#endif
