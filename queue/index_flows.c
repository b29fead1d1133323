/* Flows and domains: found by name, made with their first recipient, freed with their
 * last. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "queue/index_impl.h"
#include "queue/mem.h"

#define FIRST_BUCKETS 64
#define NEAR_FLOWS    4 /* of a domain, looked at before the table */
#define DOMAIN_LOAD   2 /* entries a bucket before the table grows */
#define FLOW_LOAD     4 /* few domains have more flows than NEAR_FLOWS */

struct flow *index_flow_beside(const struct index *index, const struct flow *flow)
{
    return flow->next == 0 ? NULL : pool_at(&index->flows, flow->next);
}

struct flow *flows_at(const struct index *index, uint32_t flow)
{
    return pool_at(&index->flows, flow);
}

static struct domain *find_domain(const struct index *index, const char *name,
                                  uint32_t hash)
{
    if (index->domain_bucket_count == 0) {
        return NULL;
    }
    struct domain *domain =
        index->domain_buckets[hash & (index->domain_bucket_count - 1)];
    while (domain != NULL && (domain->hash != hash || strcmp(domain->name, name) != 0)) {
        domain = domain->bucket;
    }
    return domain;
}

struct domain *const *flows_bucket(const struct index *index, const char *domain,
                                   uint32_t *out_hash)
{
    *out_hash = names_hash(domain);
    return index->domain_bucket_count == 0
               ? NULL
               : &index->domain_buckets[*out_hash & (index->domain_bucket_count - 1)];
}

struct domain *index_domain(const struct index *index, const char *name)
{
    return find_domain(index, name, names_hash(name));
}

static void grow_domains(struct index *index)
{
    uint32_t old_count = index->domain_bucket_count;
    uint32_t count = old_count == 0 ? FIRST_BUCKETS : old_count * 2;
    struct domain **buckets = mem_alloc(count * sizeof(struct domain *));
    for (uint32_t i = 0; i < old_count; i++) {
        struct domain *domain = index->domain_buckets[i];
        while (domain != NULL) {
            struct domain *next = domain->bucket;
            domain->bucket = buckets[domain->hash & (count - 1)];
            buckets[domain->hash & (count - 1)] = domain;
            domain = next;
        }
    }
    free(index->domain_buckets);
    index->domain_buckets = buckets;
    index->domain_bucket_count = count;
}

static struct domain *enter_domain(struct index *index, const char *name)
{
    uint32_t hash = names_hash(name);
    struct domain *domain = find_domain(index, name, hash);
    if (domain != NULL) {
        return domain;
    }
    if (index->domain_count >= index->domain_bucket_count * DOMAIN_LOAD) {
        grow_domains(index);
    }
    size_t bytes = strlen(name) + 1;
    domain = mem_alloc(sizeof *domain + bytes);
    memcpy(domain->name, name, bytes);
    domain->hash = hash;
    domain->bucket = index->domain_buckets[hash & (index->domain_bucket_count - 1)];
    index->domain_buckets[hash & (index->domain_bucket_count - 1)] = domain;
    index->domain_count++;
    index->domain_bytes += sizeof *domain + bytes + 16; /* what malloc adds */
    return domain;
}

static void leave_domain(struct index *index, struct domain *domain)
{
    if (domain->flows != NULL) {
        return;
    }
    assert(domain->recipients == 0);
    if (index->hooks.domain_gone_cb != NULL) {
        index->hooks.domain_gone_cb(index->hooks.owner, domain);
    }
    struct domain **link =
        &index->domain_buckets[domain->hash & (index->domain_bucket_count - 1)];
    while (*link != domain) {
        link = &(*link)->bucket;
    }
    *link = domain->bucket;
    index->domain_count--;
    index->domain_bytes -= sizeof *domain + strlen(domain->name) + 1 + 16;
    free(domain);
}

/* Names are interned: their addresses are the key. */
static bool is_named(const struct flow *flow, const struct flow_key *names)
{
    return flow->stream == names->stream && flow->user == names->user &&
           flow->source == names->source;
}

static uint32_t key_hash(const struct domain *domain, const char *stream,
                         const char *user, const char *source)
{
    uint64_t hash = domain->hash;
    hash = (hash ^ (uintptr_t)stream) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 29) ^ (uintptr_t)user) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 29) ^ (uintptr_t)source) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32);
}

static uint32_t flow_hash(const struct flow *flow)
{
    return key_hash(flow->domain, flow->stream, flow->user, flow->source);
}

static void grow_flows(struct index *index)
{
    uint32_t old_count = index->flow_bucket_count;
    uint32_t count = old_count == 0 ? FIRST_BUCKETS : old_count * 2;
    uint32_t *buckets = mem_alloc(count * sizeof(uint32_t));
    for (uint32_t i = 0; i < old_count; i++) {
        uint32_t handle = index->flow_buckets[i];
        while (handle != 0) {
            struct flow *flow = flows_at(index, handle);
            uint32_t next = flow->bucket;
            uint32_t *bucket = &buckets[flow_hash(flow) & (count - 1)];
            flow->bucket = *bucket;
            *bucket = handle;
            handle = next;
        }
    }
    free(index->flow_buckets);
    index->flow_buckets = buckets;
    index->flow_bucket_count = count;
}

static struct name *name_of(const char *text)
{
    union {
        const char *text;
        char *owned;
    } pointer = {.text = text};
    return (struct name *)(void *)(pointer.owned - offsetof(struct name, text));
}

static uint32_t find_flow(const struct index *index, const struct domain *domain,
                          const struct flow_key *names, uint32_t hash)
{
    if (index->flow_bucket_count == 0) {
        return 0;
    }
    uint32_t handle = index->flow_buckets[hash & (index->flow_bucket_count - 1)];
    while (handle != 0) {
        const struct flow *flow = flows_at(index, handle);
        if (flow->domain == domain && is_named(flow, names)) {
            return handle;
        }
        handle = flow->bucket;
    }
    return 0;
}

/* The usual case: one of the domain's first flows, found without the tables of names. */
static struct flow *near_flow(const struct index *index, const struct domain *domain,
                              const struct flow_key *key)
{
    struct flow *flow = domain->flows;
    for (int i = 0; i < NEAR_FLOWS && flow != NULL; i++) {
        if (strcmp(flow->stream, key->stream) == 0 &&
            strcmp(flow->user, key->user) == 0 &&
            strcmp(flow->source, key->source) == 0) {
            return flow;
        }
        flow = index_flow_beside(index, flow);
    }
    return NULL;
}

uint32_t flows_enter(struct index *index, const struct flow_key *key)
{
    struct domain *domain = enter_domain(index, key->domain);
    const struct flow *near = near_flow(index, domain, key);
    if (near != NULL) {
        domain->recipients++;
        return near->handle;
    }
    struct flow_key names = {
        .stream = names_take(&index->labels, key->stream)->text,
        .user = names_take(&index->labels, key->user)->text,
        .source = names_take(&index->labels, key->source)->text,
    };
    uint32_t hash = key_hash(domain, names.stream, names.user, names.source);
    uint32_t handle = find_flow(index, domain, &names, hash);
    domain->recipients++;
    if (handle != 0) {
        names_give(&index->labels, name_of(names.stream));
        names_give(&index->labels, name_of(names.user));
        names_give(&index->labels, name_of(names.source));
        return handle;
    }
    if (index->flow_count >= index->flow_bucket_count * FLOW_LOAD) {
        grow_flows(index);
    }
    handle = pool_take(&index->flows);
    struct flow *flow = flows_at(index, handle);
    *flow = (struct flow){.domain = domain,
                          .stream = names.stream,
                          .user = names.user,
                          .source = names.source,
                          .next = domain->flows == NULL ? 0 : domain->flows->handle,
                          .handle = handle};
    domain->flows = flow;
    uint32_t *bucket = &index->flow_buckets[hash & (index->flow_bucket_count - 1)];
    flow->bucket = *bucket;
    *bucket = handle;
    index->flow_count++;
    return handle;
}

/* Out of the row of its domain's flows. */
static void leave_row(const struct index *index, const struct flow *flow)
{
    struct domain *domain = flow->domain;
    if (domain->flows == flow) {
        domain->flows = index_flow_beside(index, flow);
        return;
    }
    struct flow *before = domain->flows;
    while (before->next != flow->handle) {
        before = index_flow_beside(index, before);
    }
    before->next = flow->next;
}

void flows_leave(struct index *index, uint32_t handle)
{
    struct flow *flow = flows_at(index, handle);
    struct domain *domain = flow->domain;
    domain->recipients--;
    if (flow->ready + flow->deferred + flow->out + flow->idle > 0) {
        return;
    }
    if (index->hooks.flow_gone_cb != NULL) {
        index->hooks.flow_gone_cb(index->hooks.owner, flow);
    }
    assert(!list_is_linked(&flow->node));
    uint32_t *link =
        &index->flow_buckets[flow_hash(flow) & (index->flow_bucket_count - 1)];
    while (*link != handle) {
        link = &flows_at(index, *link)->bucket;
    }
    *link = flow->bucket;
    leave_row(index, flow);
    names_give(&index->labels, name_of(flow->stream));
    names_give(&index->labels, name_of(flow->user));
    names_give(&index->labels, name_of(flow->source));
    pool_give(&index->flows, handle);
    index->flow_count--;
    leave_domain(index, domain);
}

struct flow *index_flow_next(const struct index *index, struct flow *flow)
{
    for (uint32_t at = flow == NULL ? 1 : flow->handle + 1; at < index->flows.used;
         at++) {
        struct flow *next = flows_at(index, at);
        if (next->handle == at) {
            return next;
        }
    }
    return NULL;
}

void index_set_hooks(struct index *index, const struct index_hooks *hooks)
{
    index->hooks = *hooks;
    if (hooks->flow_born_cb != NULL) {
        for (struct flow *flow = index_flow_next(index, NULL); flow != NULL;
             flow = index_flow_next(index, flow)) {
            hooks->flow_born_cb(hooks->owner, flow);
        }
    }
}

uint64_t flows_memory(const struct index *index)
{
    return pool_memory(&index->flows) + names_memory(&index->labels) +
           names_memory(&index->froms) + index->flow_bucket_count * sizeof(uint32_t) +
           index->domain_bucket_count * sizeof(struct domain *) + index->domain_bytes;
}

void flows_done(struct index *index)
{
    for (uint32_t i = 0; i < index->domain_bucket_count; i++) {
        struct domain *domain = index->domain_buckets[i];
        while (domain != NULL) {
            struct domain *next = domain->bucket;
            free(domain);
            domain = next;
        }
    }
    free(index->domain_buckets);
    free(index->flow_buckets);
}
