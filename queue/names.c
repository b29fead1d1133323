#include "queue/names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "queue/mem.h"

#define FIRST_BUCKETS 64

void names_init(struct names *names, uint32_t limit)
{
    *names = (struct names){.limit = limit, .next_number = 1};
}

void names_done(struct names *names)
{
    for (uint32_t i = 0; i < names->bucket_count; i++) {
        struct name *name = names->buckets[i];
        while (name != NULL) {
            struct name *next = name->bucket;
            free(name);
            name = next;
        }
    }
    free(names->buckets);
    free(names->numbered);
    free(names->spare);
    *names = (struct names){0};
}

uint32_t names_hash(const char *text)
{
    size_t length = strlen(text);
    uint64_t hash = UINT64_C(0x9ae16a3b2f90404f) + length;
    while (length > 0) {
        uint64_t word = 0;
        size_t step = length < sizeof word ? length : sizeof word;
        memcpy(&word, text, step);
        hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
        hash ^= hash >> 35;
        text += step;
        length -= step;
    }
    hash *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(hash >> 32);
}

static struct name *find(const struct names *names, const char *text, uint32_t hash)
{
    if (names->bucket_count == 0) {
        return NULL;
    }
    struct name *name = names->buckets[hash & (names->bucket_count - 1)];
    while (name != NULL && (name->hash != hash || strcmp(name->text, text) != 0)) {
        name = name->bucket;
    }
    return name;
}

struct name *names_find(const struct names *names, const char *text)
{
    return find(names, text, names_hash(text));
}

static void grow(struct names *names)
{
    uint32_t count = names->bucket_count == 0 ? FIRST_BUCKETS : names->bucket_count * 2;
    struct name **buckets = mem_alloc(count * sizeof(struct name *));
    for (uint32_t i = 0; i < names->bucket_count; i++) {
        struct name *name = names->buckets[i];
        while (name != NULL) {
            struct name *next = name->bucket;
            name->bucket = buckets[name->hash & (count - 1)];
            buckets[name->hash & (count - 1)] = name;
            name = next;
        }
    }
    free(names->buckets);
    names->buckets = buckets;
    names->bucket_count = count;
}

static uint32_t take_number(struct names *names, struct name *name)
{
    uint32_t number = 0;
    if (names->spare_count > 0) {
        number = names->spare[--names->spare_count];
    } else if (names->next_number <= names->limit) {
        number = names->next_number++;
    } else {
        return 0;
    }
    if (number >= names->number_room) {
        names->number_room = names->number_room == 0 ? 64 : names->number_room * 2;
        names->numbered =
            mem_resize(names->numbered, names->number_room * sizeof(struct name *));
    }
    names->numbered[number] = name;
    return number;
}

struct name *names_take(struct names *names, const char *text)
{
    uint32_t hash = names_hash(text);
    struct name *name = find(names, text, hash);
    if (name != NULL) {
        name->uses++;
        return name;
    }
    if (names->count >= names->bucket_count) {
        grow(names);
    }
    size_t bytes = strlen(text) + 1;
    name = mem_alloc(sizeof *name + bytes);
    memcpy(name->text, text, bytes);
    name->hash = hash;
    name->uses = 1;
    name->number = take_number(names, name);
    name->bucket = names->buckets[hash & (names->bucket_count - 1)];
    names->buckets[hash & (names->bucket_count - 1)] = name;
    names->count++;
    names->text_bytes += bytes;
    return name;
}

static void give_number(struct names *names, uint32_t number)
{
    if (number == 0) {
        return;
    }
    names->numbered[number] = NULL;
    if (names->spare_count == names->spare_room) {
        names->spare_room = names->spare_room == 0 ? 64 : names->spare_room * 2;
        names->spare = mem_resize(names->spare, names->spare_room * sizeof *names->spare);
    }
    names->spare[names->spare_count++] = number;
}

void names_give(struct names *names, struct name *name)
{
    assert(name->uses > 0);
    if (--name->uses > 0) {
        return;
    }
    struct name **link = &names->buckets[name->hash & (names->bucket_count - 1)];
    while (*link != name) {
        link = &(*link)->bucket;
    }
    *link = name->bucket;
    give_number(names, name->number);
    names->count--;
    names->text_bytes -= strlen(name->text) + 1;
    free(name);
}

struct name *names_at(const struct names *names, uint32_t number)
{
    return number == 0 ? NULL : names->numbered[number];
}

const char *names_text(const struct names *names, uint32_t number)
{
    return number == 0 ? "" : names->numbered[number]->text;
}

uint64_t names_memory(const struct names *names)
{
    return names->bucket_count * sizeof(struct name *) +
           names->number_room * sizeof(struct name *) +
           names->spare_room * sizeof(uint32_t) + names->text_bytes +
           (uint64_t)names->count * (sizeof(struct name) + 8);
}
