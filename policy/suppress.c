#include "policy/suppress.h"

#include <math.h>
#include <string.h>

#define HOUR_MS  INT64_C(3600000)
#define HOUR_NS  (HOUR_MS * 1000000)
#define MONTH_H  (30.0 * 24.0)
#define BURST    10.0 /* fewer strikes within the hour are no burst */
#define PRIOR_OF 50.0 /* what a site is taken for that nobody knows: 1 in 50 */

static const char *const names[SUPPRESS_CAUSES] = {[SUPPRESS_BAD_MAILBOX] = "bad-mailbox",
                                                   [SUPPRESS_COMPLAINT] = "complaint",
                                                   [SUPPRESS_UNSUBSCRIBE] = "unsubscribe",
                                                   [SUPPRESS_OPERATOR] = "operator"};

const char *suppress_cause_name(enum suppress_cause cause)
{
    return names[cause];
}

bool suppress_cause_parse(const char *name, enum suppress_cause *out)
{
    for (int cause = 0; cause < SUPPRESS_CAUSES; cause++) {
        if (strcmp(names[cause], name) == 0) {
            *out = (enum suppress_cause)cause;
            return true;
        }
    }
    return false;
}

/* ---- one mailbox ---- */

/* The oldest but one gives way: the first says how long it has been so, the latest how
 * often. */
static void add(struct suppress_history *history, int64_t now_ms)
{
    if (history->count == SUPPRESS_STRIKES) {
        memmove(&history->at_ms[0], &history->at_ms[1],
                (SUPPRESS_STRIKES - 1) * sizeof history->at_ms[0]);
        history->count--;
    }
    history->at_ms[history->count++] = now_ms;
    if (history->first_ms == 0) {
        history->first_ms = now_ms;
    }
}

static unsigned within(const struct suppress_history *history, int64_t span_ms,
                       int64_t now_ms)
{
    unsigned count = 0;
    for (unsigned i = 0; i < history->count; i++) {
        count += history->at_ms[i] > now_ms - span_ms;
    }
    return count;
}

int64_t suppress_strike(struct suppress_history *history, enum suppress_rule rule,
                        const struct suppress_terms *terms, bool was_lively,
                        int64_t now_ms)
{
    if (suppress_is_stale(history, terms, now_ms)) {
        *history = (struct suppress_history){0};
    }
    add(history, now_ms);
    switch (rule) {
    case SUPPRESS_NEVER: return 0;
    case SUPPRESS_STRICT:
        if (was_lively && now_ms - history->first_ms < terms->strict_apart_ms) {
            return 0;
        }
        return now_ms + terms->strict_ms;
    case SUPPRESS_LENIENT:
        return within(history, terms->lenient_within_ms, now_ms) >= terms->lenient_strikes
                   ? now_ms + terms->lenient_ms
                   : 0;
    }
    return 0;
}

bool suppress_is_stale(const struct suppress_history *history,
                       const struct suppress_terms *terms, int64_t now_ms)
{
    int64_t longest = terms->strict_ms > terms->lenient_within_ms
                          ? terms->strict_ms
                          : terms->lenient_within_ms;
    return history->count == 0 || history->at_ms[history->count - 1] <= now_ms - longest;
}

int64_t suppress_wish(enum suppress_rule rule, const struct suppress_terms *terms,
                      int64_t now_ms)
{
    if (rule != SUPPRESS_STRICT) {
        return 0;
    }
    return terms->complaint_ms == 0 ? INT64_MAX : now_ms + terms->complaint_ms;
}

/* ---- the breaker ---- */

/* The hour that is over becomes part of what is usual. */
static void turn_hour(struct suppress_breaker *breaker, int64_t hour)
{
    if (hour == breaker->hour) {
        return;
    }
    double keep = exp2(-(double)(hour - breaker->hour) / MONTH_H);
    breaker->usual_hits = breaker->usual_hits * keep + breaker->hour_hits;
    breaker->usual_total = breaker->usual_total * keep + breaker->hour_total;
    breaker->hour_hits = 0;
    breaker->hour_total = 0;
    breaker->hour = hour;
}

bool suppress_breaker_add(struct suppress_breaker *breaker,
                          const struct suppress_terms *terms, double hits, double total,
                          int64_t now_ns, int64_t now_ms)
{
    int64_t hour = now_ms / HOUR_MS;
    if (hour > breaker->hour) {
        turn_hour(breaker, hour);
    }
    breaker->hour_hits += hits;
    breaker->hour_total += total;
    evidence_add(&breaker->recent, hits, total, HOUR_NS, now_ns);
    struct evidence_bounds bounds = evidence_bounds(&breaker->recent, HOUR_NS, now_ns);
    double usual = (breaker->usual_hits + 1) / (breaker->usual_total + PRIOR_OF);
    bool was_open = breaker->is_open;
    breaker->is_open = breaker->recent.hits >= BURST &&
                       bounds.low > terms->breaker_share &&
                       bounds.share > terms->breaker_times * usual;
    return breaker->is_open && !was_open;
}
