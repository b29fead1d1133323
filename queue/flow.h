/* Flows and domains: what the scheduler sees of the index. Core only.
 *
 * A flow is what waits for one (domain, stream, user, source or any). It has a ready heap
 * (priority 9 first, then the older id) and a deferred heap (due time); every operation
 * is O(log n), and no call moves more than FLOW_STEP recipients from deferred to ready.
 */

#ifndef QUEUE_FLOW_H
#define QUEUE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/list.h"

#define FLOW_STEP 64

struct index;
struct flow;

struct domain {
    void *owner;           /* the caller's; NULL at first */
    struct flow *flows;    /* first of its flows */
    struct domain *bucket; /* index's own */
    uint32_t recipients;   /* queued, in all its flows */
    uint32_t hash;         /* index's own */
    char name[];           /* lower-case A-label or address literal */
};

struct flow {
    void *owner; /* the caller's; NULL at first */
    struct list_node
        node; /* the caller's; unlinked at first, must be unlinked when gone */
    struct domain *domain; /* borrowed: lives as long as the flow */
    const char *stream;
    const char *user;   /* "" = none */
    const char *source; /* sticky source, "" = any */
    uint32_t next;      /* of the same domain, see index_flow_beside; 0 = last */
    uint32_t bucket;    /* index's own, as the four below */
    uint32_t handle;
    uint32_t ready_root;
    uint32_t deferred_root;
    uint32_t last;     /* the leaf added last to one of the heaps, see heap_append */
    uint32_t ready;    /* counts by phase */
    uint32_t deferred; /* may be due already; flow_next_due_ms knows */
    uint32_t out;
    uint32_t idle;
};

/* When work is next due: 0 = now (something is ready), UINT64_MAX = nothing waits, else
 * the earliest due time. */
uint64_t flow_next_due_ms(const struct index *index, const struct flow *flow);

/* First ready recipient, after moving at most FLOW_STEP due ones from deferred to ready.
 * 0 when none is. */
uint32_t flow_peek(struct index *index, struct flow *flow, uint64_t now_unix_ms);
/* As flow_peek, and take it: READY -> OUT. */
uint32_t flow_pop_ready(struct index *index, struct flow *flow, uint64_t now_unix_ms);

#endif
