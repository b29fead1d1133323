#include "tests/sim/grey.h"

#include <stddef.h>

#include "policy/backoff.h"
#include "policy/classify.h"
#include "policy/control.h"
#include "policy/split.h"
#include "policy/verdict.h"

#include "tests/sim/receiver.h"

#define MESSAGES   400
#define RECIPIENTS 250 /* fewer than messages: some have passed before */
#define SOURCES    2
#define LATENCY_NS (RECEIVER_SECOND / 10)

struct letter {
    int64_t due_ns;
    int64_t answered_ns; /* by a server, from source */
    int32_t source;      /* -1: none has answered yet */
    uint32_t recipient;
    uint32_t attempts;
    bool done;
};

struct town {
    uint64_t random;
    int64_t delay_ns;                      /* hidden: 1 to 30 minutes */
    bool by_network;                       /* hidden: both sources are one to it */
    int64_t first_ns[SOURCES][RECIPIENTS]; /* 0: never seen */
    uint32_t wording;
    struct letter letters[MESSAGES];
    struct control lanes[SOURCES];
};

static const struct control_limits limits = {
    .enabled = true,
    .start_rate = {.count = 1, .period_ns = RECEIVER_SECOND},
    .max_connections = 10,
    .pause_ns = RECEIVER_MINUTE,
    .max_pause_ns = 4 * RECEIVER_HOUR,
};

static const char *answer(struct town *town, uint32_t source, uint32_t recipient,
                          int64_t now_ns)
{
    static const char *const texts[] = {
        "450 4.2.0 Greylisted, see the postmaster's page",
        "451 4.7.1 Greylisting in action, please come back later",
        "450 4.7.1 Recipient address rejected: greylisted, try again in 300 seconds",
    };
    int64_t *first_ns = &town->first_ns[town->by_network ? 0 : source][recipient];

    *first_ns = *first_ns == 0 ? now_ns : *first_ns;
    return now_ns - *first_ns >= town->delay_ns ? NULL : texts[town->wording];
}

static struct letter *earliest(struct town *town)
{
    struct letter *best = NULL;

    for (size_t i = 0; i < MESSAGES; i++) {
        struct letter *letter = &town->letters[i];
        if (!letter->done && (best == NULL || letter->due_ns < best->due_ns)) {
            best = letter;
        }
    }
    return best;
}

static uint32_t choose(struct town *town, const struct letter *letter, int64_t now_ns)
{
    const struct split_source sources[SOURCES] = {
        {.source = 0, .weight = 1, .live = true},
        {.source = 1, .weight = 1, .live = true}};
    struct split_ask ask = {
        .sources = sources,
        .count = SOURCES,
        .sticky = letter->source,
        .sticky_age_ns = now_ns - letter->answered_ns,
        .fallback = -1,
        .roll = (uint64_t)(receiver_roll(&town->random) * 9e18),
    };
    return (uint32_t)split_choose(&ask).source;
}

static void refused(struct town *town, struct letter *letter, const char *text,
                    uint32_t source, int64_t now_ns)
{
    struct backoff_schedule schedule;
    struct backoff_life life;
    struct reply reply;
    struct finding finding;

    (void)backoff_preset("bulk", &schedule, &life);
    (void)classify_parse_line(text, REPLY_STAGE_RCPT, &reply);
    classify_reply(&reply, "", NULL, &finding);
    struct control_event event = {
        .finding = &finding, .units = 1, .open = 1, .started_ns = now_ns - LATENCY_NS};
    (void)control_refused(&town->lanes[source], &limits, &event, now_ns);
    struct backoff_ask ask = {
        .attempts = letter->attempts,
        .age_ns = now_ns,
        .wait_ns = finding.wait_ns,
        .greylisted = finding.class == FINDING_GREYLIST,
        .noticed = true,
        .roll = (uint64_t)(receiver_roll(&town->random) * 9e18),
    };
    struct backoff_answer next = backoff_next(&schedule, &life, &ask);
    letter->done = next.expired;
    letter->due_ns = now_ns + next.wait_ns;
}

static void attempt(struct town *town, struct letter *letter, struct grey_result *result)
{
    int64_t now_ns = letter->due_ns;
    uint32_t source = choose(town, letter, now_ns);
    const char *text = answer(town, source, letter->recipient, now_ns);

    letter->attempts++;
    result->attempts++;
    result->moved += letter->source >= 0 && (uint32_t)letter->source != source;
    letter->source = (int32_t)source;
    letter->answered_ns = now_ns;
    if (text != NULL) {
        refused(town, letter, text, source, now_ns);
        return;
    }
    (void)control_accepted(&town->lanes[source], &limits, 1, 1, false, now_ns);
    letter->done = true;
    result->delivered++;
}

void grey_run(uint64_t seed, struct grey_result *out_result)
{
    static struct town town;
    struct letter *letter = NULL;

    town = (struct town){.random = seed};
    town.delay_ns =
        (int64_t)((1 + 29 * receiver_roll(&town.random)) * (double)RECEIVER_MINUTE);
    town.by_network = receiver_roll(&town.random) < 0.5;
    town.wording = (uint32_t)(receiver_roll(&town.random) * 3);
    *out_result = (struct grey_result){.messages = MESSAGES};
    for (size_t i = 0; i < SOURCES; i++) {
        control_init(&town.lanes[i], &limits, 0);
    }
    for (size_t i = 0; i < MESSAGES; i++) {
        town.letters[i] = (struct letter){
            .due_ns = (int64_t)(i + 1) * RECEIVER_SECOND,
            .source = -1,
            .recipient = (uint32_t)(receiver_roll(&town.random) * RECIPIENTS),
        };
    }
    while ((letter = earliest(&town)) != NULL) {
        attempt(&town, letter, out_result);
    }
    for (size_t i = 0; i < SOURCES; i++) {
        out_result->slowed += town.lanes[i].throttles > 0 || town.lanes[i].ceiling > 0 ||
                              town.lanes[i].rate < 1.0;
    }
}
