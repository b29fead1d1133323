#include "relay/shares.h"

#include <math.h>

#include "policy/share.h"

#include "relay/core.h"
#include "relay/job.h"
#include "relay/sites.h"
#include "relay/slot.h"
#include "relay/snapshot.h"
#include "relay/stops.h"

/* Of a shared source's connections, for bulk. */
#define BULK_PART 0.5

static bool serves(const struct core *core, uint32_t stream, const struct lane *lane)
{
    const struct config_stream *config = &core->snapshot->config->streams[stream];
    for (size_t i = 0; i < config->sources.count; i++) {
        if (config->sources.items[i] == lane->source->index) {
            return true;
        }
    }
    return false;
}

static bool is_bulk(const struct core *core, uint32_t stream)
{
    const struct config *config = core->snapshot->config;
    return stops_is_bulk(config, &config->streams[stream]);
}

uint32_t shares_used(const struct lane *lane, uint32_t stream)
{
    uint32_t used = 0;
    list_each (node, &lane->busy) {
        const struct slot *slot = LIST_OWNER(node, struct slot, node);
        used += slot->job != NULL && slot->job->stream == stream ? 1 : 0;
    }
    return used;
}

uint32_t shares_window(const struct core *core, uint32_t stream, const struct site *site,
                       const struct lane *lane, uint32_t window)
{
    struct share_party parties[SHARE_PARTIES];
    size_t count = 0;
    size_t own = SIZE_MAX;
    bool any_other_kind = false; /* than bulk: it may come at any moment */

    if (window < 2) {
        return 0;
    }
    for (uint32_t i = 0; i < site->bay_count && count < SHARE_PARTIES; i++) {
        bool wants = i == stream || site->bays[i].flows > 0;
        if (!serves(core, i, lane)) {
            continue;
        }
        any_other_kind = any_other_kind || !is_bulk(core, i);
        if (!wants) {
            continue;
        }
        own = i == stream ? count : own;
        parties[count++] =
            (struct share_party){.weight = core->snapshot->config->streams[i].weight,
                                 .demand = window,
                                 .most = HUGE_VAL};
    }
    bool is_halved = is_bulk(core, stream) && any_other_kind;
    if (own == SIZE_MAX || (count < 2 && !is_halved)) {
        return 0;
    }
    if (is_halved) {
        parties[own].most = ceil(window * BULK_PART);
    }
    share_divide_whole(parties, count, window, 0);
    return parties[own].granted < 1 ? 1 : (uint32_t)parties[own].granted;
}

bool shares_yields(const struct core *core, uint32_t stream, const struct site *site,
                   const struct lane *lane)
{
    if (lane->control.state == CONTROL_OPEN || !is_bulk(core, stream)) {
        return false;
    }
    for (uint32_t i = 0; i < site->bay_count; i++) {
        if (i != stream && site->bays[i].flows > 0 && !is_bulk(core, i) &&
            serves(core, i, lane)) {
            return true;
        }
    }
    return false;
}
