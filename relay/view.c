#include "relay/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/damage.h"
#include "relay/domains.h"
#include "relay/net/loop.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"
#include "relay/worker.h"

/* So often it is looked whether the sites are known. */
#define SITES_LOOK_NS (50 * NOW_NS_PER_MS)

char *view_copy(const char *text)
{
    char *copy = strdup(text != NULL ? text : "");
    if (copy == NULL) {
        abort(); /* a text of an ask: bounded by the API */
    }
    return copy;
}

/* ---- totals ---- */

/* Why new mail is refused just now; "" when it is accepted. */
static const char *refusing(const struct core *core)
{
    if (queue_failed(core->queue)) {
        return "the queue cannot be written any more; the process ends";
    }
    if (core->is_stopping) {
        return "stopping";
    }
    if (core->is_draining) {
        return "draining";
    }
    int rc = queue_reserve(core->queue, 1, 1);
    switch (rc) {
    case 0: queue_unreserve(core->queue, 1, 1); return "";
    case -ENOSPC: return "the disk of the spool has less free space than queue.low_space";
    case -ENOMEM: return "the queue has used the memory that queue.memory gives it";
    default: return "the queue cannot be written";
    }
}

static void count_connections(const struct core *core, struct api_status *status)
{
    for (unsigned i = 0; i < core->worker_count; i++) {
        const struct worker_counts *counts = &core->workers[i]->counts;
        status->connections_in += __atomic_load_n(&counts->inbound, __ATOMIC_RELAXED);
        status->connections_out += __atomic_load_n(&counts->outbound, __ATOMIC_RELAXED);
    }
}

static void view_status(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    const struct core *core = view->core;

    struct index_stats index;
    struct queue_stats queue;
    index_stats(core->index, &index);
    queue_stats(core->queue, &queue);
    view_ages_walk(view);
    struct api_status status = {.hostname = core->snapshot->config->hostname,
                                .version = MESURA_VERSION,
                                .config_path = core->config_path,
                                .phase = core->is_stopping   ? "stopping"
                                         : core->is_draining ? "draining"
                                                             : "running",
                                .refusing = refusing(core),
                                .workers = core->worker_count,
                                .started_unix_ms = core->started_unix_ms,
                                .config_unix_ms = core->snapshot->made_unix_ms,
                                .oldest_unix_ms = view_oldest(view, CONFIG_NONE),
                                .queued = index.recipients,
                                .ready = index.ready,
                                .deferred = index.deferred,
                                .active = index.out,
                                .held = index.held,
                                .messages = index.messages,
                                .queue_bytes = queue.live_bytes,
                                .disk_free_bytes = queue.free_bytes,
                                .accepted = core->counts.accepted,
                                .delivered = core->counts.delivered,
                                .retried = core->counts.retried,
                                .bounced = core->counts.bounced,
                                .expired = core->counts.expired};
    count_connections(core, &status);
    api_answer_status(answer, &status);
    damage_notes(core, answer);
}

static bool view_healthy(void *owner, struct errmsg *out_why)
{
    const struct view *view = owner;
    const char *why = refusing(view->core);
    if (why[0] == '\0') {
        return true;
    }
    errmsg_set(out_why, "%s", why);
    return false;
}

/* ---- sites that are not known yet ---- */

/* Domains are resolved when their mail is due, held ones never: have it done. True while
 * some are being asked. */
static bool ask_sites(struct core *core)
{
    bool is_pending = false;
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        struct lading *lading = flow->owner;
        if (lading != NULL && lading->dest->site == NULL) {
            domains_ask(lading->dest);
            is_pending |= lading->dest->state == DEST_PENDING;
        }
    }
    return is_pending;
}

/* True: suspended, on_slice looks again. */
bool view_waits_for_sites(struct view_walk *walk)
{
    int64_t now = now_ns();
    if (walk->sites_until_ns == 0 || walk->view->is_stopping ||
        now > walk->sites_until_ns || !ask_sites(walk->view->core)) {
        walk->sites_until_ns = 0;
        return false;
    }
    agenda_set(&walk->view->core->agenda, &walk->item, (uint64_t)(now + SITES_LOOK_NS));
    return true;
}

/* ---- life ---- */

struct view *view_new(struct core *core)
{
    struct view *view = arena_must(1, sizeof *view);
    view->core = core;
    list_init(&view->walks);
    view->table = (struct api_view){.owner = view,
                                    .status = view_status,
                                    .waits = view_waits,
                                    .streams = view_streams,
                                    .sources = view_sources,
                                    .sites = view_sites,
                                    .lanes = view_lanes,
                                    .blocks = view_blocks,
                                    .freezes = view_freezes,
                                    .warmups = view_warmups,
                                    .submit = view_submit,
                                    .users = view_users,
                                    .users_reload = view_users_reload,
                                    .users_expect = view_users_expect,
                                    .metrics = view_metrics,
                                    .healthy = view_healthy,
                                    .queue = view_queue,
                                    .message = view_message,
                                    .why = view_why,
                                    .journal = view_journal,
                                    .summary = view_summary,
                                    .suppressed = view_suppressed,
                                    .suppress = view_suppress,
                                    .act = view_act,
                                    .pack = view_pack,
                                    .unpack = view_unpack,
                                    .freeze = view_freeze,
                                    .warmup = view_warmup,
                                    .plan = view_plan,
                                    .thaw = view_thaw,
                                    .blocks_clear = view_blocks_clear,
                                    .reload = view_reload,
                                    .drain = view_drain};
    return view;
}

const struct api_view *view_table(const struct view *view)
{
    return &view->table;
}

/* The queue has failed: the record it waits for never comes back. The memory stays, for
 * the record still knows of it; the process ends. */
static void give_up(struct view_walk *walk)
{
    list_remove(&walk->node);
    walk->view = NULL;
    api_answer_done(walk->answer, API_FAILED, "the queue cannot be written");
}

void view_stop(struct view *view)
{
    if (view == NULL) {
        return;
    }
    view->is_stopping = true;
    /* Walks end when they are gone on with; those at the reader come back, as do records
     * that are waited for, unless the queue has failed. */
    while (!list_is_empty(&view->walks) || view->tickets > 0) {
        list_each_safe (node, &view->walks) {
            struct view_walk *walk = LIST_OWNER(node, struct view_walk, node);
            if (!walk->is_paused) {
                view_walk_go(walk);
            } else if (queue_failed(view->core->queue)) {
                give_up(walk);
            }
        }
        records_flush(view->core);
        loop_run_once(view->core->loop);
    }
}

void view_free(struct view *view)
{
    if (view == NULL) {
        return;
    }
    view_survey_done(&view->survey);
    free(view);
}
