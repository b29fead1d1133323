#include "relay/answer.h"

#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/hourly.h"
#include "relay/job.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/slot.h"

void answer_fill(const struct answer *answer, struct answer_texts *texts,
                 struct change *change)
{
    const struct reply *reply = answer->reply;
    change_init(change);
    change->id = answer->message.id;
    change->home = answer->message.place.segment;
    change->number = answer->recipient.number;
    change->attempts = answer->recipient.attempts;
    change->when_unix_ms = (uint64_t)answer->now_ms;
    change->source = answer->recipient.flow->source;
    change->previous = answer->recipient.last;
    if (reply == NULL) {
        return;
    }
    settle_clean(reply->text, texts->text, sizeof texts->text);
    change->text = texts->text;
    change->stage = (uint8_t)reply->stage;
    change->origin = (uint8_t)reply->origin;
    change->code = reply->code;
    memcpy(change->enhanced, reply->enhanced, sizeof change->enhanced);
    change->reply_class = answer->finding != NULL ? (uint8_t)answer->finding->class : 0;
    if (answer->job == NULL) {
        return;
    }
    /* Only an answer of the other side counts: silence must not lengthen the backoff. Nor
     * does a fault of ours; TLS or a login that we cannot have with them is no such. */
    bool is_their_tls =
        reply->origin == REPLY_LOCAL &&
        (reply->stage == REPLY_STAGE_STARTTLS || reply->stage == REPLY_STAGE_AUTH);
    if (reply->origin == REPLY_REMOTE || reply->origin == REPLY_MALFORMED ||
        is_their_tls) {
        change->attempts++;
    }
    settle_clean(answer->job->remote_host, texts->host, sizeof texts->host);
    change->host = texts->host;
    char address[NETADDR_TEXT_BYTES];
    (void)snprintf(texts->address, sizeof texts->address, "%s",
                   netaddr_format_port(&answer->job->remote, address));
    change->address = texts->address;
    settle_clean(answer->job->tls_facts.text, texts->tls, sizeof texts->tls);
    change->tls = texts->tls;
    change->took_ms =
        (uint64_t)((answer->job->connect_ns + answer->job->transmit_ns) / NOW_NS_PER_MS);
    if (answer->verdict.sticks) {
        change->source = answer->lane->source->name;
    }
}

static enum log_kind kind_of(const struct answer *answer, const struct change *change)
{
    if (answer->is_suppressed) {
        return LOG_SUPPRESSED;
    }
    switch (change->state) {
    case CHANGE_DELIVERED: return LOG_DELIVERED;
    case CHANGE_FAILED: return LOG_BOUNCED;
    case CHANGE_EXPIRED: return LOG_EXPIRED;
    case CHANGE_HELD: return LOG_HELD;
    case CHANGE_WAITING:
    case CHANGE_RELAYED:
    case CHANGE_PURGED:
    case CHANGE_NOTICED:
    case CHANGE_STATES: break;
    }
    return LOG_DEFERRED;
}

void answer_log(const struct answer *answer, const struct change *change)
{
    const struct job *job = answer->job;
    struct log_event event = {
        .kind = kind_of(answer, change),
        .unix_ms = answer->now_ms,
        .id = answer->message.id,
        .stream = answer->message.stream,
        .user = answer->message.user,
        .site = answer->site,
        .reply = answer->reply,
        .class =
            answer->finding != NULL ? finding_class_name(answer->finding->class) : "",
        .scope =
            answer->finding != NULL ? finding_scope_name(answer->finding->scope) : "",
        .dnsbl = answer->finding != NULL ? answer->finding->list : "",
        .delay_ms = answer->now_ms - id_unix_ms(answer->message.id),
        .attempt = change->attempts,
        .next_unix_ms = (int64_t)change->next_unix_ms,
        .size_bytes = answer->message.size_bytes,
        .message_ends = change->ended && answer->message.live == 1};
    char ip[NETADDR_TEXT_BYTES] = "";
    if (answer->envelope != NULL) {
        event.sender = answer->envelope->sender;
        event.recipient = answer->envelope->recipients[answer->recipient.number].address;
        event.job = answer->envelope->job;
        event.message_id = answer->envelope->message_id;
        event.size_bytes = answer->envelope->size_bytes;
    }
    if (job != NULL) {
        event.source = answer->lane->source->name;
        event.remote_host = job->remote_host;
        event.remote_ip = netaddr_format(&job->remote, ip);
        event.remote_port = job->remote.port;
        event.tls = job->tls_facts.text;
        event.tls_policy = job->tls_facts.policy;
        event.tls_subject = job->tls_facts.subject;
        event.tls_issuer = job->tls_facts.issuer;
        event.queued_ms = (int64_t)job->waited_ms;
        event.connect_ms = job->connect_ns / NOW_NS_PER_MS;
        event.transmit_ms = job->transmit_ns / NOW_NS_PER_MS;
    }
    log_event(&event);
}

/* What counts as a result in the report; NULL: nothing has been decided. */
static const char *result_of(const struct change *change)
{
    switch (change->state) {
    case CHANGE_DELIVERED: return "delivered";
    case CHANGE_WAITING: return "deferred";
    case CHANGE_FAILED: return "bounced";
    case CHANGE_EXPIRED: return "expired";
    case CHANGE_HELD:
    case CHANGE_RELAYED:
    case CHANGE_PURGED:
    case CHANGE_NOTICED:
    case CHANGE_STATES: break;
    }
    return NULL;
}

static void count_hour(const struct answer *answer, const struct change *change)
{
    struct hourly *hours = answer->core->hours;
    const char *what = result_of(change);
    if (what != NULL) {
        hourly_add(hours, "total", what, "", answer->now_ms);
        hourly_add(hours, "stream", what, answer->message.stream, answer->now_ms);
        if (answer->site != NULL && answer->site[0] != '\0') {
            hourly_add(hours, "site", what, answer->site, answer->now_ms);
        }
    }
    const struct reply *reply = answer->reply;
    if (reply == NULL || answer->finding == NULL || reply->origin != REPLY_REMOTE ||
        reply->code < 400) {
        return;
    }
    hourly_add(hours, "class", "replies", finding_class_name(answer->finding->class),
               answer->now_ms);
    if ((answer->finding->flags & FINDING_UNKNOWN) != 0) {
        char shape[HOURLY_SHAPE_BYTES];
        hourly_shape(reply, shape);
        hourly_add(hours, "unknown", "replies", shape, answer->now_ms);
    }
}

void answer_count(const struct answer *answer, const struct change *change)
{
    struct core *core = answer->core;
    count_hour(answer, change);
    struct tally *tallies[4] = {
        NULL, NULL, NULL, stream_tally(&core->stream_tallies, answer->message.stream)};
    if (answer->lane != NULL) {
        tallies[0] = &answer->job->slot->lane->tally;
        tallies[1] = &answer->job->slot->lane->source->tally;
        tallies[2] = &answer->job->slot->lane->site->tally;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (tallies[i] != NULL) {
            tallies[i]->delivered += change->state == CHANGE_DELIVERED;
            tallies[i]->retried += change->state == CHANGE_WAITING;
            tallies[i]->bounced +=
                change->state == CHANGE_FAILED || change->state == CHANGE_EXPIRED;
        }
    }
    core->suppression.refused += answer->is_suppressed;
    core->counts.delivered += change->state == CHANGE_DELIVERED;
    core->counts.retried += change->state == CHANGE_WAITING;
    core->counts.bounced += change->state == CHANGE_FAILED;
    core->counts.expired += change->state == CHANGE_EXPIRED;
}

const struct envelope *answer_read(struct core *core, uint32_t message,
                                   struct queue_message *content)
{
    struct queue_pin pin = {0};
    if (queue_pin_message(core->queue, message, &pin) != 0) {
        return NULL;
    }
    int rc = queue_read_message(&pin, true, content);
    queue_unpin(&pin);
    return rc == 0 ? &content->envelope : NULL;
}
