/* No test of its own: tests/relay/test_intake.c has all of intake.
 *
 * The end of one content: may its From be, may it come in now, what is written, and what
 * the client hears. Good path: intake_content_end (intake.c) -> a user's permit from core
 * -> header and envelope -> accept_commit -> on_durable -> 250. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/accept.h"
#include "relay/arena.h"
#include "relay/core.h"
#include "relay/intake.h"
#include "relay/intake_parts.h"
#include "relay/now.h"
#include "relay/permit.h"
#include "relay/report.h"
#include "relay/returns.h"
#include "relay/sealing.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

#define PATHS_BYTES 2048 /* two addresses of at most 320, and their words */

/* The permit goes home, with its message's fate. */
void intake_end_permit(struct intake *intake, bool is_accepted)
{
    struct permit *permit = intake->permit;
    if (permit != NULL && intake->is_permitted) {
        permit->is_accepted = is_accepted;
        mailbox_post(intake->worker->core_mailbox, &permit->letter, core_on_permit_over);
    } else if (permit != NULL) {
        permit->owner = NULL; /* on_permit sends it home */
    }
    intake->permit = NULL;
    intake->is_permitted = false;
}

static void on_durable(void *owner, int rc)
{
    struct intake *intake = owner;
    intake->accept = NULL;
    intake_end_permit(intake, rc == 0);
    if (rc != 0) {
        intake_refuse_credit(intake, "DATA", rc);
    } else {
        char id[ID_BYTES];
        char text[64];
        id_print(intake->id, id);
        (void)snprintf(text, sizeof text, "2.0.0 queued as %s", id);
        (void)__atomic_add_fetch(&intake->worker->counts.accepted, 1, __ATOMIC_RELAXED);
        smtp_in_answer(intake->engine, 250, text);
    }
    intake->resume_cb(intake->owner);
}

static const char *protocol_of(const struct intake *intake)
{
    if (intake->client.protocol != NULL) {
        return intake->client.protocol;
    }
    bool tls = smtp_in_is_tls(intake->engine);
    bool auth = intake->client.user != NULL;
    if (!smtp_in_is_esmtp(intake->engine)) {
        return "SMTP";
    }
    if (tls) {
        return auth ? "ESMTPSA" : "ESMTPS";
    }
    return auth ? "ESMTPA" : "ESMTP";
}

/* What mail to one recipient of a stream with a return path also says: how to find it
 * again in a report, and an address that ends the subscription where bulk names none. */
static void add_paths(const struct intake *intake, uint32_t stream, struct textbuf *out)
{
    const struct config *config = intake->snapshot->config;
    const struct config_stream *of = &config->streams[stream];
    const struct core *core = intake->worker->core;
    bool is_archived = intake->rcpts[intake->rcpt_count - 1].is_archive;
    unsigned count = intake->rcpt_count - (is_archived ? 1 : 0);
    char local[VERP_LOCAL_BYTES];
    if (core == NULL || of->return_path[0] == '\0' || count != 1 ||
        intake->sender[0] == '\0') {
        return;
    }
    const char *recipient = intake->rcpts[0].address;
    verp_make(core->returns.key, VERP_BOUNCE, intake->id, of->name, "", recipient, local);
    textbuf_printf(out, REPORT_TRACE_FIELD ": <%s@%s>\r\n", local, of->return_path);
    if (config_stream_is_bulk(config, of) &&
        !intake->message.facts.has_list_unsubscribe) {
        verp_make(core->returns.key, VERP_UNSUBSCRIBE, intake->id, of->name, "",
                  recipient, local);
        textbuf_printf(out, "List-Unsubscribe: <mailto:%s@%s?subject=unsubscribe>\r\n",
                       local, of->return_path);
    }
}

/* The final header block: traced, fixed, signed. Returns how many signatures it has. */
static unsigned build_header(struct intake *intake, uint32_t stream, struct textbuf *out)
{
    char id[ID_BYTES];
    id_print(intake->id, id);
    struct message_trace trace = {
        .hostname = intake->snapshot->config->hostname,
        .helo = smtp_in_helo(intake->engine),
        .client_ip = intake->client.ip,
        .client_name = "",
        .protocol = protocol_of(intake),
        .id = id,
        .tls = intake->client.tls,
        .only_rcpt = intake->rcpt_count == 1 ? intake->rcpts[0].address : "",
        .unix_ms = now_unix_ms()};
    struct textbuf extra;
    textbuf_init(&extra, (size_t)LIMIT_STAGING_NAMED * ADDRESS_BYTES + PATHS_BYTES);
    add_paths(intake, stream, &extra);
    intake_put_meant(intake, &extra);
    textbuf_append(&extra, "", 1);
    message_build(&intake->message, &trace, extra.failed ? "" : extra.bytes, out);
    textbuf_done(&extra);
    if (intake->body_hash != NULL && !out->failed) {
        return sealing_sign(intake->snapshot, &intake->message, stream, intake->body_hash,
                            out);
    }
    return 0;
}

/* Does its stream want a signature that no key of ours can give? */
static bool lacks_signature(const struct intake *intake, uint32_t stream,
                            unsigned signatures)
{
    const struct config_stream *of = &intake->snapshot->config->streams[stream];
    return of->signatures == CONFIG_SIGNED_MUST && signatures == 0 &&
           intake->returns == NULL;
}

static void refuse_unsigned(struct intake *intake, uint32_t stream)
{
    char text[LIMIT_DOMAIN + 200];
    const char *domain = intake->message.facts.from_domain;
    (void)snprintf(text, sizeof text,
                   "5.7.1 mail of stream %s must be signed, and no key signs for From "
                   "domain %.200s",
                   intake->snapshot->config->streams[stream].name,
                   domain[0] != '\0' ? domain : "(none)");
    intake_refuse(intake, "DATA", "", 550, text);
}

static void fill_envelope(struct intake *intake, const struct terms *terms,
                          const struct smtp_in_content *content,
                          struct envelope_recipient *rcpts, struct envelope *out)
{
    const struct snapshot *snapshot = intake->snapshot;
    const struct message_facts *facts = &intake->message.facts;
    int64_t accepted_ms = id_unix_ms(intake->id);
    int64_t notice_ns = snapshot->streams[terms->stream].life.notice_ns;
    for (unsigned i = 0; i < intake->rcpt_count; i++) {
        rcpts[i] = (struct envelope_recipient){.address = intake->rcpts[i].address,
                                               .domain = intake->rcpts[i].domain,
                                               .orcpt = intake->rcpts[i].orcpt,
                                               .notify = intake->rcpts[i].notify};
    }
    envelope_init(out);
    out->id = intake->id;
    out->accepted_unix_ms = (uint64_t)accepted_ms;
    out->expires_unix_ms = (uint64_t)(accepted_ms + terms->lifetime_ns / NOW_NS_PER_MS);
    if (notice_ns > 0 && notice_ns < terms->lifetime_ns && intake->sender[0] != '\0') {
        out->notice_unix_ms = (uint64_t)(accepted_ms + notice_ns / NOW_NS_PER_MS);
    }
    if (content->facts.has_8bit || facts->is_8bit) {
        out->flags |= ENVELOPE_EIGHT_BIT;
    }
    if (intake->params.smtputf8) {
        out->flags |= ENVELOPE_SMTPUTF8;
    }
    if (intake->params.requiretls) {
        out->flags |= ENVELOPE_REQUIRETLS;
    } else if (facts->has_tls_required_no) {
        out->flags |= ENVELOPE_TLS_OPTIONAL;
    }
    if (content->facts.has_dot_line) {
        out->flags |= ENVELOPE_HAS_DOT_LINE;
    }
    if (intake->client.user == NULL) {
        out->flags |= ENVELOPE_TRUSTED;
    }
    out->priority = terms->priority;
    out->ret = (uint8_t)intake->params.ret;
    out->sender = intake->sender;
    out->from_domain = facts->from_domain;
    out->stream = snapshot->config->streams[terms->stream].name;
    out->user = intake->client.user != NULL ? intake->client.user->name : "";
    out->client = intake->client.ip;
    out->helo = smtp_in_helo(intake->engine);
    out->listener = intake->client.door->name;
    out->job = facts->job;
    out->subject = facts->subject;
    out->envid = intake->params.envid;
    out->message_id = facts->message_id;
    out->recipients = rcpts;
    out->recipient_count = intake->rcpt_count;
}

/* For people to recognise it by: as much of the text as the envelope keeps. */
static const char *cut(const char *text, char *out, size_t size)
{
    size_t length = strnlen(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
    return out;
}

void intake_commit(struct intake *intake)
{
    const struct terms *terms = &intake->terms;
    const struct smtp_in_content *content = &intake->content;
    struct textbuf header;
    textbuf_init(&header, (size_t)2 * LIMIT_HEADER_BYTES);
    unsigned signatures = build_header(intake, terms->stream, &header);
    if (lacks_signature(intake, terms->stream, signatures)) {
        textbuf_done(&header);
        refuse_unsigned(intake, terms->stream);
        return;
    }

    struct envelope_recipient *rcpts = calloc(intake->rcpt_count, sizeof *rcpts);
    int rc = header.failed || rcpts == NULL ? -ENOMEM : 0;
    if (rc == 0) {
        struct envelope envelope;
        char subject[ENVELOPE_SUBJECT + 1];
        char message_id[ENVELOPE_MESSAGE_ID + 1];
        fill_envelope(intake, terms, content, rcpts, &envelope);
        envelope.subject = cut(envelope.subject, subject, sizeof subject);
        envelope.message_id = cut(envelope.message_id, message_id, sizeof message_id);
        struct accept *accept = intake->accept;
        rc = accept_commit(accept, &envelope, header.bytes, header.length, on_durable);
        intake->is_committing = rc == 0;
        if (rc != 0) {
            intake->accept = NULL;
        }
    }
    free(rcpts);
    textbuf_done(&header);
    if (rc != 0) {
        intake_refuse_credit(intake, "DATA", rc == -EINVAL ? -EIO : rc);
    }
}

static void on_permit(struct letter *letter)
{
    struct permit *permit = LIST_OWNER(letter, struct permit, letter);
    struct worker *worker = LIST_OWNER(permit->home, struct worker, mailbox);
    struct intake *intake = permit->owner;
    worker->permits--;
    if (intake == NULL) {
        mailbox_post(worker->core_mailbox, &permit->letter, core_on_permit_over);
        return;
    }
    intake->is_permitted = true;
    if (permit->code == 0) {
        intake_commit(intake);
    } else {
        intake_refuse(intake, "DATA", "", permit->code, permit->text);
    }
    intake->resume_cb(intake->owner);
}

void intake_ask_permit(struct intake *intake)
{
    struct permit *permit = arena_must(1, sizeof *permit);
    permit->core = intake->worker->core;
    permit->home = &intake->worker->mailbox;
    permit->done_cb = on_permit;
    permit->owner = intake;
    permit->id = intake->id;
    bool is_archived = intake->rcpts[intake->rcpt_count - 1].is_archive;
    permit->recipients = intake->rcpt_count - (is_archived ? 1 : 0);
    (void)snprintf(permit->user, sizeof permit->user, "%s", intake->client.user->name);
    (void)snprintf(permit->client, sizeof permit->client, "%s", intake->client.ip);
    size_t length = 0;
    const char *block = message_block(&intake->message, &length);
    permit->kind =
        fingerprint_kind(&intake->print, intake->message.facts.subject, block, length);
    permit->body = fingerprint_body(&intake->print);
    while (permit->hash_count < PERMIT_HASHES &&
           permit->hash_count < permit->recipients) {
        permit->hashes[permit->hash_count] =
            fingerprint_text(intake->rcpts[permit->hash_count].address);
        permit->hash_count++;
    }
    intake->permit = permit;
    intake->worker->permits++;
    mailbox_post(intake->worker->core_mailbox, &permit->letter, core_on_permit);
}

/* From is held to the same rights as MAIL FROM: it is what people see. One whose senders
 * are limited writes one From with one address, and one that was not cut. */
bool intake_may_write_as(const struct intake *intake, char *text, size_t size)
{
    const struct users_user *user = intake->client.user;
    const struct message_facts *facts = &intake->message.facts;
    if (user == NULL || user->from_count == 0) {
        return true;
    }
    if (facts->from_fields != 1 || facts->from_addresses != 1 || facts->from[0] == '\0' ||
        strlen(facts->from) + 1 >= sizeof facts->from) {
        (void)snprintf(text, size, "5.7.1 user %s needs one From field with one address",
                       user->name);
        return false;
    }
    if (!users_may_send_as(user, facts->from)) {
        (void)snprintf(text, size, "5.7.1 user %s may not write From: <%.200s>",
                       user->name, facts->from);
        return false;
    }
    return true;
}
