#include "relay/settle.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/verdict.h"

#include "queue/queue.h"

#include "relay/answer.h"
#include "relay/bounce.h"
#include "relay/caught.h"
#include "relay/core.h"
#include "relay/entropy.h"
#include "relay/job.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/slot.h"
#include "relay/slots.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/teach.h"

#define REFUSED_A_TURN 100

/* ---- words ---- */

void settle_clean(const char *text, char *out, unsigned size)
{
    unsigned used = 0;
    for (; *text != '\0' && used + 1 < size; text++) {
        unsigned char byte = (unsigned char)*text;
        bool is_control = byte < 0x20 || byte == 0x7f;
        out[used] = *text;
        if (is_control) {
            out[used] = '?';
        }
        used++;
    }
    out[used] = '\0';
}

char *settle_reply_text(const struct reply *reply, char *out, unsigned size)
{
    char codes[32] = "";
    if (reply->code != 0 && reply->enhanced[0] != 0) {
        (void)snprintf(codes, sizeof codes, "%u %u.%u.%u ", reply->code,
                       reply->enhanced[0], reply->enhanced[1], reply->enhanced[2]);
    } else if (reply->code != 0) {
        (void)snprintf(codes, sizeof codes, "%u ", reply->code);
    }
    (void)snprintf(out, size, "%s%s", codes, reply->text);
    return out;
}

/* ---- one recipient ---- */

static uint32_t stream_of(const struct core *core, const char *name)
{
    uint32_t stream = config_stream_find(core->snapshot->config, name);
    return stream != CONFIG_NONE ? stream : core->snapshot->config->default_stream;
}

static void end_failed(struct answer *answer, struct change *change,
                       enum change_state state)
{
    const struct envelope *envelope = answer->envelope;
    enum bounce_action action = state == CHANGE_EXPIRED ? BOUNCE_EXPIRED : BOUNCE_FAILED;
    change->state = state;
    /* Without the envelope at hand a DSN is taken as owed; notice looks again. */
    change->ended =
        envelope != NULL &&
        !bounce_is_owed(envelope->sender,
                        envelope->recipients[answer->recipient.number].notify, action);
}

static void keep_waiting(struct answer *answer, struct change *change)
{
    struct core *core = answer->core;
    const struct snapshot_stream *stream = &core->snapshot->streams[answer->stream];
    if (answer->verdict.lane == VERDICT_LANE_UNREACHABLE) {
        /* No server has spoken: the destination waits, not the recipient. */
        change->state = CHANGE_WAITING;
        change->next_unix_ms = (uint64_t)answer->now_ms;
        return;
    }
    struct backoff_life life = {.lifetime_ns =
                                    (int64_t)(answer->message.expires_unix_ms -
                                              answer->message.accepted_unix_ms) *
                                    NOW_NS_PER_MS};
    struct backoff_ask ask = {
        .attempts = change->attempts,
        .age_ns =
            (answer->now_ms - (int64_t)answer->message.accepted_unix_ms) * NOW_NS_PER_MS,
        .wait_ns = answer->finding->wait_ns,
        .greylisted = answer->finding->class == FINDING_GREYLIST,
        .noticed = true, /* notices ring by the index's clock */
        .roll = entropy_roll()};
    struct backoff_answer next = backoff_next(&stream->schedule, &life, &ask);
    if (next.expired) {
        end_failed(answer, change, CHANGE_EXPIRED);
        return;
    }
    change->state = CHANGE_WAITING;
    change->next_unix_ms = (uint64_t)(answer->now_ms + next.wait_ns / NOW_NS_PER_MS);
}

/* A refusal that a stop has come of. A temporary one is due at once, so that it goes when
 * the stop is lifted; a final one is held for its one more try. True when it is caught.
 * Where nothing was stopped (a stream that only observes) the reply decides. */
static bool hold(struct answer *answer, struct answer_texts *texts, struct change *change)
{
    const struct config *config = answer->core->snapshot->config;
    const struct lane *lane = answer->lane;
    bool final = classify_is_permanent(answer->reply, answer->finding);
    bool is_stopped =
        answer->job != NULL && answer->job->may_stop &&
        (lane->source->stop.state != STOP_CLEAR || lane->stop.state != STOP_CLEAR);
    if (config->streams[answer->stream].on_block == CONFIG_ON_BLOCK_BOUNCE ||
        (!is_stopped && final)) {
        end_failed(answer, change, CHANGE_FAILED);
        return false;
    }
    if (!is_stopped) {
        keep_waiting(answer, change);
        return false;
    }
    if (final && caught_hold(answer, texts, change)) {
        return true;
    }
    if (final) {
        end_failed(answer, change, CHANGE_FAILED);
        return false;
    }
    change->state = CHANGE_WAITING;
    change->next_unix_ms = (uint64_t)answer->now_ms;
    return false;
}

/* Decide, write, tell. */
static void settle(struct answer *answer)
{
    struct core *core = answer->core;
    struct change change;
    struct answer_texts texts;
    bool is_caught = false;
    answer_fill(answer, &texts, &change);
    switch (answer->verdict.message) {
    case VERDICT_DONE:
        change.state = CHANGE_DELIVERED;
        change.ended = true;
        break;
    case VERDICT_BOUNCE: end_failed(answer, &change, CHANGE_FAILED); break;
    case VERDICT_HOLD: is_caught = hold(answer, &texts, &change); break;
    case VERDICT_RETRY: keep_waiting(answer, &change); break;
    }
    uint32_t recipient = records_add(core, &change);
    if (recipient == 0) {
        return;
    }
    answer_count(answer, &change);
    vigil_answer(core, answer, &change);
    suppression_answer(core, answer, &change);
    answer_log(answer, &change);
    if (is_caught) {
        caught_remember(core, answer);
    }
    if (change.state == CHANGE_WAITING) {
        struct recipient_view view;
        index_recipient(core->index, recipient, &view);
        scheduler_touch(core, view.flow);
    }
}

/* ---- a job ---- */

/* An operator may have ended it while it was out; then there is nothing to settle. */
static bool is_ours_still(struct core *core, const struct job *job, unsigned i)
{
    struct recipient_view view;
    if (index_find(core->index, job->id) != job->message ||
        index_recipient_of(core->index, job->message, job->rcpts[i].number) !=
            job->rcpts[i].handle) {
        return false;
    }
    index_recipient(core->index, job->rcpts[i].handle, &view);
    return !view.ended && view.phase == INDEX_OUT && view.flow != NULL;
}

/* Accepted; or perhaps so, as the answer to its final dot was lost. */
static bool is_spent(const struct job_rcpt *rcpt, const struct verdict *verdict)
{
    return verdict->message == VERDICT_DONE ||
           (rcpt->reply.stage == REPLY_STAGE_DOT && rcpt->reply.origin != REPLY_REMOTE);
}

static void settle_answered(struct core *core, struct job *job)
{
    struct lane *lane = job->slot->lane;
    struct dest *dest = NULL;
    uint32_t spent = 0; /* of ramps: over-counted, never under */
    uint32_t accepted = 0;
    for (unsigned i = 0; i < job->rcpt_count; i++) {
        struct job_rcpt *rcpt = &job->rcpts[i];
        struct verdict verdict = {.message = VERDICT_BOUNCE};
        if (!rcpt->is_suppressed) {
            verdict = verdict_of(&rcpt->reply, &rcpt->finding);
            /* Also when its recipient has ended: a worker has raised the flag. */
            teach_stops(core, job, rcpt, &verdict);
        }
        spent += is_spent(rcpt, &verdict);
        accepted += verdict.message == VERDICT_DONE;
        if (!is_ours_still(core, job, i)) {
            continue;
        }
        struct answer answer = {.core = core,
                                .job = job,
                                .reply = &rcpt->reply,
                                .finding = &rcpt->finding,
                                .envelope = &job->content.envelope,
                                .lane = lane,
                                .site = lane->site->name,
                                .verdict = verdict,
                                .is_suppressed = rcpt->is_suppressed,
                                .now_ms = now_unix_ms()};
        index_recipient(core->index, rcpt->handle, &answer.recipient);
        index_message(core->index, job->message, &answer.message);
        answer.stream = stream_of(core, answer.message.stream);
        if (dest == NULL) {
            struct lading *lading = answer.recipient.flow->owner;
            dest = lading->dest;
            teach_dest(dest, job, &answer.verdict);
        }
        if (!rcpt->is_suppressed && !job->is_archive) {
            ramps_evidence(core, lane, answer.verdict.ramp);
        }
        settle(&answer);
        if (answer.verdict.message == VERDICT_DONE && !job->peer.dsn) {
            notices_relayed(core, job, i);
        }
    }
    if (job->offered == 0) {
        stops_untried(core, job);
    }
    stops_sent(core, lane, accepted);
    ramps_settle(job, spent);
    teach_lane(core, job);
}

/* Nothing was tried: everything as before. */
static void settle_untried(struct core *core, struct job *job, uint64_t not_before_ms)
{
    struct lane *lane = job->slot->lane;
    for (unsigned i = 0; i < job->rcpt_count; i++) {
        struct recipient_view view;
        if (!is_ours_still(core, job, i)) {
            continue;
        }
        index_put_back(core->index, job->rcpts[i].handle, not_before_ms);
        index_recipient(core->index, job->rcpts[i].handle, &view);
        struct lading *lading = view.flow->owner;
        domains_untried(lading->dest);
        scheduler_touch(core, view.flow);
    }
    if (job->is_probe) {
        control_probe_lost(&lane->control, now_ns());
    }
    stops_untried(core, job);
    ramps_settle(job, 0);
}

static void settle_unreadable(struct core *core, struct job *job)
{
    char id[ID_BYTES];
    id_print(job->id, id);
    if (job->read_rc != -EBADMSG) {
        log_error("message %s cannot be read just now; it is tried again in a minute",
                  id);
        settle_untried(core, job, (uint64_t)now_unix_ms() + 60000);
        return;
    }
    log_error("message %s is damaged on the disk; it is held, see mesura queue show %s",
              id, id);
    struct dest *dest = NULL;
    for (unsigned i = 0; i < job->rcpt_count; i++) {
        struct answer answer = {.core = core, .now_ms = now_unix_ms()};
        if (!is_ours_still(core, job, i)) {
            continue;
        }
        struct change change;
        index_recipient(core->index, job->rcpts[i].handle, &answer.recipient);
        index_message(core->index, job->message, &answer.message);
        dest = ((struct lading *)answer.recipient.flow->owner)->dest;
        answer_fill(&answer, NULL, &change);
        change.state = CHANGE_HELD;
        change.reason = "the stored message is damaged";
        change.actor = "queue";
        (void)records_add(core, &change);
        answer.site = job->slot->lane->site->name;
        answer_log(&answer, &change);
    }
    if (dest != NULL) {
        domains_untried(dest);
    }
    stops_untried(core, job);
    ramps_settle(job, 0);
    if (job->is_probe) {
        control_probe_lost(&job->slot->lane->control, now_ns());
    }
}

/* Its clock has rung while it was out, and does not ring again. */
static void end_late(struct core *core, const struct job *job)
{
    struct message_view message = {.expires_unix_ms = UINT64_MAX};
    if (index_find(core->index, job->id) == job->message) {
        index_message(core->index, job->message, &message);
    }
    if (message.expires_unix_ms <= (uint64_t)now_unix_ms()) {
        settle_expired(core, job->message);
    }
}

void settle_job(struct core *core, struct job *job)
{
    struct slot *slot = job->slot;
    switch (job->outcome) {
    case JOB_ANSWERED:
        settle_answered(core, job);
        records_release(core, slot);
        break;
    case JOB_NOT_STARTED: settle_untried(core, job, 0); break;
    case JOB_UNREADABLE: settle_unreadable(core, job); break;
    }
    end_late(core, job);
    slots_idle(core, slot);
    slots_trim(slot->lane, now_ns());
    scheduler_kick(core, slot->lane->site);
    job_free(job);
}

/* ---- without a job ---- */

bool settle_refused(struct core *core, struct lading *lading, const struct reply *reply)
{
    struct finding finding;
    struct queue_message content = {0};
    const struct envelope *envelope = NULL;
    uint32_t message = 0; /* whose envelope that is: thousands may come in a row */
    bool is_empty = false;
    classify_reply(reply, "", &core->snapshot->classify, &finding);
    for (unsigned i = 0; i < REFUSED_A_TURN; i++) {
        uint32_t recipient =
            flow_pop_ready(core->index, lading->flow, (uint64_t)now_unix_ms());
        if (recipient == 0) {
            is_empty = true;
            break;
        }
        struct answer answer = {.core = core,
                                .reply = reply,
                                .finding = &finding,
                                .site = "",
                                .verdict = {.message = VERDICT_BOUNCE},
                                .now_ms = now_unix_ms()};
        index_recipient(core->index, recipient, &answer.recipient);
        index_message(core->index, answer.recipient.message, &answer.message);
        answer.stream = stream_of(core, answer.message.stream);
        if (message != answer.recipient.message) {
            queue_message_free(&content);
            content = (struct queue_message){0};
            message = answer.recipient.message;
            envelope = answer_read(core, message, &content);
        }
        answer.envelope = envelope;
        settle(&answer);
    }
    queue_message_free(&content);
    return !is_empty && flow_next_due_ms(core->index, lading->flow) == 0;
}

void settle_expired(struct core *core, uint32_t message)
{
    struct message_view view;
    struct queue_message content = {0};
    index_message(core->index, message, &view);
    const struct envelope *envelope = answer_read(core, message, &content);
    struct recipient_view recipient;
    for (uint32_t at = view.first; at != 0; at = recipient.next) {
        index_recipient(core->index, at, &recipient);
        bool waits = recipient.state == CHANGE_WAITING || recipient.state == CHANGE_HELD;
        if (recipient.ended || recipient.phase == INDEX_OUT || !waits) {
            continue; /* what is out expires when it comes back, if it must */
        }
        struct lading *lading = recipient.flow->owner;
        struct answer answer = {.core = core,
                                .reply = lading != NULL ? lading->dest->reply : NULL,
                                .recipient = recipient,
                                .message = view,
                                .envelope = envelope,
                                .site = lading != NULL && lading->dest->site != NULL
                                            ? lading->dest->site->name
                                            : "",
                                .now_ms = now_unix_ms()};
        struct change change;
        struct answer_texts texts;
        answer_fill(&answer, &texts, &change);
        change.state = CHANGE_EXPIRED;
        if (records_add(core, &change) != 0) {
            answer_count(&answer, &change);
            vigil_answer(core, &answer, &change);
            answer_log(&answer, &change);
        }
    }
    queue_message_free(&content);
}

void settle_suppressed(struct core *core, uint32_t message,
                       const struct envelope *envelope)
{
    struct message_view view;
    struct recipient_view recipient;
    struct suppression_entry entry;
    if (core->suppression.blocking == 0 || (envelope->flags & ENVELOPE_IS_DSN) != 0) {
        return;
    }
    index_message(core->index, message, &view);
    for (uint32_t at = view.first; at != 0;) {
        index_message(core->index, message, &view);
        index_recipient(core->index, at, &recipient);
        at = recipient.next;
        if (!suppression_blocks(
                &core->suppression, core->snapshot->config, envelope->stream,
                envelope->recipients[recipient.number].address, now_unix_ms(), &entry)) {
            continue;
        }
        struct reply reply;
        suppression_reply(&entry, &reply);
        struct answer answer = {.core = core,
                                .reply = &reply,
                                .recipient = recipient,
                                .message = view,
                                .envelope = envelope,
                                .site = "",
                                .verdict = {.message = VERDICT_BOUNCE},
                                .stream = stream_of(core, envelope->stream),
                                .is_suppressed = true,
                                .now_ms = now_unix_ms()};
        settle(&answer);
    }
}
