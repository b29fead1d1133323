#include "relay/streamtally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/limits.h"

struct stream_tally {
    char name[LIMIT_CONFIG_NAME + 1];
    struct tally tally;
};

struct tally *stream_tally(struct stream_tallies *tallies, const char *name)
{
    for (uint32_t i = 0; i < tallies->count; i++) {
        if (strcmp(tallies->items[i]->name, name) == 0) {
            return &tallies->items[i]->tally;
        }
    }
    struct stream_tally *made = arena_must(1, sizeof *made);
    (void)snprintf(made->name, sizeof made->name, "%s", name);
    struct stream_tally **items =
        realloc(tallies->items, (tallies->count + 1) * sizeof(struct stream_tally *));
    if (items == NULL) {
        abort(); /* the queue is durable, a restart is safe */
    }
    tallies->items = items;
    tallies->items[tallies->count++] = made;
    return &made->tally;
}

void stream_tallies_done(struct stream_tallies *tallies)
{
    for (uint32_t i = 0; i < tallies->count; i++) {
        free(tallies->items[i]);
    }
    free(tallies->items);
    *tallies = (struct stream_tallies){0};
}
