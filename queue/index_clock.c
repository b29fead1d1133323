/* One clock per message: its delay notice or its expiry, whichever comes next, wherever
 * its recipients wait. A binary heap in chunks; a message knows its place in it. */

#include <stdlib.h>

#include "queue/index_impl.h"
#include "queue/mem.h"

static uint32_t *slot_at(const struct index *index, uint32_t place)
{
    return &index->clock_chunks[place / INDEX_HASH_CHUNK][place % INDEX_HASH_CHUNK];
}

static uint64_t notice_s(const struct message *message)
{
    return message->accepted_s + (uint64_t)message->notice_steps * INDEX_NOTICE_STEP_S;
}

static bool notice_is_next(const struct message *message)
{
    return message->notice_steps != 0 &&
           (message->rung || notice_s(message) < message->expires_s);
}

static uint64_t key_of(const struct index *index, uint32_t message)
{
    const struct message *entry = index_message_at(index, message);
    return notice_is_next(entry) ? notice_s(entry) : entry->expires_s;
}

static void place(struct index *index, uint32_t at, uint32_t message)
{
    *slot_at(index, at) = message;
    index_message_at(index, message)->clock = at;
}

static void sift_up(struct index *index, uint32_t at, uint32_t message)
{
    uint64_t key = key_of(index, message);
    while (at > 1) {
        uint32_t above = *slot_at(index, at / 2);
        if (key_of(index, above) <= key) {
            break;
        }
        place(index, at, above);
        at /= 2;
    }
    place(index, at, message);
}

static void sift_down(struct index *index, uint32_t at, uint32_t message)
{
    uint64_t key = key_of(index, message);
    for (;;) {
        uint32_t child = at * 2;
        if (child > index->clock_count) {
            break;
        }
        if (child < index->clock_count && key_of(index, *slot_at(index, child + 1)) <
                                              key_of(index, *slot_at(index, child))) {
            child++;
        }
        if (key_of(index, *slot_at(index, child)) >= key) {
            break;
        }
        place(index, at, *slot_at(index, child));
        at = child;
    }
    place(index, at, message);
}

void clock_add(struct index *index, uint32_t message)
{
    uint32_t at = ++index->clock_count;
    if (at / INDEX_HASH_CHUNK == index->clock_chunk_count) {
        index->clock_chunk_count++;
        index->clock_chunks = mem_resize(index->clock_chunks,
                                         index->clock_chunk_count * sizeof(uint32_t *));
        index->clock_chunks[at / INDEX_HASH_CHUNK] =
            mem_alloc(INDEX_HASH_CHUNK * sizeof(uint32_t));
    }
    sift_up(index, at, message);
}

void clock_remove(struct index *index, uint32_t message)
{
    struct message *entry = index_message_at(index, message);
    uint32_t at = entry->clock;
    if (at == 0) {
        return;
    }
    entry->clock = 0;
    uint32_t last = *slot_at(index, index->clock_count);
    index->clock_count--;
    if (last != message) {
        sift_up(index, at, last);
        sift_down(index, index_message_at(index, last)->clock, last);
    }
}

void clock_changed(struct index *index, uint32_t message)
{
    struct message *entry = index_message_at(index, message);
    clock_remove(index, message);
    if (entry->notice_steps != 0 || !entry->rung) {
        clock_add(index, message);
    }
}

uint32_t index_clock_pop(struct index *index, uint64_t now_unix_ms, bool *out_expired)
{
    if (index->clock_count == 0) {
        return 0;
    }
    uint32_t message = *slot_at(index, 1);
    if (key_of(index, message) * 1000 > now_unix_ms) {
        return 0;
    }
    struct message *entry = index_message_at(index, message);
    bool expired = !notice_is_next(entry);
    entry->notice_steps = 0; /* after an expiry it is too late to speak of a delay */
    if (expired) {
        entry->rung = 1;
    }
    clock_changed(index, message);
    *out_expired = expired;
    return message;
}

uint64_t index_clock_next(const struct index *index)
{
    if (index->clock_count == 0) {
        return UINT64_MAX;
    }
    return key_of(index, *slot_at(index, 1)) * 1000;
}

void index_clock_set(struct index *index, uint32_t message, uint64_t expires_unix_ms)
{
    struct message *entry = index_message_at(index, message);
    uint64_t seconds = expires_unix_ms / 1000 + (expires_unix_ms % 1000 != 0);
    entry->expires_s = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
    entry->rung = 0;
    clock_changed(index, message);
}

uint64_t clock_memory(const struct index *index)
{
    return (uint64_t)index->clock_chunk_count *
           (INDEX_HASH_CHUNK * sizeof(uint32_t) + sizeof(uint32_t *));
}

void clock_done(struct index *index)
{
    for (uint32_t i = 0; i < index->clock_chunk_count; i++) {
        free(index->clock_chunks[i]);
    }
    free(index->clock_chunks);
}
