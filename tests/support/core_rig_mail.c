/* Mail into the rig, answers to its jobs, and what became of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/classify.h"

#include "relay/now.h"

#include "tests/support/core_rig.h"

/* ---- mail ---- */

static void on_written(struct queue_write *write, int rc)
{
    write->rc = rc;
    atomic_store((atomic_bool *)write->owner, true);
}

uint64_t core_rig_accept(struct core_rig *rig, const struct core_rig_mail *mail)
{
    static struct envelope_recipient recipients[1000];
    uint8_t bytes[65536];
    char addresses[1000][48];
    size_t length = 0;
    char header[] = "Subject: test\r\nFrom: <sender@from.test>\r\n\r\n";
    char body[] = "Hello.\r\n";
    struct errmsg err = {.text = ""};
    struct envelope envelope;
    const char *domain = mail->domain != NULL ? mail->domain : "one.test";
    unsigned count = mail->recipients != 0 ? mail->recipients : 1;
    cr_assert_leq(count, 1000);
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(addresses[i], sizeof addresses[i], "r%u@%s", i, domain);
        recipients[i] = (struct envelope_recipient){.address = addresses[i],
                                                    .domain = domain,
                                                    .orcpt = "",
                                                    .notify = (uint8_t)mail->notify};
    }
    envelope_init(&envelope);
    envelope.id = core_next_id(rig->core);
    envelope.accepted_unix_ms = (uint64_t)now_unix_ms();
    envelope.expires_unix_ms =
        envelope.accepted_unix_ms +
        (uint64_t)(mail->lifetime_ms != 0 ? mail->lifetime_ms : 2 * CORE_RIG_DAY);
    envelope.notice_unix_ms =
        mail->notice_ms != 0 ? envelope.accepted_unix_ms + (uint64_t)mail->notice_ms : 0;
    envelope.size_bytes = sizeof header + sizeof body - 2;
    envelope.priority = 5;
    envelope.sender = mail->sender != NULL ? mail->sender : "sender@from.test";
    envelope.stream = mail->stream != NULL ? mail->stream : "transactional";
    envelope.user = mail->user != NULL ? mail->user : "";
    envelope.recipients = recipients;
    envelope.recipient_count = count;
    cr_assert_eq(envelope_encode(&envelope, bytes, sizeof bytes, &length, &err), 0, "%s",
                 err.text);
    struct iovec parts[3] = {
        {bytes, length}, {header, sizeof header - 1}, {body, sizeof body - 1}};
    struct queue_write write = {0};
    atomic_bool done = false;
    queue_write_accept(&write, envelope.id, &parts[0], &parts[1], &parts[2], 1);
    write.owner = &done;
    queue_submit(rig->queue, &write, QUEUE_SYNCED, on_written);
    while (!atomic_load(&done)) {
        core_rig_pause();
    }
    cr_assert_eq(write.rc, 0);
    core_index(rig->core, bytes, length, &write.place);
    return envelope.id;
}

static struct job *take_job(struct core_rig *rig, unsigned at)
{
    cr_assert_lt(at, rig->job_count, "no job is at the worker");
    struct job *job = rig->jobs[at];
    rig->job_count--;
    memmove(&rig->jobs[at], &rig->jobs[at + 1],
            (rig->job_count - at) * sizeof(struct job *));
    return job;
}

static void parse_reply(const char *text, struct reply *out)
{
    *out = (struct reply){.stage = REPLY_STAGE_DOT, .origin = REPLY_REMOTE};
    if (text[0] == '\0') {
        out->stage = REPLY_STAGE_CONNECT;
        out->origin = REPLY_NETWORK;
        (void)snprintf(out->text, sizeof out->text, "connection refused");
        return;
    }
    char *rest = NULL;
    out->code = (uint16_t)strtoul(text, &rest, 10);
    for (unsigned i = 0; i < 3; i++) {
        out->enhanced[i] = (uint16_t)strtoul(rest + 1, &rest, 10);
    }
    (void)snprintf(out->text, sizeof out->text, "%s", *rest == ' ' ? rest + 1 : rest);
}

void core_rig_answer_at(struct core_rig *rig, unsigned at, const char *text)
{
    struct job *job = take_job(rig, at);
    cr_assert_eq(queue_read_message(&job->pin, false, &job->content), 0);
    for (unsigned i = 0; i < job->rcpt_count; i++) {
        parse_reply(text, &job->rcpts[i].reply);
        classify_reply(&job->rcpts[i].reply, "", &job->snapshot->classify,
                       &job->rcpts[i].finding);
    }
    (void)snprintf(job->remote_host, sizeof job->remote_host, "mx.test");
    job->connection_messages = 1;
    job->peer.dsn = true;
    job->outcome = JOB_ANSWERED;
    mailbox_post(&rig->core->mailbox, &job->letter, core_on_job);
}

void core_rig_answer(struct core_rig *rig, const char *reply)
{
    core_rig_answer_at(rig, 0, reply);
    core_rig_run(rig);
}

void core_rig_give_back(struct core_rig *rig, enum job_outcome outcome, int read_rc)
{
    struct job *job = take_job(rig, 0);
    job->outcome = outcome;
    job->read_rc = read_rc;
    mailbox_post(&rig->core->mailbox, &job->letter, core_on_job);
    core_rig_run(rig);
}

/* ---- looking ---- */

const char *core_rig_source(const struct core_rig *rig)
{
    return rig->job_count > 0 ? rig->jobs[0]->slot->lane->source->name : "";
}

unsigned core_rig_queued(const struct core_rig *rig)
{
    struct index_stats stats;
    index_stats(rig->core->index, &stats);
    return (unsigned)stats.messages;
}

unsigned core_rig_dsns(struct core_rig *rig)
{
    uint32_t cursor = 0;
    uint32_t messages[64];
    unsigned found = 0;
    do {
        unsigned count = index_each(rig->core->index, &cursor, messages, 64);
        for (unsigned i = 0; i < count; i++) {
            struct message_view view;
            index_message(rig->core->index, messages[i], &view);
            found += (view.flags & ENVELOPE_IS_DSN) != 0;
        }
    } while (cursor != 0);
    return found;
}

struct source *core_rig_find_source(struct core_rig *rig, const char *name)
{
    struct source *source = sources_find(&rig->core->sources, name);
    cr_assert_not_null(source);
    return source;
}

struct lane *core_rig_lane(struct core_rig *rig, const char *source, const char *site)
{
    struct site *at = sites_find(&rig->core->sites, site);
    cr_assert_not_null(at);
    return sites_lane(at, core_rig_find_source(rig, source), now_ns());
}

struct recipient_view core_rig_recipient(const struct core_rig *rig, uint64_t id)
{
    struct recipient_view view = {0};
    struct message_view message;
    uint32_t handle = index_find(rig->core->index, id);
    cr_assert_neq(handle, 0, "the message is gone");
    index_message(rig->core->index, handle, &message);
    index_recipient(rig->core->index, message.first, &view);
    return view;
}
