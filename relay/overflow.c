#include "relay/overflow.h"

#include <stdio.h>
#include <string.h>

#include "policy/split.h"

#include "queue/queue.h"

#include "relay/answer.h"
#include "relay/core.h"
#include "relay/daywindow.h"
#include "relay/now.h"
#include "relay/ramps_parts.h"
#include "relay/snapshot.h"

#define HELD_A_TURN 100

enum overflow {
    OVERFLOW_WARM, /* by a warm source of the stream, now */
    OVERFLOW_WAIT, /* for the next release, or the next day */
    OVERFLOW_HOLD, /* the day's allowance is gone: held */
};

/* Does no warm-up limit the lane? */
static bool is_warm(struct core *core, struct lane *lane)
{
    struct ramp_entry *entries[2];
    unsigned count = ramps_of(core, lane, entries);
    for (unsigned i = 0; i < count; i++) {
        if (ramps_cap(entries[i]) != UINT64_MAX) {
            return false;
        }
    }
    return true;
}

/* Is nothing more released today? */
static bool is_spent(struct ramp_entry *entry)
{
    uint64_t cap = ramps_cap(entry);
    return cap != UINT64_MAX && (entry->ledger.spent >= cap || ramps_is_met(entry) ||
                                 preflight_holds(entry->source) ||
                                 daywindow_opens(&ramps_warmup(entry)->window,
                                                 entry->zone, now_unix_ms() / 1000) != 0);
}

/* A warm-up holds the lane: what its `overflow` says, option after option. `has_warm`:
 * the stream has a source that is warm at this site. */
static enum overflow what_of(struct core *core, struct lane *lane, bool has_warm)
{
    struct ramp_entry *entries[2];
    unsigned count = ramps_of(core, lane, entries);
    bool spent = false;
    for (unsigned i = 0; i < count; i++) {
        spent = spent || is_spent(entries[i]);
    }
    if (count == 0) {
        return OVERFLOW_WARM;
    }
    const struct config_strings *options = &ramps_warmup(entries[0])->overflow;
    for (size_t i = 0; i < options->count; i++) {
        if (strcmp(options->items[i], "warm-source") == 0 && has_warm) {
            return OVERFLOW_WARM;
        }
        if (strcmp(options->items[i], "wait") == 0 && !spent) {
            return OVERFLOW_WAIT;
        }
        if (strcmp(options->items[i], "hold") == 0 && spent) {
            return OVERFLOW_HOLD;
        }
    }
    /* Where nothing is said, unattempted mail may use any source of its stream. */
    return options->count == 0 && has_warm ? OVERFLOW_WARM : OVERFLOW_WAIT;
}

static void hold_one(struct core *core, uint32_t recipient, const struct lane *lane,
                     const char *reason)
{
    struct answer answer = {
        .core = core, .site = lane->site->name, .now_ms = now_unix_ms()};
    struct change change;
    index_recipient(core->index, recipient, &answer.recipient);
    index_message(core->index, answer.recipient.message, &answer.message);
    answer_fill(&answer, NULL, &change);
    change.state = CHANGE_HELD;
    change.reason = reason;
    change.actor = "ramp";
    if (records_add(core, &change) != 0) {
        answer_log(&answer, &change);
    }
}

/* Hold some of what is ready in the lading's flow; what is left is met at the next turn.
 * The lading leaves its bay when nothing is. */
static void hold_some(struct core *core, struct lading *lading, const struct lane *lane)
{
    char reason[200];
    (void)snprintf(
        reason, sizeof reason, "the warm-up of source %s %s, and its overflow says hold",
        lane->source->name,
        preflight_holds(lane->source) ? "does not start before its checks are passed"
                                      : "allows no more today");
    for (unsigned i = 0; i < HELD_A_TURN; i++) {
        uint32_t recipient =
            flow_pop_ready(core->index, lading->flow, (uint64_t)now_unix_ms());
        if (recipient == 0) {
            break;
        }
        hold_one(core, recipient, lane, reason);
    }
    if (flow_next_due_ms(core->index, lading->flow) != 0) {
        scheduler_leave_bay(lading);
        scheduler_touch(core, lading->flow);
    }
}

bool overflow_split(struct core *core, struct lading *lading, struct lane **lanes,
                    struct split_source *candidates, size_t count, uint64_t ramped)
{
    uint64_t warm = 0;
    bool goes = false;
    for (size_t i = 0; i < count; i++) {
        bool this_is_warm = is_warm(core, lanes[i]);
        warm |= (uint64_t)this_is_warm << i;
        goes = goes || (!this_is_warm && candidates[i].live);
    }
    for (size_t i = 0; i < count && !goes; i++) {
        if ((ramped >> i & 1) == 0) {
            continue;
        }
        enum overflow what = what_of(core, lanes[i], warm != 0);
        for (size_t k = 0; what != OVERFLOW_WARM && k < count; k++) {
            candidates[k].live = candidates[k].live && (warm >> k & 1) == 0;
        }
        if (what == OVERFLOW_HOLD) {
            hold_some(core, lading, lanes[i]);
            return true;
        }
    }
    return false;
}
