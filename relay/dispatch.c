#include "relay/dispatch.h"

#include <assert.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/choose.h"
#include "relay/core.h"
#include "relay/job.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/slots.h"
#include "relay/snapshot.h"

/* May this flow's destination be used now? If not the lading goes where it must wait. */
static bool dest_goes(struct lading *lading, const struct site *site, int64_t now)
{
    struct dest *dest = lading->dest;
    bool is_here = dest->site == site; /* it may have moved while this one waited */
    bool open = dest->state == DEST_OPEN && dest->fresh_until_ns > now;
    bool half = dest->state == DEST_HALF && !dest->is_probing;
    if (is_here && (open || half)) {
        return true;
    }
    scheduler_leave_bay(lading);
    domains_ready(lading);
    return false;
}

/* The recipients of one message in one flow that may go in one transaction. */
struct batch {
    uint32_t handles[LIMIT_OUT_RCPTS];
    uint16_t numbers[LIMIT_OUT_RCPTS];
    uint32_t count;
    uint32_t message;
};

static bool same_hops(const struct destination *one, const struct destination *other)
{
    if (one->hop_count != other->hop_count) {
        return false;
    }
    for (unsigned i = 0; i < one->hop_count; i++) {
        if (!netaddr_equal(&one->hops[i].addr, &other->hops[i].addr)) {
            return false;
        }
    }
    return true;
}

/* May a recipient of this flow ride along with one of another flow of the same message?
 * Yes when it goes to the same servers on the same terms. */
static bool rides_along(const struct flow *flow, const struct flow *other, int64_t now)
{
    if (flow == other) {
        return true;
    }
    const struct lading *lading = flow->owner;
    const struct lading *second = other->owner;
    if (second == NULL || strcmp(flow->source, other->source) != 0) {
        return false;
    }
    const struct dest *a = lading->dest;
    const struct dest *b = second->dest;
    return b->state == DEST_OPEN && b->fresh_until_ns > now && a->site == b->site &&
           a->is_archive == b->is_archive && a->tls == b->tls && a->route == b->route &&
           same_hops(&a->destination->value, &b->destination->value);
}

static bool gather(struct core *core, struct flow *flow, uint32_t most, int64_t now,
                   struct batch *batch)
{
    uint32_t first = flow_pop_ready(core->index, flow, (uint64_t)now_unix_ms());
    if (first == 0) {
        return false;
    }
    struct recipient_view view;
    index_recipient(core->index, first, &view);
    batch->message = view.message;
    batch->handles[0] = first;
    batch->numbers[0] = view.number;
    batch->count = 1;

    struct message_view message;
    index_message(core->index, batch->message, &message);
    if (message.live < 2) {
        return true;
    }
    for (uint32_t at = message.first; at != 0 && batch->count < most; at = view.next) {
        index_recipient(core->index, at, &view);
        if (at != first && view.phase == INDEX_READY &&
            rides_along(flow, view.flow, now)) {
            index_take(core->index, at);
            batch->handles[batch->count] = at;
            batch->numbers[batch->count] = view.number;
            batch->count++;
        }
    }
    return true;
}

static uint32_t most_rcpts(const struct core *core, uint32_t stream,
                           const struct choose_pick *pick)
{
    const struct lane *lane = pick->lane;
    uint32_t most = pick->units;
    bool observes = core->snapshot->config->streams[stream].mode == CONFIG_MODE_OBSERVE;
    uint32_t limit = core->snapshot->config->sites[lane->site->config].max_recipients;
    if (limit != 0 && limit < most) {
        most = limit;
    }
    if (lane->control.state != CONTROL_OPEN && !observes) {
        return 1; /* a probe is one message to one recipient */
    }
    return most < LIMIT_OUT_RCPTS ? most : LIMIT_OUT_RCPTS;
}

static void put_back(struct core *core, const struct batch *batch, uint64_t not_before_ms)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        index_put_back(core->index, batch->handles[i], not_before_ms);
    }
}

static struct job *make_job(struct core *core, struct dest *dest, struct lane *lane,
                            const struct batch *batch, int64_t now)
{
    struct snapshot *snapshot = core->snapshot;
    const struct config_source *source =
        lane->source->index != CONFIG_NONE
            ? &snapshot->config->sources[lane->source->index]
            : NULL;
    struct job *job = job_new(batch->count);
    job->core = core;
    job->snapshot = snapshot_ref(snapshot);
    job->destination = job_destination_ref(dest->destination);
    job->message = batch->message;
    job->local = lane->source->address;
    job->local6 = lane->source->address6;
    job->suppression = &core->suppression;
    job->return_key = core->returns.key;
    job->source = lane->source->name;
    job->helo = source != NULL && source->helo[0] != '\0' ? source->helo
                                                          : snapshot->config->hostname;
    job->tls = dest->tls;
    job->route = dest->route >= 0 && snapshot->config->routes[dest->route].user[0] != '\0'
                     ? dest->route
                     : -1;
    job->per_connection = control_messages(&lane->control, sites_limits(lane->site));
    job->started_ns = now;
    job->open = lane->slots;
    for (uint32_t i = 0; i < batch->count; i++) {
        job->rcpts[i].handle = batch->handles[i];
        job->rcpts[i].number = batch->numbers[i];
    }
    return job;
}

static void spend(struct core *core, const struct choose_pick *pick, uint32_t units,
                  int64_t now)
{
    struct lane *lane = pick->lane;
    const struct control_limits *limits = sites_limits(lane->site);
    struct pace_limit rate = control_rate(&lane->control, limits, now);
    struct pace_limit total = core->snapshot->sites[lane->site->config].total_rate;
    pace_spend(&lane->pace, &rate, units, now);
    pace_spend(&lane->site->total_pace, &total, units, now);
    if (pick->pass.resuming > 0) {
        pace_spend(&lane->source->resuming, &pick->resuming, units, now);
    }
    meter_add(&lane->meter, units, now);
    meter_add(&lane->site->meter, units, now);
}

/* The lading goes to the end of the row, or out of the bay when nothing more is ready. */
static void rotate(struct core *core, struct lading *lading, struct list *list)
{
    list_remove(&lading->node);
    if (flow_next_due_ms(core->index, lading->flow) == 0) {
        list_push_back(list, &lading->node);
        return;
    }
    lading->bay->flows--;
    lading->bay = NULL;
    scheduler_touch(core, lading->flow);
}

/* What the stops say of this job, and who may stop it on its way. */
static void mark_stops(struct core *core, uint32_t stream, const struct choose_pick *pick,
                       struct job *job)
{
    const struct config *config = core->snapshot->config;
    const struct config_stream *of = &config->streams[stream];
    struct source *source = pick->lane->source;
    atomic_bool *flag =
        stops_is_bulk(config, of) ? &source->bulk_flag : &source->stop_flag;
    /* A stream that only observes neither raises a stop nor heeds one. */
    job->may_stop = of->mode == CONFIG_MODE_ENFORCE;
    job->source_stop = job->may_stop ? flag : &core->scheduler.never_stops;
    job->lane_stop =
        job->may_stop ? &pick->lane->stop_flag : &core->scheduler.never_stops;
    job->raises[0] = &source->stop_flag;
    job->raises[1] = &source->bulk_flag;
    job->is_source_canary = pick->pass.is_source_canary;
    job->is_lane_canary = pick->pass.is_lane_canary;
    stops_started(core, job);
}

uint32_t dispatch_from(struct core *core, uint32_t stream, const struct choose_pick *pick,
                       int64_t now)
{
    struct lane *lane = pick->lane;
    struct list *list = pick->list;
    assert(!list_is_empty(list));
    struct lading *lading = LIST_OWNER(list->head.next, struct lading, node);
    struct flow *flow = lading->flow;
    struct dest *dest = lading->dest;
    if (!dest_goes(lading, lane->site, now)) {
        return 0;
    }
    if (scheduler_park_frozen(core, lading)) {
        return 0;
    }
    struct batch batch;
    bool is_half = dest->state == DEST_HALF;
    if (!gather(core, flow, is_half ? 1 : most_rcpts(core, stream, pick), now, &batch)) {
        scheduler_leave_bay(lading);
        scheduler_touch(core, flow);
        return 0;
    }
    struct job *job = make_job(core, dest, lane, &batch, now);
    int rc = queue_pin_message(core->queue, batch.message, &job->pin);
    if (rc != 0) {
        struct errmsg err;
        errmsg_errno(&err, rc, "open the segment of a message");
        log_error("%s; it is tried again in a minute", err.text);
        put_back(core, &batch, (uint64_t)now_unix_ms() + 60000);
        job_free(job);
        rotate(core, lading, list);
        return 0;
    }
    struct message_view message;
    index_message(core->index, batch.message, &message);
    job->id = message.id;
    job->waited_ms = (uint64_t)now_unix_ms() - (uint64_t)id_unix_ms(message.id);
    job->is_probe = control_started(&lane->control, sites_limits(lane->site), now);
    dest->is_probing = dest->is_probing || is_half;
    job->is_archive = dest->is_archive;
    if (!job->is_archive) {
        ramps_spend(core, lane, stream, job, now);
    }
    spend(core, pick, batch.count, now);
    vigil_spend(core, flow->user, batch.count, now);
    job->slot = slots_take(core, lane, dest->destination);
    mark_stops(core, stream, pick, job);
    slots_send(job->slot, job);
    rotate(core, lading, list);
    return batch.count;
}
