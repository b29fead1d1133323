/* From id to message: linear hashing, so that growing never moves more than one bucket.
 * Buckets hold the first of a chain of messages, three on average. */

#include <stdlib.h>

#include "queue/index_impl.h"
#include "queue/mem.h"

#define LOAD          3
#define FIRST_BUCKETS 1024
#define EXPECT_MOST   (UINT64_C(1) << 24) /* buckets made at once: 64 MiB of them */

static uint64_t mix(uint64_t id)
{
    id ^= id >> 33;
    id *= UINT64_C(0xff51afd7ed558ccd);
    id ^= id >> 33;
    return id;
}

static uint32_t *bucket_at(const struct index *index, uint32_t bucket)
{
    return &index->id_chunks[bucket / INDEX_HASH_CHUNK][bucket % INDEX_HASH_CHUNK];
}

static uint32_t bucket_of(const struct index *index, uint64_t id)
{
    uint64_t hash = mix(id);
    uint32_t low = UINT32_C(1) << (31 - __builtin_clz(index->id_buckets));
    uint32_t bucket = (uint32_t)hash & (2 * low - 1);
    return bucket < index->id_buckets ? bucket : bucket - low;
}

static void add_bucket(struct index *index)
{
    uint32_t bucket = index->id_buckets;
    if (bucket / INDEX_HASH_CHUNK == index->id_chunk_count) {
        index->id_chunk_count++;
        index->id_chunks =
            mem_resize(index->id_chunks, index->id_chunk_count * sizeof(uint32_t *));
        index->id_chunks[bucket / INDEX_HASH_CHUNK] =
            mem_alloc(INDEX_HASH_CHUNK * sizeof(uint32_t));
    }
    index->id_buckets++;
}

/* Split the bucket whose other half the new one is. */
static void split(struct index *index)
{
    uint32_t added = index->id_buckets;
    add_bucket(index);
    uint32_t low = UINT32_C(1) << (31 - __builtin_clz(added));
    uint32_t *old = bucket_at(index, added - low);
    uint32_t chain = *old;
    *old = 0;
    while (chain != 0) {
        struct message *message = index_message_at(index, chain);
        uint32_t next = message->bucket;
        uint32_t *bucket = bucket_at(index, bucket_of(index, message->id));
        message->bucket = *bucket;
        *bucket = chain;
        chain = next;
    }
}

void index_expect(struct index *index, uint64_t messages)
{
    uint64_t wanted = messages / LOAD;
    wanted = wanted > EXPECT_MOST ? EXPECT_MOST : wanted;
    wanted = wanted < FIRST_BUCKETS ? FIRST_BUCKETS : wanted;
    while (index->message_count == 0 && index->id_buckets < wanted) {
        add_bucket(index);
    }
}

void ids_add(struct index *index, uint32_t message)
{
    while (index->id_buckets < FIRST_BUCKETS) {
        add_bucket(index);
    }
    if (index->message_count >= (uint64_t)index->id_buckets * LOAD) {
        split(index);
    }
    struct message *entry = index_message_at(index, message);
    if (entry->id > index->highest_id) {
        index->highest_id = entry->id;
    }
    uint32_t *bucket = bucket_at(index, bucket_of(index, entry->id));
    entry->bucket = *bucket;
    *bucket = message;
}

void ids_remove(struct index *index, uint32_t message)
{
    struct message *entry = index_message_at(index, message);
    uint32_t *link = bucket_at(index, bucket_of(index, entry->id));
    while (*link != message) {
        link = &index_message_at(index, *link)->bucket;
    }
    *link = entry->bucket;
}

uint32_t index_find(const struct index *index, uint64_t id)
{
    if (id == 0 || id > index->highest_id) {
        return 0; /* new mail, whose ids rise: no look into memory that is far away */
    }
    uint32_t message = *bucket_at(index, bucket_of(index, id));
    while (message != 0 && index_message_at(index, message)->id != id) {
        message = index_message_at(index, message)->bucket;
    }
    return message;
}

const uint32_t *ids_bucket(const struct index *index, uint64_t id)
{
    return index->id_buckets == 0 ? NULL : bucket_at(index, bucket_of(index, id));
}

uint64_t ids_memory(const struct index *index)
{
    return (uint64_t)index->id_chunk_count *
           (INDEX_HASH_CHUNK * sizeof(uint32_t) + sizeof(uint32_t *));
}

void ids_done(struct index *index)
{
    for (uint32_t i = 0; i < index->id_chunk_count; i++) {
        free(index->id_chunks[i]);
    }
    free(index->id_chunks);
}
