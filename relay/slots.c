#include "relay/slots.h"

#include <assert.h>
#include <stdlib.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/job.h"
#include "relay/now.h"
#include "relay/outbound.h"
#include "relay/slot.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

static struct worker *least_loaded(const struct core *core)
{
    struct worker *best = core->workers[0];
    for (unsigned i = 1; i < core->worker_count; i++) {
        if (core->workers[i]->slots < best->slots) {
            best = core->workers[i];
        }
    }
    return best;
}

static struct slot *slot_new(struct core *core, struct lane *lane)
{
    struct slot *slot = arena_must(1, sizeof *slot);
    slot->core = core;
    slot->lane = lane;
    slot->worker = least_loaded(core);
    slot->worker->slots++;
    lane->slots++;
    lane->source->slots++;
    lane->site->slots++;
    core->scheduler.slots++;
    return slot;
}

static struct slot *find_idle(struct lane *lane,
                              const struct job_destination *destination)
{
    struct slot *any = NULL;
    unsigned looked = 0;
    list_each (node, &lane->idle) {
        struct slot *slot = LIST_OWNER(node, struct slot, node);
        if (slot->destination == destination) {
            return slot;
        }
        any = slot;
        if (++looked == 16) {
            break;
        }
    }
    return any;
}

struct slot *slots_take(struct core *core, struct lane *lane,
                        struct job_destination *destination)
{
    struct slot *slot = find_idle(lane, destination);
    if (slot != NULL) {
        list_remove(&slot->node);
    } else {
        slot = slot_new(core, lane);
    }
    if (slot->destination != destination) {
        job_destination_unref(slot->destination);
        slot->destination = job_destination_ref(destination);
    }
    list_push_back(&lane->busy, &slot->node);
    return slot;
}

void slots_send(struct slot *slot, struct job *job)
{
    assert(slot->job == NULL);
    slot->job = job;
    job->slot = slot;
    mailbox_post(&slot->worker->mailbox, &job->letter, outbound_on_job);
}

void slots_idle(struct core *core, struct slot *slot)
{
    (void)core;
    slot->job = NULL;
    slot->idle_since_ns = now_ns();
    list_remove(&slot->node);
    list_push_front(&slot->lane->idle, &slot->node); /* the warmest goes first */
}

void slots_release(struct slot *slot)
{
    slot->owed++;
    /* The last worker is gone when none runs: nobody is there to be told. */
    if (slot->releases == 0 && slot->core->workers_running > 0) {
        slot->releases = 1;
        slot->told = slot->owed;
        slot->owed = 0;
        mailbox_post(&slot->worker->mailbox, &slot->release, outbound_on_release);
    }
}

void slots_released(struct slot *slot)
{
    slot->releases = 0;
    if (slot->owed > 0) {
        slot->owed--;
        slots_release(slot);
    }
}

/* Idle, and nobody will speak of it any more. */
static bool may_end(const struct slot *slot)
{
    return slot->unwritten == 0 && slot->releases == 0 && slot->owed == 0;
}

static void slot_end(struct slot *slot)
{
    list_remove(&slot->node);
    slot->is_ending = true;
    slot->lane->ending++;
    slot->core->scheduler.ending++;
    mailbox_post(&slot->worker->mailbox, &slot->end, outbound_on_end);
}

static void retire_lane(struct lane *lane, int64_t before_ns)
{
    list_each_safe (node, &lane->idle) {
        struct slot *slot = LIST_OWNER(node, struct slot, node);
        if (slot->idle_since_ns <= before_ns && may_end(slot)) {
            slot_end(slot);
        }
    }
}

/* A stream that only observes does not heed what was learnt. */
static uint32_t window_of(const struct lane *lane, int64_t now_ns)
{
    const struct config *config = lane->site->core->snapshot->config;
    const struct control_limits *limits = sites_limits(lane->site);
    for (size_t i = 0; i < config->stream_count; i++) {
        if (config->streams[i].mode == CONFIG_MODE_OBSERVE) {
            return limits->max_connections;
        }
    }
    return control_connections(&lane->control, limits, now_ns);
}

void slots_trim(struct lane *lane, int64_t now_ns)
{
    uint32_t window = window_of(lane, now_ns);
    struct list_node *node = lane->idle.head.prev; /* the coldest */
    while (window != 0 && lane->slots - lane->ending > window &&
           node != &lane->idle.head) {
        struct slot *slot = LIST_OWNER(node, struct slot, node);
        node = node->prev;
        if (may_end(slot)) {
            slot_end(slot);
        }
    }
}

void slots_retire(struct core *core, int64_t now_ns, bool all)
{
    int64_t idle_ns = core->snapshot->config->delivery.timeouts.idle_ns;
    int64_t before_ns = all ? INT64_MAX : now_ns - idle_ns;
    for (struct site *site = sites_next(&core->sites, NULL); site != NULL;
         site = sites_next(&core->sites, site)) {
        list_each (node, &site->lanes) {
            struct lane *lane = LIST_OWNER(node, struct lane, by_site);
            retire_lane(lane, before_ns);
            slots_trim(lane, now_ns);
        }
    }
}

static struct slot *coldest(struct core *core)
{
    struct slot *best = NULL;
    for (struct site *site = sites_next(&core->sites, NULL); site != NULL;
         site = sites_next(&core->sites, site)) {
        list_each (node, &site->lanes) {
            const struct lane *lane = LIST_OWNER(node, struct lane, by_site);
            list_each (other, &lane->idle) {
                struct slot *slot = LIST_OWNER(other, struct slot, node);
                if (may_end(slot) &&
                    (best == NULL || slot->idle_since_ns < best->idle_since_ns)) {
                    best = slot;
                }
            }
        }
    }
    return best;
}

void slots_yield(struct core *core)
{
    uint32_t most = core->snapshot->config->delivery.max_connections;
    if (most == 0 || core->scheduler.slots < most) {
        return;
    }
    core->scheduler.is_crowded = true;
    struct slot *slot = core->scheduler.ending == 0 ? coldest(core) : NULL;
    if (slot != NULL) {
        slot_end(slot);
    }
}

static void slot_free(struct core *core, struct slot *slot)
{
    struct lane *lane = slot->lane;
    assert(slot->job == NULL);
    lane->slots--;
    lane->source->slots--;
    lane->site->slots--;
    core->scheduler.slots--;
    job_destination_unref(slot->destination);
    free(slot);
}

void slots_gone(struct core *core, struct slot *slot)
{
    struct site *site = slot->lane->site;
    slot->worker->slots--;
    slot->lane->ending--;
    core->scheduler.ending--;
    slot_free(core, slot);
    scheduler_kick(core, site);
    if (core->scheduler.is_crowded) {
        core->scheduler.is_crowded = false;
        scheduler_kick_all(core);
    }
}

static void free_list(struct core *core, struct list *list)
{
    list_each_safe (node, list) {
        struct slot *slot = LIST_OWNER(node, struct slot, node);
        list_remove(node);
        job_free(slot->job);
        slot->job = NULL;
        slot_free(core, slot); /* its worker is gone */
    }
}

void slots_free_all(struct core *core)
{
    for (struct site *site = sites_next(&core->sites, NULL); site != NULL;
         site = sites_next(&core->sites, site)) {
        list_each (node, &site->lanes) {
            struct lane *lane = LIST_OWNER(node, struct lane, by_site);
            free_list(core, &lane->idle);
            free_list(core, &lane->busy);
        }
    }
}
