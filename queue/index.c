#include "queue/index.h"

#include <assert.h>
#include <stdlib.h>

#include "queue/index_impl.h"
#include "queue/mem.h"

/* Due times are kept in tenths of a second after a base in the past: they reach eleven
 * years ahead. */
#define BASE_BEFORE_NOW_MS (UINT64_C(2) * 365 * 24 * 3600 * 1000)

void index_init(struct index *index, uint64_t now_unix_ms)
{
    *index = (struct index){0};
    pool_init(&index->messages, sizeof(struct message));
    pool_init(&index->extras, sizeof(struct extra));
    pool_init(&index->flows, sizeof(struct flow));
    shelf_init(&index->shelf);
    names_init(&index->labels, UINT32_MAX - 1);
    names_init(&index->froms, UINT16_MAX);
    index->base_ms =
        now_unix_ms > BASE_BEFORE_NOW_MS ? now_unix_ms - BASE_BEFORE_NOW_MS : 0;
}

void index_done(struct index *index)
{
    if (index == NULL) {
        return;
    }
    flows_done(index);
    ids_done(index);
    clock_done(index);
    for (uint32_t i = 0; i < index->piece_bucket_count; i++) {
        struct pieces *pieces = index->piece_buckets[i];
        while (pieces != NULL) {
            struct pieces *next = pieces->bucket;
            free(pieces);
            pieces = next;
        }
    }
    free(index->piece_buckets);
    names_done(&index->labels);
    names_done(&index->froms);
    shelf_done(&index->shelf);
    pool_done(&index->messages);
    pool_done(&index->extras);
    pool_done(&index->flows);
}

uint16_t index_number_of(const struct index *index, uint32_t recipient)
{
    return (recipient & INDEX_EXTRA) != 0 ? index_waiting_at(index, recipient)->number
                                          : 0;
}

uint32_t index_live(const struct message *message)
{
    return message->first.number;
}

static void note_time(struct index *index, uint64_t unix_ms)
{
    if (unix_ms > index->newest_unix_ms) {
        index->newest_unix_ms = unix_ms;
    }
}

static uint32_t to_seconds(uint64_t unix_ms)
{
    uint64_t seconds = unix_ms / 1000 + (unix_ms % 1000 != 0);
    return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

static uint32_t to_due(const struct index *index, uint64_t unix_ms)
{
    if (unix_ms <= index->base_ms) {
        return 0;
    }
    uint64_t due = (unix_ms - index->base_ms + 99) / 100;
    return due > UINT32_MAX ? UINT32_MAX : (uint32_t)due;
}

static uint64_t from_due(const struct index *index, uint32_t due)
{
    return index->base_ms + (uint64_t)due * 100;
}

static uint16_t to_notice(uint32_t accepted_s, uint64_t notice_unix_ms)
{
    if (notice_unix_ms == 0) {
        return 0;
    }
    uint64_t seconds = to_seconds(notice_unix_ms);
    if (seconds <= accepted_s) {
        return 1;
    }
    uint64_t steps =
        (seconds - accepted_s + INDEX_NOTICE_STEP_S - 1) / INDEX_NOTICE_STEP_S;
    return steps > UINT16_MAX ? UINT16_MAX : (uint16_t)steps;
}

/* ---- in and out ---- */

static void enter_flow(struct index *index, uint32_t recipient,
                       const struct flow_key *key, enum index_phase phase)
{
    uint32_t handle = flows_enter(index, key);
    index_waiting_at(index, recipient)->flow = handle;
    flow_put(index, recipient, phase);
    struct flow *flow = flows_at(index, handle);
    if (flow->ready + flow->deferred + flow->out + flow->idle == 1 &&
        index->hooks.flow_born_cb != NULL) {
        index->hooks.flow_born_cb(index->hooks.owner, flow);
    }
}

static uint32_t add_recipient(struct index *index, uint32_t message, uint32_t last,
                              uint16_t number)
{
    if (number == 0) {
        return message;
    }
    uint32_t recipient = pool_take(&index->extras) | INDEX_EXTRA;
    struct extra *extra = index_extra_at(index, recipient);
    extra->message = message;
    extra->waiting.number = (unsigned)number & 0x3fff;
    if (last == message) {
        index_message_at(index, message)->more = recipient;
    } else {
        index_extra_at(index, last)->next = recipient;
    }
    return recipient;
}

uint32_t index_add(struct index *index, const struct envelope *envelope,
                   const struct place *place)
{
    assert(envelope->recipient_count > 0);
    assert(envelope->recipient_count <= ENVELOPE_RECIPIENTS);
    note_time(index, envelope->accepted_unix_ms);
    if (index_find(index, envelope->id) != 0 ||
        shelf_take(&index->shelf, place->segment) == 0) {
        return 0;
    }
    uint32_t message = pool_take(&index->messages);
    struct message *entry = index_message_at(index, message);
    entry->id = envelope->id;
    entry->priority = (unsigned)envelope->priority & 15;
    entry->flags = (uint8_t)envelope->flags;
    entry->accepted_s = (uint32_t)(envelope->accepted_unix_ms / 1000);
    entry->expires_s = to_seconds(envelope->expires_unix_ms);
    entry->notice_steps = to_notice(entry->accepted_s, envelope->notice_unix_ms);
    entry->count = (uint16_t)envelope->recipient_count;
    entry->first.number = envelope->recipient_count & 0x3fff;
    if (envelope->from_domain[0] != '\0') {
        entry->from = (uint16_t)names_take(&index->froms, envelope->from_domain)->number;
    }
    index_set_place(index, entry, place);
    index_add_pieces(index, message, envelope->size_bytes, envelope->pieces,
                     envelope->piece_count);
    ids_add(index, message);
    clock_add(index, message);
    index->message_count++;
    index->recipient_count += envelope->recipient_count;
    uint32_t last = message;
    for (unsigned i = 0; i < envelope->recipient_count; i++) {
        last = add_recipient(index, message, last, (uint16_t)i);
        struct flow_key key = {envelope->recipients[i].domain, envelope->stream,
                               envelope->user, ""};
        enter_flow(index, last, &key, INDEX_READY);
    }
    return message;
}

static void remove_message(struct index *index, uint32_t message)
{
    struct message *entry = index_message_at(index, message);
    clock_remove(index, message);
    ids_remove(index, message);
    index_remove_pieces(index, message);
    index_leave_place(index, entry);
    if (entry->from != 0) {
        names_give(&index->froms, names_at(&index->froms, entry->from));
    }
    uint32_t extra = entry->more;
    while (extra != 0) {
        uint32_t next = index_extra_at(index, extra)->next;
        pool_give(&index->extras, extra & ~INDEX_EXTRA);
        extra = next;
    }
    pool_give(&index->messages, message);
    index->message_count--;
}

/* Entries of one message are mostly taken in a row, up or down: look there first, or a
 * message to thousands is walked thousands of times. 0: it is elsewhere. */
static uint32_t guess(const struct index *index, uint32_t message, uint16_t number)
{
    const struct message *entry = index_message_at(index, message);
    uint32_t first = entry->more & ~INDEX_EXTRA;
    uint32_t steps = (uint32_t)number - 1;
    const uint32_t places[2] = {first + steps, first - steps};
    for (unsigned i = 0; i < 2; i++) {
        if (places[i] > 0 && places[i] < index->extras.used) {
            const struct extra *extra = index_extra_at(index, places[i] | INDEX_EXTRA);
            if (extra->message == message && extra->waiting.number == number) {
                return places[i] | INDEX_EXTRA;
            }
        }
    }
    return 0;
}

uint32_t index_recipient_of(const struct index *index, uint32_t message, uint16_t number)
{
    const struct message *entry = index_message_at(index, message);
    if (number == 0) {
        return message;
    }
    if (number >= entry->count) {
        return 0;
    }
    uint32_t recipient = guess(index, message, number);
    if (recipient != 0) {
        return recipient;
    }
    recipient = entry->more;
    while (recipient != 0 && index_extra_at(index, recipient)->waiting.number != number) {
        recipient = index_extra_at(index, recipient)->next;
    }
    return recipient;
}

/* ---- decisions ---- */

void index_take(struct index *index, uint32_t recipient)
{
    struct waiting *waiting = index_waiting_at(index, recipient);
    assert(waiting->phase == INDEX_READY || waiting->phase == INDEX_DEFERRED);
    flow_drop(index, recipient);
    flow_put(index, recipient, INDEX_OUT);
}

void index_put_back(struct index *index, uint32_t recipient, uint64_t not_before_unix_ms)
{
    struct waiting *waiting = index_waiting_at(index, recipient);
    assert(waiting->phase == INDEX_OUT);
    flow_drop(index, recipient);
    waiting->due = to_due(index, not_before_unix_ms);
    flow_put(index, recipient, not_before_unix_ms == 0 ? INDEX_READY : INDEX_DEFERRED);
}

static enum index_phase phase_after(const struct change *change)
{
    if (change->state != CHANGE_WAITING || change->ended) {
        return INDEX_IDLE;
    }
    return change->next_unix_ms == 0 ? INDEX_READY : INDEX_DEFERRED;
}

static uint32_t apply_notice(struct index *index, uint32_t message)
{
    index_message_at(index, message)->notice_steps = 0;
    clock_changed(index, message);
    return message;
}

uint32_t index_apply(struct index *index, const struct change *change)
{
    note_time(index, change->when_unix_ms);
    uint32_t message = index_find(index, change->id);
    if (message == 0) {
        return 0;
    }
    index_message_at(index, message)->dirty = 1;
    if (change->state == CHANGE_NOTICED) {
        return apply_notice(index, message);
    }
    uint32_t recipient = index_recipient_of(index, message, change->number);
    if (recipient == 0 || index_waiting_at(index, recipient)->ended) {
        return 0;
    }
    struct waiting *waiting = index_waiting_at(index, recipient);
    flow_drop(index, recipient);
    index->held -= waiting->state == CHANGE_HELD;
    waiting->state = (unsigned)change->state & 7;
    waiting->ended = change->ended;
    waiting->attempts = change->attempts > 255 ? 255 : (uint8_t)change->attempts;
    waiting->due = to_due(index, change->next_unix_ms);
    index->held += waiting->state == CHANGE_HELD;

    struct flow *flow = flows_at(index, waiting->flow);
    bool stays = change->state != CHANGE_WAITING && change->state != CHANGE_HELD;
    const struct name *source = names_find(&index->labels, change->source);
    if (stays || (source != NULL && flow->source == source->text)) {
        flow_put(index, recipient, phase_after(change));
        return recipient;
    }
    uint32_t old = waiting->flow;
    struct flow_key key = {flow->domain->name, flow->stream, flow->user, change->source};
    enter_flow(index, recipient, &key, phase_after(change));
    flows_leave(index, old);
    return recipient;
}

void index_written(struct index *index, const struct change *change,
                   const struct place *place)
{
    uint16_t slot = shelf_take(&index->shelf, place->segment);
    uint32_t message = index_find(index, change->id);
    if (slot != 0) {
        shelf_refer(&index->shelf, slot, change->home);
    }
    if (message == 0 || slot == 0) {
        return;
    }
    struct message *entry = index_message_at(index, message);
    shelf_refer(&index->shelf, slot, shelf_at(&index->shelf, entry->slot)->number);
    uint32_t recipient = change->number == CHANGE_MESSAGE
                             ? 0
                             : index_recipient_of(index, message, change->number);
    if (recipient == 0) {
        return;
    }
    struct waiting *waiting = index_waiting_at(index, recipient);
    if (waiting->gone) {
        return;
    }
    if (!change->ended) {
        index_set_last(index, waiting, place);
        return;
    }
    assert(waiting->ended);
    index_set_last(index, waiting, NULL);
    waiting->gone = 1;
    index->held -= waiting->state == CHANGE_HELD;
    flow_drop(index, recipient);
    uint32_t flow = waiting->flow;
    waiting->flow = 0;
    entry->first.number = (unsigned)(entry->first.number - 1) & 0x3fff;
    index->recipient_count--;
    flows_leave(index, flow);
    if (entry->first.number == 0) {
        remove_message(index, message);
    }
}

void index_forget(struct index *index, uint32_t message)
{
    const struct message *entry = index_message_at(index, message);
    struct place place = {shelf_at(&index->shelf, entry->slot)->number, 0, 0};
    unsigned count = entry->count;
    struct change change;
    change_init(&change);
    change.id = entry->id;
    change.state = CHANGE_PURGED;
    change.ended = true;
    /* The message goes with its last recipient: go by id, not by handle. */
    for (unsigned i = 0; i < count && index_find(index, change.id) != 0; i++) {
        change.number = (uint16_t)i;
        (void)index_apply(index, &change);
        index_written(index, &change, &place);
    }
}

/* ---- looking ---- */

void index_message(const struct index *index, uint32_t message,
                   struct message_view *out_view)
{
    const struct message *entry = index_message_at(index, message);
    const struct pieces *pieces = index_pieces(index, message);
    uint32_t recipient = message;
    while (recipient != 0 && index_waiting_at(index, recipient)->gone) {
        recipient = (recipient & INDEX_EXTRA) != 0
                        ? index_extra_at(index, recipient)->next
                        : entry->more;
    }
    assert(recipient != 0);
    const struct flow *flow = flows_at(index, index_waiting_at(index, recipient)->flow);
    uint64_t notice = 0;
    if (entry->notice_steps != 0) {
        notice = entry->accepted_s + (uint64_t)entry->notice_steps * INDEX_NOTICE_STEP_S;
    }
    *out_view = (struct message_view){
        .id = entry->id,
        .place = {shelf_at(&index->shelf, entry->slot)->number, entry->at * UINT32_C(8),
                  entry->length64 * UINT32_C(64)},
        .size_bytes =
            pieces != NULL ? pieces->size_bytes : (uint64_t)entry->length64 * 64,
        .accepted_unix_ms = (uint64_t)entry->accepted_s * 1000,
        .expires_unix_ms = (uint64_t)entry->expires_s * 1000,
        .notice_unix_ms = notice * 1000,
        .stream = flow->stream,
        .user = flow->user,
        .from_domain = names_text(&index->froms, entry->from),
        .priority = (uint8_t)entry->priority,
        .flags = entry->flags,
        .recipients = entry->count,
        .live = (uint16_t)index_live(entry),
        .first = message,
    };
}

void index_recipient(const struct index *index, uint32_t recipient,
                     struct recipient_view *out_view)
{
    uint32_t message = index_message_of(recipient, index);
    const struct message *entry = index_message_at(index, message);
    const struct waiting *waiting = index_waiting_at(index, recipient);
    *out_view = (struct recipient_view){
        .message = message,
        .next =
            recipient == message ? entry->more : index_extra_at(index, recipient)->next,
        .id = entry->id,
        .number = index_number_of(index, recipient),
        .state = (enum change_state)waiting->state,
        .ended = waiting->ended,
        .phase = (enum index_phase)waiting->phase,
        .attempts = waiting->attempts,
        .next_unix_ms =
            waiting->phase == INDEX_DEFERRED ? from_due(index, waiting->due) : 0,
        .flow = waiting->flow == 0 ? NULL : flows_at(index, waiting->flow),
    };
    if (waiting->last_slot != 0) {
        out_view->last.segment = shelf_at(&index->shelf, waiting->last_slot)->number;
        out_view->last.offset = waiting->last_at * UINT32_C(8);
    }
}

unsigned index_each(const struct index *index, uint32_t *cursor, uint32_t *out_messages,
                    unsigned limit)
{
    unsigned found = 0;
    uint32_t at = *cursor == 0 ? 1 : *cursor;
    for (unsigned looked = 0; looked < limit && at < index->messages.used; looked++) {
        if (index_message_at(index, at)->count != 0) {
            out_messages[found++] = at;
        }
        at++;
    }
    *cursor = at < index->messages.used ? at : 0;
    return found;
}

static bool has_idle(const struct index *index, const struct message *entry)
{
    if (entry->first.phase == INDEX_IDLE) {
        return true;
    }
    for (uint32_t extra = entry->more; extra != 0;) {
        const struct extra *other = index_extra_at(index, extra);
        if (other->waiting.phase == INDEX_IDLE) {
            return true;
        }
        extra = other->next;
    }
    return false;
}

unsigned index_each_idle(const struct index *index, uint32_t *cursor,
                         uint32_t *out_messages, unsigned limit)
{
    unsigned kept = 0;
    unsigned found = index_each(index, cursor, out_messages, limit);
    for (unsigned i = 0; i < found; i++) {
        if (has_idle(index, index_message_at(index, out_messages[i]))) {
            out_messages[kept++] = out_messages[i];
        }
    }
    return kept;
}

void index_stats(const struct index *index, struct index_stats *out_stats)
{
    *out_stats = (struct index_stats){
        .messages = index->message_count,
        .recipients = index->recipient_count,
        .ready = index->phases[INDEX_READY],
        .deferred = index->phases[INDEX_DEFERRED],
        .out = index->phases[INDEX_OUT],
        .idle = index->phases[INDEX_IDLE],
        .held = index->held,
        .flows = index->flow_count,
        .domains = index->domain_count,
        .spare_bytes = pool_spare(&index->messages) + pool_spare(&index->extras) +
                       pool_spare(&index->flows),
        .memory_bytes = pool_memory(&index->messages) + pool_memory(&index->extras) +
                        flows_memory(index) + ids_memory(index) + clock_memory(index) +
                        index->piece_bytes +
                        index->piece_bucket_count * sizeof(struct pieces *),
        .newest_unix_ms = index->newest_unix_ms,
    };
}
