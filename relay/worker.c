/* Good path: worker_start makes loop, mailbox and listeners and starts the thread; core's
 * letters run on it; worker_stop closes the listeners, ends the sessions, and the thread
 * posts a last letter to core when the last of them is gone.
 *
 * Failure modes: a listener that cannot be watched is an error at start; later a failing
 * accept is told once a minute and the listener goes on. */

#include "relay/worker.h"

#include <sys/socket.h>

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/entropy.h"
#include "relay/hostmemory.h"
#include "relay/inbound.h"
#include "relay/limits.h"
#include "relay/log.h"
#include "relay/net/listener.h"
#include "relay/net/loop.h"
#include "relay/net/timer.h"
#include "relay/net/tls_sessions.h"
#include "relay/net/wake.h"
#include "relay/now.h"
#include "relay/outbound.h"
#include "relay/snapshot.h"
#include "relay/users.h"

/* A listener's callbacks need to know which one. */
struct door {
    struct worker *worker;
    unsigned number;
    int64_t told_ns; /* of the last trouble that was logged */
};

static void on_accept(int fd, const struct netaddr *remote, const struct netaddr *local,
                      void *owner)
{
    (void)local;
    struct door *door = owner;
    inbound_start(door->worker, door->number, fd, remote);
}

/* Clients in trust are one's own, and proxies speak for many. */
static bool on_exempt(const struct netaddr *remote, void *owner)
{
    const struct door *door = owner;
    const struct config_listener *config =
        &door->worker->snapshot->config->listeners[door->number];
    int family = remote->family == NETADDR_V4 ? AF_INET : AF_INET6;
    return config_networks_have(&config->trust, family, remote->bytes) ||
           config_networks_have(&config->proxy_from, family, remote->bytes);
}

static void on_trouble(int errno_value, void *owner)
{
    struct door *door = owner;
    if (now_ns() - door->told_ns < 60 * NOW_NS_PER_S) {
        return;
    }
    door->told_ns = now_ns();
    struct errmsg err;
    errmsg_errno(&err, errno_value, "accept");
    log_warn("listener %s: %s; it rests a moment and goes on",
             door->worker->snapshot->config->listeners[door->number].name, err.text);
}

static void on_door_closed(void *owner)
{
    free(owner);
}

static const struct listener_ops door_ops = {.accept_cb = on_accept,
                                             .exempt_cb = on_exempt,
                                             .trouble_cb = on_trouble,
                                             .closed_cb = on_door_closed};

static struct admission_limits limits_of(const struct config_listener *listener)
{
    return (struct admission_limits){.total = listener->max_connections,
                                     .per_address =
                                         listener->max_connections_per_address};
}

static int open_door(struct worker *worker, unsigned number, int fd, struct errmsg *err)
{
    const struct config_listener *config = &worker->snapshot->config->listeners[number];
    struct listener_options options = {
        .admission = worker->admissions[number],
        .limits = limits_of(config),
        .refusal_total = "421 4.7.0 too many connections; try again later\r\n",
        .refusal_address =
            "421 4.7.0 too many connections from your address; try again later\r\n"};
    struct door *door = arena_must(1, sizeof *door);
    *door = (struct door){.worker = worker, .number = number};
    int rc = listener_open(&worker->listeners[number], worker->loop, fd, &options,
                           &door_ops, door);
    if (rc != 0) {
        free(door);
        errmsg_errno(err, rc, "listener %s", config->name);
    }
    return rc;
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    struct worker *worker = arg;
    char name[16];
    (void)snprintf(name, sizeof name, "worker %u", worker->number);
    (void)pthread_setname_np(pthread_self(), name);
    loop_run(worker->loop);
    return NULL;
}

static int start_thread(struct worker *worker, struct errmsg *err)
{
    sigset_t all;
    sigset_t before;
    pthread_t *thread = arena_must(1, sizeof *thread);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, run, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        free(thread);
        errmsg_errno(err, rc, "start worker %u", worker->number);
        return -rc;
    }
    worker->thread = thread;
    return 0;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    assert(list_is_empty(&worker->inbounds));
    assert(list_is_empty(&worker->outbounds));
    assert(worker->accepts == 0);
    wake_close(worker->wake);
    loop_close(worker->loop);
    snapshot_unref(worker->snapshot);
    hostmemory_free(worker->hosts);
    tls_sessions_free(worker->tls_sessions);
    users_free(worker->users);
    free(worker->listeners);
    free(worker->thread);
    free(worker);
}

int worker_start(struct worker **out, const struct worker_options *options,
                 struct errmsg *err)
{
    struct worker *worker = arena_must(1, sizeof *worker);
    worker->number = options->number;
    worker->core = options->core;
    worker->core_mailbox = options->core_mailbox;
    worker->queue = options->queue;
    worker->auth = options->auth;
    worker->admissions = options->admissions;
    worker->snapshot = snapshot_ref(options->snapshot);
    worker->users = options->users != NULL ? users_ref(options->users) : users_new();
    worker->listener_count = options->listener_count;
    worker->listeners =
        arena_must(options->listener_count + 1, sizeof(struct listener *));
    list_init(&worker->inbounds);
    list_init(&worker->outbounds);
    worker->hosts = hostmemory_new(entropy_roll());
    worker->tls_sessions = tls_sessions_new();
    id_maker_init(&worker->ids, options->number, options->floor_unix_ms);

    int rc = loop_open(&worker->loop);
    if (rc == 0) {
        rc = wake_open(&worker->wake, worker->loop, &worker->mailbox);
    }
    if (rc != 0) {
        errmsg_errno(err, rc, "event loop of worker %u", worker->number);
    }
    for (unsigned i = 0; rc == 0 && i < options->listener_count; i++) {
        rc = open_door(worker, i, options->listener_fds[i], err);
    }
    if (rc == 0) {
        rc = start_thread(worker, err);
    }
    if (rc != 0) {
        for (unsigned i = 0; i < worker->listener_count; i++) {
            listener_close(worker->listeners[i]);
        }
        worker_free(worker);
        return rc;
    }
    *out = worker;
    return 0;
}

/* ---- letters from core ---- */

struct publish {
    struct letter letter;
    struct worker *worker;
    struct snapshot *snapshot;
};

static void on_publish(struct letter *letter)
{
    struct publish *publish = LIST_OWNER(letter, struct publish, letter);
    struct worker *worker = publish->worker;
    snapshot_unref(worker->snapshot);
    worker->snapshot = publish->snapshot;
    tls_sessions_clear(worker->tls_sessions);
    for (unsigned i = 0; i < worker->listener_count; i++) {
        if (worker->listeners[i] != NULL) {
            struct admission_limits limits =
                limits_of(&worker->snapshot->config->listeners[i]);
            listener_set_limits(worker->listeners[i], &limits);
        }
    }
    free(publish);
}

void worker_publish(struct worker *worker, struct snapshot *snapshot)
{
    struct publish *publish = arena_must(1, sizeof *publish);
    *publish = (struct publish){.worker = worker, .snapshot = snapshot};
    mailbox_post(&worker->mailbox, &publish->letter, on_publish);
}

struct publish_users {
    struct letter letter;
    struct worker *worker;
    struct users *users;
};

static void on_publish_users(struct letter *letter)
{
    struct publish_users *publish = LIST_OWNER(letter, struct publish_users, letter);
    struct worker *worker = publish->worker;
    users_free(worker->users);
    worker->users = publish->users;
    list_each_safe (node, &worker->inbounds) {
        inbound_review(inbound_of_node(node));
    }
    free(publish);
}

void worker_publish_users(struct worker *worker, struct users *users)
{
    struct publish_users *publish = arena_must(1, sizeof *publish);
    *publish = (struct publish_users){.worker = worker, .users = users};
    mailbox_post(&worker->mailbox, &publish->letter, on_publish_users);
}

struct refusal {
    struct letter letter;
    struct worker *worker;
    bool refuses;
};

static void on_refusal(struct letter *letter)
{
    struct refusal *refusal = LIST_OWNER(letter, struct refusal, letter);
    refusal->worker->refuses = refusal->refuses;
    free(refusal);
}

void worker_refuse(struct worker *worker, bool refuses)
{
    struct refusal *refusal = arena_must(1, sizeof *refusal);
    *refusal = (struct refusal){.worker = worker, .refuses = refuses};
    mailbox_post(&worker->mailbox, &refusal->letter, on_refusal);
}

/* ---- the end ---- */

/* Sessions end at their own pace; what is left after LIMIT_STOP_MS is cut. */
struct ending {
    struct worker *worker;
    struct timer *timer; /* owned */
    int64_t cut_at_ns;
};

static void cut_all(struct worker *worker)
{
    list_each_safe (node, &worker->inbounds) {
        inbound_cut(inbound_of_node(node));
    }
    list_each_safe (node, &worker->outbounds) {
        outbound_cut(outbound_of_node(node));
    }
}

static void on_ending(void *owner)
{
    struct ending *ending = owner;
    struct worker *worker = ending->worker;
    if (!list_is_empty(&worker->inbounds) || !list_is_empty(&worker->outbounds) ||
        worker->accepts > 0 || worker->permits > 0 || worker->submissions > 0) {
        if (now_ns() >= ending->cut_at_ns) {
            cut_all(worker);
        }
        timer_start(ending->timer, 10);
        return;
    }
    timer_close(ending->timer);
    free(ending);
    mailbox_post(worker->core_mailbox, &worker->stopped_letter, core_on_worker_stopped);
    loop_stop(worker->loop);
}

static void on_stop(struct letter *letter)
{
    struct worker *worker = LIST_OWNER(letter, struct worker, stop_letter);
    worker->stopping = true;
    for (unsigned i = 0; i < worker->listener_count; i++) {
        listener_close(worker->listeners[i]);
        worker->listeners[i] = NULL;
    }
    list_each_safe (in, &worker->inbounds) {
        inbound_stop(inbound_of_node(in));
    }
    list_each_safe (out, &worker->outbounds) {
        outbound_stop(outbound_of_node(out));
    }
    struct ending *ending = arena_must(1, sizeof *ending);
    *ending = (struct ending){.worker = worker,
                              .cut_at_ns = now_ns() + LIMIT_STOP_MS * NOW_NS_PER_MS};
    ending->timer = timer_open(worker->loop, on_ending, ending);
    timer_start(ending->timer, 0);
}

void worker_stop(struct worker *worker)
{
    mailbox_post(&worker->mailbox, &worker->stop_letter, on_stop);
}

void worker_join(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    (void)pthread_join(*(pthread_t *)worker->thread, NULL);
}
