/* The transaction of a slot: what the engine asks for, done; what the server says, judged
 * and noted. Connections are outbound.c's.
 *
 * Suspended: waiting for the server (on_read), for the connection to drain or a cold
 * piece (outbound_mail_pump), for the final dot's permission (outbound_on_release), all
 * with the deadline of the engine's state. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/verdict.h"

#include "relay/arena.h"
#include "relay/idn.h"
#include "relay/job.h"
#include "relay/net/conn.h"
#include "relay/net/timer.h"
#include "relay/now.h"
#include "relay/outbound_state.h"
#include "relay/slot.h"
#include "relay/smtp/params.h"
#include "relay/snapshot.h"
#include "relay/verp.h"
#include "relay/worker.h"

/* ---- replies ---- */

/* Read the reply's meaning here, in parallel; a listing of our address stops the source
 * before core has even heard of it. */
static void judge(struct outbound *outbound, struct job_rcpt *rcpt)
{
    struct job *job = outbound->job;
    classify_reply(&rcpt->reply, outbound->host, &job->snapshot->classify,
                   &rcpt->finding);
    if (job->may_stop && rcpt->reply.origin == REPLY_REMOTE &&
        rcpt->finding.class == FINDING_IP_LISTED &&
        verdict_of(&rcpt->reply, &rcpt->finding).source == VERDICT_SOURCE_FREEZE) {
        atomic_store_explicit(job->raises[0], true, memory_order_release);
        atomic_store_explicit(job->raises[1], true, memory_order_release);
    }
}

void outbound_mail_answer_all(struct outbound *outbound, const struct reply *reply)
{
    struct job *job = outbound->job;
    for (unsigned i = 0; i < job->offered; i++) {
        job->rcpts[i].reply = *reply;
        judge(outbound, &job->rcpts[i]);
    }
    job->is_fresh = true;
    job->connect_ns = now_ns() - outbound->connect_started_ns;
    job->outcome = JOB_ANSWERED;
    outbound_give_back(outbound);
}

/* Nothing at all was said to MAIL on a connection that had been idle: it was closed
 * before, silently. The message may go once more, on a new one. */
static bool was_dead(const struct outbound *outbound)
{
    const struct job *job = outbound->job;
    for (unsigned i = 0; i < job->offered; i++) {
        if (job->rcpts[i].reply.origin != REPLY_NETWORK ||
            job->rcpts[i].reply.stage != REPLY_STAGE_MAIL) {
            return false;
        }
    }
    return !job->is_fresh && !outbound->is_again;
}

static void forget_rcpts(struct outbound *outbound)
{
    free(outbound->rcpts);
    free(outbound->ascii);
    outbound->rcpts = NULL;
    outbound->ascii = NULL;
}

static void finish(struct outbound *outbound)
{
    struct job *job = outbound->job;
    outbound->is_mailing = false;
    outbound->is_between = false;
    job->transmit_ns = now_ns() - outbound->mail_started_ns;
    if (was_dead(outbound)) {
        outbound->is_again = true;
        outbound->closed_after = smtp_out_mail_count(outbound->engine) - 1;
        forget_rcpts(outbound);
        return; /* on_closed goes on, with a new connection */
    }
    for (unsigned i = 0; i < job->offered; i++) {
        judge(outbound, &job->rcpts[i]);
    }
    job->peer = *smtp_out_peer(outbound->engine);
    job->connection_messages = smtp_out_mail_count(outbound->engine);
    job->outcome = JOB_ANSWERED;
    if (outbound->pump.is_reading) {
        outbound->is_owing = true; /* suspended: on_piece gives it back */
        return;
    }
    outbound_give_back(outbound);
}

static void take_result(struct outbound *outbound)
{
    const struct reply *reply = NULL;
    uint32_t number = smtp_out_result(outbound->engine, &reply);
    struct job *job = outbound->job;
    assert(job != NULL);
    assert(number < outbound->sent);
    job->rcpts[outbound->first + number].reply = *reply;
    outbound->results++;
    if (outbound->results < outbound->sent) {
        return;
    }
    if (outbound->first + outbound->sent < job->offered) {
        outbound->first += outbound->sent;
        outbound->is_between = true; /* suspended: outbound_mail_ready, or the end */
    } else {
        finish(outbound);
    }
}

/* The session is over, and recipients are left that no transaction was begun for. */
static void answer_rest(struct outbound *outbound)
{
    struct job *job = outbound->job;
    const struct reply *failure = smtp_out_failure(outbound->engine);
    struct reply rest = {.stage = REPLY_STAGE_MAIL,
                         .origin = REPLY_LOCAL,
                         .enhanced = {4, 5, 3},
                         .text =
                             "the server takes no more recipients on this connection"};
    for (unsigned i = outbound->first; i < job->offered; i++) {
        job->rcpts[i].reply = failure != NULL ? *failure : rest;
    }
    finish(outbound);
}

/* ---- beginning ---- */

static bool is_stopped(const struct job *job)
{
    return atomic_load_explicit(job->source_stop, memory_order_acquire) ||
           atomic_load_explicit(job->lane_stop, memory_order_acquire);
}

/* The A-label form of an address, when only its domain needs one. */
static const char *ascii_of(const char *text, char out[ADDRESS_BYTES])
{
    struct address address;
    out[0] = '\0';
    if (address_parse(text, strlen(text), true, &address) == ADDRESS_OK &&
        address.is_utf8_domain) {
        (void)address_to_ascii(&address, idn_to_ascii, out, ADDRESS_BYTES);
    }
    return out;
}

static const char *notify_text(unsigned bits)
{
    static const char *const texts[16] = {
        [PARAMS_NOTIFY_NEVER] = "NEVER",
        [PARAMS_NOTIFY_SUCCESS] = "SUCCESS",
        [PARAMS_NOTIFY_FAILURE] = "FAILURE",
        [PARAMS_NOTIFY_DELAY] = "DELAY",
        [PARAMS_NOTIFY_SUCCESS | PARAMS_NOTIFY_FAILURE] = "SUCCESS,FAILURE",
        [PARAMS_NOTIFY_SUCCESS | PARAMS_NOTIFY_DELAY] = "SUCCESS,DELAY",
        [PARAMS_NOTIFY_FAILURE | PARAMS_NOTIFY_DELAY] = "FAILURE,DELAY",
        [PARAMS_NOTIFY_SUCCESS | PARAMS_NOTIFY_FAILURE | PARAMS_NOTIFY_DELAY] =
            "SUCCESS,FAILURE,DELAY"};
    return bits < 16 && texts[bits] != NULL ? texts[bits] : "";
}

static const char *ret_text(unsigned ret)
{
    switch (ret) {
    case PARAMS_RET_FULL: return "FULL";
    case PARAMS_RET_HDRS: return "HDRS";
    default: return "";
    }
}

static void make_rcpts(struct outbound *outbound)
{
    const struct job *job = outbound->job;
    outbound->rcpts = arena_must(job->offered, sizeof *outbound->rcpts);
    outbound->ascii = arena_must(job->offered, sizeof *outbound->ascii);
    for (unsigned i = 0; i < job->offered; i++) {
        const struct envelope_recipient *from =
            &job->content.envelope.recipients[job->rcpts[i].number];
        outbound->rcpts[i] = (struct smtp_out_rcpt){
            .address = from->address,
            .ascii_address = ascii_of(from->address, outbound->ascii[i]),
            .notify = notify_text(from->notify),
            .orcpt = from->orcpt};
    }
}

static const char *domain_of(const struct job *job, unsigned i)
{
    return job->content.envelope.recipients[job->rcpts[i].number].domain;
}

/* How many of the job's recipients, from `first` on, have together at most `most` domains
 * (RFC 9422, RCPTDOMAINMAX); 0: any number. */
static unsigned within_domains(const struct job *job, unsigned first, unsigned most)
{
    unsigned domains = 0;
    for (unsigned i = first; i < job->offered; i++) {
        bool is_new = true;
        for (unsigned j = first; j < i && is_new; j++) {
            is_new = strcmp(domain_of(job, i), domain_of(job, j)) != 0;
        }
        domains += is_new;
        if (most != 0 && domains > most) {
            return i - first;
        }
    }
    return job->offered - first;
}

/* A stream with a return path of its own: one that names message and recipient, so that
 * each recipient has a transaction. "" for all other mail. */
static void make_return_path(struct outbound *outbound)
{
    const struct job *job = outbound->job;
    const struct envelope *envelope = &job->content.envelope;
    const struct config *config = job->snapshot->config;
    uint32_t stream = config_stream_find(config, envelope->stream);
    char local[VERP_LOCAL_BYTES];
    outbound->return_path[0] = '\0';
    if (stream == CONFIG_NONE || config->streams[stream].return_path[0] == '\0' ||
        job->return_key == NULL || envelope->sender[0] == '\0' ||
        (envelope->flags & ENVELOPE_IS_DSN) != 0) {
        return;
    }
    verp_make(job->return_key, VERP_BOUNCE, job->id, envelope->stream, job->source,
              envelope->recipients[job->rcpts[outbound->first].number].address, local);
    (void)snprintf(outbound->return_path, sizeof outbound->return_path, "%s@%s", local,
                   config->streams[stream].return_path);
}

/* One transaction: as many of the job's recipients as the server takes in one. */
static void begin_part(struct outbound *outbound)
{
    struct job *job = outbound->job;
    const struct envelope *envelope = &job->content.envelope;
    make_return_path(outbound);
    bool is_own = outbound->return_path[0] != '\0';
    unsigned left = within_domains(job, outbound->first,
                                   smtp_out_peer(outbound->engine)->rcpt_domain_max);
    unsigned most = smtp_out_rcpt_max(outbound->engine);
    outbound->sent = left < most ? left : most;
    outbound->sent = is_own ? 1 : outbound->sent;
    outbound->results = 0;
    outbound->is_open = false; /* until READY */
    outbound->mail = (struct smtp_out_mail){
        .sender = is_own ? outbound->return_path : envelope->sender,
        .ascii_sender = ascii_of(is_own ? "" : envelope->sender, outbound->ascii_sender),
        .rcpts = outbound->rcpts + outbound->first,
        .rcpt_count = outbound->sent,
        .size_bytes = envelope->size_bytes,
        .is_8bit = (envelope->flags & ENVELOPE_EIGHT_BIT) != 0,
        .is_utf8_header = (envelope->flags & ENVELOPE_SMTPUTF8) != 0,
        .ret = ret_text(envelope->ret),
        .envid = envelope->envid,
        .requiretls = outbound->requiretls,
        .chunking = outbound->snapshot->config->delivery.chunking};
    smtp_out_begin(outbound->engine, &outbound->mail);
    if (outbound->unwritten == 0) {
        smtp_out_release(outbound->engine);
    }
}

static void begin(struct outbound *outbound)
{
    struct job *job = outbound->job;
    make_rcpts(outbound);
    outbound->mail_started_ns = now_ns();
    job->is_fresh = outbound->is_fresh;
    job->connect_ns =
        job->is_fresh ? outbound->mail_started_ns - outbound->connect_started_ns : 0;
    outbound->is_fresh = false;
    outbound->is_connecting = false;
    outbound->is_mailing = true;
    outbound->first = 0;
    begin_part(outbound);
}

void outbound_mail_begin(struct outbound *outbound)
{
    assert(outbound->job != NULL);
    if (is_stopped(outbound->job)) {
        outbound->job->outcome = JOB_NOT_STARTED;
        outbound_give_back(outbound);
        outbound_step(outbound);
        return;
    }
    begin(outbound);
    outbound_mail_drive(outbound);
}

/* ---- the engine ---- */

static bool send_output(struct outbound *outbound)
{
    size_t length = 0;
    const char *bytes = smtp_out_output(outbound->engine, &length);
    if (length > 0 && conn_write(outbound->conn, bytes, length) != 0) {
        return false;
    }
    smtp_out_sent(outbound->engine, length);
    return true;
}

static void start_tls(struct outbound *outbound)
{
    int rc = outbound_connect_start_tls(outbound);
    if (rc == 0) {
        outbound->is_handshaking = true;
    } else {
        smtp_out_tls_done(outbound->engine,
                          rc == -EBADMSG ? NULL : "the handshake could not be started",
                          rc == -EBADMSG);
    }
}

static void go_pump(struct outbound *outbound)
{
    switch (pump_go(&outbound->pump)) {
    case PUMP_DONE:
        outbound->is_pumping = false;
        smtp_out_body_done(outbound->engine, pump_ends_in_crlf(&outbound->pump));
        return;
    case PUMP_WAIT: return; /* suspended: on_drained or on_piece resumes */
    case PUMP_FAILED:
        outbound->is_pumping = false;
        smtp_out_body_failed(outbound->engine, "the stored message cannot be read");
        return;
    case PUMP_LOST: outbound->is_pumping = false; return; /* on_ended follows */
    }
}

void outbound_mail_pump(struct outbound *outbound)
{
    if (outbound->is_pumping) {
        go_pump(outbound);
    }
    outbound_mail_drive(outbound);
}

static void on_piece(void *owner)
{
    struct outbound *outbound = owner;
    if (outbound->is_owing) {
        outbound_give_back(outbound); /* the connection was lost meanwhile */
        outbound_step(outbound);
    } else {
        outbound_mail_pump(outbound);
    }
}

static void start_pump(struct outbound *outbound)
{
    struct job *job = outbound->job;
    pump_init(&outbound->pump, outbound->conn, &job->pin, &job->content,
              &outbound->worker->mailbox);
    outbound->pump.is_raw = smtp_out_is_chunked(outbound->engine);
    outbound->pump.read_cb = on_piece;
    outbound->pump.owner = outbound;
    outbound->is_pumping = true;
    go_pump(outbound);
}

/* The engine's states have the RFC's deadlines; the configuration has the operator's. */
static int64_t deadline_ns(const struct outbound *outbound)
{
    const struct config_timeouts *timeouts =
        &outbound->snapshot->config->delivery.timeouts;
    switch (smtp_out_state_row(smtp_out_state(outbound->engine))->stage) {
    case REPLY_STAGE_GREETING: return timeouts->greeting_ns;
    case REPLY_STAGE_DATA:
    case REPLY_STAGE_BODY: return timeouts->data_ns;
    case REPLY_STAGE_DOT: return timeouts->dot_ns;
    case REPLY_STAGE_DNS:
    case REPLY_STAGE_CONNECT:
    case REPLY_STAGE_EHLO:
    case REPLY_STAGE_STARTTLS:
    case REPLY_STAGE_AUTH:
    case REPLY_STAGE_MAIL:
    case REPLY_STAGE_RCPT:
    case REPLY_STAGE_QUIT: break;
    }
    return timeouts->command_ns;
}

static void arm_deadline(struct outbound *outbound)
{
    uint32_t turn = smtp_out_deadline_turn(outbound->engine);
    if (turn == outbound->deadline_turn && !outbound->is_pumping) {
        return;
    }
    outbound->deadline_turn = turn;
    if (smtp_out_deadline_ms(outbound->engine) == 0) {
        timer_stop(outbound->deadline);
    } else {
        timer_start(outbound->deadline,
                    (uint64_t)(deadline_ns(outbound) / NOW_NS_PER_MS));
    }
}

/* One action. False when nothing can follow before the next event. */
static bool act(struct outbound *outbound)
{
    switch (smtp_out_next(outbound->engine)) {
    case SMTP_OUT_WAIT: return false;
    case SMTP_OUT_SEND: return send_output(outbound); /* else on_ended follows */
    case SMTP_OUT_START_TLS: start_tls(outbound); return true;
    case SMTP_OUT_READY:
        outbound->is_open = true; /* outbound_step begins or idles */
        outbound_connect_worked(outbound);
        if (outbound->is_between) {
            outbound->is_between = false;
            begin_part(outbound);
        }
        return true;
    case SMTP_OUT_SEND_BODY: start_pump(outbound); return true;
    case SMTP_OUT_RESULT: take_result(outbound); return true;
    case SMTP_OUT_CLOSE:
        if (outbound->is_between) {
            answer_rest(outbound);
        }
        outbound_close(outbound);
        return false;
    }
    return false;
}

void outbound_mail_drive(struct outbound *outbound)
{
    if (outbound->is_driving || outbound->engine == NULL || outbound->conn == NULL ||
        outbound->is_closing) {
        return;
    }
    outbound->is_driving = true;
    while (act(outbound)) {
    }
    outbound->is_driving = false;
    if (outbound->is_closing) {
        return; /* on_closed goes on */
    }
    if (smtp_out_state(outbound->engine) == SMTP_OUT_STATE_QUIT) {
        outbound->is_quitting = true; /* also by itself, at the server's limit */
        outbound->is_open = false;
    }
    arm_deadline(outbound);
    outbound_step(outbound);
}
