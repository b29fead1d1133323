/* Inside of the index; for index*.c, flow.c, heap.c and the rest of queue/ that settles
 * liveness. Nobody outside queue/ includes it.
 *
 * Bytes per one-recipient message: struct message 72, id table 1.4, clock heap 4; flows
 * and domains are 96 and about 64 each, with 1 to 5 for their tables.
 * docs/queue-format.md has the budget, field by field. */

#ifndef QUEUE_INDEX_IMPL_H
#define QUEUE_INDEX_IMPL_H

#include "queue/index.h"
#include "queue/names.h"
#include "queue/pool.h"
#include "queue/shelf.h"

#define INDEX_EXTRA         (UINT32_C(1) << 30) /* a recipient handle into the extra pool */
#define INDEX_PARENT        (UINT32_C(1) << 31) /* in waiting.sibling: it is the parent */
#define INDEX_HASH_CHUNK    65536
#define INDEX_NOTICE_STEP_S 8

/* One recipient. A node of its flow's heap: child is the left child; sibling is the right
 * sibling, or, tagged, the parent. */
struct waiting {
    uint32_t child;
    uint32_t sibling;
    uint32_t flow;
    uint32_t due;          /* tenths of a second after index.base_ms */
    uint32_t last_at : 27; /* latest state record, in units of 8 bytes */
    uint32_t rank : 5;     /* of the leftist heap */
    uint16_t last_slot;    /* 0 = no state record */
    uint16_t number : 14;  /* of a first recipient, whose number is 0: live count */
    uint16_t phase : 2;    /* enum index_phase */
    uint8_t state : 3;     /* enum change_state */
    uint8_t ended : 1;     /* in memory */
    uint8_t gone : 1;      /* on disk too */
    uint8_t unused : 3;
    uint8_t attempts;
};

struct message {
    uint64_t id; /* 0 = free */
    uint32_t at : 27;
    uint32_t priority : 4;
    uint32_t rung : 1; /* the expiry was reported */
    uint16_t slot;
    uint16_t length64; /* record length in units of 64 bytes, rounded up */
    uint32_t accepted_s;
    uint32_t expires_s;
    uint16_t notice_steps; /* after accepted_s; 0 = none */
    uint16_t from;         /* number in index.froms */
    uint16_t count;
    uint8_t flags;
    uint8_t in_pieces : 1;
    uint8_t moving : 1; /* compaction is copying it */
    uint8_t dirty : 1;  /* its state changed meanwhile */
    uint32_t more;      /* first of the extra recipients */
    uint32_t bucket;
    uint32_t clock; /* place in the clock heap; 0 = in none */
    struct waiting first;
};

struct extra {
    struct waiting waiting;
    uint32_t message;
    uint32_t next;
};

/* Body pieces of a large message: rare, kept aside. */
struct pieces {
    struct pieces *bucket;
    uint32_t message;
    uint32_t count;
    uint64_t size_bytes;
    struct place place[];
};

struct index {
    struct pool messages;
    struct pool extras;
    struct pool flows;
    struct shelf shelf;
    struct names labels; /* streams, users, sources */
    struct names froms;

    uint32_t **id_chunks; /* linear hashing: owned chunks of bucket heads */
    uint32_t id_buckets;
    uint32_t id_chunk_count;
    uint64_t highest_id; /* ever added: what is above it is not there */

    uint32_t **clock_chunks; /* binary heap of messages, 1-based; owned */
    uint32_t clock_count;
    uint32_t clock_chunk_count;

    uint32_t *flow_buckets; /* owned */
    uint32_t flow_bucket_count;
    uint32_t flow_count;
    struct domain **domain_buckets; /* owned */
    uint32_t domain_bucket_count;
    uint32_t domain_count;
    uint64_t domain_bytes;

    struct pieces **piece_buckets; /* owned */
    uint32_t piece_bucket_count;
    uint32_t piece_count;
    uint64_t piece_bytes;

    uint64_t base_ms;
    uint64_t newest_unix_ms;
    uint64_t message_count;
    uint64_t recipient_count;
    uint64_t phases[4];
    uint64_t held;
    struct index_hooks hooks;
};

void index_init(struct index *index, uint64_t now_unix_ms);
void index_done(struct index *index);

/* Queue a message whose record is at place. The envelope's texts are copied where needed.
 * An id that is known already is refused with 0, as is a full shelf. */
uint32_t index_add(struct index *index, const struct envelope *envelope,
                   const struct place *place);
/* About so many messages will be added: an empty index makes its table of ids large
 * enough at once, instead of moving all of them again and again as it grows. */
void index_expect(struct index *index, uint64_t messages);
/* Step 3: the change is on disk at place. The message may leave the index. */
void index_written(struct index *index, const struct change *change,
                   const struct place *place);
/* Take a message out whatever its state; nothing is written. */
void index_forget(struct index *index, uint32_t message);
/* The message's record and pieces are now elsewhere. */
void index_move(struct index *index, uint32_t message, const struct place *place,
                const struct place *pieces, unsigned piece_count);
/* The latest state of a recipient is now elsewhere. */
void index_set_last(struct index *index, struct waiting *waiting,
                    const struct place *place);

static inline struct message *index_message_at(const struct index *index,
                                               uint32_t message)
{
    return pool_at(&index->messages, message);
}

static inline struct extra *index_extra_at(const struct index *index, uint32_t recipient)
{
    return pool_at(&index->extras, recipient & ~INDEX_EXTRA);
}

static inline struct waiting *index_waiting_at(const struct index *index,
                                               uint32_t recipient)
{
    if ((recipient & INDEX_EXTRA) != 0) {
        return &index_extra_at(index, recipient)->waiting;
    }
    return &index_message_at(index, recipient)->first;
}

static inline uint32_t index_message_of(uint32_t recipient, const struct index *index)
{
    return (recipient & INDEX_EXTRA) != 0 ? index_extra_at(index, recipient)->message
                                          : recipient;
}

uint16_t index_number_of(const struct index *index, uint32_t recipient);
const struct pieces *index_pieces(const struct index *index, uint32_t message);
uint32_t index_live(const struct message *message);

/* index_place.c */
void index_add_pieces(struct index *index, uint32_t message, uint64_t size_bytes,
                      const struct place *places, unsigned count);
void index_remove_pieces(struct index *index, uint32_t message);
void index_set_place(struct index *index, struct message *message,
                     const struct place *place);
void index_leave_place(struct index *index, struct message *message);

/* index_ids.c: id -> message */
void ids_add(struct index *index, uint32_t message);
void ids_remove(struct index *index, uint32_t message);
const uint32_t *ids_bucket(const struct index *index, uint64_t id); /* may be NULL */
uint64_t ids_memory(const struct index *index);
void ids_done(struct index *index);

/* index_clock.c */
void clock_add(struct index *index, uint32_t message);
void clock_remove(struct index *index, uint32_t message);
void clock_changed(struct index *index, uint32_t message);
uint64_t clock_memory(const struct index *index);
void clock_done(struct index *index);

/* index_near.c: four steps, each for a whole row before the next; then the items. */
struct index_near {
    uint64_t id;
    const char *domain; /* NULL: a change, the message itself is wanted */
    const uint32_t *id_bucket;
    struct domain *const *domain_bucket;
    const struct domain *found;
    const struct message *message;
    uint32_t hash;
};
void index_near_tables(const struct index *index, struct index_near *near);
void index_near_heads(const struct index *index, struct index_near *near);
void index_near_flows(const struct index *index, struct index_near *near);
void index_near_heaps(const struct index *index, const struct index_near *near);

/* heap.c: leftist heaps over recipients */
typedef bool (*heap_less_cb)(const struct index *index, uint32_t left, uint32_t right);
uint32_t heap_insert(struct index *index, uint32_t root, uint32_t recipient,
                     heap_less_cb less_cb);
/* heap_insert, faster where recipients come in order. *last is the leaf added last: 0 at
 * first and after that leaf was removed (the caller sees to it). */
uint32_t heap_append(struct index *index, uint32_t root, uint32_t recipient,
                     heap_less_cb less_cb, uint32_t *last);
uint32_t heap_remove(struct index *index, uint32_t root, uint32_t recipient,
                     heap_less_cb less_cb);

/* index_flows.c: flows and domains come and go */
struct flow_key {
    const char *domain;
    const char *stream;
    const char *user;
    const char *source;
};
uint32_t flows_enter(struct index *index,
                     const struct flow_key *key);       /* domain count + 1 */
void flows_leave(struct index *index, uint32_t handle); /* after its counts went down */
struct domain *const *flows_bucket(const struct index *index, const char *domain,
                                   uint32_t *out_hash); /* NULL: no table yet */
struct flow *flows_at(const struct index *index, uint32_t flow);
uint64_t flows_memory(const struct index *index);
void flows_done(struct index *index);

/* flow.c: a recipient in its flow */
void flow_put(struct index *index, uint32_t recipient, enum index_phase phase);
void flow_drop(struct index *index, uint32_t recipient); /* out of its heap and counts */

#endif
