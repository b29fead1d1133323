#include "policy/stop.h"

#include <string.h>

#define HOLD_MOST_MS   (7 * STOP_DAY_MS)
#define AGAIN_MS       (30 * STOP_DAY_MS)
/* SpamCop, CSS, XBL: not before, whatever DNS says. */
#define LISTED_HOLD_MS STOP_DAY_MS

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

/* Does what stands already say all that this hit could? */
static bool is_covered(const struct stop *stop, const struct stop_hit *hit)
{
    bool standing = stop->state == STOP_CHECKING || stop->state == STOP_HELD;

    if (stop->pinned) {
        return true;
    }
    if (!standing) {
        return false;
    }
    if (stop->cause == STOP_CAUSE_OPERATOR) {
        return stop->reach == STOP_REACH_ALL;
    }
    return stop->cause == STOP_CAUSE_LISTED &&
           (strcmp(stop->list, hit->list) == 0 || stop->reach == STOP_REACH_ALL);
}

bool stop_freeze(struct stop *stop, const struct stop_hit *hit, int64_t now_unix_ms)
{
    if (is_covered(stop, hit)) {
        return false;
    }
    struct stop fresh = {
        .state = STOP_CHECKING,
        .cause = STOP_CAUSE_LISTED,
        .reach = STOP_REACH_ALL,
        .list_kind = hit->kind,
        .since_unix_ms = now_unix_ms,
        .until_unix_ms = INT64_MAX,
        .times = times_of(stop, now_unix_ms),
    };
    /* A canary or a resuming source that is refused goes on doubling its hold. */
    bool returning = stop->state == STOP_CANARY || stop->state == STOP_RESUMING;
    fresh.hold_ms = returning ? stop->hold_ms : 0;
    copy_text(hit->list, fresh.list, sizeof(fresh.list));
    copy_text(hit->ip, fresh.ip, sizeof(fresh.ip));
    copy_text(hit->site, fresh.site, sizeof(fresh.site));
    copy_text(hit->why, fresh.why, sizeof(fresh.why));
    *stop = fresh;
    return true;
}

void stop_hold(struct stop *stop, enum stop_cause cause, enum stop_reach reach,
               const char *why, int64_t until_unix_ms, int64_t now_unix_ms)
{
    bool standing = stop->state == STOP_CHECKING || stop->state == STOP_HELD;
    bool listed = standing && stop->cause == STOP_CAUSE_LISTED;

    if (stop->pinned || (listed && cause != STOP_CAUSE_OPERATOR) ||
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
            STOP_REACH_ALL, LISTED_HOLD_MS,
            "the address is listed: find the cause before asking for removal");
    case STOP_LIST_COMPLAINT:
        return source_too(
            STOP_REACH_BULK, LISTED_HOLD_MS,
            "the address is listed for complaints: bulk stops, transactional "
            "mail goes carefully");
    case STOP_LIST_POLICY:
        return source_too(
            STOP_REACH_BULK_ONLY, LISTED_HOLD_MS,
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

/* The list says clean a second time. */
static void proved_clean(struct stop *stop, int64_t now_unix_ms)
{
    if (!stop->was_listed) {
        /* It never was listed: nothing to recover from. */
        stop->state = STOP_CLEAR;
        stop->reach = STOP_REACH_NOTHING;
        stop->times -= stop->times > 0 ? 1 : 0;
        return;
    }
    /* The next tick begins the canary when that is past. */
    int64_t least_ms = later(stop->since_unix_ms, LISTED_HOLD_MS);
    stop->until_unix_ms = least_ms > now_unix_ms ? least_ms : now_unix_ms;
}

/* The second "not listed" counts as a second only some time after the first. */
static enum stop_proof count_clean(struct stop *stop, int64_t now_unix_ms)
{
    if (stop->proved_unix_ms > 0 && now_unix_ms - stop->proved_unix_ms >= STOP_APART_MS) {
        return STOP_PROOF_NOT_LISTED_TWICE;
    }
    if (stop->proved_unix_ms == 0) {
        stop->proved_unix_ms = now_unix_ms;
    }
    return STOP_PROOF_NOT_LISTED;
}

/* Listed, or nobody can tell: it stays out of service for the ruling's hold. The clock
 * of a listing runs from the last time that the zone said so. */
static void apply_hold(struct stop *stop, const struct stop_ruling *ruling,
                       enum stop_proof proof, int64_t now_unix_ms)
{
    bool checking = stop->state == STOP_CHECKING;
    bool listed = proof == STOP_PROOF_LISTED;
    int64_t hold_ms = ruling->hold_ms;

    if (checking && stop->hold_ms > 0) { /* came back from a canary */
        int64_t doubled_ms =
            stop->hold_ms < HOLD_MOST_MS / 2 ? 2 * stop->hold_ms : HOLD_MOST_MS;
        hold_ms = doubled_ms > hold_ms ? doubled_ms : hold_ms;
    }
    if (checking || (listed && !stop->was_listed)) {
        stop->hold_ms = hold_ms;
    }
    if (checking || listed) {
        stop->until_unix_ms = later(now_unix_ms, stop->hold_ms);
    }
    stop->was_listed = stop->was_listed || listed;
    stop->proved_unix_ms = 0;
    stop->reach = ruling->reach;
    stop->state = STOP_HELD;
}

struct stop_ruling stop_proved(struct stop *stop, enum stop_proof proof,
                               enum stop_list kind, bool witnessed, int64_t now_unix_ms)
{
    bool standing = stop->state == STOP_CHECKING || stop->state == STOP_HELD;
    bool ours = standing && !stop->pinned && stop->cause == STOP_CAUSE_LISTED;

    if (ours && proof == STOP_PROOF_LISTED) {
        stop->list_kind = kind;
    }
    if (ours && proof == STOP_PROOF_NOT_LISTED) {
        proof = count_clean(stop, now_unix_ms);
    }
    struct stop_ruling ruling = stop_rule(stop->list_kind, proof, witnessed);
    if (!ours) {
        return ruling;
    }
    if (proof == STOP_PROOF_NOT_LISTED_TWICE) {
        proved_clean(stop, now_unix_ms);
        return ruling;
    }
    if (ruling.reach == STOP_REACH_NOTHING) {
        stop->state = STOP_CLEAR;
        stop->reach = STOP_REACH_NOTHING;
        stop->times -= stop->times > 0 ? 1 : 0;
        return ruling;
    }
    bool told = proof == STOP_PROOF_LISTED || proof == STOP_PROOF_CANNOT_TELL;
    if (told && !(stop->was_listed && proof == STOP_PROOF_CANNOT_TELL)) {
        apply_hold(stop, &ruling, proof, now_unix_ms);
    }
    return ruling;
}

void stop_clear(struct stop *stop)
{
    /* The memory of it stays, for "again within 30 days". */
    stop->state = STOP_CLEAR;
    stop->reach = STOP_REACH_NOTHING;
    stop->pinned = false;
    stop->was_listed = false;
    stop->until_unix_ms = 0;
    stop->proved_unix_ms = 0;
    stop->hold_ms = 0;
}

/* Whatever it was doing, it stands still now. */
static bool stand(struct stop *stop, const char *why, int64_t until_unix_ms)
{
    if (stop->state == STOP_CLEAR) {
        return false;
    }
    stop->state = STOP_HELD;
    stop->reach = stop->reach == STOP_REACH_NOTHING ? STOP_REACH_ALL : stop->reach;
    stop->until_unix_ms = until_unix_ms;
    if (why[0] != '\0') {
        copy_text(why, stop->why, sizeof(stop->why));
    }
    return true;
}

bool stop_extend(struct stop *stop, const char *why, int64_t until_unix_ms)
{
    bool shorter = stop->state != STOP_CLEAR && stop->state != STOP_CANARY &&
                   stop->state != STOP_RESUMING && stop->until_unix_ms > until_unix_ms;

    return stand(stop, why, shorter ? stop->until_unix_ms : until_unix_ms);
}

bool stop_pin(struct stop *stop, const char *why)
{
    if (!stand(stop, why, INT64_MAX)) {
        return false;
    }
    stop->pinned = true;
    return true;
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
