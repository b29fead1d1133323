#include "tools/receiver_gates.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "tools/dice.h"
#include "tools/receiver_capacity.h"
#include "tools/receiver_grey.h"

#define LEAST_REPUTATION 0.05 /* of the rate is always left */

struct gate {
    enum receiver_class class;
    bool (*refuses)(const struct receiver_case *what);
};

static const struct receiver_spec *spec_of(const struct receiver_case *what)
{
    return &what->provider->spec;
}

static bool chance(const struct receiver_case *what, double share)
{
    return share > 0.0 && dice_unit(dice_next(&what->provider->dice)) < share;
}

/* Always the same answer for the same recipient. */
static bool fate(const struct receiver_case *what, double share, uint64_t salt)
{
    uint64_t hash =
        dice_hash(spec_of(what)->seed + salt, what->recipient, strlen(what->recipient));

    return share > 0.0 && dice_unit(hash) < share;
}

/* Connections and the transactions of those that are open already. */
static bool begins(const struct receiver_case *what)
{
    return what->stage == RECEIVER_CONNECT || what->stage == RECEIVER_MAIL;
}

static bool outage_refuses(const struct receiver_case *what)
{
    return begins(what) && receiver_capacity_outage(spec_of(what), what->model_ns);
}

static bool is_named(const struct receiver_spec *spec, const char *source)
{
    for (size_t i = 0; i < spec->rbl_sources_count; i++) {
        if (strcmp(spec->rbl_sources[i], source) == 0) {
            return true;
        }
    }
    return spec->rbl_sources_count == 0;
}

/* A listing begins once, and ends when its time is over. */
static void update_listing(const struct receiver_spec *spec,
                           struct receiver_source *source, int64_t model_ns)
{
    if (source->listing == RECEIVER_LISTING_NOT_YET && is_named(spec, source->text)) {
        if (spec->rbl_after_ns >= 0 && model_ns >= spec->rbl_after_ns) {
            source->listing = RECEIVER_LISTING_ON;
            source->listed_ns = spec->rbl_after_ns;
        } else if (spec->rbl_after_messages > 0 &&
                   source->tally.messages >= spec->rbl_after_messages) {
            source->listing = RECEIVER_LISTING_ON;
            source->listed_ns = model_ns;
        }
    }
    if (source->listing == RECEIVER_LISTING_ON && spec->rbl_clear_ns > 0 &&
        model_ns >= source->listed_ns + spec->rbl_clear_ns) {
        source->listing = RECEIVER_LISTING_OVER;
    }
}

static bool rbl_refuses(const struct receiver_case *what)
{
    const struct receiver_spec *spec = spec_of(what);
    bool here = what->stage == spec->rbl_at ||
                (spec->rbl_at == RECEIVER_CONNECT && what->stage == RECEIVER_MAIL);

    if (!here) {
        return false;
    }
    update_listing(spec, what->source, what->model_ns);
    return what->source->listing == RECEIVER_LISTING_ON;
}

static bool block_refuses(const struct receiver_case *what)
{
    return begins(what) && what->model_ns < what->source->account->block_until_ns;
}

static void begin_block(struct receiver_account *account, int64_t until_ns)
{
    account->block_until_ns = until_ns;
    account->blocks++;
}

static bool box_refuses(const struct receiver_case *what)
{
    const struct receiver_spec *spec = spec_of(what);
    struct receiver_account *account = what->source->account;

    if (!begins(what) || what->model_ns >= account->box_until_ns) {
        return false;
    }
    account->box_attempts++;
    if (spec->box_attempts > 0 && account->box_attempts > spec->box_attempts) {
        begin_block(account, what->model_ns + spec->block_ns);
    }
    return true;
}

/* The connection that asks is counted already. */
static bool connections_refuses(const struct receiver_case *what)
{
    uint64_t limit = spec_of(what)->connections;

    return what->stage == RECEIVER_CONNECT && limit > 0 &&
           what->source->account->open > limit;
}

static bool per_connection_refuses(const struct receiver_case *what)
{
    uint64_t limit = spec_of(what)->per_connection;

    return what->stage == RECEIVER_MAIL && limit > 0 && what->messages >= limit;
}

static bool recipients_refuses(const struct receiver_case *what)
{
    uint64_t limit = spec_of(what)->recipients;

    return what->stage == RECEIVER_RCPT && limit > 0 && what->recipients >= limit;
}

static bool grey_refuses(const struct receiver_case *what)
{
    const struct receiver_spec *spec = spec_of(what);
    struct receiver_address prefix;
    uint64_t hash = 0;

    if (what->stage != RECEIVER_RCPT || what->provider->grey == NULL) {
        return false;
    }
    prefix = receiver_book_prefix(&what->source->key, spec->grey_bits);
    hash = dice_hash(1, prefix.bytes, sizeof prefix.bytes);
    if (spec->grey_triplet) {
        hash = dice_hash(hash, what->sender, strlen(what->sender) + 1);
        hash = dice_hash(hash, what->recipient, strlen(what->recipient));
    }
    return receiver_grey_refuses(what->provider->grey, spec, hash, what->model_ns);
}

static bool unknown_refuses(const struct receiver_case *what)
{
    const struct receiver_spec *spec = spec_of(what);
    size_t length = strlen(spec->unknown_prefix);

    if (what->stage != RECEIVER_RCPT) {
        return false;
    }
    return fate(what, spec->unknown, 1) ||
           (length > 0 &&
            strncasecmp(what->recipient, spec->unknown_prefix, length) == 0);
}

static bool full_refuses(const struct receiver_case *what)
{
    return what->stage == RECEIVER_RCPT && fate(what, spec_of(what)->full, 2);
}

static bool recipient_refuses(const struct receiver_case *what)
{
    return what->stage == RECEIVER_RCPT && chance(what, spec_of(what)->recipient);
}

static bool random_refuses(const struct receiver_case *what)
{
    const struct receiver_spec *spec = spec_of(what);

    return what->stage == spec->random_at && chance(what, spec->random);
}

/* The share of the rate that an account's own conduct leaves it. */
static double reputation(const struct receiver_spec *spec,
                         struct receiver_account *account, int64_t model_ns)
{
    double age = (double)(model_ns - account->recent_ns) / (double)spec->day_ns;
    double factor = 1.0;

    if (spec->reputation <= 0.0) {
        return 1.0;
    }
    account->recent_attempts *= exp(-age);
    account->recent_refusals *= exp(-age);
    account->recent_ns = model_ns;
    if (account->recent_attempts > 0.0) {
        factor -= spec->reputation * account->recent_refusals / account->recent_attempts;
    }
    return factor > LEAST_REPUTATION ? factor : LEAST_REPUTATION;
}

static void refill(const struct receiver_spec *spec, struct receiver_account *account,
                   int64_t model_ns)
{
    account->tokens += receiver_capacity_refill(spec, account->refilled_ns, model_ns) *
                       reputation(spec, account, model_ns);
    account->refilled_ns = model_ns;
    if (account->tokens > spec->burst) {
        account->tokens = spec->burst;
    }
}

static void turn_windows(const struct receiver_spec *spec,
                         struct receiver_account *account, int64_t model_ns)
{
    int64_t day = model_ns / spec->day_ns;
    int64_t hour = model_ns / (spec->day_ns / 24);
    int64_t curve_day = (model_ns - account->first_ns) / spec->day_ns;

    if (day != account->day) {
        account->day = day;
        account->day_count = 0;
    }
    if (hour != account->hour) {
        account->hour = hour;
        account->hour_count = 0;
    }
    if (curve_day != account->curve_day) {
        account->curve_day = curve_day;
        account->curve_count = 0;
        account->curve_attempts = 0;
    }
}

/* The new address's allowance; whoever goes far beyond it is blocked. */
static enum receiver_class curve(const struct receiver_spec *spec,
                                 struct receiver_account *account, int64_t model_ns)
{
    double allowance = 0.0;

    if (spec->curve_first == 0) {
        return RECEIVER_ACCEPTED;
    }
    allowance = receiver_capacity_curve(spec, account->curve_day);
    account->curve_attempts++;
    if ((double)account->curve_attempts > allowance * (1.0 + spec->curve_overrun)) {
        begin_block(account, model_ns + spec->curve_block_ns);
        return RECEIVER_BLOCK;
    }
    return (double)account->curve_count >= allowance ? RECEIVER_CURVE : RECEIVER_ACCEPTED;
}

/* All paced limits; charged only when all of them pass. */
static enum receiver_class paced(const struct receiver_case *what)
{
    const struct receiver_spec *spec = spec_of(what);
    struct receiver_account *account = what->source->account;
    enum receiver_class class = RECEIVER_ACCEPTED;

    if (what->stage != spec->at) {
        return RECEIVER_ACCEPTED;
    }
    turn_windows(spec, account, what->model_ns);
    class = curve(spec, account, what->model_ns);
    if (class != RECEIVER_ACCEPTED) {
        return class;
    }
    if (spec->hourly > 0 && account->hour_count >= spec->hourly) {
        return RECEIVER_HOURLY;
    }
    if (spec->daily > 0 && account->day_count >= spec->daily) {
        return RECEIVER_DAILY;
    }
    if (spec->rate_per_s > 0.0) {
        refill(spec, account, what->model_ns);
        if (account->tokens < 1.0) {
            return RECEIVER_RATE;
        }
        account->tokens -= 1.0;
    }
    account->hour_count++;
    account->day_count++;
    account->curve_count++;
    return RECEIVER_ACCEPTED;
}

static bool is_limit(enum receiver_class class)
{
    return class == RECEIVER_RATE || class == RECEIVER_HOURLY ||
           class == RECEIVER_DAILY || class == RECEIVER_CURVE ||
           class == RECEIVER_CONNECTIONS;
}

/* More than so many refusals within the window: into the box. */
static void strike(const struct receiver_spec *spec, struct receiver_account *account,
                   int64_t model_ns)
{
    size_t size = (size_t)spec->strikes + 1;
    int64_t oldest_ns = 0;

    if (spec->strikes == 0) {
        return;
    }
    account->strikes[account->strikes_next] = model_ns;
    account->strikes_next = (account->strikes_next + 1) % size;
    if (account->strikes_count < size) {
        account->strikes_count++;
    }
    oldest_ns = account->strikes[account->strikes_next];
    if (account->strikes_count == size && model_ns - oldest_ns < spec->strike_window_ns) {
        account->box_until_ns = model_ns + spec->box_ns;
        account->box_attempts = 0;
        account->strikes_count = 0;
        account->strikes_next = 0;
        account->boxes++;
    }
}

static const char *const misleading_texts[] = {
    ("421 4.7.1 [TS03] All messages from {ip} will be permanently deferred; retrying "
     "will "
     "not succeed"),
    "550 Connection frequency limited",
    "450 4.2.1 <{rcpt}> is receiving mail at a rate that prevents more being delivered",
    "421 4.7.27 This mail is unauthenticated: SPF did not pass for its sender",
    "554 5.7.1 Service unavailable; Error: open resolver",
};

static enum receiver_class say(const struct receiver_case *what, const char **out_text)
{
    const struct receiver_spec *spec = spec_of(what);

    for (size_t i = 0; i < spec->says_count; i++) {
        if (spec->says[i].stage == what->stage && chance(what, spec->says[i].chance)) {
            *out_text = spec->says[i].text;
            return RECEIVER_SAY;
        }
    }
    if (what->stage == RECEIVER_RCPT && chance(what, spec->misleading)) {
        size_t count = sizeof misleading_texts / sizeof misleading_texts[0];

        *out_text = misleading_texts[dice_next(&what->provider->dice) % count];
        return RECEIVER_MISLEADING;
    }
    return RECEIVER_ACCEPTED;
}

/* In this order; the paced limits come last, so that they are charged only for what
 * nothing else refuses at the same stage. */
static const struct gate gates[] = {
    {RECEIVER_OUTAGE, outage_refuses},
    {RECEIVER_RBL, rbl_refuses},
    {RECEIVER_BLOCK, block_refuses},
    {RECEIVER_BOX, box_refuses},
    {RECEIVER_CONNECTIONS, connections_refuses},
    {RECEIVER_PER_CONNECTION, per_connection_refuses},
    {RECEIVER_RECIPIENTS, recipients_refuses},
    {RECEIVER_GREY, grey_refuses},
    {RECEIVER_UNKNOWN, unknown_refuses},
    {RECEIVER_FULL, full_refuses},
    {RECEIVER_RECIPIENT, recipient_refuses},
    {RECEIVER_RANDOM, random_refuses},
};

static enum receiver_class first_refusal(const struct receiver_case *what,
                                         const char **out_text)
{
    enum receiver_class class = RECEIVER_ACCEPTED;

    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++) {
        if (gates[i].refuses(what)) {
            return gates[i].class;
        }
    }
    class = say(what, out_text);
    return class != RECEIVER_ACCEPTED ? class : paced(what);
}

enum receiver_class receiver_gates_judge(const struct receiver_case *what,
                                         const char **out_text)
{
    const struct receiver_spec *spec = spec_of(what);
    struct receiver_account *account = what->source->account;
    enum receiver_class class = RECEIVER_ACCEPTED;

    *out_text = NULL;
    class = first_refusal(what, out_text);
    if (is_limit(class)) {
        strike(spec, account, what->model_ns);
    }
    if (spec->reputation > 0.0 && what->stage == spec->at) {
        account->recent_attempts += 1.0;
        account->recent_refusals += is_limit(class) ? 1.0 : 0.0;
    }
    if (receiver_gates_capacity(what->provider, account, what->model_ns)) {
        account->capacity_last = account->capacity;
    }
    return class;
}

void receiver_gates_took(struct receiver_provider *provider,
                         struct receiver_source *source, uint64_t recipients)
{
    source->account->accepted += provider->spec.at == RECEIVER_RCPT ? recipients : 1;
}

bool receiver_gates_capacity(const struct receiver_provider *provider,
                             struct receiver_account *account, int64_t model_ns)
{
    double more = receiver_capacity_between(&provider->spec, account->first_ns,
                                            account->capacity_ns, model_ns);

    if (more < 0.0) {
        return false;
    }
    account->capacity += more;
    account->capacity_ns = model_ns;
    return true;
}
