#include "policy/split.h"

#include <assert.h>

static const struct split_source *find(const struct split_ask *ask, int32_t source)
{
    for (size_t i = 0; source >= 0 && i < ask->count; i++) {
        if (ask->sources[i].source == (uint32_t)source) {
            return &ask->sources[i];
        }
    }
    return NULL;
}

/* By weight among those that are live, or among all; NULL when no weight is left. */
static const struct split_source *by_weight(const struct split_ask *ask, bool only_live)
{
    uint64_t total = 0;
    for (size_t i = 0; i < ask->count; i++) {
        if (ask->sources[i].live || !only_live) {
            total += ask->sources[i].weight;
        }
    }
    if (total == 0) {
        return NULL;
    }
    uint64_t left = ask->roll % total;
    for (size_t i = 0; i < ask->count; i++) {
        if (!ask->sources[i].live && only_live) {
            continue;
        }
        if (left < ask->sources[i].weight) {
            return &ask->sources[i];
        }
        left -= ask->sources[i].weight;
    }
    return NULL;
}

struct split_answer split_choose(const struct split_ask *ask)
{
    assert(ask->count > 0);

    const struct split_source *sticky = find(ask, ask->sticky);
    bool fresh = ask->sticky_age_ns < SPLIT_STICKY_NS;
    if (sticky != NULL && sticky->live && fresh) {
        return (struct split_answer){ask->sticky, false, SPLIT_STICKY};
    }
    bool fallback = ask->fallback >= 0 && ask->fallback_live;
    if (sticky != NULL && !sticky->live) {
        if (fallback) {
            return (struct split_answer){ask->fallback, false, SPLIT_FALLBACK};
        }
        return (struct split_answer){ask->sticky, true, SPLIT_STICKY_STOPPED};
    }
    if (fresh && ask->fallback >= 0 && ask->sticky == ask->fallback && fallback) {
        /* It has left by the fallback before, and that address is known there now. */
        return (struct split_answer){ask->fallback, false, SPLIT_STICKY};
    }

    const struct split_source *chosen = by_weight(ask, true);
    if (chosen != NULL) {
        return (struct split_answer){(int32_t)chosen->source, false, SPLIT_WEIGHT};
    }
    if (fallback) {
        return (struct split_answer){ask->fallback, false, SPLIT_FALLBACK};
    }
    chosen = by_weight(ask, false);
    if (chosen == NULL) {
        chosen = &ask->sources[0];
    }
    return (struct split_answer){(int32_t)chosen->source, true, SPLIT_NONE_LIVE};
}

const char *split_why_name(enum split_why why)
{
    switch (why) {
    case SPLIT_STICKY: return "sticky";
    case SPLIT_STICKY_STOPPED: return "waits for its source";
    case SPLIT_WEIGHT: return "weight";
    case SPLIT_FALLBACK: return "configured fallback";
    case SPLIT_NONE_LIVE: return "no source in service";
    }
    return "unknown";
}
