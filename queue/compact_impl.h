/* Inside of compaction: what core (compact.c) hands to its thread (compact_copy.c). */

#ifndef QUEUE_COMPACT_IMPL_H
#define QUEUE_COMPACT_IMPL_H

#include <semaphore.h>

#include "queue/queue_impl.h"

#define COMPACT_GROUP 256 /* items between two words with core */

enum compact_kind {
    COMPACT_MESSAGE, /* an accept or copy record, with pieces and states */
    COMPACT_STATE,   /* the latest change of a queued recipient */
    COMPACT_TOMB, /* the end of a recipient whose accept record still exists elsewhere */
};

struct compact_item {
    enum compact_kind kind;
    uint64_t id;
    uint64_t home;
    struct place from; /* record in the victim; for pieces elsewhere: the message's */
    uint16_t number;
    enum change_state state; /* TOMB */
    uint8_t *states;         /* owned; MESSAGE: what its recipients have been through */
    size_t states_length;

    int rc; /* results */
    struct place to;
    size_t to_bytes;      /* STATE: what it took there */
    struct place *pieces; /* owned; MESSAGE: new places */
    unsigned piece_count;
    unsigned recipient_count;
    bool is_first_of_record; /* STATE, TOMB: count the record once */
};

enum compact_phase {
    COMPACT_IDLE,
    COMPACT_READING, /* the thread lists the victim's items */
    COMPACT_MOVING,  /* groups go to the thread one after the other */
    COMPACT_WAITING, /* for restated records, before the victim may go */
};

/* A copy on its way to the disk. */
struct compact_write {
    struct queue_write write; /* first */
    uint8_t *bytes;           /* owned, as the next */
    uint8_t *sealed;          /* NULL = plain */
    struct compact_item *item;
};

struct compact {
    struct helper_job job;
    struct queue_event event;
    struct queue_upload upload; /* keeps pieces that were copied and not yet swapped in */
    bool has_upload;
    struct queue *queue;
    enum compact_phase phase;
    bool busy; /* the thread has it */
    uint64_t victim;
    struct segment_header header; /* of the victim, read by the thread */
    struct compact_item *items;   /* owned */
    size_t count;
    size_t room;
    size_t next; /* first that core has not looked at */
    struct compact_item *group[COMPACT_GROUP];
    unsigned group_count;
    uint64_t group_bytes;
    bool stuck; /* something could not be moved: the victim stays */
    bool full;  /* there was no room for a copy: the victim stays for now */
    uint64_t rest_until_ns;
    int read_rc;
    uint64_t tokens; /* bytes that may be copied now */
    uint64_t last_ns;
    sem_t written;                              /* one record that the thread waits for */
    struct compact_write writes[COMPACT_GROUP]; /* of a group, synced together */
    unsigned write_count;
    sem_t copied;
};

struct compact_item *compact_add(struct compact *compact);
/* On the compaction thread. */
void compact_list(struct helper_job *job);
void compact_copy(struct helper_job *job);

#endif
