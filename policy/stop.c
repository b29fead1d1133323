#include "policy/stop.h"

#include <string.h>

#define MINUTE_MS    INT64_C(60000)
#define HOUR_MS      (60 * MINUTE_MS)
#define STEP_MS      (5 * MINUTE_MS) /* between the steps of a canary */
#define CANARY_STEPS 4               /* 1, 2, 4, 8 messages */
#define HOLD_MOST_MS (7 * STOP_DAY_MS)
#define AGAIN_MS     (30 * STOP_DAY_MS)
#define CHECK_MOST_MS                                                 \
    (15 * MINUTE_MS) /* a check without an answer by then cannot tell \
                      */
#define PROOF_APART_MS (10 * MINUTE_MS)
#define LISTED_HOLD_MS                                              \
    STOP_DAY_MS /* SpamCop, CSS, XBL: not before, whatever DNS says \
                 */
#define FRACTION_FIRST   0.25
#define FRACTION_AGAIN   0.10
#define FRACTION_CAREFUL 0.25

static void copy_text(const char *from, char *out, size_t size)
{
    size_t length = strnlen(from, size - 1);
    memcpy(out, from, length);
    out[length] = '\0';
}

static int64_t later(int64_t unix_ms, int64_t by_ms)
{
    return by_ms >= INT64_MAX - unix_ms ? INT64_MAX : unix_ms + by_ms;
}

static uint32_t times_of(const struct stop *stop, int64_t now_unix_ms)
{
    bool again = stop->times > 0 && now_unix_ms - stop->since_unix_ms < AGAIN_MS;
    return again ? stop->times + 1 : 1;
}

bool stop_freeze(struct stop *stop, const struct finding *finding, const char *reply_text,
                 int64_t now_unix_ms)
{
    bool standing = stop->state == STOP_CHECKING || stop->state == STOP_HELD;
    bool same = strcmp(stop->list, finding->list) == 0;

    if (stop->pinned || (standing && stop->cause == STOP_CAUSE_LISTED && same) ||
        (standing && stop->reach == STOP_REACH_ALL)) {
        return false;
    }
    struct stop fresh = {
        .state = STOP_CHECKING,
        .cause = STOP_CAUSE_LISTED,
        .reach = STOP_REACH_ALL,
        .list_kind = stop_list_kind(finding->list, 0),
        .since_unix_ms = now_unix_ms,
        .until_unix_ms = INT64_MAX,
        .times = times_of(stop, now_unix_ms),
    };
    /* A canary or a resuming source that is refused goes on doubling its hold. */
    bool returning = stop->state == STOP_CANARY || stop->state == STOP_RESUMING;
    fresh.hold_ms = returning ? stop->hold_ms : 0;
    copy_text(finding->list, fresh.list, sizeof(fresh.list));
    copy_text(reply_text, fresh.why, sizeof(fresh.why));
    *stop = fresh;
    return true;
}

void stop_hold(struct stop *stop, enum stop_cause cause, enum stop_reach reach,
               const char *why, int64_t until_unix_ms, int64_t now_unix_ms)
{
    bool standing = stop->state == STOP_CHECKING || stop->state == STOP_HELD;

    if (stop->pinned ||
        (standing && stop->reach >= reach && stop->until_unix_ms >= until_unix_ms)) {
        return;
    }
    enum stop_reach wider = standing && stop->reach > reach ? stop->reach : reach;
    int64_t longer = standing && stop->until_unix_ms > until_unix_ms ? stop->until_unix_ms
                                                                     : until_unix_ms;
    bool returning = stop->state == STOP_CANARY || stop->state == STOP_RESUMING;
    int64_t hold_ms = longer == INT64_MAX ? 0 : longer - now_unix_ms;
    if (returning && stop->hold_ms > hold_ms / 2) {
        hold_ms = stop->hold_ms < HOLD_MOST_MS / 2 ? 2 * stop->hold_ms : HOLD_MOST_MS;
        longer = longer == INT64_MAX ? longer : later(now_unix_ms, hold_ms);
    }
    *stop = (struct stop){
        .state = STOP_HELD,
        .cause = cause,
        .reach = wider,
        .since_unix_ms = now_unix_ms,
        .until_unix_ms = longer,
        .hold_ms = hold_ms,
        .times = times_of(stop, now_unix_ms),
    };
    copy_text(why, stop->why, sizeof(stop->why));
}

static struct stop_ruling lane_only(const char *words)
{
    return (struct stop_ruling){
        .reach = STOP_REACH_NOTHING,
        .lane_stays = true,
        .lane_hold_ms = STOP_DAY_MS,
        .alert = true,
        .words = words,
    };
}

static struct stop_ruling source_too(enum stop_reach reach, int64_t hold_ms,
                                     const char *words)
{
    return (struct stop_ruling){
        .reach = reach,
        .lane_stays = true,
        .lane_hold_ms = STOP_DAY_MS,
        .hold_ms = hold_ms,
        .alert = true,
        .words = words,
    };
}

static struct stop_ruling rule_listed(enum stop_list kind)
{
    switch (kind) {
    case STOP_LIST_GRAVE:
    case STOP_LIST_MIXED:
        return source_too(
            STOP_REACH_ALL, INT64_MAX,
            "the address is listed: find the cause before asking for removal");
    case STOP_LIST_COMPLAINT:
        return source_too(
            STOP_REACH_BULK, INT64_MAX,
            "the address is listed for complaints: bulk stops, transactional "
            "mail goes carefully");
    case STOP_LIST_POLICY:
        return source_too(
            STOP_REACH_BULK_ONLY, INT64_MAX,
            "the provider declares this address as not for mail servers: ask "
            "it for a static mail address, or remove the entry yourself");
    case STOP_LIST_UNKNOWN:
    case STOP_LIST_WIDE:
    case STOP_LIST_DEAD: break;
    }
    return lane_only(
        "the list named is unknown, closed or of whole networks: this receiver "
        "alone is stopped");
}

struct stop_ruling stop_rule(enum stop_list kind, enum stop_proof proof, bool witnessed)
{
    bool worth = kind == STOP_LIST_GRAVE || kind == STOP_LIST_COMPLAINT ||
                 kind == STOP_LIST_POLICY || kind == STOP_LIST_MIXED;

    if (proof == STOP_PROOF_NOT_OURS) {
        return lane_only(
            "the address named is none of ours: its owner must have it removed");
    }
    if (!worth || proof == STOP_PROOF_LISTED) {
        return rule_listed(kind);
    }
    if (proof == STOP_PROOF_NOT_LISTED_TWICE) {
        return lane_only("the list says clean: this receiver alone is stopped for a day");
    }
    if (proof == STOP_PROOF_CANNOT_TELL) {
        int64_t hold_ms = kind == STOP_LIST_MIXED ? STOP_UNKNOWN_MS : LISTED_HOLD_MS;
        return source_too(witnessed ? STOP_REACH_ALL : STOP_REACH_BULK_ONLY, hold_ms,
                          witnessed
                              ? "the list cannot be asked, but independent receivers "
                                "agree"
                              : "the list cannot be asked: bulk stops, transactional "
                                "mail goes on");
    }
    return source_too(STOP_REACH_ALL, INT64_MAX, "the list is being asked");
}

static void begin_canary(struct stop *stop, int64_t now_unix_ms)
{
    stop->state = STOP_CANARY;
    stop->canary_step = 0;
    stop->canary_sent = 0;
    stop->canary_accepted = 0;
    stop->step_unix_ms = now_unix_ms;
}

/* The list says clean a second time. */
static void proved_clean(struct stop *stop, const struct stop_ruling *ruling,
                         int64_t now_unix_ms)
{
    if (stop->state == STOP_CHECKING) {
        /* It never was listed: nothing to recover from. */
        stop->state = STOP_CLEAR;
        stop->reach = ruling->reach;
        stop->times -= stop->times > 0 ? 1 : 0;
        return;
    }
    int64_t least_ms = later(stop->since_unix_ms, LISTED_HOLD_MS);
    if (least_ms > now_unix_ms) {
        stop->until_unix_ms = least_ms;
    } else {
        begin_canary(stop, now_unix_ms);
    }
}

struct stop_ruling stop_proved(struct stop *stop, enum stop_proof proof, uint32_t answer,
                               bool witnessed, int64_t now_unix_ms)
{
    bool standing = stop->state == STOP_CHECKING || stop->state == STOP_HELD;

    if (proof == STOP_PROOF_LISTED && answer != 0) {
        stop->list_kind = stop_list_kind(stop->list, answer);
    }
    if (proof == STOP_PROOF_NOT_LISTED) {
        bool second = stop->proved_unix_ms > 0 &&
                      now_unix_ms - stop->proved_unix_ms >= PROOF_APART_MS;
        if (second) {
            proof = STOP_PROOF_NOT_LISTED_TWICE;
        } else if (stop->proved_unix_ms == 0) {
            stop->proved_unix_ms = now_unix_ms;
        }
    }
    struct stop_ruling ruling = stop_rule(stop->list_kind, proof, witnessed);
    if (stop->pinned || !standing || stop->cause != STOP_CAUSE_LISTED) {
        return ruling;
    }
    if (proof == STOP_PROOF_NOT_LISTED_TWICE) {
        proved_clean(stop, &ruling, now_unix_ms);
        return ruling;
    }
    if (proof == STOP_PROOF_NOT_LISTED || proof == STOP_PROOF_PENDING) {
        if (ruling.reach == STOP_REACH_NOTHING) {
            stop->state = STOP_CLEAR;
            stop->reach = STOP_REACH_NOTHING;
        }
        return ruling;
    }
    stop->proved_unix_ms = 0;
    stop->reach = ruling.reach;
    if (ruling.reach == STOP_REACH_NOTHING) {
        stop->state = STOP_CLEAR;
        return ruling;
    }
    int64_t hold_ms = ruling.hold_ms;
    if (hold_ms != INT64_MAX && stop->hold_ms > 0) {
        hold_ms = stop->hold_ms < HOLD_MOST_MS / 2 ? 2 * stop->hold_ms : HOLD_MOST_MS;
    }
    bool first = stop->state == STOP_CHECKING || stop->until_unix_ms == INT64_MAX;
    stop->state = STOP_HELD;
    stop->hold_ms = hold_ms == INT64_MAX ? LISTED_HOLD_MS : hold_ms;
    if (first) {
        stop->until_unix_ms = later(now_unix_ms, hold_ms);
    }
    return ruling;
}

static double fraction_of(const struct stop *stop)
{
    bool grave_again = stop->list_kind == STOP_LIST_GRAVE && stop->times > 1;
    double fraction = grave_again ? FRACTION_AGAIN : FRACTION_FIRST;

    for (uint32_t day = 0; day < stop->clean_days && fraction < 1.0; day++) {
        fraction *= 2;
    }
    return fraction < 1.0 ? fraction : 1.0;
}

/* Does the stop touch this kind of mail at all? */
static bool touches(const struct stop *stop, bool bulk)
{
    switch (stop->reach) {
    case STOP_REACH_NOTHING: return false;
    case STOP_REACH_BULK:
    case STOP_REACH_ALL: return true;
    case STOP_REACH_BULK_ONLY: return bulk;
    }
    return true;
}

static struct stop_answer ask_canary(const struct stop *stop, int64_t now_unix_ms)
{
    bool room = stop->canary_sent < (UINT32_C(1) << stop->canary_step);
    bool due = now_unix_ms >= stop->step_unix_ms;

    return (struct stop_answer){
        .go = room && due,
        .canary = true,
        .fraction = FRACTION_FIRST,
        .earliest_unix_ms = room ? stop->step_unix_ms : INT64_MAX,
    };
}

struct stop_answer stop_ask(const struct stop *stop, bool bulk, int64_t now_unix_ms)
{
    struct stop_answer go = {
        .go = true, .fraction = 1.0, .earliest_unix_ms = now_unix_ms};
    struct stop_answer wait = {.go = false, .earliest_unix_ms = stop->until_unix_ms};
    bool careful = stop->reach == STOP_REACH_BULK && !bulk;

    if (stop->state == STOP_CLEAR || !touches(stop, bulk)) {
        return go;
    }
    if (stop->state == STOP_CHECKING) {
        return wait;
    }
    if (careful) {
        go.careful = true;
        go.fraction = FRACTION_CAREFUL;
        return go;
    }
    if (stop->state == STOP_CANARY) {
        return ask_canary(stop, now_unix_ms);
    }
    if (stop->state == STOP_RESUMING) {
        go.fraction = fraction_of(stop);
        return go;
    }
    return wait;
}

bool stop_tick(struct stop *stop, int64_t now_unix_ms)
{
    if (stop->pinned) {
        return false;
    }
    switch (stop->state) {
    case STOP_CLEAR:
    case STOP_CANARY: return false;
    case STOP_CHECKING:
        if (now_unix_ms - stop->since_unix_ms < CHECK_MOST_MS) {
            return false;
        }
        (void)stop_proved(stop, STOP_PROOF_CANNOT_TELL, 0, false, now_unix_ms);
        return true;
    case STOP_HELD:
        if (now_unix_ms < stop->until_unix_ms) {
            return false;
        }
        if (stop->cause == STOP_CAUSE_OPERATOR) {
            stop_clear(stop);
        } else {
            begin_canary(stop, now_unix_ms);
        }
        return true;
    case STOP_RESUMING:
        if (now_unix_ms - stop->step_unix_ms < STOP_DAY_MS) {
            return false;
        }
        stop->clean_days++;
        stop->step_unix_ms = now_unix_ms;
        if (fraction_of(stop) >= 1.0) {
            stop_clear(stop);
        }
        return true;
    }
    return false;
}

void stop_canary_started(struct stop *stop)
{
    if (stop->state == STOP_CANARY) {
        stop->canary_sent++;
    }
}

void stop_canary_done(struct stop *stop, enum stop_canary outcome, int64_t now_unix_ms)
{
    if (stop->state != STOP_CANARY) {
        return;
    }
    switch (outcome) {
    case STOP_CANARY_LOST: stop->canary_sent -= stop->canary_sent > 0 ? 1 : 0; return;
    case STOP_CANARY_REFUSED:
        stop->hold_ms = stop->hold_ms > HOUR_MS ? stop->hold_ms : HOUR_MS;
        stop->hold_ms =
            stop->hold_ms < HOLD_MOST_MS / 2 ? 2 * stop->hold_ms : HOLD_MOST_MS;
        stop->state = STOP_HELD;
        stop->until_unix_ms = later(now_unix_ms, stop->hold_ms);
        return;
    case STOP_CANARY_ACCEPTED: break;
    }
    stop->canary_accepted++;
    if (stop->canary_accepted < (UINT32_C(1) << stop->canary_step)) {
        return;
    }
    stop->canary_step++;
    stop->canary_sent = 0;
    stop->canary_accepted = 0;
    stop->step_unix_ms = later(now_unix_ms, STEP_MS);
    if (stop->canary_step >= CANARY_STEPS) {
        stop->state = STOP_RESUMING;
        stop->clean_days = 0;
        stop->step_unix_ms = now_unix_ms;
    }
}

void stop_clear(struct stop *stop)
{
    /* The memory of it stays, for "again within 30 days". */
    stop->state = STOP_CLEAR;
    stop->reach = STOP_REACH_NOTHING;
    stop->pinned = false;
    stop->until_unix_ms = 0;
    stop->hold_ms = 0;
}

const char *stop_cause_name(enum stop_cause cause)
{
    switch (cause) {
    case STOP_CAUSE_NONE: return "";
    case STOP_CAUSE_LISTED: return "listed";
    case STOP_CAUSE_REPUTATION: return "reputation";
    case STOP_CAUSE_AUTH: return "authentication";
    case STOP_CAUSE_OPERATOR: return "operator";
    }
    return "";
}

const char *stop_state_name(enum stop_state state)
{
    switch (state) {
    case STOP_CLEAR: return "clear";
    case STOP_CHECKING: return "checking";
    case STOP_HELD: return "held";
    case STOP_CANARY: return "canary";
    case STOP_RESUMING: return "resuming";
    }
    return "";
}

const char *stop_reach_name(enum stop_reach reach)
{
    switch (reach) {
    case STOP_REACH_NOTHING: return "lane only";
    case STOP_REACH_BULK: return "bulk; transactional carefully";
    case STOP_REACH_BULK_ONLY: return "bulk";
    case STOP_REACH_ALL: return "everything";
    }
    return "";
}
