#include "policy/conduct.h"

#include <stddef.h>
#include <string.h>

#define HALF_LIFE_NS  (INT64_C(24) * 3600 * 1000000000)
#define USUAL_SHARE   0.2F /* of a new day in what is usual: about a week's memory */
#define TRUSTED_DAYS  60
#define EXPECT_SLACK  11 /* tenths */
#define MONTH_EARLIER 26 /* days: the same day of the month, give or take two, ... */
#define MONTH_LATER   33

const struct conduct_limits conduct_defaults = {.notify_per_hour = 500,
                                                .slow_factor = 3,
                                                .hold_factor = 10,
                                                .hold_floor = 50,
                                                .unknown_share = 0.05,
                                                .history_days = 7};

static int32_t day_of(int32_t hour)
{
    return hour / 24;
}

/* 1970-01-01 was a Thursday. */
static int is_weekend(int32_t day)
{
    int32_t weekday = (day + 4) % 7;
    return weekday == 0 || weekday == 6 ? 1 : 0;
}

void conduct_init(struct conduct *conduct, int32_t hour)
{
    *conduct = (struct conduct){.hour = hour, .born_day = day_of(hour)};
}

/* The hour that was becomes history. */
static void fold(struct conduct *conduct)
{
    int32_t day = day_of(conduct->hour);
    float *usual = &conduct->usual[is_weekend(day)][conduct->hour % 24];
    uint32_t *peak = &conduct->peaks[day % CONDUCT_DAYS];
    /* The first time teaches all at once: a new user has no other history. */
    float share = *usual == 0.0F ? 1.0F : USUAL_SHARE;
    *usual += share * ((float)conduct->sent - *usual);
    *peak = conduct->sent > *peak ? conduct->sent : *peak;
    conduct->sent = 0;
    conduct->signs = 0;
}

bool conduct_hour(struct conduct *conduct, int32_t hour)
{
    if (hour <= conduct->hour) {
        return false;
    }
    int32_t first = conduct->hour;
    /* Hours of silence count, but years of them need not be walked. */
    int32_t steps = hour - first > 24 * CONDUCT_DAYS ? 24 * CONDUCT_DAYS : hour - first;
    for (int32_t i = 0; i < steps; i++) {
        fold(conduct);
        conduct->hour = hour - steps + 1 + i;
        if (conduct->hour % 24 == 0) {
            conduct->peaks[day_of(conduct->hour) % CONDUCT_DAYS] = 0;
            conduct->day_sent = 0;
        }
    }
    conduct->hour = hour;
    return true;
}

/* True when the hash was there; it is first now. */
static bool remember(uint64_t *row, size_t count, uint64_t hash)
{
    size_t at = 0;
    while (at < count - 1 && row[at] != hash && row[at] != 0) {
        at++;
    }
    bool was_there = row[at] == hash;
    memmove(row + 1, row, at * sizeof *row);
    row[0] = hash;
    return was_there;
}

void conduct_see(struct conduct *conduct, uint32_t recipients, uint64_t network,
                 uint64_t print)
{
    bool has_networks = conduct->networks[0] != 0;
    /* Who has filled the row sends so many kinds that another one means nothing. */
    bool is_varied = conduct->prints[CONDUCT_PRINTS - 1] != 0;
    bool has_prints = conduct->prints[0] != 0;
    conduct->sent += recipients;
    conduct->day_sent += recipients;
    if (conduct->hour < conduct->expected_until) {
        conduct->expected_sent += recipients;
    }
    if (network != 0 && !remember(conduct->networks, CONDUCT_NETWORKS, network) &&
        has_networks) {
        conduct->signs |= CONDUCT_SIGN_NETWORK;
    }
    if (print != 0 && !remember(conduct->prints, CONDUCT_PRINTS, print) && has_prints &&
        !is_varied) {
        conduct->signs |= CONDUCT_SIGN_PRINT;
    }
}

void conduct_ended(struct conduct *conduct, bool refused, bool unknown, int64_t now_ns)
{
    evidence_add(&conduct->unknown, unknown ? 1 : 0, 1, HALF_LIFE_NS, now_ns);
    evidence_add(&conduct->bounced, refused ? 1 : 0, 1, HALF_LIFE_NS, now_ns);
}

void conduct_expect(struct conduct *conduct, uint64_t volume, int32_t until_hour)
{
    conduct->expected_volume = volume;
    conduct->expected_until = until_hour;
    conduct->expected_sent = 0;
}

static uint32_t largest(uint32_t one, uint32_t other)
{
    return one > other ? one : other;
}

static uint32_t peak_before(const struct conduct *conduct, int32_t days)
{
    int32_t day = day_of(conduct->hour) - days;
    return days < CONDUCT_DAYS && day >= conduct->born_day
               ? conduct->peaks[day % CONDUCT_DAYS]
               : 0;
}

static uint32_t usual_now(const struct conduct *conduct)
{
    int32_t day = day_of(conduct->hour);
    uint32_t usual = (uint32_t)conduct->usual[is_weekend(day)][conduct->hour % 24];
    for (int32_t month = 0; month < 3; month++) {
        for (int32_t i = MONTH_EARLIER; i <= MONTH_LATER; i++) {
            usual = largest(usual, peak_before(conduct, i + month * 30));
        }
    }
    return usual;
}

static bool is_expected(const struct conduct *conduct)
{
    return conduct->hour < conduct->expected_until &&
           conduct->expected_sent * 10 <= conduct->expected_volume * EXPECT_SLACK;
}

struct conduct_verdict conduct_judge(const struct conduct *conduct,
                                     const struct conduct_limits *limits, bool trusted,
                                     int64_t now_ns)
{
    struct conduct_verdict verdict = {.judgement = CONDUCT_CALM,
                                      .usual = usual_now(conduct)};
    int32_t age_days = day_of(conduct->hour) - conduct->born_day;
    for (int32_t i = 1; i < CONDUCT_DAYS; i++) {
        verdict.peak = largest(verdict.peak, peak_before(conduct, i));
    }
    uint64_t allowed = (uint64_t)verdict.peak * limits->slow_factor;
    verdict.allowed = allowed > UINT32_MAX ? UINT32_MAX : (uint32_t)allowed;
    verdict.allowed = largest(verdict.allowed, limits->notify_per_hour);
    if (age_days >= (int32_t)limits->history_days) {
        verdict.signs = conduct->signs;
    }
    struct evidence_bounds unknown =
        evidence_bounds(&conduct->unknown, HALF_LIFE_NS, now_ns);
    if (evidence_is_bad(unknown, limits->unknown_share)) {
        verdict.signs |= CONDUCT_SIGN_UNKNOWN;
    }
    if (is_expected(conduct)) {
        return verdict;
    }
    uint64_t odd =
        (uint64_t)largest(verdict.usual, limits->hold_floor) * limits->hold_factor;
    bool may_hold = !trusted || age_days >= TRUSTED_DAYS;
    if (conduct->sent > odd && verdict.signs != 0 && may_hold) {
        verdict.judgement = CONDUCT_HOLD;
    } else if (conduct->sent > verdict.allowed) {
        verdict.judgement = CONDUCT_SLOW;
    }
    return verdict;
}
