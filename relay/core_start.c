#include "relay/core_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/alert.h"
#include "relay/api_server.h"
#include "relay/arena.h"
#include "relay/auth.h"
#include "relay/config_diff.h"
#include "relay/core.h"
#include "relay/core_load.h"
#include "relay/entropy.h"
#include "relay/hourly.h"
#include "relay/learnt.h"
#include "relay/log.h"
#include "relay/net/admission.h"
#include "relay/net/dns.h"
#include "relay/net/fetch.h"
#include "relay/net/loop.h"
#include "relay/net/signals.h"
#include "relay/net/timer.h"
#include "relay/net/wake.h"
#include "relay/now.h"
#include "relay/ownaddress.h"
#include "relay/pager.h"
#include "relay/porter.h"
#include "relay/reader.h"
#include "relay/resolve.h"
#include "relay/settle.h"
#include "relay/slots.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/store.h"
#include "relay/sts.h"
#include "relay/users.h"
#include "relay/view.h"
#include "relay/watcher.h"
#include "relay/worker.h"

/* ---- DNS ---- */

static void fill_resolve(const struct snapshot *snapshot, struct netaddr *own,
                         struct resolve_options *out)
{
    const struct config *config = snapshot->config;
    *out = (struct resolve_options){.hostname = config->hostname,
                                    .own = own,
                                    .own_count =
                                        ownaddress_list(config, own, LIMIT_OWN_ADDRESSES),
                                    .ipv6 = config->delivery.ipv6,
                                    .allow_private = config->delivery.allow_private_mx,
                                    .trust_ad = config_dns_is_local(config)};
}

static void join_servers(const struct config *config, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < config->dns.servers.count && used < size; i++) {
        int wrote = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ",",
                             config->dns.servers.items[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

static struct sts_options sts_options(const struct config *config)
{
    return (struct sts_options){
        .port = config->mta_sts.port,
        .allow_private = config->delivery.allow_private_mx,
        .trust = config->delivery.trust,
        .timeout_ms = (uint32_t)(config->mta_sts.timeout_ns / NOW_NS_PER_MS)};
}

static int open_dns(struct core *core, struct errmsg *err)
{
    const struct config *config = core->snapshot->config;
    char servers[2048];
    join_servers(config, servers, sizeof servers);
    struct dns_options options = {.servers = servers,
                                  .timeout_ms =
                                      (uint32_t)(config->dns.timeout_ns / NOW_NS_PER_MS)};
    int rc = dns_open(&core->dns, core->loop, &options, err);
    if (rc != 0) {
        errmsg_wrap(err, "dns");
        return rc;
    }
    struct netaddr *own = arena_must(LIMIT_OWN_ADDRESSES, sizeof *own);
    struct resolve_options resolve;
    fill_resolve(core->snapshot, own, &resolve);
    core->resolve = resolve_open(core->loop, core->dns, &resolve);
    free(own);
    rc = fetch_start(&core->fetch, err);
    if (rc == 0) {
        struct sts_options sts = sts_options(config);
        core->sts = sts_open(core->dns, core->fetch, &core->mailbox, core->store, &sts);
    }
    return rc;
}

/* ---- the index ---- */

static void on_flow_born(void *owner, struct flow *flow)
{
    scheduler_flow_born(owner, flow);
}

static void on_flow_gone(void *owner, struct flow *flow)
{
    scheduler_flow_gone(owner, flow);
}

static void on_domain_gone(void *owner, struct domain *domain)
{
    domains_gone(owner, domain);
}

/* ---- the control API ---- */

static int open_api(struct core *core, struct errmsg *err)
{
    const struct config *config = core->snapshot->config;
    struct api_server_options options = {
        .socket_path = config->control,
        .http_address = config->http.enabled ? config->http.address.text : "",
        .http_port = config->http.port,
        .token_file = config->http.token_file};
    core->view = view_new(core);
    int rc =
        api_server_open(core->loop, view_table(core->view), &options, &core->api, err);
    if (rc != 0) {
        errmsg_wrap(err, "control socket %s", config->control);
    }
    return rc;
}

/* ---- open ---- */

int core_start_open(struct core *core, const struct core_options *options,
                    struct errmsg *err)
{
    core->snapshot = options->snapshot;
    core->config_path = options->config_path;
    core->queue = options->queue;
    core->index = queue_index(options->queue);
    core->store = options->store;
    core->hours = hourly_new(core->store);
    core->auth = options->auth;
    core->users = options->users != NULL ? options->users : users_new();
    core->call = options->call;
    core->listener_count = options->listener_count;
    core->started_ns = now_ns();
    core->started_unix_ms = now_unix_ms();
    scheduler_init(&core->scheduler);
    freezes_init(&core->freezes, core->store);
    suppression_init(&core->suppression, core->store);
    allowances_init(&core->allowances);
    dropbox_init(&core->dropbox);
    vigil_init(&core->vigil, core);
    sites_init(&core->sites, core);
    ramps_init(&core->ramps);
    preflights_init(&core->preflights);
    notices_init(&core->notices);
    caught_init(&core->caught);
    sources_take(&core->sources, core->snapshot);
    id_maker_init(&core->ids, ID_WORKERS - 1, options->floor_unix_ms);

    int rc = loop_open(&core->loop);
    if (rc == 0) {
        rc = wake_open(&core->wake, core->loop, &core->mailbox);
    }
    if (rc != 0) {
        errmsg_errno(err, rc, "core's event loop");
        return rc;
    }
    core->call->core = core;
    rc = open_dns(core, err);
    if (rc == 0) {
        rc = core_load(core, err);
    }
    if (rc == 0) {
        ramps_take(core);
        preflights_take(core);
    }
    if (rc == 0) {
        rc = watcher_open(&core->watcher, core, err);
    }
    if (rc == 0) {
        struct alert_options alert = pager_options(core);
        rc = alert_start(&core->alert, &alert, err);
    }
    if (rc == 0) {
        rc = reader_start(err);
    }
    if (rc == 0) {
        rc = porter_start(err);
    }
    if (rc == 0) {
        rc = open_api(core, err);
    }
    return rc;
}

static int open_admissions(struct core *core)
{
    core->admissions = arena_must(core->listener_count + 1, sizeof(struct admission *));
    for (unsigned i = 0; i < core->listener_count; i++) {
        uint64_t key[2];
        entropy_bytes(key, sizeof key);
        core->admissions[i] = admission_new(key);
    }
    return 0;
}

int core_start_workers(struct core *core, const struct core_options *options,
                       struct errmsg *err)
{
    int rc = open_admissions(core);
    core->workers = arena_must(options->worker_count, sizeof(struct worker *));
    for (unsigned i = 0; rc == 0 && i < options->worker_count; i++) {
        struct worker_options worker = {
            .number = i,
            .core = core,
            .core_mailbox = &core->mailbox,
            .queue = core->queue,
            .auth = core->auth,
            .admissions = core->admissions,
            .snapshot = core->snapshot,
            .users = core->users,
            .listener_fds =
                options->listener_count == 0
                    ? NULL
                    : &options->listener_fds[(size_t)i * options->listener_count],
            .listener_count = options->listener_count,
            .floor_unix_ms = options->floor_unix_ms};
        rc = worker_start(&core->workers[i], &worker, err);
        if (rc == 0) {
            core->worker_count++;
            core->workers_running++;
        }
    }
    if (rc != 0) {
        return rc;
    }
    struct index_hooks hooks = {.flow_born_cb = on_flow_born,
                                .flow_gone_cb = on_flow_gone,
                                .domain_gone_cb = on_domain_gone,
                                .owner = core};
    index_set_hooks(core->index, &hooks);
    notices_recover(core);
    caught_recover(core);
    dropbox_tick(core);
    return 0;
}

/* ---- close ---- */

static void on_api_closed(void *owner)
{
    struct core *core = owner;
    core->api = NULL;
    loop_stop(core->loop);
}

/* Until the last record is down: slots wait for it, and so does the disk. */
static void flush_records(struct core *core)
{
    loop_set_turn(core->loop, NULL, NULL);
    records_flush(core);
    records_resume(core);
    while (core->records.flying > 0 || core->notices.writing > 0) {
        loop_run_once(core->loop);
        records_flush(core);
    }
}

static void on_synced(struct letter *letter)
{
    LIST_OWNER(letter, struct store_ticket, letter)->home = NULL;
}

/* Every ticket of ours is answered: the store outlives our mailbox. */
static void flush_store(struct core *core)
{
    struct store_ticket ticket = {.home = &core->mailbox, .done_cb = on_synced};
    store_sync(core->store, &ticket);
    while (ticket.home != NULL) {
        loop_run_once(core->loop);
    }
}

/* The index lives on until queue_close: it must not call us any more, and nothing of ours
 * may stay in it. */
static void forget_flows(struct core *core)
{
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        struct domain *domain = flow->domain;
        scheduler_flow_gone(core, flow);
        bool last = index_flow_beside(core->index, flow) == NULL;
        if (last && domain->owner != NULL) {
            for (struct flow *other = domain->flows; other != NULL;
                 other = index_flow_beside(core->index, other)) {
                scheduler_flow_gone(core, other);
            }
            domains_gone(core, domain);
        }
    }
    struct index_hooks none = {0};
    index_set_hooks(core->index, &none);
}

void core_start_close(struct core *core)
{
    for (unsigned i = 0; i < core->worker_count; i++) {
        worker_join(core->workers[i]);
    }
    if (core->loop != NULL && core->worker_count > 0) {
        loop_run_once(core->loop); /* letters the workers left */
        flush_records(core);
    }
    view_stop(core->view);
    if (core->api != NULL) {
        api_server_close(core->api, on_api_closed, core);
        loop_run(core->loop);
    }
    view_free(core->view);
    core->call->core = NULL;
    if (core->worker_count > 0) { /* else nothing has moved, or not all was read */
        learnt_save_all(core);
        ramps_save_all(core);
        hourly_flush(core->hours);
        allowances_save_all(core);
        vigil_save_all(core);
        suppression_save(&core->suppression);
        flush_store(core);
        reader_stop();
        porter_stop();
    }
    hourly_free(core->hours);
    core->hours = NULL;
    alert_stop(core->alert);
    slots_free_all(core);
    for (unsigned i = 0; i < core->worker_count; i++) {
        worker_free(core->workers[i]); /* only now: slots and records spoke to them */
    }
    forget_flows(core);
    preflights_done(&core->preflights);
    watcher_close(core->watcher);
    fetch_stop(core->fetch);
    sts_close(core->sts);
    resolve_close(core->resolve);
    dns_close(core->dns);
    timer_close(core->timer);
    timer_close(core->second);
    signals_close(core->signals);
    wake_close(core->wake);
    loop_close(core->loop);
    pager_drop(core);
    for (unsigned i = 0; core->admissions != NULL && i < core->listener_count; i++) {
        admission_free(core->admissions[i]);
    }
    agenda_done(&core->agenda);
    notices_done(&core->notices);
    caught_done(&core->caught);
    ramps_done(&core->ramps);
    freezes_done(&core->freezes);
    suppression_done(&core->suppression);
    allowances_done(&core->allowances);
    vigil_done(&core->vigil);
    sites_done(&core->sites);
    sources_done(&core->sources);
    stream_tallies_done(&core->stream_tallies);
    snapshot_unref(core->snapshot);
    users_free(core->users);
    free(core->admissions);
    free(core->workers);
    free(core);
}

/* ---- reload ---- */

static int check_vanishing(struct core *core, const struct config *config,
                           const struct config_diff *diff,
                           void (*say)(void *owner, const char *line), void *owner)
{
    const struct config *old = core->snapshot->config;
    char line[400];
    int rc = 0;
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        for (size_t i = 0; i < diff->stream_gone_count && rc == 0; i++) {
            const char *name = old->streams[diff->streams_gone[i]].name;
            if (strcmp(name, flow->stream) == 0) {
                (void)snprintf(line, sizeof line,
                               "%s: stream \"%s\" still has mail: keep it until it is "
                               "empty, or let it drain first",
                               config->path, name);
                say(owner, line);
                rc = -EBUSY;
            }
        }
        for (size_t i = 0; i < diff->source_gone_count && rc == 0; i++) {
            const char *name = old->sources[diff->sources_gone[i]].name;
            if (strcmp(name, flow->source) == 0) {
                (void)snprintf(line, sizeof line,
                               "%s: source \"%s\" still has mail that was tried from it: "
                               "keep it until that is gone",
                               config->path, name);
                say(owner, line);
                rc = -EBUSY;
            }
        }
    }
    return rc;
}

static void say_nothing(void *owner, const char *line)
{
    (void)owner;
    log_error("reload: %s", line);
}

int core_start_check(struct core *core, const struct config *config,
                     void (*say)(void *owner, const char *line), void *owner)
{
    struct config_diff diff = {0};
    int rc = 0;
    if (say == NULL) {
        say = say_nothing;
    }
    config_diff(core->snapshot->config, config, &diff);
    for (int fixed = 0; fixed < CONFIG_FIXED_COUNT; fixed++) {
        if (!diff.fixed_changed[fixed]) {
            continue;
        }
        char line[300];
        (void)snprintf(
            line, sizeof line,
            "%s: %s cannot change while the relay runs: restart it, or put the "
            "old value back",
            config->path, config_fixed_name((enum config_fixed)fixed));
        say(owner, line);
        rc = -EINVAL;
    }
    if (rc == 0) {
        rc = check_vanishing(core, config, &diff, say, owner);
    }
    config_diff_clear(&diff);
    return rc;
}

void core_start_renew(struct core *core)
{
    const struct config *config = core->snapshot->config;
    struct errmsg err;
    struct netaddr *own = arena_must(LIMIT_OWN_ADDRESSES, sizeof *own);
    struct resolve_options resolve;
    fill_resolve(core->snapshot, own, &resolve);
    resolve_set_options(core->resolve, &resolve);
    free(own);
    watcher_take(core->watcher);
    struct sts_options sts = sts_options(config);
    sts_set_options(core->sts, &sts);
    struct alert_options alert = pager_options(core);
    if (alert_reload(core->alert, &alert, &err) != 0) {
        log_error("reload: alerts: %s; the old ones stay", err.text);
    }
}
