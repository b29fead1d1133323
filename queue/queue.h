/* The public face of the queue: open, append, credits, read, housekeeping.
 *
 * 250 means on disk: a write submitted with QUEUE_SYNCED is done when its record, and the
 * name of the segment it is in, would survive a power failure. The queue knows mail but
 * no protocol, reads no clock, rolls no dice and never logs.
 *
 * Threads: queue_submit, queue_reserve, queue_unreserve, queue_upload_*, queue_failed,
 * queue_read* any thread; done_cb runs on the writer thread; everything else core only.
 */

#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/change.h"
#include "queue/disk.h"
#include "queue/envelope.h"
#include "queue/errmsg.h"
#include "queue/index.h"
#include "queue/place.h"
#include "queue/seal.h"

#define QUEUE_PARTS        12
#define QUEUE_RECORD_BYTES (4 * 1024 * 1024 - 4096) /* the largest record */
#define QUEUE_SEGMENT_MIN  ((size_t)64 * 1024)
#define QUEUE_SEGMENT_MAX  (1024 * 1024 * 1024)

struct queue;

struct queue_options {
    const char *directory;    /* borrowed during queue_open; unused when disk is given */
    const struct disk *disk;  /* NULL = the real one; borrowed, not closed by the queue */
    const struct seal *seal;  /* NULL = plain; borrowed for the queue's life */
    uint32_t segment_bytes;   /* 0 = 64 MiB */
    uint64_t memory_bytes;    /* for the index; 0 = no limit */
    uint64_t low_space_bytes; /* keep this much of the file system free of new mail */
    uint64_t reserve_bytes;   /* disk set aside for STATE records when it is full */
    uint64_t compact_bytes_per_s; /* share of the disk that compaction may take; 0 = 32
                                     MiB/s */
    uint64_t now_unix_ms;         /* start of this run */
    uint64_t salt;               /* random: keeps forged records in bodies from parsing */
    uint64_t (*now_ns_cb)(void); /* monotonic, any thread; NULL = no spacing of syncs */
    void (*wake_core_cb)(void *owner); /* any thread: call queue_tick soon; may be NULL */
    void *owner;                       /* borrowed for the queue's life */
};

enum queue_note_kind {
    QUEUE_NOTE_CUT,        /* a torn tail: what was never acknowledged is gone */
    QUEUE_NOTE_DAMAGED,    /* a record in the middle is unreadable and lost */
    QUEUE_NOTE_SET_ASIDE,  /* a whole file is no segment we can read; kept under NAME.bad
                            */
    QUEUE_NOTE_INCOMPLETE, /* a message whose pieces are not all there; not queued */
};

struct queue_note {
    enum queue_note_kind kind;
    uint64_t segment;
    uint64_t offset;
    char text[160];
};

/* Open the directory, take it for this process, replay, start the writer. -EBUSY: another
 * process has it (err names its pid); -EKEYREJECTED: it is sealed with another key, or
 * sealed and no key was given; others as the disk says. End with queue_close. */
ATTR_MUST_CHECK int queue_open(struct queue **out_queue,
                               const struct queue_options *options, struct errmsg *err);

/* What start-up found and did about it, oldest first; valid until queue_close. */
const struct queue_note *queue_notes(const struct queue *queue, unsigned *out_count);

/* Write what was submitted, sync, join the threads, free. Nobody may submit any more. All
 * pins must be gone. NULL is allowed. */
void queue_close(struct queue *queue);

struct index *queue_index(struct queue *queue);

/* ---- appending ---- */

enum queue_kind {
    QUEUE_ACCEPT = 1, /* envelope, header block, body or pieces, closes */
    QUEUE_PIECE = 2,  /* a part of a large body */
    QUEUE_STATE = 3,  /* changes */
    QUEUE_COPY = 4,   /* by compaction: an accept record moved, with its states */
    QUEUE_MOVED = 5,  /* by compaction: changes moved */
};

enum queue_level {
    QUEUE_SYNCED,  /* done after fdatasync */
    QUEUE_WRITTEN, /* done after write; still synced with its batch (pieces) */
};

struct queue_write;

/* On the writer thread; short, must not block. rc 0: write->place is set. -ENOSPC: no
 * room, may be tried again later; -EIO: the queue has failed for good; -EMSGSIZE: larger
 * than QUEUE_RECORD_BYTES or than a segment. The write is the caller's again. */
typedef void (*queue_done_cb)(struct queue_write *write, int rc);

/* Embedded in the caller's object; untouched by the caller between submit and done. */
struct queue_write {
    struct queue_write *next; /* the queue's */
    queue_done_cb done_cb;
    void *owner; /* the caller's, not used here */
    struct place place;
    uint64_t id;
    struct iovec parts[QUEUE_PARTS]; /* memory borrowed until done */
    unsigned part_count;
    uint32_t length; /* of the payload; the rest of the fields is the queue's */
    uint32_t checksum;
    uint16_t kind;
    uint16_t flags;
    enum queue_level level;
    bool may_use_reserve;
    int rc;
    uint8_t prefix[16];
    uint8_t head[56];
};

/* Fill a write. An ACCEPT is envelope (from envelope_encode), header block, body (up to
 * QUEUE_PARTS - 3 parts; none when the envelope has pieces). A STATE is one or more
 * changes from change_encode, one after the other; it may be as long as a record, so that
 * one record carries a batch. The memory named is borrowed until done. */
void queue_write_accept(struct queue_write *write, uint64_t id,
                        const struct iovec *envelope, const struct iovec *header,
                        const struct iovec *body, unsigned body_count);
void queue_write_piece(struct queue_write *write, uint64_t id, const void *bytes,
                       size_t length);
void queue_write_state(struct queue_write *write, const void *changes, size_t length);

/* A message that another queue has had, with the states its recipients had there: one
 * record, so that no crash keeps the one without the other. prefix is the caller's,
 * QUEUE_RESTORED_PREFIX bytes, borrowed like the rest; body has at most QUEUE_PARTS - 5
 * parts. When it is done, queue_restored takes the place of queue_accepted. */
#define QUEUE_RESTORED_PREFIX 16
void queue_write_restored(struct queue_write *write, uint64_t id, uint8_t *prefix,
                          const struct iovec parts[3], const struct iovec *body,
                          unsigned body_count); /* parts: states, envelope, header */

/* Only when the queue has a seal: encrypt the filled write into the caller's buffer
 * (which is then borrowed instead), queue_sealed_bytes long. Before queue_submit. */
size_t queue_sealed_bytes(const struct queue *queue, const struct queue_write *write);
ATTR_MUST_CHECK int queue_seal_write(const struct queue *queue, struct queue_write *write,
                                     void *buffer, size_t capacity);
bool queue_has_seal(const struct queue *queue);

/* Append. Any thread, never fails, never blocks, never allocates; computes the payload's
 * checksum on the calling thread. Records of one thread are written in the order they
 * were submitted. done_cb comes exactly once, maybe before this returns. */
void queue_submit(struct queue *queue, struct queue_write *write, enum queue_level level,
                  queue_done_cb done_cb);

/* True from the first failed write or sync on: end the process. Any thread. */
bool queue_failed(const struct queue *queue);

/* A message whose body goes in pieces: between begin and end its pieces are safe from
 * housekeeping. Begin before the first piece is submitted; end on core after
 * queue_accepted, or when the transaction is given up and no piece is in flight. The
 * struct is the caller's memory, zeroed before. Any thread. */
struct queue_upload {
    struct queue_upload *prev;
    struct queue_upload *next;
    uint64_t segment;
};
void queue_upload_begin(struct queue *queue, struct queue_upload *upload);
void queue_upload_end(struct queue *queue, struct queue_upload *upload);

/* ---- credits: taken before acceptance, so that nothing later can be out of room ---- */

/* 0; -ENOSPC (free bytes, inodes), -ENOMEM (memory for the index), -EIO (failed): answer
 * 452 or 451. Give back with the same numbers when the message is in the index
 * (queue_accepted) or given up. Any thread. */
ATTR_MUST_CHECK int queue_reserve(struct queue *queue, uint64_t bytes,
                                  unsigned recipients);
void queue_unreserve(struct queue *queue, uint64_t bytes, unsigned recipients);

/* ---- core: telling the index what is on disk ---- */

/* After an ACCEPT record is done: queue the message, end what it closes. Exactly once per
 * record. The envelope need only live during the call. Returns the message's handle. */
uint32_t queue_accepted(struct queue *queue, const struct envelope *envelope,
                        const struct place *place);

/* After the record of queue_write_restored is done: queue the message in the states
 * given. Returns the message's handle; 0 when that id is queued already. */
uint32_t queue_restored(struct queue *queue, const struct envelope *envelope,
                        const struct iovec *states, const struct place *place);

/* After a STATE record is done (step 3 in index.h): changes as they were written. Exactly
 * once per record. */
void queue_settled(struct queue *queue, const void *changes, size_t length,
                   const struct place *place);

/* Housekeeping: finds dead segments, moves compaction on, looks at free space. Bounded
 * work. Call about once a second and after wake_core_cb. now_ns paces compaction. */
void queue_tick(struct queue *queue, uint64_t now_ns);

struct queue_stats {
    uint64_t disk_bytes; /* of all segments, spares included */
    uint64_t live_bytes; /* of what must be kept */
    uint64_t segments;
    uint64_t free_bytes; /* of the file system, as last seen */
    uint64_t free_inodes;
    uint64_t records;         /* written in this run */
    uint64_t written_bytes;   /* records of others than compaction */
    uint64_t compacted_bytes; /* records written by compaction */
    uint64_t syncs;
    uint64_t stalls;        /* times the writer had to wait for a segment to be ready */
    uint64_t dead_segments; /* freed in this run */
};
void queue_stats(const struct queue *queue, struct queue_stats *out_stats);

/* ---- reading ---- */

struct queue_pin_file {
    uint64_t segment;
    uint64_t salt;
    int handle;
};

/* Keeps the files of one message (its record and its pieces) open and in place. */
struct queue_pin {
    struct queue *queue; /* NULL = not pinned */
    struct place place;
    struct queue_pin_file one;
    struct queue_pin_file *more; /* owned; segments of pieces */
    unsigned more_count;
};

/* Core: pin a queued message, or any record still on disk (a state record of the chain).
 * -ENOENT when the place is gone; -EMFILE and the like from open. Give the pin to another
 * thread as it is; bring it back to core for queue_unpin. */
ATTR_MUST_CHECK int queue_pin_message(struct queue *queue, uint32_t message,
                                      struct queue_pin *out_pin);
ATTR_MUST_CHECK int queue_pin_place(struct queue *queue, const struct place *place,
                                    struct queue_pin *out_pin);
void queue_unpin(struct queue_pin *pin);

/* A message read back. All pointers lead into block. */
struct queue_message {
    struct envelope envelope;
    const uint8_t *header;
    size_t header_length;
    const uint8_t *body; /* inline body; its length is 0 when the envelope has pieces */
    size_t body_length;
    uint8_t *block; /* owned */
    size_t block_bytes;
};

/* Read and verify the pinned accept record: normally one pread. nowait: -EAGAIN when the
 * bytes are not in memory; call again from a thread that may wait. -EBADMSG: damaged;
 * -EIO; -ENOMEM. Free with queue_message_free. Any thread. */
ATTR_MUST_CHECK int queue_read_message(const struct queue_pin *pin, bool nowait,
                                       struct queue_message *out_message);
void queue_message_free(struct queue_message *message);

/* One piece of a large body. The caller gives the buffer, at least queue_piece_bytes
 * long; bytes leads into it. */
struct queue_piece {
    uint8_t *buffer; /* borrowed */
    size_t capacity;
    const uint8_t *bytes;
    size_t length;
};

/* Read piece number i; envelope.piece_count of them in order are the body. Errors as
 * queue_read_message; -ENOENT past the last. */
size_t queue_piece_bytes(const struct queue_message *message, unsigned i);
ATTR_MUST_CHECK int queue_read_piece(const struct queue_pin *pin,
                                     const struct queue_message *message, unsigned i,
                                     bool nowait, struct queue_piece *out_piece);

/* Read the pinned STATE record and find the last change of (id, number) in it. Texts lead
 * into *out_block, which the caller frees with free(). -ENOENT when it has none. */
ATTR_MUST_CHECK int queue_read_change(const struct queue_pin *pin, uint64_t id,
                                      uint16_t number, struct change *out_change,
                                      uint8_t **out_block);

#endif
