#include "tests/sim/receiver.h"

#include <math.h>
#include <stddef.h>

#define STRIKE_WINDOW (10 * RECEIVER_MINUTE)
#define BOX_NS        (15 * RECEIVER_MINUTE)
#define BOX_ATTEMPTS  100
#define BLOCK_NS      (6 * RECEIVER_HOUR)
#define OUTAGE_NS     (10 * RECEIVER_MINUTE)
#define CURVE_OVERRUN 0.2
#define CURVE_BLOCK   RECEIVER_DAY

double receiver_roll(uint64_t *random)
{
    *random += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = *random;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    mixed ^= mixed >> 31;
    return (double)(mixed >> 11) / 9007199254740992.0;
}

static double between(uint64_t *random, double least, double most)
{
    return least + (most - least) * receiver_roll(random);
}

/* Even on a scale of magnitudes. */
static double magnitude(uint64_t *random, double least, double most)
{
    return least * pow(most / least, receiver_roll(random));
}

void receiver_init(struct receiver *receiver, enum receiver_model model,
                   double per_minute, uint64_t seed)
{
    uint64_t random = seed * UINT64_C(0xD1342543DE82EF95) + 1;
    double rate = magnitude(&random, 6, 6000);

    *receiver = (struct receiver){.model = model};
    receiver->per_minute = per_minute > 0 ? per_minute : rate;
    double longest = receiver->per_minute > 1 ? receiver->per_minute : 1;
    receiver->burst = between(&random, 1, longest);
    receiver->tokens = receiver->burst;
    receiver->strikes_most = (uint32_t)between(&random, 20, 200);
    receiver->alpha = between(&random, 0, 5);
    receiver->hit_ns = (int64_t)between(&random, 1, 12) * RECEIVER_HOUR;
    receiver->outage_ns = (int64_t)(between(&random, 1, 6) * (double)RECEIVER_HOUR);
    receiver->wording = (uint32_t)between(&random, 0, 4);
    receiver->curve_first = magnitude(&random, 50, 2000);
    receiver->curve_growth = between(&random, 1.1, 2);
    receiver->stretch_ns = RECEIVER_MINUTE;
    receiver->noise = model == RECEIVER_NOISE ? 0.01 : 0;
    if (model == RECEIVER_CURVE) {
        receiver->words = RECEIVER_WORDS_GOOGLE;
        receiver->stretch_ns = RECEIVER_DAY;
    }
    if (model == RECEIVER_CONNECTIONS) {
        receiver->most_open = (uint32_t)between(&random, 1, 50);
        receiver->most_messages = (uint32_t)between(&random, 1, 100);
        receiver->silent = receiver_roll(&random) < 0.5;
        /* What so many connections carry at ten messages a second each. */
        receiver->per_minute = 600.0 * receiver->most_open;
        receiver->burst = 1e9;
        receiver->tokens = 1e9;
    }
    receiver->random = random;
}

static double capacity(const struct receiver *receiver, int64_t now_ns)
{
    double rate = receiver->per_minute;

    if (receiver->step_ns > 0 && now_ns >= receiver->step_ns) {
        rate *= receiver->step_times;
    }
    if (receiver->model == RECEIVER_CURVE) {
        double days = fmin(floor((double)now_ns / (double)RECEIVER_DAY), 60);
        rate = receiver->curve_first * pow(receiver->curve_growth, days) / (24 * 60);
    }
    if (receiver->model == RECEIVER_DIURNAL) {
        double hour = (double)(now_ns % RECEIVER_DAY) / (double)RECEIVER_HOUR;
        rate *= 0.6 + 0.4 * sin(2.0 * 3.14159265358979 * hour / 24.0);
    }
    if (receiver->model == RECEIVER_REPUTATION) {
        rate *= fmax(0.1, 1.0 - receiver->alpha * receiver->deferred_share);
    }
    return rate;
}

double receiver_offered(struct receiver *receiver, int64_t now_ns)
{
    double minutes = (double)(now_ns - receiver->offered_ns) / (double)RECEIVER_MINUTE;
    if (minutes > 0) {
        receiver->offered += minutes * capacity(receiver, now_ns);
        receiver->offered_ns = now_ns;
    }
    return receiver->offered;
}

void receiver_reset_offered(struct receiver *receiver, int64_t now_ns)
{
    receiver->offered = 0;
    receiver->offered_ns = now_ns;
}

static const char *rate_text(const struct receiver *receiver)
{
    static const char *const texts[][4] = {
        [RECEIVER_WORDS_RATE] = {"421 4.7.0 Rate limit exceeded, please slow down",
                                 "451 4.7.1 Too many messages from your address, try "
                                 "again later",
                                 "421 Message rate exceeded for this client",
                                 "450 4.7.1 You are sending too fast, throttled"},
        [RECEIVER_WORDS_VAGUE] = {"450 4.2.1 try again later", "451 temporarily deferred",
                                  "421 4.7.0 Try again later, closing connection",
                                  "451 4.3.2 Please try again later"},
        [RECEIVER_WORDS_GOOGLE] =
            {"421 4.7.28 Gmail has detected an unusual rate of email originating from "
             "your IP address",
             "421 4.7.28 unusual rate of email", "421 4.7.28 unusual rate of email",
             "421 4.7.28 unusual rate of email"},
    };
    return texts[receiver->words][receiver->wording % 4];
}

/* The allowance of a whole day or stretch, counted anew in each. */
static bool take_of_stretch(struct receiver *receiver, int64_t now_ns)
{
    int64_t stretch = now_ns / receiver->stretch_ns;
    double minutes = (double)receiver->stretch_ns / (double)RECEIVER_MINUTE;

    (void)receiver_offered(receiver, now_ns);
    if (stretch != receiver->stretch) {
        receiver->stretch = stretch;
        receiver->stretch_taken = 0;
        receiver->stretch_refused = 0;
    }
    double most = floor(capacity(receiver, now_ns) * minutes + 1e-9);
    if (receiver->stretch_taken + 1 <= most) {
        receiver->stretch_taken += 1;
        return true;
    }
    receiver->stretch_refused += 1;
    if (receiver->model == RECEIVER_CURVE) {
        receiver->overruns++;
        if (receiver->stretch_refused > CURVE_OVERRUN * most) {
            receiver->block_until_ns = now_ns + CURVE_BLOCK;
            receiver->blocks++;
        }
    }
    return false;
}

/* One token, if there is one. */
static bool take_token(struct receiver *receiver, int64_t now_ns)
{
    double minutes = (double)(now_ns - receiver->at_ns) / (double)RECEIVER_MINUTE;

    (void)receiver_offered(receiver, now_ns);
    receiver->tokens =
        fmin(receiver->burst, receiver->tokens + minutes * capacity(receiver, now_ns));
    receiver->at_ns = now_ns;
    if (receiver->tokens < 1.0) {
        return false;
    }
    receiver->tokens -= 1.0;
    return true;
}

static void strike(struct receiver *receiver, int64_t now_ns)
{
    if (now_ns - receiver->strikes_ns > STRIKE_WINDOW) {
        receiver->strikes_ns = now_ns;
        receiver->strikes = 0;
    }
    receiver->strikes++;
    if (receiver->strikes > receiver->strikes_most) {
        receiver->box_until_ns = now_ns + BOX_NS;
        receiver->box_attempts = 0;
        receiver->strikes = 0;
    }
}

/* Penalties before anything else. NULL: none. */
static const char *punished(struct receiver *receiver, int64_t now_ns)
{
    if (now_ns < receiver->block_until_ns) {
        receiver->attempts_blocked++;
        return "554 5.7.1 Your IP address is blocked for abuse";
    }
    if (now_ns >= receiver->box_until_ns) {
        return NULL;
    }
    receiver->box_attempts++;
    if (receiver->box_attempts > BOX_ATTEMPTS) {
        receiver->block_until_ns = now_ns + BLOCK_NS;
        receiver->blocks++;
    }
    return rate_text(receiver);
}

const char *receiver_connect(struct receiver *receiver, int64_t now_ns)
{
    if (receiver->model == RECEIVER_DIURNAL && now_ns >= receiver->outage_ns) {
        if (now_ns < receiver->outage_ns + OUTAGE_NS) {
            return "421 4.3.2 Service temporarily unavailable";
        }
        receiver->outage_ns +=
            (int64_t)(between(&receiver->random, 2, 10) * (double)RECEIVER_HOUR);
    }
    if (receiver->most_open > 0 && receiver->open >= receiver->most_open) {
        return "421 4.7.0 Too many concurrent connections from your address";
    }
    receiver->open++;
    return NULL;
}

void receiver_close(struct receiver *receiver)
{
    receiver->open -= receiver->open > 0 ? 1 : 0;
}

static const char *misleading(struct receiver *receiver)
{
    double roll = receiver_roll(&receiver->random);

    if (roll < 0.20) {
        return "450 4.2.1 The user you are trying to contact is receiving mail too "
               "quickly";
    }
    if (roll < 0.25) {
        return "452 4.2.2 Mailbox full";
    }
    if (roll < 0.28) {
        return "550 5.1.1 No such user here";
    }
    if (roll < 0.30) {
        return "421 4.7.27 Your email has been rate limited because SPF did not pass";
    }
    return NULL;
}

const char *receiver_message(struct receiver *receiver, uint32_t messages, int64_t now_ns)
{
    if (receiver->most_messages > 0 && messages >= receiver->most_messages) {
        return receiver->silent ? "" : "421 Too many messages in this connection";
    }
    if (receiver->model == RECEIVER_STRIKES || receiver->model == RECEIVER_CURVE) {
        const char *text = punished(receiver, now_ns);
        if (text != NULL) {
            return text;
        }
    }
    if (receiver->model == RECEIVER_LISTING && now_ns >= receiver->hit_ns) {
        receiver->attempts_blocked++;
        return "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using "
               "bl.spamcop.net";
    }
    if (receiver->noise > 0 && receiver_roll(&receiver->random) < receiver->noise) {
        return "451 4.3.0 Temporary system problem, try again later";
    }
    if (receiver->model == RECEIVER_MISLEADING) {
        const char *text = misleading(receiver);
        if (text != NULL) {
            return text;
        }
    }
    bool stretches =
        receiver->model == RECEIVER_CURVE || receiver->model == RECEIVER_QUOTA;
    bool good =
        stretches ? take_of_stretch(receiver, now_ns) : take_token(receiver, now_ns);
    receiver->deferred_share = receiver->deferred_share * 0.9999 + (good ? 0 : 0.0001);
    if (good) {
        return NULL;
    }
    if (receiver->model == RECEIVER_STRIKES) {
        strike(receiver, now_ns);
    }
    return rate_text(receiver);
}
