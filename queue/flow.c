#include "queue/flow.h"

#include <assert.h>

#include "queue/index_impl.h"

static bool ready_less(const struct index *index, uint32_t left, uint32_t right)
{
    const struct message *a = index_message_at(index, index_message_of(left, index));
    const struct message *b = index_message_at(index, index_message_of(right, index));
    if (a->priority != b->priority) {
        return a->priority > b->priority;
    }
    return a->id != b->id ? a->id < b->id : left < right;
}

static bool due_less(const struct index *index, uint32_t left, uint32_t right)
{
    uint32_t a = index_waiting_at(index, left)->due;
    uint32_t b = index_waiting_at(index, right)->due;
    return a != b ? a < b : ready_less(index, left, right);
}

static uint32_t *count_of(struct flow *flow, unsigned phase)
{
    switch ((enum index_phase)phase) {
    case INDEX_READY: return &flow->ready;
    case INDEX_DEFERRED: return &flow->deferred;
    case INDEX_OUT: return &flow->out;
    case INDEX_IDLE: break;
    }
    return &flow->idle;
}

/* The leaf of this heap to hang the next one under; 0 when the last went to the other. */
static uint32_t *last_of(const struct index *index, struct flow *flow,
                         enum index_phase phase)
{
    if (flow->last != 0 &&
        index_waiting_at(index, flow->last)->phase != (unsigned)phase) {
        flow->last = 0;
    }
    return &flow->last;
}

void flow_put(struct index *index, uint32_t recipient, enum index_phase phase)
{
    struct waiting *waiting = index_waiting_at(index, recipient);
    struct flow *flow = flows_at(index, waiting->flow);
    waiting->phase = (unsigned)phase & 3;
    (*count_of(flow, (unsigned)phase))++;
    index->phases[phase]++;
    if (phase == INDEX_READY) {
        flow->ready_root = heap_append(index, flow->ready_root, recipient, ready_less,
                                       last_of(index, flow, phase));
    } else if (phase == INDEX_DEFERRED) {
        flow->deferred_root = heap_append(index, flow->deferred_root, recipient, due_less,
                                          last_of(index, flow, phase));
    }
}

void flow_drop(struct index *index, uint32_t recipient)
{
    struct waiting *waiting = index_waiting_at(index, recipient);
    struct flow *flow = flows_at(index, waiting->flow);
    if (flow->last == recipient) {
        flow->last = 0;
    }
    if (waiting->phase == INDEX_READY) {
        flow->ready_root = heap_remove(index, flow->ready_root, recipient, ready_less);
    } else if (waiting->phase == INDEX_DEFERRED) {
        flow->deferred_root =
            heap_remove(index, flow->deferred_root, recipient, due_less);
    }
    uint32_t *count = count_of(flow, waiting->phase);
    assert(*count > 0);
    (*count)--;
    index->phases[waiting->phase]--;
}

static uint64_t due_ms(const struct index *index, uint32_t recipient)
{
    return index->base_ms + (uint64_t)index_waiting_at(index, recipient)->due * 100;
}

uint64_t flow_next_due_ms(const struct index *index, const struct flow *flow)
{
    if (flow->ready_root != 0) {
        return 0;
    }
    return flow->deferred_root == 0 ? UINT64_MAX : due_ms(index, flow->deferred_root);
}

uint32_t flow_peek(struct index *index, struct flow *flow, uint64_t now_unix_ms)
{
    for (int step = 0; step < FLOW_STEP && flow->deferred_root != 0 &&
                       due_ms(index, flow->deferred_root) <= now_unix_ms;
         step++) {
        uint32_t recipient = flow->deferred_root;
        flow_drop(index, recipient);
        flow_put(index, recipient, INDEX_READY);
    }
    return flow->ready_root;
}

uint32_t flow_pop_ready(struct index *index, struct flow *flow, uint64_t now_unix_ms)
{
    uint32_t recipient = flow_peek(index, flow, now_unix_ms);
    if (recipient != 0) {
        index_take(index, recipient);
    }
    return recipient;
}
