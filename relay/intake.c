#include "relay/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/accept.h"
#include "relay/arena.h"
#include "relay/headeredit.h"
#include "relay/idn.h"
#include "relay/intake_parts.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/rewrite.h"
#include "relay/sealing.h"
#include "relay/snapshot.h"
#include "relay/terms.h"
#include "relay/worker.h"

#define ANSWER_BYTES       400
#define TOO_LARGE_FOR_USER "5.3.4 larger than this user may send"

void intake_init(struct intake *intake, struct worker *worker, struct snapshot *snapshot,
                 struct smtp_in *engine)
{
    intake->worker = worker;
    intake->snapshot = snapshot;
    intake->engine = engine;
}

void intake_done(struct intake *intake)
{
    intake_reset(intake);
    free(intake->rcpts);
    intake->rcpts = NULL;
    intake->rcpt_room = 0;
}

void intake_refuse(struct intake *intake, const char *command, const char *recipient,
                   unsigned code, const char *text)
{
    char whole[ANSWER_BYTES + 8];
    (void)snprintf(whole, sizeof whole, "%u %s", code, text);
    log_session(&(struct log_session){
        .kind = LOG_SESSION_REJECT,
        .client_ip = intake->client.ip,
        .helo = smtp_in_helo(intake->engine),
        .command = command,
        .sender = intake->sender,
        .recipient = recipient,
        .user = intake->client.user != NULL ? intake->client.user->name : "",
        .text = whole});
    (void)__atomic_add_fetch(&intake->worker->counts.refused, 1, __ATOMIC_RELAXED);
    smtp_in_answer(intake->engine, code, text);
}

void intake_refuse_credit(struct intake *intake, const char *command, int rc)
{
    switch (rc) {
    case -ENOSPC:
        intake_refuse(intake, command, "", 452,
                      "4.3.1 the disk of this relay is nearly full; try again later");
        return;
    case -ENOMEM:
        intake_refuse(intake, command, "", 452,
                      "4.3.1 the queue of this relay is full; try again later");
        return;
    case -EMSGSIZE:
        intake_refuse(
            intake, command, "", 552,
            "5.3.4 the envelope is larger than this relay can keep; send to fewer "
            "recipients at once");
        return;
    default:
        intake_refuse(intake, command, "", 451,
                      "4.3.0 the queue of this relay cannot be written; try again later");
        return;
    }
}

/* May this client relay at all? */
static bool check_client(struct intake *intake)
{
    const struct config_listener *listener = intake->client.door;
    char text[ANSWER_BYTES];
    if (intake->worker->refuses) {
        intake_refuse(intake, "MAIL", "", 421,
                      "4.3.2 this relay is being emptied; use another");
        return false;
    }
    if (listener->returns) {
        return true; /* from anybody, but to our return paths alone */
    }
    if (intake->client.user == NULL) {
        if (intake->client.is_trusted && listener->auth != CONFIG_AUTH_REQUIRED) {
            return true;
        }
        if (listener->auth != CONFIG_AUTH_NONE) {
            intake_refuse(intake, "MAIL", "", 530, "5.7.0 authentication required");
            return false;
        }
        (void)snprintf(text, sizeof text,
                       "5.7.1 relaying denied: %s is not in the trust of listener %s",
                       intake->client.ip, listener->name);
        intake_refuse(intake, "MAIL", "", 550, text);
        return false;
    }
    if (!users_may_come_from(intake->client.user, intake->client.ip)) {
        (void)snprintf(text, sizeof text, "5.7.1 user %s may not send from %s",
                       intake->client.user->name, intake->client.ip);
        intake_refuse(intake, "MAIL", "", 550, text);
        return false;
    }
    if (!users_may_send_as(intake->client.user, intake->sender)) {
        (void)snprintf(text, sizeof text, "5.7.1 user %s may not send as <%.200s>",
                       intake->client.user->name, intake->sender);
        intake_refuse(intake, "MAIL", "", 550, text);
        return false;
    }
    return true;
}

static bool is_above_users_limit(const struct intake *intake, uint64_t size_bytes)
{
    const struct users_user *user = intake->client.user;
    return user != NULL && user->max_message_bytes != 0 &&
           size_bytes > user->max_message_bytes;
}

/* The sender as it shall leave: with a domain, and as the table of rewrites says. */
static bool take_sender(struct intake *intake, const struct address *sender)
{
    char better[2 * ADDRESS_BYTES];
    struct address rewritten = *sender;
    if (rewrite_sender(intake->snapshot->config, sender->text, better, sizeof better) &&
        address_parse(better, strlen(better), true, &rewritten) != ADDRESS_OK) {
        return false;
    }
    memcpy(intake->sender, rewritten.text, sizeof intake->sender);
    return rewritten.has_domain &&
           address_domain_ascii(&rewritten, idn_to_ascii, intake->sender_domain,
                                sizeof intake->sender_domain);
}

void intake_mail(struct intake *intake, const struct address *sender,
                 const struct mail_params *params)
{
    intake_reset(intake);
    intake->params = *params;
    memcpy(intake->sender, sender->text, sizeof intake->sender);
    intake->sender_domain[0] = '\0';
    if (!address_is_null(sender) && !take_sender(intake, sender)) {
        intake_refuse(intake, "MAIL", "", 553,
                      "5.1.7 the sender's domain is not a domain");
        return;
    }
    if (!check_client(intake)) {
        return;
    }
    if (is_above_users_limit(intake, params->size_bytes)) {
        intake_refuse(intake, "MAIL", "", 552, TOO_LARGE_FOR_USER);
        return;
    }
    int rc = queue_reserve(intake->worker->queue, params->size_bytes, 1);
    if (rc != 0) {
        intake_refuse_credit(intake, "MAIL", rc);
        return;
    }
    queue_unreserve(intake->worker->queue, params->size_bytes, 1);
    smtp_in_answer(intake->engine, 250, "2.1.0 sender ok");
}

static void on_room(void *owner)
{
    struct intake *intake = owner;
    intake->is_blocked = false;
    intake->resume_cb(intake->owner);
}

void intake_data(struct intake *intake)
{
    int rc = accept_open(&intake->accept, intake->worker, intake->params.size_bytes,
                         intake->rcpt_count + 1, on_room, intake); /* 1: an archive */
    if (rc != 0) {
        intake->accept = NULL;
        intake_refuse_credit(intake, "DATA", rc);
        return;
    }
    intake->id = accept_id(intake->accept);
    message_init(&intake->message);
    fingerprint_init(&intake->print);
    intake->has_content = true;
    intake->content_bytes = 0;
    smtp_in_answer(intake->engine, 354, "go ahead, end with a line that is a single dot");
}

/* Body bytes: hashed for the signature, and on their way to the disk. False when the
 * content is refused. */
static bool take_body(struct intake *intake, const char *bytes, size_t length)
{
    if (intake->client.user != NULL) {
        fingerprint_feed(&intake->print, bytes, length);
    }
    if (intake->body_hash != NULL) {
        dkim_body_feed(intake->body_hash, bytes, length);
    }
    int rc = accept_body(intake->accept, bytes, length);
    if (rc != 0) {
        smtp_in_refuse_content(
            intake->engine, rc == -EIO ? 451 : 452,
            rc == -EIO
                ? "4.3.0 the queue of this relay cannot be written; try again later"
                : "4.3.1 this relay has no room for the message; try again later");
        return false;
    }
    intake->is_blocked = !accept_wants_more(intake->accept);
    return true;
}

/* The header as it shall leave, but for what message_build adds. */
static void edit_header(struct intake *intake)
{
    struct textbuf edited;
    size_t length = 0;
    const char *block = message_block(&intake->message, &length);
    textbuf_init(&edited, (size_t)LIMIT_HEADER_BYTES);
    if (headeredit_apply(intake->snapshot->config, terms_stream(intake), block, length,
                         &edited) &&
        !edited.failed) {
        message_replace(&intake->message, &edited);
    }
    textbuf_done(&edited);
}

/* The header is complete: what was taken of the body before that was known goes first. */
static bool begin_body(struct intake *intake)
{
    size_t length = 0;
    edit_header(intake);
    const char *prefix = message_prefix(&intake->message, &length);
    intake->has_body = true;
    if (sealing_wants(intake->snapshot, &intake->message)) {
        intake->body_hash = dkim_body_new();
    }
    return length == 0 || take_body(intake, prefix, length);
}

void intake_content(struct intake *intake, const char *bytes, size_t length)
{
    struct message *message = &intake->message;
    intake->content_bytes += length;
    if (is_above_users_limit(intake, intake->content_bytes)) {
        smtp_in_refuse_content(intake->engine, 552, TOO_LARGE_FOR_USER);
        return;
    }
    if (intake->returns != NULL) {
        intake_returns_content(intake, bytes, length);
    }
    size_t used = message_feed(message, bytes, length);
    if (message->refusal.code != 0) {
        smtp_in_refuse_content(intake->engine, message->refusal.code,
                               message->refusal.text);
        return;
    }
    if (message->header_done && !intake->has_body && !begin_body(intake)) {
        return;
    }
    if (used < length) {
        (void)take_body(intake, bytes + used, length - used);
    }
}

void intake_content_end(struct intake *intake, const struct smtp_in_content *content)
{
    message_end(&intake->message);
    if (!intake->has_body && !begin_body(intake)) {
        intake_refuse_credit(intake, "DATA", -ENOSPC);
        return;
    }
    struct message_refusal refusal = message_check(&intake->message);
    char text[ANSWER_BYTES];
    if (refusal.code != 0) {
        intake_refuse(intake, "DATA", "", refusal.code, refusal.text);
        return;
    }
    if (intake->returns != NULL) {
        intake->content = *content;
        intake_returns_ask(intake);
        return;
    }
    if (!terms_read(intake, &intake->terms, text, sizeof text) ||
        !intake_may_write_as(intake, text, sizeof text)) {
        intake_refuse(intake, "DATA", "", 550, text);
        return;
    }
    if (!intake_add_archive(intake) || !terms_route(intake, intake->terms.stream)) {
        intake_refuse(intake, "DATA", "", 550,
                      "5.1.2 a recipient's domain is too long for a route by sender");
        return;
    }
    intake->content = *content;
    if (intake->client.user != NULL) {
        intake_ask_permit(intake);
    } else {
        intake_commit(intake);
    }
}

void intake_reset(struct intake *intake)
{
    intake_clear_rcpts(intake);
    if (intake->has_content) {
        message_done(&intake->message);
        intake->has_content = false;
    }
    intake_returns_free(intake->returns);
    intake->returns = NULL;
    dkim_body_free(intake->body_hash);
    intake->body_hash = NULL;
    accept_leave(intake->accept);
    intake->accept = NULL;
    /* A message that is being committed comes in, though nobody hears of it. */
    intake_end_permit(intake, intake->is_committing);
    intake->is_committing = false;
    intake->is_blocked = false;
    intake->has_body = false;
}

bool intake_wants_input(const struct intake *intake)
{
    return !intake->is_blocked;
}
