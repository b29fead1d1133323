/* Good path: inbound_start -> (TLS) -> greeting -> bytes to the engine, answers to the
 * connection, in turns of inbound_tick() -> QUIT -> conn_finish -> on_closed frees.
 *
 * Failure modes: the peer ends, resets or says nothing (the deadline: 421, close); it
 * never reads (the connection's pending cap: cut); the handshake fails; plaintext behind
 * STARTTLS. In each of them the open transaction ends as LOST, and a message that is
 * being committed is committed all the same: its answer then has nobody to go to.
 *
 * An inbound is freed when its connection is closed and no password check is out. */

#include "relay/inbound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/list.h"

#include "relay/arena.h"
#include "relay/auth.h"
#include "relay/inbound_parts.h"
#include "relay/intake.h"
#include "relay/limits.h"
#include "relay/log.h"
#include "relay/net/conn.h"
#include "relay/net/timer.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

struct inbound *inbound_of_node(struct list_node *node)
{
    return LIST_OWNER(node, struct inbound, node);
}

void inbound_free(struct inbound *inbound)
{
    if (inbound->conn != NULL || inbound->login != NULL) {
        return; /* on_closed or on_checked comes back */
    }
    smtp_in_free(inbound->engine);
    intake_done(&inbound->intake);
    timer_close(inbound->deadline);
    list_remove(&inbound->node);
    (void)__atomic_sub_fetch(&inbound->worker->counts.inbound, 1, __ATOMIC_RELAXED);
    admission_leave(inbound->worker->admissions[inbound->listener], &inbound->remote);
    users_free(inbound->users);
    free(inbound->proxy);
    snapshot_unref(inbound->snapshot);
    free(inbound);
}

/* ---- the engine's hooks ---- */

static void hook_mail(void *owner, const struct address *sender,
                      const struct mail_params *params)
{
    struct inbound *inbound = owner;
    intake_mail(&inbound->intake, sender, params);
}

static void hook_rcpt(void *owner, const struct address *recipient,
                      const struct rcpt_params *params)
{
    struct inbound *inbound = owner;
    intake_rcpt(&inbound->intake, recipient, params);
}

static void hook_data(void *owner)
{
    struct inbound *inbound = owner;
    intake_data(&inbound->intake);
}

static void hook_content(void *owner, const char *bytes, size_t length)
{
    struct inbound *inbound = owner;
    intake_content(&inbound->intake, bytes, length);
}

static void hook_content_end(void *owner, const struct smtp_in_content *content)
{
    struct inbound *inbound = owner;
    intake_content_end(&inbound->intake, content);
}

static void hook_reset(void *owner, enum smtp_in_end end)
{
    struct inbound *inbound = owner;
    (void)end;
    intake_reset(&inbound->intake);
}

static void hook_starttls(void *owner)
{
    struct inbound *inbound = owner;
    inbound->wants_tls = true;
}

static const struct smtp_in_ops engine_ops = {
    .on_mail = hook_mail,
    .on_rcpt = hook_rcpt,
    .on_data = hook_data,
    .on_content = hook_content,
    .on_content_end = hook_content_end,
    .on_reset = hook_reset,
    .on_starttls = hook_starttls,
    .on_auth = inbound_login,
};

/* ---- the connection's callbacks: record what happened, then tick ---- */

static void greet(struct inbound *inbound);

static bool takes_input(const struct inbound *inbound)
{
    return inbound->is_greeted && !inbound->wants_tls &&
           smtp_in_wants_input(inbound->engine) && intake_wants_input(&inbound->intake);
}

bool inbound_flush(struct inbound *inbound)
{
    for (;;) {
        size_t length = 0;
        const char *bytes = smtp_in_output(inbound->engine, &length);
        if (length == 0) {
            return true;
        }
        if (conn_write(inbound->conn, bytes, length) != 0) {
            return false;
        }
        smtp_in_sent(inbound->engine, length);
    }
}

/* The proxy's words about its client; then the session begins, with what came behind. */
static size_t read_proxy(struct inbound *inbound, const char *bytes, size_t size)
{
    enum inbound_proxy what = INBOUND_PROXY_MORE;
    size_t used = inbound_read_proxy(inbound, bytes, size, &what);
    switch (what) {
    case INBOUND_PROXY_MORE: break;
    case INBOUND_PROXY_DONE: greet(inbound); break;
    case INBOUND_PROXY_BAD:
        log_warn("listener %s: %s is in proxy_from and sends no PROXY header; closed",
                 inbound->intake.client.door->name, inbound->intake.client.ip);
        inbound_finish(inbound, false);
        break;
    case INBOUND_PROXY_FULL:
        if (inbound->is_implicit) {
            inbound_finish(inbound, false);
            break;
        }
        inbound->is_greeted = true;
        smtp_in_refuse(inbound->engine, 421,
                       "4.7.0 too many connections from your address; try again later");
        inbound_tick(inbound);
        break;
    }
    return used;
}

static size_t on_read(struct conn *conn, const char *bytes, size_t size, void *owner)
{
    struct inbound *inbound = owner;
    size_t used = 0;
    if (inbound->proxy != NULL) {
        used = read_proxy(inbound, bytes, size);
        if (inbound->proxy == NULL && takes_input(inbound)) {
            conn_resume(conn);
        }
        return used;
    }
    inbound->is_feeding = true;
    while (used < size && takes_input(inbound)) {
        used += smtp_in_feed(inbound->engine, bytes + used, size - used);
        if (!smtp_in_wants_input(inbound->engine) && !inbound_flush(inbound)) {
            break;
        }
    }
    inbound->is_feeding = false;
    inbound_tick(inbound);
    return used;
}

static void on_drained(struct conn *conn, void *owner)
{
    (void)conn;
    inbound_tick(owner);
}

/* 220, or in its place that no mail is taken now. */
static void say_hello(struct inbound *inbound)
{
    inbound->is_greeted = true;
    if (inbound->worker->refuses || inbound->worker->stopping) {
        smtp_in_refuse(inbound->engine, 421, "4.3.2 this relay takes no mail just now");
    } else {
        smtp_in_start(inbound->engine);
    }
}

static void on_secured(struct conn *conn, void *owner)
{
    struct inbound *inbound = owner;
    struct conn_tls_facts facts;
    conn_tls_facts(conn, &facts);
    (void)snprintf(inbound->tls, sizeof inbound->tls, "%s with cipher %s", facts.version,
                   facts.cipher);
    inbound_secured(inbound, &facts);
    if (inbound->is_implicit && !inbound->is_greeted) {
        say_hello(inbound);
    } else {
        inbound->wants_tls = false;
        inbound->is_securing = false;
        smtp_in_tls_started(inbound->engine);
    }
    inbound_tick(inbound);
}

static void on_ended(struct conn *conn, const struct conn_end *end, void *owner)
{
    struct inbound *inbound = owner;
    if (end->cause == CONN_EOF && smtp_in_deadline_ms(inbound->engine) == 0 &&
        !smtp_in_closing(inbound->engine)) {
        /* A half-closed client still waits for the answer to what it sent. */
        inbound->is_ended = true;
        return;
    }
    smtp_in_lost(inbound->engine);
    inbound->is_finishing = true;
    conn_close(conn);
}

static void on_closed(struct conn *conn, void *owner)
{
    (void)conn;
    struct inbound *inbound = owner;
    inbound->conn = NULL;
    smtp_in_lost(inbound->engine);
    inbound_free(inbound);
}

static void on_deadline(void *owner)
{
    struct inbound *inbound = owner;
    if (!inbound->is_greeted || inbound->wants_tls) {
        inbound->is_finishing = true;
        conn_close(inbound->conn);
        return;
    }
    smtp_in_deadline(inbound->engine);
    inbound_tick(inbound);
}

static const struct conn_ops conn_ops = {
    .read_cb = on_read,
    .drained_cb = on_drained,
    .secured_cb = on_secured,
    .ended_cb = on_ended,
    .closed_cb = on_closed,
};

void inbound_finish(struct inbound *inbound, bool in_order)
{
    smtp_in_lost(inbound->engine);
    inbound->is_finishing = true;
    if (in_order) {
        conn_finish(inbound->conn, LIMIT_LINGER_MS);
    } else {
        conn_close(inbound->conn);
    }
}

static bool start_tls(struct inbound *inbound)
{
    struct tls_context *context = inbound->snapshot->listeners[inbound->listener].tls;
    /* Behind a PROXY header the client's first words may be there already. */
    return inbound->is_greeted ? conn_start_tls(inbound->conn, context, "") == 0
                               : conn_start_tls_at_once(inbound->conn, context) == 0;
}

/* The 220 to STARTTLS has been written: the handshake, once. */
static void secure(struct inbound *inbound)
{
    if (inbound->is_securing || conn_write_pending(inbound->conn) > 0) {
        return; /* on_secured or on_drained comes back */
    }
    inbound->is_securing = true;
    timer_start(inbound->deadline, LIMIT_HANDSHAKE_MS);
    conn_resume(inbound->conn);
    if (!start_tls(inbound)) {
        inbound_finish(inbound, false); /* plaintext came behind STARTTLS */
    }
}

/* After every event: write, close, secure, or wait for more, with the right deadline. */
void inbound_tick(struct inbound *inbound)
{
    if (inbound->is_feeding || inbound->is_finishing || inbound->conn == NULL) {
        return;
    }
    if (!inbound_flush(inbound)) {
        inbound_finish(inbound, false);
        return;
    }
    if (smtp_in_closing(inbound->engine)) {
        inbound_finish(inbound, true);
        return;
    }
    if (inbound->wants_tls) {
        secure(inbound);
        return;
    }
    if (!inbound->is_greeted) {
        if (inbound->is_stopping) {
            inbound_finish(inbound, false);
        }
        return; /* on_secured comes back, or the handshake's deadline */
    }
    uint32_t wait_ms = smtp_in_deadline_ms(inbound->engine);
    if (inbound->is_ended && wait_ms != 0) {
        inbound_finish(inbound, true);
        return;
    }
    if (inbound->is_stopping && wait_ms != 0) {
        smtp_in_refuse(inbound->engine, 421, "4.3.2 shutting down; come back soon");
        inbound_finish(inbound, inbound_flush(inbound));
        return;
    }
    if (wait_ms != 0) {
        timer_start(inbound->deadline, wait_ms);
    } else {
        timer_stop(inbound->deadline);
    }
    if (takes_input(inbound)) {
        conn_resume(inbound->conn);
    }
}

static void on_intake_resume(void *owner)
{
    inbound_tick(owner);
}

/* ---- start and stop ---- */

static void greet(struct inbound *inbound)
{
    if (inbound->is_implicit) {
        timer_start(inbound->deadline, LIMIT_HANDSHAKE_MS);
        if (!start_tls(inbound)) {
            inbound_finish(inbound, false);
        }
        return; /* suspended: on_secured resumes */
    }
    say_hello(inbound);
    inbound_tick(inbound);
}

void inbound_start(struct worker *worker, unsigned listener, int fd,
                   const struct netaddr *remote)
{
    struct snapshot *snapshot = worker->snapshot;
    const struct config_listener *config = &snapshot->config->listeners[listener];
    struct inbound *inbound = arena_must(1, sizeof *inbound);
    inbound->worker = worker;
    inbound->snapshot = snapshot_ref(snapshot);
    inbound->remote = *remote;
    inbound->is_implicit = config->tls == CONFIG_LISTENER_IMPLICIT;
    inbound->deadline = timer_open(worker->loop, on_deadline, inbound);
    inbound->engine = smtp_in_new(&snapshot->listeners[listener].options, &engine_ops,
                                  inbound, inbound->is_implicit);
    intake_init(&inbound->intake, worker, inbound->snapshot, inbound->engine);
    inbound->intake.resume_cb = on_intake_resume;
    inbound->intake.owner = inbound;
    inbound->listener = listener;
    inbound->intake.client.door = config;
    inbound->intake.client.tls = inbound->tls;
    inbound_name_client(inbound);
    inbound_expect_proxy(inbound);
    list_push_back(&worker->inbounds, &inbound->node);
    (void)__atomic_add_fetch(&worker->counts.inbound, 1, __ATOMIC_RELAXED);
    (void)__atomic_add_fetch(&worker->counts.sessions, 1, __ATOMIC_RELAXED);
    if (conn_accept(&inbound->conn, worker->loop, fd, NULL, &conn_ops, inbound) != 0) {
        inbound->conn = NULL;
        inbound_free(inbound);
        return;
    }
    if (inbound->proxy != NULL) {
        timer_start(inbound->deadline, LIMIT_HANDSHAKE_MS);
        return; /* suspended: on_read resumes */
    }
    greet(inbound);
}

void inbound_stop(struct inbound *inbound)
{
    inbound->is_stopping = true;
    inbound_tick(inbound);
}

void inbound_cut(struct inbound *inbound)
{
    if (inbound->conn != NULL && !inbound->is_finishing) {
        inbound_finish(inbound, false);
    } else if (inbound->conn != NULL) {
        conn_close(inbound->conn);
    }
}
