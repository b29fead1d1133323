#include "relay/agenda.h"

#include <assert.h>
#include <stdlib.h>

static void put(struct agenda *agenda, size_t index, struct agenda_item *item)
{
    agenda->items[index] = item;
    item->place = (uint32_t)(index + 1);
}

static void sift_up(struct agenda *agenda, size_t index, struct agenda_item *item)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (agenda->items[parent]->at <= item->at) {
            break;
        }
        put(agenda, index, agenda->items[parent]);
        index = parent;
    }
    put(agenda, index, item);
}

static void sift_down(struct agenda *agenda, size_t index, struct agenda_item *item)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= agenda->count) {
            break;
        }
        if (child + 1 < agenda->count &&
            agenda->items[child + 1]->at < agenda->items[child]->at) {
            child++;
        }
        if (item->at <= agenda->items[child]->at) {
            break;
        }
        put(agenda, index, agenda->items[child]);
        index = child;
    }
    put(agenda, index, item);
}

void agenda_done(struct agenda *agenda)
{
    for (size_t i = 0; i < agenda->count; i++) {
        agenda->items[i]->place = 0;
    }
    free(agenda->items);
    *agenda = (struct agenda){0};
}

void agenda_drop(struct agenda *agenda, struct agenda_item *item)
{
    if (item->place == 0) {
        return;
    }
    size_t index = item->place - 1;
    assert(agenda->items[index] == item);
    item->place = 0;
    agenda->count--;
    if (index == agenda->count) {
        return;
    }
    struct agenda_item *last = agenda->items[agenda->count];
    if (index > 0 && agenda->items[(index - 1) / 2]->at > last->at) {
        sift_up(agenda, index, last);
    } else {
        sift_down(agenda, index, last);
    }
}

void agenda_set(struct agenda *agenda, struct agenda_item *item, uint64_t at)
{
    assert(item->due_cb != NULL);
    if (item->place != 0 && item->at == at) {
        return;
    }
    agenda_drop(agenda, item);
    if (agenda->count == agenda->room) {
        size_t room = agenda->room == 0 ? 64 : agenda->room * 2;
        struct agenda_item **items = realloc(agenda->items, room * sizeof(void *));
        if (items == NULL) {
            abort(); /* the queue is durable, a restart is safe */
        }
        agenda->items = items;
        agenda->room = room;
    }
    item->at = at;
    sift_up(agenda, agenda->count++, item);
}

unsigned agenda_run(struct agenda *agenda, uint64_t now, unsigned most)
{
    unsigned ran = 0;
    while (ran < most && agenda->count > 0 && agenda->items[0]->at <= now) {
        struct agenda_item *item = agenda->items[0];
        agenda_drop(agenda, item);
        item->due_cb(item);
        ran++;
    }
    return ran;
}

uint64_t agenda_next(const struct agenda *agenda)
{
    return agenda->count == 0 ? UINT64_MAX : agenda->items[0]->at;
}
