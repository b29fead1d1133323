#include "relay/round.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "queue/index.h"

#include "relay/arena.h"
#include "relay/domains.h"

#define FIRST_ROOM 4

struct round_sender {
    struct round *round;       /* borrowed: it is in its heap */
    struct round_sender *next; /* in its bucket */
    struct list ladings;       /* struct lading, in turn */
    const char *name; /* borrowed: the index keeps a user's name while it has flows, and a
                         sender has a lading of such a flow */
    uint64_t turn;    /* recipients given, counted from where it came in */
    uint64_t birth;
    uint32_t at; /* in the heap */
};

void round_done(struct round *round)
{
    assert(round->count == 0);
    free(round->heap);
    free(round->buckets);
    *round = (struct round){0};
}

void round_move(struct round *to, struct round *from)
{
    *to = *from;
    *from = (struct round){0};
    for (uint32_t i = 0; i < to->count; i++) {
        to->heap[i]->round = to;
    }
}

bool round_is_empty(const struct round *round)
{
    return round->count == 0;
}

/* ---- the heap ---- */

static bool goes_before(const struct round_sender *one, const struct round_sender *other)
{
    return one->turn != other->turn ? one->turn < other->turn : one->birth < other->birth;
}

static void place(struct round *round, struct round_sender *sender, uint32_t at)
{
    round->heap[at] = sender;
    sender->at = at;
}

static void rise(struct round *round, uint32_t at)
{
    struct round_sender *sender = round->heap[at];
    while (at > 0 && goes_before(sender, round->heap[(at - 1) / 2])) {
        place(round, round->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    place(round, sender, at);
}

static void sink(struct round *round, uint32_t at)
{
    struct round_sender *sender = round->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < round->count &&
            goes_before(round->heap[child + 1], round->heap[child])) {
            child++;
        }
        if (child >= round->count || !goes_before(round->heap[child], sender)) {
            break;
        }
        place(round, round->heap[child], at);
        at = child;
    }
    place(round, sender, at);
}

/* ---- by name ---- */

static uint32_t bucket_of(const struct round *round, const char *name)
{
    uint32_t hash = UINT32_C(2166136261);
    for (const char *at = name; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT32_C(16777619);
    }
    return hash & (round->bucket_count - 1);
}

static struct round_sender *find(const struct round *round, const char *name)
{
    if (round->bucket_count == 0) {
        return NULL;
    }
    struct round_sender *sender = round->buckets[bucket_of(round, name)];
    while (sender != NULL && strcmp(sender->name, name) != 0) {
        sender = sender->next;
    }
    return sender;
}

/* Room for one more in the heap, and as many buckets as it has places. */
static void grow(struct round *round)
{
    if (round->count < round->room) {
        return;
    }
    uint32_t room = round->room == 0 ? FIRST_ROOM : 2 * round->room;
    struct round_sender **heap = arena_must(room, sizeof(struct round_sender *));
    if (round->count > 0) {
        memcpy(heap, round->heap, round->count * sizeof(struct round_sender *));
    }
    free(round->heap);
    free(round->buckets);
    round->heap = heap;
    round->buckets = arena_must(room, sizeof(struct round_sender *));
    round->bucket_count = room;
    round->room = room;
    for (uint32_t i = 0; i < round->count; i++) {
        struct round_sender **bucket = &round->buckets[bucket_of(round, heap[i]->name)];
        heap[i]->next = *bucket;
        *bucket = heap[i];
    }
}

static struct round_sender *join(struct round *round, const char *name)
{
    grow(round);
    struct round_sender *sender = arena_must(1, sizeof *sender);
    *sender = (struct round_sender){
        .round = round, .name = name, .turn = round->turn, .birth = round->births++};
    list_init(&sender->ladings);
    struct round_sender **bucket = &round->buckets[bucket_of(round, name)];
    sender->next = *bucket;
    *bucket = sender;
    place(round, sender, round->count++);
    rise(round, sender->at);
    return sender;
}

static void leave(struct round_sender *sender)
{
    struct round *round = sender->round;
    struct round_sender **link = &round->buckets[bucket_of(round, sender->name)];
    while (*link != sender) {
        link = &(*link)->next;
    }
    *link = sender->next;
    uint32_t at = sender->at;
    struct round_sender *last = round->heap[--round->count];
    if (last != sender) {
        place(round, last, at);
        rise(round, at);
        sink(round, last->at);
    }
    free(sender);
}

/* ---- the round ---- */

void round_add(struct round *round, struct lading *lading)
{
    struct round_sender *sender = find(round, lading->flow->user);
    if (sender == NULL) {
        sender = join(round, lading->flow->user);
    }
    list_push_back(&sender->ladings, &lading->node);
    lading->sender = sender;
}

void round_remove(struct lading *lading)
{
    struct round_sender *sender = lading->sender;
    assert(sender != NULL);
    lading->sender = NULL;
    list_remove(&lading->node);
    if (list_is_empty(&sender->ladings)) {
        leave(sender);
        return;
    }
    /* The name may go with its flow. Equal text, so it is found as before. */
    sender->name =
        LIST_OWNER(list_first(&sender->ladings), struct lading, node)->flow->user;
}

struct lading *round_first(const struct round *round)
{
    assert(round->count > 0);
    return LIST_OWNER(list_first(&round->heap[0]->ladings), struct lading, node);
}

struct lading *round_find(const struct round *round,
                          bool (*fits)(const struct lading *lading), unsigned most)
{
    unsigned seen = 0;
    assert(round->count > 0);
    list_each (node, &round->heap[0]->ladings) {
        struct lading *lading = LIST_OWNER(node, struct lading, node);
        if (seen++ == most) {
            break;
        }
        if (fits(lading)) {
            return lading;
        }
    }
    for (uint32_t i = 1; i < round->count && i < most; i++) {
        struct lading *lading =
            LIST_OWNER(list_first(&round->heap[i]->ladings), struct lading, node);
        if (fits(lading)) {
            return lading;
        }
    }
    return NULL;
}

void round_spend(struct lading *lading, uint32_t units)
{
    struct round_sender *sender = lading->sender;
    assert(sender != NULL);
    struct round *round = sender->round;
    round->turn = sender->turn > round->turn ? sender->turn : round->turn;
    sender->turn += units;
    sink(round, sender->at);
    list_remove(&lading->node);
    list_push_back(&sender->ladings, &lading->node);
}
