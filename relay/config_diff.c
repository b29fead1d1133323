#include "relay/config_diff.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config.h"

const char *config_fixed_name(enum config_fixed fixed)
{
    switch (fixed) {
    case CONFIG_FIXED_HOSTNAME: return "hostname";
    case CONFIG_FIXED_SPOOL: return "spool";
    case CONFIG_FIXED_CONTROL: return "control";
    case CONFIG_FIXED_WORKERS: return "workers";
    case CONFIG_FIXED_LISTENERS: return "listeners";
    case CONFIG_FIXED_HTTP: return "http";
    case CONFIG_FIXED_QUEUE: return "queue";
    case CONFIG_FIXED_COUNT: break;
    }
    return "";
}

/* Sockets are bound once; all else of a listener may change. */
static bool listeners_differ(const struct config *old, const struct config *new)
{
    if (old->listener_count != new->listener_count) {
        return true;
    }
    for (size_t i = 0; i < old->listener_count; i++) {
        const struct config_listener *one = &old->listeners[i];
        const struct config_listener *other = &new->listeners[i];

        if (strcmp(one->name, other->name) != 0 || one->port != other->port ||
            one->tls != other->tls ||
            !config_address_is_same(&one->address, &other->address)) {
            return true;
        }
    }
    return false;
}

static bool http_differs(const struct config_http *old, const struct config_http *new)
{
    if (!old->enabled && !new->enabled) {
        return false;
    }
    return old->enabled != new->enabled || old->port != new->port ||
           !config_address_is_same(&old->address, &new->address) ||
           strcmp(old->token_file, new->token_file) != 0;
}

static void *index_room(size_t count)
{
    void *room = calloc(count + 1, sizeof(size_t));

    if (room == NULL) {
        abort(); /* bounded by LIMIT_CONFIG_ENTRIES */
    }
    return room;
}

void config_diff(const struct config *old, const struct config *new,
                 struct config_diff *diff)
{
    assert(old != NULL);
    assert(new != NULL);
    assert(diff != NULL);
    *diff = (struct config_diff){
        .fixed_changed =
            {
                [CONFIG_FIXED_HOSTNAME] = strcmp(old->hostname, new->hostname) != 0,
                [CONFIG_FIXED_SPOOL] = strcmp(old->spool, new->spool) != 0,
                [CONFIG_FIXED_CONTROL] = strcmp(old->control, new->control) != 0,
                [CONFIG_FIXED_WORKERS] = old->workers != new->workers,
                [CONFIG_FIXED_LISTENERS] = listeners_differ(old, new),
                [CONFIG_FIXED_HTTP] = http_differs(&old->http, &new->http),
                [CONFIG_FIXED_QUEUE] =
                    old->queue.memory != new->queue.memory ||
                    old->queue.low_space != new->queue.low_space ||
                    old->queue.reserve != new->queue.reserve ||
                    old->queue.compact != new->queue.compact ||
                    strcmp(old->queue.key_file, new->queue.key_file) != 0,
            },
        .sources_gone = index_room(old->source_count),
        .streams_gone = index_room(old->stream_count),
    };
    for (size_t i = 0; i < old->source_count; i++) {
        if (config_source_find(new, old->sources[i].name) == CONFIG_NONE) {
            diff->sources_gone[diff->source_gone_count++] = i;
        }
    }
    for (size_t i = 0; i < old->stream_count; i++) {
        if (config_stream_find(new, old->streams[i].name) == CONFIG_NONE) {
            diff->streams_gone[diff->stream_gone_count++] = i;
        }
    }
}

void config_diff_clear(struct config_diff *diff)
{
    assert(diff != NULL);
    free(diff->sources_gone);
    free(diff->streams_gone);
    *diff = (struct config_diff){0};
}
