/* The way back into service: who may go through a stop, canaries, a fraction of normal.
 */

#include <string.h>

#include "policy/stop.h"

#define MINUTE_MS        INT64_C(60000)
#define HOUR_MS          (60 * MINUTE_MS)
#define STEP_MS          (5 * MINUTE_MS) /* between the steps of a canary */
#define CANARY_STEPS     4               /* 1, 2, 4, 8 messages */
#define PATIENCE_MS      HOUR_MS         /* for mail to the site that refused */
#define HOLD_MOST_MS     (7 * STOP_DAY_MS)
/* A check without an answer by then cannot tell. */
#define CHECK_MOST_MS    (15 * MINUTE_MS)
#define FRACTION_FIRST   0.25
#define FRACTION_AGAIN   0.10
#define FRACTION_CAREFUL 0.25

static void begin_canary(struct stop *stop, int64_t now_unix_ms)
{
    stop->state = STOP_CANARY;
    stop->canary_step = 0;
    stop->canary_sent = 0;
    stop->canary_accepted = 0;
    stop->step_unix_ms = now_unix_ms;
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
    bool careful = stop->reach == STOP_REACH_BULK && !bulk &&
                   (stop->state == STOP_HELD || stop->state == STOP_CANARY);

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

bool stop_canary_fits(const struct stop *stop, const char *site, int64_t now_unix_ms)
{
    bool idle = stop->canary_sent == stop->canary_accepted;
    bool waited = idle && now_unix_ms - stop->step_unix_ms >= PATIENCE_MS;

    return stop->site[0] == '\0' || waited || strcmp(stop->site, site) == 0;
}

bool stop_tick(struct stop *stop, bool witnessed, int64_t now_unix_ms)
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
        (void)stop_proved(stop, STOP_PROOF_CANNOT_TELL, stop->list_kind, witnessed,
                          now_unix_ms);
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
        stop->until_unix_ms = now_unix_ms + stop->hold_ms;
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
    stop->step_unix_ms = now_unix_ms + STEP_MS;
    if (stop->canary_step >= CANARY_STEPS) {
        stop->state = STOP_RESUMING;
        stop->clean_days = 0;
        stop->step_unix_ms = now_unix_ms;
    }
}
