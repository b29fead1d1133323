/* What is queued, in memory: messages, recipients, names, liveness of segments. Core
 * only.
 *
 * Messages and recipients are u32 handles (0 = none), good until the message leaves the
 * index; the views below are copies. Envelope, content and replies stay on disk. The
 * index reads no clock: every instant is handed in as unix_ms and kept in tenths of a
 * second (rounded up), lifetimes in seconds.
 *
 * How a recipient moves (the disk follows memory):
 *   1. Decide: index_take / flow_pop_ready (now OUT), then, when its fate is known,
 *      index_apply(change). Memory is changed at once: deferred, held, owed, or ended.
 *   2. Write: the same change in a STATE record, queue_submit.
 *   3. Tell: queue_settled (queue.h) when it is done. Only now an ended recipient gives
 *      up its message's segment, and the message leaves the index with its last one.
 * A second change may be applied before the first is written; write them in that order.
 */

#ifndef QUEUE_INDEX_H
#define QUEUE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/change.h"
#include "queue/envelope.h"
#include "queue/flow.h"
#include "queue/place.h"

struct index;

enum index_phase {
    INDEX_READY,    /* in its flow's ready heap */
    INDEX_DEFERRED, /* in its flow's deferred heap until next_unix_ms */
    INDEX_OUT,      /* taken: in flight, in no heap */
    INDEX_IDLE,     /* held, owed a DSN, or ended: in no heap */
};

struct message_view {
    uint64_t id;
    struct place place;  /* of its accept or copy record; length rounded up to 64 */
    uint64_t size_bytes; /* exact for bodies in pieces, else the record's (rounded up) */
    uint64_t accepted_unix_ms; /* to the second, as the two below */
    uint64_t expires_unix_ms;
    uint64_t
        notice_unix_ms; /* 0 = none, or sent; rounded up to 8 s, at most 6 days off */
    const char *stream;
    const char *user;
    const char *from_domain; /* "" when unknown */
    uint8_t priority;
    uint8_t flags;       /* enum envelope_flag */
    uint16_t recipients; /* in all */
    uint16_t live;       /* whose end is not on disk yet */
    uint32_t first;      /* recipient handle; go on with recipient_view.next */
};

struct recipient_view {
    uint32_t message;
    uint32_t next; /* next recipient of the message; 0 = last */
    uint64_t id;   /* the message's */
    uint16_t number;
    enum change_state state;
    bool ended; /* in memory; gone when that is on disk */
    enum index_phase phase;
    uint8_t attempts;      /* 255 = 255 or more */
    uint64_t next_unix_ms; /* DEFERRED */
    struct flow *flow;     /* borrowed: names of domain, stream, user, sticky source */
    struct place last;     /* its latest written state record; segment 0 = none */
};

/* A flow got its first recipient (attach it to a schedule; set flow->owner), or lost its
 * last (detach; it is freed when the callback returns). */
typedef void (*index_flow_cb)(void *owner, struct flow *flow);
/* A domain lost its last recipient and is about to be freed: let go of domain->owner. */
typedef void (*index_domain_cb)(void *owner, struct domain *domain);

struct index_hooks {
    index_flow_cb flow_born_cb; /* any may be NULL */
    index_flow_cb flow_gone_cb;
    index_domain_cb domain_gone_cb;
    void *owner; /* borrowed: lives as long as the index */
};

/* The hooks may be set once, after queue_open; flow_born_cb is then called for every flow
 * that replay found. */
void index_set_hooks(struct index *index, const struct index_hooks *hooks);

/* Find by id. 0 when unknown. */
uint32_t index_find(const struct index *index, uint64_t id);
/* Recipient handle by number. 0 when there is none; an ended one may still be found. */
uint32_t index_recipient_of(const struct index *index, uint32_t message, uint16_t number);

void index_message(const struct index *index, uint32_t message,
                   struct message_view *out_view);
void index_recipient(const struct index *index, uint32_t recipient,
                     struct recipient_view *out_view);

/* READY or DEFERRED -> OUT, out of turn (a batch for one connection, an operator's act).
 */
void index_take(struct index *index, uint32_t recipient);
/* OUT -> READY, or DEFERRED when not_before_unix_ms is not 0: nothing was attempted,
 * nothing is written. */
void index_put_back(struct index *index, uint32_t recipient, uint64_t not_before_unix_ms);

/* Step 1 of the three above. Works from every phase. Returns the recipient, or 0 when it
 * is unknown or ended already (then do not write the change). CHANGE_NOTICED
 * clears the delay notice and returns the message's handle. */
uint32_t index_apply(struct index *index, const struct change *change);

/* The next message whose clock (delay notice or expiry) has rung by now; 0 when none has.
 * At most one step of work. A notice that rang is cleared in memory: write NOTICED. An
 * expiry that rang does not ring again; its recipients stay where they are. */
uint32_t index_clock_pop(struct index *index, uint64_t now_unix_ms, bool *out_expired);
/* When the next clock rings; UINT64_MAX when none does. */
uint64_t index_clock_next(const struct index *index);
/* Set a new lifetime in memory (an operator's act, or after a restart for "not now"). */
void index_clock_set(struct index *index, uint32_t message, uint64_t expires_unix_ms);

/* Walk all messages in chunks; nothing is held between calls, messages that come and go
 * meanwhile may or may not be seen, others are seen once. Start with *cursor = 0; each
 * call looks at most at limit slots and writes at most limit handles. Returns how many;
 * *cursor is 0 when the walk is over. */
unsigned index_each(const struct index *index, uint32_t *cursor, uint32_t *out_messages,
                    unsigned limit);

/* The same, but only messages of which a recipient is IDLE, and without a look at flows:
 * fast enough to walk ten million at a start. */
unsigned index_each_idle(const struct index *index, uint32_t *cursor,
                         uint32_t *out_messages, unsigned limit);

struct index_stats {
    uint64_t messages;
    uint64_t recipients; /* not ended on disk */
    uint64_t ready;
    uint64_t deferred;
    uint64_t out;
    uint64_t idle; /* held, owed, or ended and being written */
    uint64_t held;
    uint64_t flows;
    uint64_t domains;
    uint64_t memory_bytes; /* allocated for all of the above */
    uint64_t spare_bytes;  /* of it: free for what comes next */
    uint64_t
        newest_unix_ms; /* the newest instant seen in records: the wall clock was there */
};
void index_stats(const struct index *index, struct index_stats *out_stats);

/* Domains by name: NULL when none of its recipients is queued. */
struct domain *index_domain(const struct index *index, const char *name);
/* The next flow of the same domain; the first is domain->flows. NULL at the end. */
struct flow *index_flow_beside(const struct index *index, const struct flow *flow);
/* Walk all flows. Start with NULL; NULL at the end. Neither flows nor domains may come or
 * go during a walk. */
struct flow *index_flow_next(const struct index *index, struct flow *flow);

#endif
