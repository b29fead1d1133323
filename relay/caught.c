/* Good path: a final refusal -> held -> (the stop ends: waiting again, one more try) or
 * (its time comes: failed, with a DSN).
 *
 * Failure modes: an operator releases or ends it first (the entry is dropped when looked
 * at); the book is full (bounced at once); a crash (caught_recover reads the disk). */

#include "relay/caught.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/answer.h"
#include "relay/arena.h"
#include "relay/bounce.h"
#include "relay/core.h"
#include "relay/job.h"
#include "relay/limits.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/slot.h"
#include "relay/snapshot.h"
#include "relay/stops.h"

#define HOUR_MS      INT64_C(3600000)
#define TELL_MS      (4 * HOUR_MS)  /* then the sender is told; bulk after ... */
#define TELL_BULK_MS (24 * HOUR_MS) /* ... a day */
#define SHORT_MS     (HOUR_MS / 2)  /* to live: then waiting is of no use */
#define ENDS_A_TICK  200
#define WALK_A_TICK  2000
#define STEPS_BACK   8
#define STOPPED_AT   "stopped at "
#define CAUGHT_BY    "stop"

struct caught_entry {
    struct list_node node;
    uint64_t id;
    uint16_t number;
    const struct source *source; /* borrowed: lives as long as core's sources */
    char site[272];
    int64_t due_unix_ms;
};

void caught_init(struct caught *caught)
{
    list_init(&caught->list);
    caught->count = 0;
}

static void drop(struct caught *caught, struct caught_entry *entry)
{
    list_remove(&entry->node);
    caught->count--;
    free(entry);
}

void caught_done(struct caught *caught)
{
    list_each_safe (node, &caught->list) {
        drop(caught, LIST_OWNER(node, struct caught_entry, node));
    }
}

/* ---- one that is caught ---- */

static bool is_bulk(const struct core *core, const char *stream)
{
    const struct config *config = core->snapshot->config;
    uint32_t index = config_stream_find(config, stream);
    return index != CONFIG_NONE && stops_is_bulk(config, &config->streams[index]);
}

/* Read a change of a recipient and go one back. False at the end of the chain. */
static bool step_back(struct core *core, const struct recipient_view *view,
                      struct place *place, struct change *out, uint8_t **out_block)
{
    struct queue_pin pin = {0};
    if (place->segment == 0 || queue_pin_place(core->queue, place, &pin) != 0) {
        return false;
    }
    int rc = queue_read_change(&pin, view->id, view->number, out, out_block);
    queue_unpin(&pin);
    if (rc != 0) {
        return false;
    }
    *place = out->previous;
    return true;
}

static bool is_catch(const struct change *change)
{
    return change->state == CHANGE_HELD && strcmp(change->actor, CAUGHT_BY) == 0;
}

/* Has it been caught before, and was it given its one more try? */
static bool was_caught(struct core *core, const struct recipient_view *view)
{
    struct place place = view->last;
    struct change change;
    bool found = false;
    for (unsigned i = 0; i < STEPS_BACK && !found; i++) {
        uint8_t *block = NULL;
        if (!step_back(core, view, &place, &change, &block)) {
            return false;
        }
        found = is_catch(&change);
        free(block);
    }
    return found;
}

/* Microsoft forbids sending a refused message again. */
static bool forbids_again(const struct answer *answer)
{
    const char *host = answer->job->remote_host;
    static const char suffix[] = ".outlook.com";
    size_t length = strlen(host);
    bool microsoft = length >= sizeof suffix - 1 &&
                     strcmp(host + length - (sizeof suffix - 1), suffix) == 0;
    return microsoft || strcmp(answer->site, "outlook") == 0 ||
           strcmp(answer->site, "microsoft365") == 0;
}

bool caught_hold(const struct answer *answer, struct answer_texts *texts,
                 struct change *change)
{
    struct core *core = answer->core;
    if (forbids_again(answer) || core->caught.count >= LIMIT_CAUGHT ||
        was_caught(core, &answer->recipient)) {
        return false;
    }
    (void)snprintf(texts->reason, sizeof texts->reason, STOPPED_AT "%.200s",
                   answer->site);
    change->state = CHANGE_HELD;
    change->actor = CAUGHT_BY;
    change->reason = texts->reason;
    return true;
}

static void add(struct core *core, const struct caught_entry *entry)
{
    struct caught_entry *copy = arena_must(1, sizeof *copy);
    *copy = *entry;
    copy->node = (struct list_node){0};
    list_push_back(&core->caught.list, &copy->node);
    core->caught.count++;
}

void caught_remember(struct core *core, const struct answer *answer)
{
    struct caught_entry entry = {
        .id = answer->message.id,
        .number = answer->recipient.number,
        .source = answer->job->slot->lane->source,
        .due_unix_ms = answer->now_ms +
                       (is_bulk(core, answer->message.stream) ? TELL_BULK_MS : TELL_MS)};
    (void)snprintf(entry.site, sizeof entry.site, "%s", answer->site);
    add(core, &entry);
}

/* ---- what becomes of it ---- */

/* The recipient, when it is still held. */
static bool find(struct core *core, const struct caught_entry *entry,
                 struct recipient_view *out, struct message_view *out_message)
{
    uint32_t message = index_find(core->index, entry->id);
    uint32_t recipient =
        message != 0 ? index_recipient_of(core->index, message, entry->number) : 0;
    if (recipient == 0) {
        return false;
    }
    index_recipient(core->index, recipient, out);
    index_message(core->index, message, out_message);
    return !out->ended && out->state == CHANGE_HELD && out->flow != NULL;
}

/* Write down what is decided and say it. */
static void settle(struct core *core, const struct recipient_view *view,
                   const struct message_view *message, const char *site,
                   const struct reply *reply, struct change *decided)
{
    struct queue_message content = {0};
    struct answer answer = {.core = core,
                            .reply = reply,
                            .recipient = *view,
                            .message = *message,
                            .site = site,
                            .now_ms = now_unix_ms()};
    struct answer_texts texts;
    struct change change;
    answer.envelope = answer_read(core, view->message, &content);
    answer_fill(&answer, &texts, &change);
    change.state = decided->state;
    change.next_unix_ms = decided->next_unix_ms;
    change.actor = decided->actor;
    change.reason = decided->reason;
    if (change.state == CHANGE_FAILED && answer.envelope != NULL) {
        const struct envelope *envelope = answer.envelope;
        change.ended = !bounce_is_owed(
            envelope->sender, envelope->recipients[view->number].notify, BOUNCE_FAILED);
    }
    uint32_t recipient = records_add(core, &change);
    if (recipient != 0 && change.state == CHANGE_WAITING) {
        struct recipient_view after;
        index_recipient(core->index, recipient, &after);
        scheduler_touch(core, after.flow);
        log_event(&(struct log_event){.kind = LOG_RELEASED,
                                      .unix_ms = answer.now_ms,
                                      .id = message->id,
                                      .stream = message->stream,
                                      .site = site,
                                      .actor = change.actor,
                                      .text = change.reason});
    } else if (recipient != 0) {
        answer_count(&answer, &change);
        answer_log(&answer, &change);
    }
    queue_message_free(&content);
}

void caught_release(struct core *core, const struct source *source, const char *site)
{
    struct change change = {.state = CHANGE_WAITING,
                            .next_unix_ms = (uint64_t)now_unix_ms(),
                            .actor = CAUGHT_BY,
                            .reason = "the stop is over: it is tried once more"};
    list_each_safe (node, &core->caught.list) {
        struct caught_entry *entry = LIST_OWNER(node, struct caught_entry, node);
        struct recipient_view view;
        struct message_view message;
        if (entry->source != source ||
            (site[0] != '\0' && strcmp(entry->site, site) != 0)) {
            continue;
        }
        if (find(core, entry, &view, &message)) {
            settle(core, &view, &message, entry->site, NULL, &change);
        }
        drop(&core->caught, entry);
    }
}

/* Its time is over: the sender is told, with the reply that it got. */
static void end_one(struct core *core, const struct caught_entry *entry,
                    struct change *decided)
{
    struct recipient_view view;
    struct message_view message;
    struct change last;
    struct reply reply = {0};
    uint8_t *block = NULL;
    if (!find(core, entry, &view, &message)) {
        return;
    }
    struct place place = view.last;
    bool known = step_back(core, &view, &place, &last, &block);
    if (known) {
        reply = (struct reply){.stage = (enum reply_stage)last.stage,
                               .origin = (enum reply_origin)last.origin,
                               .code = last.code};
        memcpy(reply.enhanced, last.enhanced, sizeof reply.enhanced);
        (void)snprintf(reply.text, sizeof reply.text, "%s", last.text);
    }
    settle(core, &view, &message, entry->site, known ? &reply : NULL, decided);
    free(block);
}

static void end_due(struct core *core, int64_t now_unix_ms)
{
    struct change change = {
        .state = CHANGE_FAILED,
        .actor = CAUGHT_BY,
        .reason = "refused when the source was stopped, which has not ended since"};
    unsigned ended = 0;
    list_each_safe (node, &core->caught.list) {
        struct caught_entry *entry = LIST_OWNER(node, struct caught_entry, node);
        if (entry->due_unix_ms > now_unix_ms) {
            continue; /* bulk and others are not in one order */
        }
        end_one(core, entry, &change);
        drop(&core->caught, entry);
        if (++ended >= ENDS_A_TICK) {
            return;
        }
    }
}

/* ---- those whose time is short ---- */

/* Is the path from this source stopped for longer than that? */
static bool is_stopped_past(struct core *core, struct source *source, struct site *site,
                            const struct config_stream *stream, int64_t expires_ns)
{
    const struct config *config = core->snapshot->config;
    int64_t until_ns = 0;
    if (stops_source_holds(source, config, stream, &until_ns) && until_ns > expires_ns) {
        return true;
    }
    const struct lane *lane = sites_lane_find(site, source);
    return lane != NULL && lane->stop.state != STOP_CLEAR &&
           stops_lane_holds(lane, config, stream, now_ns(), &until_ns) &&
           until_ns > expires_ns;
}

static bool has_no_way(struct core *core, const struct recipient_view *view,
                       const struct config_stream *stream, struct site *site,
                       int64_t expires_ns)
{
    const char *bound = view->flow->source;
    if (stream->fallback_source != CONFIG_NONE) {
        return false;
    }
    if (bound[0] != '\0') {
        struct source *source = sources_find(&core->sources, bound);
        return source != NULL && is_stopped_past(core, source, site, stream, expires_ns);
    }
    for (size_t i = 0; i < stream->sources.count; i++) {
        struct source *source = sources_at(&core->sources, stream->sources.items[i]);
        if (!is_stopped_past(core, source, site, stream, expires_ns)) {
            return false;
        }
    }
    return true;
}

static void fail_short(struct core *core, uint32_t handle)
{
    const struct config *config = core->snapshot->config;
    struct message_view message;
    struct recipient_view view;
    index_message(core->index, handle, &message);
    int64_t left_ms = (int64_t)message.expires_unix_ms - now_unix_ms();
    uint32_t stream = config_stream_find(config, message.stream);
    if (left_ms > SHORT_MS || stream == CONFIG_NONE ||
        stops_is_bulk(config, &config->streams[stream]) ||
        config->streams[stream].mode == CONFIG_MODE_OBSERVE) {
        return;
    }
    struct reply reply = {.stage = REPLY_STAGE_CONNECT,
                          .origin = REPLY_LOCAL,
                          .enhanced = {5, 4, 7},
                          .text = "the sending address is out of service for this "
                                  "receiver for longer than the message may wait"};
    struct change change = {.state = CHANGE_FAILED, .actor = "", .reason = ""};
    for (uint32_t at = message.first; at != 0; at = view.next) {
        index_recipient(core->index, at, &view);
        bool waits = view.phase == INDEX_READY || view.phase == INDEX_DEFERRED;
        const struct lading *lading = waits ? view.flow->owner : NULL;
        struct site *site = lading != NULL ? lading->dest->site : NULL;
        if (site != NULL && view.attempts == 0 && !view.ended &&
            has_no_way(core, &view, &config->streams[stream], site,
                       now_from_unix_ms((int64_t)message.expires_unix_ms))) {
            settle(core, &view, &message, site->name, &reply, &change);
        }
    }
}

/* Does any stop keep mail that is not bulk? */
static bool is_any_stopped(const struct core *core)
{
    for (uint32_t i = 0; i < core->sources.count; i++) {
        const struct source *source = core->sources.items[i];
        if (source->stop.state != STOP_CLEAR) {
            return true;
        }
        list_each (node, &source->lanes) {
            if (LIST_OWNER(node, struct lane, by_source)->stop.state != STOP_CLEAR) {
                return true;
            }
        }
    }
    return false;
}

void caught_tick(struct core *core, int64_t now_unix_ms)
{
    struct caught *caught = &core->caught;
    uint32_t messages[256];
    end_due(core, now_unix_ms);
    if (!is_any_stopped(core)) {
        caught->cursor = 0;
        return;
    }
    for (unsigned looked = 0; looked < WALK_A_TICK; looked += 256) {
        unsigned count = index_each(core->index, &caught->cursor, messages, 256);
        for (unsigned i = 0; i < count; i++) {
            fail_short(core, messages[i]);
        }
        if (caught->cursor == 0) {
            return; /* once around is enough for a second */
        }
    }
}

/* ---- after a start ---- */

static void recover_one(struct core *core, const struct recipient_view *view,
                        const struct message_view *message)
{
    struct place place = view->last;
    struct change change;
    uint8_t *block = NULL;
    if (!step_back(core, view, &place, &change, &block)) {
        return;
    }
    struct caught_entry entry = {.id = view->id,
                                 .number = view->number,
                                 .source = sources_find(&core->sources, change.source)};
    if (is_catch(&change) &&
        strncmp(change.reason, STOPPED_AT, strlen(STOPPED_AT)) == 0) {
        bool bulk = is_bulk(core, message->stream);
        entry.due_unix_ms =
            (int64_t)change.when_unix_ms + (bulk ? TELL_BULK_MS : TELL_MS);
        (void)snprintf(entry.site, sizeof entry.site, "%s",
                       change.reason + strlen(STOPPED_AT));
        add(core, &entry);
    }
    free(block);
}

static void recover_message(struct core *core, uint32_t handle)
{
    struct message_view message;
    struct recipient_view view;
    index_message(core->index, handle, &message);
    for (uint32_t at = message.first; at != 0; at = view.next) {
        index_recipient(core->index, at, &view);
        if (!view.ended && view.state == CHANGE_HELD) {
            recover_one(core, &view, &message);
        }
    }
}

void caught_recover(struct core *core)
{
    struct index_stats stats;
    uint32_t cursor = 0;
    uint32_t messages[256];
    index_stats(core->index, &stats);
    if (stats.held == 0) {
        return;
    }
    do {
        unsigned count = index_each(core->index, &cursor, messages, 256);
        for (unsigned i = 0; i < count; i++) {
            recover_message(core, messages[i]);
        }
    } while (cursor != 0);
}
