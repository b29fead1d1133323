#include "tools/receiver_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/receiver_spec.h"

const char *const receiver_keys_stages[] = {"connect", "ehlo", "mail", "rcpt",
                                            "data",    "dot",  NULL};

const char *const receiver_keys_classes[] = {
    "accepted",       "rate",     "hourly",    "daily", "curve",      "connections",
    "per_connection", "box",      "block",     "grey",  "rbl",        "random",
    "unknown",        "full",     "recipient", "say",   "misleading", "outage",
    "recipients",     "protocol", "hostile",   NULL,
};

const char *const receiver_keys_styles[] = {"plain",   "gmail", "yahoo",
                                            "outlook", "gmx",   NULL};

static const char *const tls_words[] = {"none", "starttls", "implicit", NULL};
static const char *const how_words[] = {"reply", "close", "reset", NULL};
static const char *const hostile_words[] = {
    "none",    "garbage",  "endless",  "longline", "nocode", "nul",  "order",
    "early",   "cut",      "cutin",    "hole",     "mute",   "drip", "dotclose",
    "dotmute", "greet421", "greet554", "inject",   NULL,
};

_Static_assert(sizeof receiver_keys_stages / sizeof receiver_keys_stages[0] ==
                   RECEIVER_STAGES + 1,
               "a word for each stage");
_Static_assert(sizeof receiver_keys_classes / sizeof receiver_keys_classes[0] ==
                   RECEIVER_CLASSES + 1,
               "a word for each class");
_Static_assert(sizeof receiver_keys_styles / sizeof receiver_keys_styles[0] ==
                   RECEIVER_STYLES + 1,
               "a word for each style");
_Static_assert(sizeof hostile_words / sizeof hostile_words[0] ==
                   RECEIVER_HOSTILE_INJECT + 2,
               "a word for each hostile mode");

/* "none", "all" or "/24". */
static int parse_bits(const char *value, int *out_bits, struct errmsg *err)
{
    uint64_t bits = 0;

    if (strcmp(value, "none") == 0 || strcmp(value, "address") == 0) {
        *out_bits = 32;
        return 0;
    }
    if (strcmp(value, "all") == 0) {
        *out_bits = 0;
        return 0;
    }
    if (value[0] == '/' && setting_parse_count(value + 1, &bits) == 0 && bits <= 32) {
        *out_bits = (int)bits;
        return 0;
    }
    errmsg_set(err, "\"%.40s\" is wrong, it takes none, all or a prefix such as /24",
               value);
    return -EINVAL;
}

static int take_share(void *base, const char *value, struct errmsg *err)
{
    struct receiver_spec *spec = base;

    return parse_bits(value, &spec->share_bits, err);
}

static int take_grey_key(void *base, const char *value, struct errmsg *err)
{
    struct receiver_spec *spec = base;

    return parse_bits(value, &spec->grey_bits, err);
}

static int take_change(void *base, const char *value, struct errmsg *err)
{
    struct receiver_spec *spec = base;
    struct receiver_change change = {0, 0.0};
    const char *star = strchr(value, '*');
    char at[64];

    if (spec->changes_count == RECEIVER_SPEC_CHANGES) {
        errmsg_set(err, "at most %d changes", RECEIVER_SPEC_CHANGES);
        return -EINVAL;
    }
    (void)snprintf(at, sizeof at, "%.*s", star != NULL ? (int)(star - value) : 0, value);
    if (star == NULL || setting_parse_duration(at, &change.at_ns) != 0 ||
        setting_parse_number(star + 1, &change.factor) != 0) {
        errmsg_set(err, "\"%.40s\" is wrong, it takes TIME*FACTOR such as 10m*0.5",
                   value);
        return -EINVAL;
    }
    if (spec->changes_count > 0 &&
        change.at_ns <= spec->changes[spec->changes_count - 1].at_ns) {
        errmsg_set(err, "changes must come in the order of time");
        return -EINVAL;
    }
    spec->changes[spec->changes_count++] = change;
    return 0;
}

static int take_rbl_source(void *base, const char *value, struct errmsg *err)
{
    struct receiver_spec *spec = base;

    if (strcmp(value, "all") == 0) {
        spec->rbl_sources_count = 0;
        return 0;
    }
    if (spec->rbl_sources_count == RECEIVER_SPEC_RBL_SOURCES ||
        strlen(value) >= sizeof spec->rbl_sources[0]) {
        errmsg_set(err, "at most %d addresses", RECEIVER_SPEC_RBL_SOURCES);
        return -EINVAL;
    }
    memcpy(spec->rbl_sources[spec->rbl_sources_count++], value, strlen(value) + 1);
    return 0;
}

static bool is_reply(const char *text)
{
    return text[0] >= '2' && text[0] <= '5' && strspn(text + 1, "0123456789") == 2 &&
           text[3] == ' ';
}

/* "STAGE CHANCE REPLY": rcpt 0.05 450 4.2.1 slow down. */
static int take_say(void *base, const char *value, struct errmsg *err)
{
    struct receiver_spec *spec = base;
    struct receiver_say say = {0, 0.0, ""};
    char stage[16] = "";
    char chance[16] = "";
    int text_at = 0;

    if (spec->says_count == RECEIVER_SPEC_SAYS) {
        errmsg_set(err, "at most %d replies", RECEIVER_SPEC_SAYS);
        return -EINVAL;
    }
    if (sscanf(value, "%15s %15s %n", stage, chance, &text_at) != 2 || text_at == 0 ||
        setting_parse_number(chance, &say.chance) != 0 || say.chance > 1.0 ||
        !is_reply(value + text_at) || strlen(value + text_at) >= sizeof say.text) {
        errmsg_set(err, "\"%.80s\" is wrong, it takes \"STAGE CHANCE CODE TEXT\"", value);
        return -EINVAL;
    }
    while (receiver_keys_stages[say.stage] != NULL &&
           strcmp(receiver_keys_stages[say.stage], stage) != 0) {
        say.stage++;
    }
    if (receiver_keys_stages[say.stage] == NULL) {
        errmsg_set(err, "no stage is called \"%.20s\"", stage);
        return -EINVAL;
    }
    memcpy(say.text, value + text_at, strlen(value + text_at) + 1);
    spec->says[spec->says_count++] = say;
    return 0;
}

#define FIELD(NAME) offsetof(struct receiver_spec, NAME)
#define GROUP(TITLE)                                       \
    {                                                      \
        TITLE, SETTING_GROUP, 0, 0, NULL, NULL, NULL, NULL \
    }
#define TEXT(NAME, HELP)                                                              \
    {                                                                                 \
#NAME, SETTING_TEXT, FIELD(NAME), sizeof((struct receiver_spec *)NULL)->NAME, \
            NULL, NULL, "TEXT", HELP                                                  \
    }
#define VALUE(NAME, KIND, UNIT, HELP)                       \
    {                                                       \
#NAME, KIND, FIELD(NAME), 0, NULL, NULL, UNIT, HELP \
    }
#define TIME(NAME, KEY, HELP)                                        \
    {                                                                \
        KEY, SETTING_DURATION, FIELD(NAME), 0, NULL, NULL, "D", HELP \
    }
#define COUNT(NAME, HELP)  VALUE(NAME, SETTING_COUNT, "N", HELP)
#define CHANCE(NAME, HELP) VALUE(NAME, SETTING_FRACTION, "P", HELP)
#define WORD(NAME, WORDS, HELP)                                        \
    {                                                                  \
#NAME, SETTING_WORD, FIELD(NAME), 0, WORDS, NULL, "WORD", HELP \
    }
#define CALL(KEY, FUNCTION, UNIT, HELP)                     \
    {                                                       \
        KEY, SETTING_CALL, 0, 0, NULL, FUNCTION, UNIT, HELP \
    }
#define REPLY(KEY, CLASS)                                                                \
    {                                                                                    \
        "text_" KEY, SETTING_TEXT, FIELD(texts[CLASS]), RECEIVER_TEXT_BYTES, NULL, NULL, \
            "REPLY", "\"CODE TEXT\" in place of the style's reply of that class"         \
    }

const struct setting receiver_keys[] = {
    GROUP("Who it is"),
    TEXT(name, "name in the statistics (default: provider)"),
    TEXT(listen, "ADDRESS:PORT, or several with blanks between; port 0: any free one, "
                 "printed at start"),
    TEXT(hostname, "name in the greeting (default: mx.NAME.test)"),
    WORD(style, receiver_keys_styles, "whose wording the replies imitate"),
    WORD(tls, tls_words, "TLS with a certificate of its own"),
    VALUE(tls_required, SETTING_FLAG, "BOOL", "refuse MAIL without TLS"),
    TEXT(ehlo, "EHLO keywords, separated by semicolons; LIMITS is one: "
               "\"PIPELINING;SIZE;LIMITS MAILMAX=20\""),
    VALUE(max_size, SETTING_SIZE, "SIZE", "largest message (default 100M)"),
    COUNT(seed, "seed of its dice"),

    GROUP("Paced limits, per source address (see share)"),
    {"rate", SETTING_RATE, FIELD(rate_per_s), 0, NULL, NULL, "RATE",
     "token bucket: what it takes in the long run"},
    VALUE(burst, SETTING_NUMBER, "N",
          "depth of the bucket (default: one second's worth)"),
    COUNT(hourly, "messages per hour"),
    COUNT(daily, "messages per day"),
    TIME(day_ns, "day", "length of a day, hours follow (default 24h)"),
    WORD(at, receiver_keys_stages,
         "where the paced limits are looked at; at rcpt they count recipients"),
    CALL("share", take_share, "WHO",
         "which sources share one set of limits: none, all, or an IPv4 prefix (/24)"),
    VALUE(reputation, SETTING_NUMBER, "A",
          "the rate falls by A times the share of refusals of the last day"),
    VALUE(diurnal, SETTING_FRACTION, "F", "the rate swings between F and 1 over the day"),
    VALUE(diurnal_phase, SETTING_FRACTION, "F", "part of the day that is over at start"),
    CALL("change", take_change, "D*F", "from time D on the rate is F times; repeatable"),
    TIME(outage_at_ns, "outage_at", "when the first outage begins"),
    TIME(outage_every_ns, "outage_every",
         "time from one outage to the next; 0: one only"),
    TIME(outage_for_ns, "outage_for", "length of an outage; 0: none"),
    WORD(how_outage, how_words, "what a connection meets during an outage"),

    GROUP("Connections"),
    COUNT(connections, "open connections"),
    WORD(how_connections, how_words, "what one too many meets"),
    COUNT(per_connection, "messages on one connection"),
    WORD(how_per_connection, how_words, "reply to the next, or close behind the last"),
    COUNT(recipients, "recipients of one message"),

    GROUP("Escalation"),
    COUNT(strikes, "refusals by a limit within strike_window before all mail meets 421"),
    TIME(strike_window_ns, "strike_window", "default 10m"),
    TIME(box_ns, "box", "how long all mail then meets 421 (default 15m)"),
    COUNT(box_attempts, "attempts in that time before 554; 0: never (default 100)"),
    TIME(block_ns, "block", "how long all mail then meets 554 (default 6h)"),

    GROUP("New addresses"),
    {"curve", SETTING_COUNT, FIELD(curve_first), 0, NULL, NULL, "N",
     "messages a source may send on its first day"},
    VALUE(curve_growth, SETTING_NUMBER, "F",
          "growth of that from day to day (default 1.5)"),
    VALUE(curve_overrun, SETTING_NUMBER, "F",
          "attempts beyond (1 + F) times the allowance meet a block (default 0.2)"),
    TIME(curve_block_ns, "curve_block", "length of that block (default 24h)"),

    GROUP("Greylisting"),
    TIME(grey_min_ns, "grey_min", "time from the first attempt before one is taken"),
    TIME(grey_max_ns, "grey_max",
         "after that the first attempt is forgotten (default 12h)"),
    TIME(grey_keep_ns, "grey_keep", "how long who passed is remembered (default 35d)"),
    CALL("grey_key", take_grey_key, "WHO", "as share: which addresses count as one"),
    VALUE(grey_triplet, SETTING_FLAG, "BOOL",
          "each sender and recipient for itself (default true)"),

    GROUP("A blocklist"),
    TIME(rbl_after_ns, "rbl_after", "time at which the source is listed"),
    COUNT(rbl_after_messages, "or: listed after so many accepted messages"),
    TIME(rbl_clear_ns, "rbl_clear", "how long it stays listed; 0: for ever"),
    CALL("rbl_source", take_rbl_source, "ADDRESS", "only this source; repeatable"),
    WORD(rbl_at, receiver_keys_stages, "where it is said"),
    TEXT(rbl_zone, "zone it is said to come from (default bl.spamcop.net)"),
    TEXT(rbl_names, "address that the reply names (default: the client's)"),

    GROUP("Chance"),
    CHANCE(random, "share deferred whatever the rate"),
    WORD(random_at, receiver_keys_stages, "where"),
    CHANCE(unknown, "share of recipients that do not exist, always the same ones"),
    TEXT(unknown_prefix, "recipients that begin so do not exist"),
    CHANCE(full, "share of recipients whose mailbox is full, always the same ones"),
    CHANCE(recipient, "share of recipients deferred for the recipient's own rate"),
    CHANCE(misleading, "share of recipients that meet a misleading reply"),
    CALL("say", take_say, "\"STAGE P REPLY\"",
         "a reply of your own by chance; repeatable"),

    GROUP("Slowness, in real time"),
    VALUE(latency_connect, SETTING_SPAN, "D-D", "before the greeting"),
    VALUE(latency_reply, SETTING_SPAN, "D-D", "before each reply"),
    VALUE(latency_dot, SETTING_SPAN, "D-D", "before the answer to the final dot"),

    GROUP("Hostility"),
    WORD(hostile, hostile_words, "how it breaks the protocol"),
    COUNT(hostile_bytes, "of cut and cutin: after how many bytes"),
    CHANCE(hostile_chance, "share of connections (default 1)"),

    GROUP("Wording; {ip} {host} {zone} {rcpt} are filled in"),
    REPLY("rate", RECEIVER_RATE),
    REPLY("hourly", RECEIVER_HOURLY),
    REPLY("daily", RECEIVER_DAILY),
    REPLY("curve", RECEIVER_CURVE),
    REPLY("connections", RECEIVER_CONNECTIONS),
    REPLY("per_connection", RECEIVER_PER_CONNECTION),
    REPLY("box", RECEIVER_BOX),
    REPLY("block", RECEIVER_BLOCK),
    REPLY("grey", RECEIVER_GREY),
    REPLY("rbl", RECEIVER_RBL),
    REPLY("random", RECEIVER_RANDOM),
    REPLY("unknown", RECEIVER_UNKNOWN),
    REPLY("full", RECEIVER_FULL),
    REPLY("recipient", RECEIVER_RECIPIENT),
    REPLY("outage", RECEIVER_OUTAGE),
    REPLY("recipients", RECEIVER_RECIPIENTS),
    {NULL, SETTING_END, 0, 0, NULL, NULL, NULL, NULL},
};
