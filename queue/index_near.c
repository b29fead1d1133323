/* Bringing near what an item of the log will touch, before its turn comes: with ten
 * million messages each find is a walk through memory that no cache holds, and most of a
 * start would be waiting for it. Step by step, for a row of items at a time: each step
 * asks for what the next one follows. Reads only; a wrong guess costs nothing. */

#include "queue/index_impl.h"

void index_near_tables(const struct index *index, struct index_near *near)
{
    near->message = NULL;
    near->found = NULL;
    near->id_bucket = ids_bucket(index, near->id);
    if (near->id_bucket != NULL) {
        __builtin_prefetch(near->id_bucket);
    }
    near->domain_bucket =
        near->domain == NULL ? NULL : flows_bucket(index, near->domain, &near->hash);
    if (near->domain_bucket != NULL) {
        __builtin_prefetch(near->domain_bucket);
    }
}

void index_near_heads(const struct index *index, struct index_near *near)
{
    if (near->domain_bucket != NULL) {
        near->found = *near->domain_bucket;
        __builtin_prefetch(near->found);
    }
    if (near->domain == NULL && near->id_bucket != NULL && *near->id_bucket != 0) {
        near->message = index_message_at(index, *near->id_bucket);
        __builtin_prefetch(near->message);
        __builtin_prefetch((const char *)near->message + sizeof *near->message - 1);
    }
}

void index_near_flows(const struct index *index, struct index_near *near)
{
    const struct domain *domain = near->found;
    while (domain != NULL && domain->hash != near->hash) {
        domain = domain->bucket;
    }
    near->found = domain;
    if (domain != NULL) {
        __builtin_prefetch(domain->flows);
        __builtin_prefetch((const char *)domain->flows + 64);
    }
    const struct message *message = near->message;
    while (message != NULL && message->id != near->id) {
        message = message->bucket == 0 ? NULL : index_message_at(index, message->bucket);
    }
    near->message = message;
    if (message != NULL && message->first.flow != 0) {
        __builtin_prefetch(flows_at(index, message->first.flow));
    }
}

void index_near_heaps(const struct index *index, const struct index_near *near)
{
    const struct flow *flow = near->found == NULL ? NULL : near->found->flows;
    if (flow != NULL && flow->last != 0) {
        __builtin_prefetch(
            &index_message_at(index, index_message_of(flow->last, index))->first);
    }
    if (near->message != NULL && (near->message->first.sibling & ~INDEX_PARENT) != 0) {
        uint32_t beside = near->message->first.sibling & ~INDEX_PARENT;
        __builtin_prefetch(index_waiting_at(index, beside));
    }
}
