#include "relay/sources.h"

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/snapshot.h"

static struct netaddr netaddr_of(const struct config_address *address)
{
    struct netaddr out = {0};
    if (address->family == AF_INET) {
        out.family = NETADDR_V4;
        memcpy(out.bytes, address->bytes, 4);
    } else if (address->family == AF_INET6) {
        out.family = NETADDR_V6;
        memcpy(out.bytes, address->bytes, 16);
    }
    return out;
}

struct source *sources_find(const struct sources *sources, const char *name)
{
    for (uint32_t i = 0; i < sources->count; i++) {
        if (strcmp(sources->items[i]->name, name) == 0) {
            return sources->items[i];
        }
    }
    return NULL;
}

struct source *sources_at(const struct sources *sources, uint32_t index)
{
    for (uint32_t i = 0; i < sources->count; i++) {
        if (sources->items[i]->index == index) {
            return sources->items[i];
        }
    }
    return NULL;
}

static struct source *add(struct sources *sources, const char *name)
{
    struct source *source = arena_must(1, sizeof *source);
    (void)snprintf(source->name, sizeof source->name, "%s", name);
    atomic_init(&source->stop_flag, false);
    atomic_init(&source->bulk_flag, false);
    list_init(&source->lanes);
    struct source **items =
        realloc(sources->items, (sources->count + 1) * sizeof(struct source *));
    if (items == NULL) {
        abort(); /* the queue is durable, a restart is safe */
    }
    sources->items = items;
    sources->items[sources->count++] = source;
    return source;
}

void sources_take(struct sources *sources, const struct snapshot *snapshot)
{
    const struct config *config = snapshot->config;
    for (uint32_t i = 0; i < sources->count; i++) {
        sources->items[i]->index = CONFIG_NONE;
    }
    for (uint32_t i = 0; i < config->source_count; i++) {
        const struct config_source *from = &config->sources[i];
        struct source *source = sources_find(sources, from->name);
        if (source == NULL) {
            source = add(sources, from->name);
        }
        source->index = i;
        source->address = netaddr_of(&from->address);
        source->address6 = netaddr_of(&from->address6);
        source->public = netaddr_of(&from->public);
        source->public6 = source->address6;
        if (source->public.family == NETADDR_V6) {
            source->public6 = source->public;
            source->public = source->address;
        }
        if (source->address.family == NETADDR_V6) {
            source->address6 = source->address;
            source->address = (struct netaddr){0};
        }
    }
}

void sources_done(struct sources *sources)
{
    for (uint32_t i = 0; i < sources->count; i++) {
        free(sources->items[i]);
    }
    free(sources->items);
    *sources = (struct sources){0};
}
