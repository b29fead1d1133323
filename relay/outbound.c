/* Good path: job -> read the record -> outbound_connect, or go on over the open
 * connection
 * -> outbound_mail -> job back to core; the connection stays for the next.
 *
 * Failure modes: no hop answers (the job fails with what the last one said); a hop's
 * greeting, EHLO or TLS fails (next hop; in clear first where policy allows; no further
 * hop once a list was named); the server closed an idle connection and the next MAIL
 * finds out (once more on a new connection: nothing was said); the record cannot be read;
 * the connection is lost in a transaction (the engine tells each recipient the stage).
 *
 * Suspended: reading (on_record), connecting and speaking (the connection's callbacks,
 * on_deadline), idle (outbound_on_job, outbound_on_end), closing (on_closed). */

#include "relay/outbound.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/job.h"
#include "relay/net/conn.h"
#include "relay/net/timer.h"
#include "relay/now.h"
#include "relay/outbound_state.h"
#include "relay/slot.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

struct outbound *outbound_of_node(struct list_node *node)
{
    return LIST_OWNER(node, struct outbound, node);
}

void outbound_give_back(struct outbound *outbound)
{
    struct job *job = outbound->job;
    outbound->job = NULL;
    outbound->is_connecting = false;
    outbound->is_again = false;
    outbound->is_fresh = false;
    outbound->is_owing = false;
    free(outbound->rcpts);
    free(outbound->ascii);
    outbound->rcpts = NULL;
    outbound->ascii = NULL;
    job->remote = outbound->remote;
    memcpy(job->remote_host, outbound->host, sizeof job->remote_host);
    job->tls_facts = outbound->tls_facts;
    job->closed_after = outbound->closed_after;
    outbound->closed_after = 0;
    if (job->outcome == JOB_ANSWERED) {
        outbound->unwritten++;
    }
    mailbox_post(outbound->worker->core_mailbox, &job->letter, core_on_job);
}

void outbound_close(struct outbound *outbound)
{
    outbound->is_closing = true;
    outbound->is_open = false;
    conn_close(outbound->conn);
}

/* ---- the connection's callbacks ---- */

static void on_connected(struct conn *conn, void *owner)
{
    (void)conn;
    struct outbound *outbound = owner;
    outbound->engine = smtp_out_new(&outbound->options, NULL, outbound);
    outbound->deadline_turn = UINT32_MAX;
    outbound_mail_drive(outbound);
}

static size_t on_read(struct conn *conn, const char *bytes, size_t size, void *owner)
{
    (void)conn;
    struct outbound *outbound = owner;
    size_t used = 0;
    while (used < size && outbound->engine != NULL && !outbound->is_closing) {
        size_t took = smtp_out_feed(outbound->engine, bytes + used, size - used);
        used += took;
        outbound_mail_drive(outbound);
        if (took == 0) {
            break; /* the engine takes no more in this state, and never will */
        }
    }
    return size;
}

static void on_drained(struct conn *conn, void *owner)
{
    (void)conn;
    outbound_mail_pump(owner);
}

static void on_secured(struct conn *conn, void *owner)
{
    struct outbound *outbound = owner;
    outbound_connect_secured(outbound, conn);
    outbound->is_handshaking = false;
    smtp_out_tls_done(outbound->engine, NULL, false);
    outbound_mail_drive(outbound);
}

static void on_ended(struct conn *conn, const struct conn_end *end, void *owner)
{
    (void)conn;
    struct outbound *outbound = owner;
    outbound->is_pumping = false;
    if (outbound->engine == NULL) {
        outbound_connect_refused(outbound, end);
        outbound_close(outbound);
        return;
    }
    if (outbound->is_handshaking) {
        outbound->is_handshaking = false;
        smtp_out_tls_done(outbound->engine, end->text, end->cause == CONN_INJECTED);
        outbound_mail_drive(outbound);
    }
    if (!outbound->is_closing) {
        smtp_out_lost(outbound->engine, end->text);
        outbound_mail_drive(outbound);
    }
    if (!outbound->is_closing) {
        outbound_close(outbound);
    }
}

static void on_deadline(void *owner)
{
    struct outbound *outbound = owner;
    if (outbound->engine != NULL) {
        smtp_out_deadline(outbound->engine);
        outbound_mail_drive(outbound);
    }
}

static void on_closed(struct conn *conn, void *owner)
{
    (void)conn;
    struct outbound *outbound = owner;
    outbound->conn = NULL;
    (void)__atomic_sub_fetch(&outbound->worker->counts.outbound, 1, __ATOMIC_RELAXED);
    const struct reply *failure =
        outbound->engine != NULL ? smtp_out_failure(outbound->engine) : NULL;
    if (outbound->job == NULL && failure != NULL && failure->origin == REPLY_NETWORK) {
        /* Closed in silence while idle: so many messages are what it takes. */
        outbound->closed_after = smtp_out_mail_count(outbound->engine);
    }
    if (outbound->is_connecting) {
        outbound_connect_failed(outbound, failure);
    }
    smtp_out_free(outbound->engine);
    outbound->engine = NULL;
    outbound_connect_forget(outbound);
    outbound->is_open = false;
    outbound->is_closing = false;
    outbound->is_quitting = false;
    outbound->is_pumping = false;
    outbound->is_handshaking = false;
    timer_stop(outbound->deadline);
    outbound_step(outbound);
}

const struct conn_ops outbound_ops = {.connected_cb = on_connected,
                                      .read_cb = on_read,
                                      .drained_cb = on_drained,
                                      .secured_cb = on_secured,
                                      .ended_cb = on_ended,
                                      .closed_cb = on_closed};

/* ---- what comes next ---- */

static void outbound_free(struct outbound *outbound)
{
    struct slot *slot = outbound->slot;
    bool tell = outbound->wants_end;
    list_remove(&outbound->node);
    pump_done(&outbound->pump);
    timer_close(outbound->deadline);
    outbound_connect_forget(outbound);
    snapshot_unref(outbound->snapshot);
    slot->outbound = NULL;
    struct mailbox *core = outbound->worker->core_mailbox;
    free(outbound);
    if (tell) {
        mailbox_post(core, &slot->ended, core_on_slot_ended);
    }
}

static void quit(struct outbound *outbound)
{
    if (outbound->engine == NULL) {
        outbound_close(outbound);
        return;
    }
    outbound->is_quitting = true;
    outbound->is_open = false;
    smtp_out_quit(outbound->engine);
    outbound_mail_drive(outbound);
}

static void step_idle(struct outbound *outbound)
{
    if (!outbound->wants_end && !outbound->worker->stopping) {
        return; /* suspended: outbound_on_job or outbound_on_end resumes */
    }
    if (outbound->conn == NULL) {
        outbound_free(outbound);
    } else if (outbound->is_open) {
        quit(outbound);
    }
}

/* The worker ends and the job in hand has not begun: it goes back as it came. */
static void step_stopping(struct outbound *outbound)
{
    if (outbound->conn != NULL && !outbound->is_open && outbound->is_connecting) {
        outbound_close(outbound);
        return; /* suspended: on_closed resumes */
    }
    outbound->job->outcome = JOB_NOT_STARTED;
    outbound_give_back(outbound);
    step_idle(outbound);
}

void outbound_step(struct outbound *outbound)
{
    if (outbound->is_reading || outbound->pump.is_reading || outbound->is_driving ||
        outbound->is_closing || outbound->is_quitting || outbound->is_mailing) {
        return; /* suspended: each of these comes back here */
    }
    if (outbound->job == NULL) {
        step_idle(outbound);
        return;
    }
    if (outbound->worker->stopping) {
        step_stopping(outbound);
        return;
    }
    if (outbound->conn != NULL) {
        if (!outbound->is_open) {
            return; /* suspended: the session is on its way */
        }
        if (!outbound->is_connecting && !outbound_connect_fits(outbound)) {
            quit(outbound);
            return; /* suspended: on_closed resumes */
        }
        outbound_mail_begin(outbound);
        return;
    }
    if (!outbound->is_connecting) {
        outbound_connect_start(outbound);
    }
    if (!outbound_connect_next(outbound)) {
        outbound_mail_answer_all(outbound, &outbound->last_failure);
        step_idle(outbound);
    }
}

/* ---- letters ---- */

static void unreadable(struct outbound *outbound, int rc)
{
    outbound->job->outcome = JOB_UNREADABLE;
    outbound->job->read_rc = rc;
    outbound_give_back(outbound);
    outbound_step(outbound);
}

/* Who must not be written to goes to the end of the row, with our own answer. */
static void set_aside(struct job *job)
{
    const struct envelope *envelope = &job->content.envelope;
    const struct config *config = job->snapshot->config;
    job->offered = job->rcpt_count;
    if (job->suppression == NULL || (envelope->flags & ENVELOPE_IS_DSN) != 0) {
        return; /* a notice goes to a sender's own mailbox */
    }
    for (unsigned i = 0; i < job->offered;) {
        struct job_rcpt *rcpt = &job->rcpts[i];
        struct suppression_entry entry;
        if (!suppression_blocks(job->suppression, config, envelope->stream,
                                envelope->recipients[rcpt->number].address, now_unix_ms(),
                                &entry)) {
            i++;
            continue;
        }
        struct job_rcpt last = job->rcpts[--job->offered];
        suppression_reply(&entry, &rcpt->reply);
        rcpt->is_suppressed = true;
        job->rcpts[job->offered] = *rcpt;
        if (i < job->offered) {
            job->rcpts[i] = last;
        }
    }
}

/* The message is in memory. */
static void go(struct outbound *outbound)
{
    set_aside(outbound->job);
    if (outbound->job->offered == 0) {
        outbound->job->outcome = JOB_ANSWERED;
        outbound_give_back(outbound);
    }
    outbound_step(outbound);
}

static void on_record(struct letter *letter)
{
    struct reader_ask *ask = LIST_OWNER(letter, struct reader_ask, letter);
    struct outbound *outbound = LIST_OWNER(ask, struct outbound, ask);
    outbound->is_reading = false;
    if (ask->rc != 0) {
        unreadable(outbound, ask->rc);
    } else {
        go(outbound);
    }
}

static void read_record(struct outbound *outbound)
{
    struct job *job = outbound->job;
    int rc = queue_read_message(&job->pin, true, &job->content);
    if (rc == -EAGAIN) {
        outbound->ask = (struct reader_ask){.home = &outbound->worker->mailbox,
                                            .done_cb = on_record,
                                            .pin = &job->pin,
                                            .message = &job->content};
        outbound->is_reading = true;
        reader_fetch(&outbound->ask);
    } else if (rc != 0) {
        unreadable(outbound, rc);
    } else {
        go(outbound);
    }
}

static struct outbound *outbound_new(struct worker *worker, struct slot *slot)
{
    struct outbound *outbound = arena_must(1, sizeof *outbound);
    outbound->worker = worker;
    outbound->slot = slot;
    outbound->deadline = timer_open(worker->loop, on_deadline, outbound);
    list_push_back(&worker->outbounds, &outbound->node);
    slot->outbound = outbound;
    return outbound;
}

void outbound_on_job(struct letter *letter)
{
    struct job *job = LIST_OWNER(letter, struct job, letter);
    struct worker *worker = job->slot->worker;
    if (worker->stopping) {
        job->outcome = JOB_NOT_STARTED;
        mailbox_post(worker->core_mailbox, &job->letter, core_on_job);
        return;
    }
    struct outbound *outbound = job->slot->outbound;
    if (outbound == NULL) {
        outbound = outbound_new(worker, job->slot);
    }
    assert(outbound->job == NULL);
    outbound->job = job;
    read_record(outbound);
}

void outbound_on_release(struct letter *letter)
{
    struct slot *slot = LIST_OWNER(letter, struct slot, release);
    struct outbound *outbound = slot->outbound;
    if (outbound != NULL) {
        assert(outbound->unwritten >= slot->told);
        outbound->unwritten -= slot->told;
        if (outbound->unwritten == 0 && outbound->is_mailing) {
            smtp_out_release(outbound->engine);
            outbound_mail_drive(outbound);
        }
    }
    mailbox_post(slot->worker->core_mailbox, &slot->release, core_on_released);
}

void outbound_on_end(struct letter *letter)
{
    struct slot *slot = LIST_OWNER(letter, struct slot, end);
    if (slot->outbound == NULL) {
        mailbox_post(slot->worker->core_mailbox, &slot->ended, core_on_slot_ended);
        return;
    }
    slot->outbound->wants_end = true;
    outbound_step(slot->outbound);
}

void outbound_stop(struct outbound *outbound)
{
    outbound_step(outbound);
}

void outbound_cut(struct outbound *outbound)
{
    if (outbound->conn == NULL || outbound->is_closing) {
        return;
    }
    if (outbound->engine != NULL) {
        smtp_out_lost(outbound->engine, "this relay is shutting down");
        outbound_mail_drive(outbound);
    }
    if (!outbound->is_closing) {
        outbound_close(outbound);
    }
}
