/* What is to be done at a time: a binary heap of items embedded in their owners. Core
 * thread; O(log n), no allocation but the growing array. */

#ifndef RELAY_AGENDA_H
#define RELAY_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda_item;

typedef void (*agenda_cb)(struct agenda_item *item);

struct agenda_item {
    uint64_t at;      /* in the agenda's unit */
    uint32_t place;   /* 1-based; 0: not on the agenda. Zeroed at first */
    agenda_cb due_cb; /* set by the owner before agenda_set */
};

struct agenda {
    struct agenda_item **items; /* owned */
    size_t count;
    size_t room;
};

/* Zeroed is empty. */
void agenda_done(struct agenda *agenda);

/* Put the item on the agenda for `at`, or move it there. */
void agenda_set(struct agenda *agenda, struct agenda_item *item, uint64_t at);

/* Take it off; one that is not on it is left alone. */
void agenda_drop(struct agenda *agenda, struct agenda_item *item);

/* Take off and call at most `most` items that are due at now. Returns how many. */
unsigned agenda_run(struct agenda *agenda, uint64_t now, unsigned most);

/* When the next item is due; UINT64_MAX without any. */
uint64_t agenda_next(const struct agenda *agenda);

static inline bool agenda_is_set(const struct agenda_item *item)
{
    return item->place != 0;
}

#endif
