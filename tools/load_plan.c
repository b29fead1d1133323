#include "tools/load_plan.h"

#include <netinet/in.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/dice.h"
#include "tools/grab.h"
#include "tools/ticks.h"
#include "tools/wire.h"

#define LINE_BYTES     78 /* of the body, CRLF included */
#define SMALLEST_BODY  16 /* bytes, however large the header */
#define SIZE_MAX_BYTES (UINT64_C(1) << 30)
#define FINAL_DOT      ".\r\n"

static int add_domain(struct load_plan *plan, const char *name, size_t length,
                      uint64_t weight, struct errmsg *err)
{
    struct load_domain *domain = &plan->mix[plan->mix_count];
    uint64_t before = plan->mix_count > 0 ? domain[-1].up_to : 0;

    if (plan->mix_count == LOAD_PLAN_MIX || length == 0 ||
        length >= sizeof domain->name || weight == 0 || weight > UINT32_MAX) {
        errmsg_set(err, "\"%.60s\" is wrong, it takes at most %d times DOMAIN=WEIGHT",
                   name, LOAD_PLAN_MIX);
        return -EINVAL;
    }
    memcpy(domain->name, name, length);
    domain->name[length] = '\0';
    domain->up_to = before + weight;
    plan->mix_count++;
    return 0;
}

/* "gmail.test=60,outlook.test=30". */
static int take_mix(void *base, const char *value, struct errmsg *err)
{
    struct load_plan *plan = base;

    plan->mix_count = 0;
    while (*value != '\0') {
        size_t length = strcspn(value, "=,");
        const char *rest = value + length;
        uint64_t weight = 1;

        if (*rest == '=') {
            char number[32];
            size_t digits = strcspn(++rest, ",");

            (void)snprintf(number, sizeof number, "%.*s", (int)digits, rest);
            if (setting_parse_count(number, &weight) != 0) {
                weight = 0;
            }
            rest += digits;
        }
        if (add_domain(plan, value, length, weight, err) != 0) {
            return -EINVAL;
        }
        value = *rest == ',' ? rest + 1 : rest;
    }
    return 0;
}

static int add_header(struct load_plan *plan, const char *name, const char *value,
                      struct errmsg *err)
{
    size_t used = strlen(plan->extra);
    size_t room = sizeof plan->extra - used;

    if (strpbrk(value, "\r\n") != NULL ||
        (size_t)snprintf(plan->extra + used, room, "%s%s\r\n", name, value) >= room) {
        plan->extra[used] = '\0';
        errmsg_set(err, "the header lines are too long, or there is a line end in one");
        return -EINVAL;
    }
    return 0;
}

static int take_header(void *base, const char *value, struct errmsg *err)
{
    if (strchr(value, ':') == NULL) {
        errmsg_set(err, "\"%.60s\" is wrong, it takes \"Name: value\"", value);
        return -EINVAL;
    }
    return add_header(base, "", value, err);
}

static int take_stream(void *base, const char *value, struct errmsg *err)
{
    return add_header(base, "X-Mesura-Stream: ", value, err);
}

static int take_priority(void *base, const char *value, struct errmsg *err)
{
    return add_header(base, "X-Mesura-Priority: ", value, err);
}

static int take_lifetime(void *base, const char *value, struct errmsg *err)
{
    return add_header(base, "X-Mesura-Lifetime: ", value, err);
}

static int take_job(void *base, const char *value, struct errmsg *err)
{
    return add_header(base, "X-Mesura-Job: ", value, err);
}

static int take_auth(void *base, const char *value, struct errmsg *err)
{
    struct load_plan *plan = base;
    const char *colon = strchr(value, ':');

    if (colon == NULL || colon == value || (size_t)(colon - value) >= sizeof plan->user ||
        strlen(colon + 1) >= sizeof plan->password) {
        errmsg_set(err, "it takes USER:PASSWORD");
        return -EINVAL;
    }
    (void)snprintf(plan->user, sizeof plan->user, "%.*s", (int)(colon - value), value);
    (void)snprintf(plan->password, sizeof plan->password, "%s", colon + 1);
    return 0;
}

static int take_target(void *base, const char *value, struct errmsg *err)
{
    struct load_plan *plan = base;

    if (strlen(value) >= sizeof plan->target) {
        errmsg_set(err, "\"%.60s\" is not ADDRESS:PORT", value);
        return -EINVAL;
    }
    (void)snprintf(plan->target, sizeof plan->target, "%s", value);
    return 0;
}

static const char *const tls_words[] = {"none", "starttls", "implicit", NULL};

#define FIELD(NAME) offsetof(struct load_plan, NAME)
#define TEXT(NAME, UNIT, HELP)                                                          \
    {                                                                                   \
#NAME, SETTING_TEXT, FIELD(NAME), sizeof((struct load_plan *)NULL)->NAME, NULL, \
            NULL, UNIT, HELP                                                            \
    }
#define VALUE(KEY, FIELD_NAME, KIND, UNIT, HELP)                \
    {                                                           \
        KEY, KIND, FIELD(FIELD_NAME), 0, NULL, NULL, UNIT, HELP \
    }
#define FLAG(NAME, HELP)                                            \
    {                                                               \
#NAME, SETTING_FLAG, FIELD(NAME), 0, NULL, NULL, NULL, HELP \
    }
#define CALL(KEY, FUNCTION, UNIT, HELP)                     \
    {                                                       \
        KEY, SETTING_CALL, 0, 0, NULL, FUNCTION, UNIT, HELP \
    }
#define GROUP(TITLE)                                       \
    {                                                      \
        TITLE, SETTING_GROUP, 0, 0, NULL, NULL, NULL, NULL \
    }

const struct setting load_plan_options[] = {
    GROUP("Where and how much"),
    CALL("", take_target, NULL, NULL),
    CALL("target", take_target, "ADDRESS:PORT", "the server (default 127.0.0.1:25)"),
    TEXT(source, "ADDRESS:0", "the local address to connect from"),
    VALUE("sessions", sessions, SETTING_COUNT, "N", "connections at once (default 50)"),
    VALUE("messages", messages, SETTING_COUNT, "N",
          "messages in all (default 1000; 0: until the duration is over)"),
    VALUE("duration", duration_ns, SETTING_DURATION, "D", "begin no message after that"),
    VALUE("rate", rate_per_s, SETTING_RATE, "RATE", "messages begun (default unlimited)"),
    VALUE("per_connection", per_connection, SETTING_COUNT, "N",
          "messages on one connection; 0: as many as there are"),

    GROUP("The messages"),
    VALUE("size", size_bytes, SETTING_SIZE, "SIZE",
          "of a message, header included (4096)"),
    CALL("mix", take_mix, "DOMAIN=WEIGHT,...", "recipient domains (default dest.test)"),
    VALUE("domains", domains, SETTING_COUNT, "N", "spread each domain over dN.DOMAIN"),
    VALUE("users", users, SETTING_COUNT, "N", "different local parts (default 1000)"),
    VALUE("recipients", recipients, SETTING_COUNT, "N", "of one message (default 1)"),
    TEXT(sender, "ADDRESS", "MAIL FROM and From (default sender@src.test)"),
    TEXT(subject, "TEXT", "Subject"),
    CALL("header", take_header, "\"NAME: VALUE\"", "a header line; repeatable"),
    CALL("stream", take_stream, "NAME", "X-Mesura-Stream"),
    CALL("priority", take_priority, "0..9", "X-Mesura-Priority"),
    CALL("lifetime", take_lifetime, "D", "X-Mesura-Lifetime"),
    CALL("job", take_job, "NAME", "X-Mesura-Job"),
    TEXT(id_header, "NAME", "header with the unique id (default X-Bench-Id)"),
    TEXT(tag, "TEXT", "put TEXT- before each id, to tell runs apart"),
    VALUE("first_id", first_id, SETTING_COUNT, "N", "number of the first message (1)"),

    GROUP("The conversation"),
    TEXT(helo, "NAME", "in EHLO (default load.test)"),
    FLAG(pipelining, "MAIL, RCPT and DATA in one write"),
    {"tls", SETTING_WORD, FIELD(tls), 0, tls_words, NULL, "WORD",
     "certificates are not checked"},
    CALL("auth", take_auth, "USER:PASSWORD", "AUTH PLAIN"),
    FLAG(once, "do not try again what met a 4xx"),
    FLAG(reconnect, "go on when the server goes away, and send again what has no 250"),
    VALUE("pause", pause_ns, SETTING_DURATION, "D",
          "of a session after a 4xx or a lost connection (default 100ms)"),
    VALUE("timeout", timeout_ns, SETTING_DURATION, "D",
          "give up after that time without any 250 (default 60s)"),

    GROUP("What it writes"),
    FLAG(json, "the result as one line of JSON"),
    TEXT(
        ledger, "FILE",
        "a line for each end: \"ok ID DOT_NS OK_NS\", \"uncertain ID DOT_NS\" (no answer "
        "to the final dot), \"failed ID CODE\"; written at once"),
    FLAG(help, "print this"),
    FLAG(version, "print the version"),
    {NULL, SETTING_END, 0, 0, NULL, NULL, NULL, NULL},
};

void load_plan_init(struct load_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    (void)snprintf(plan->target, sizeof plan->target, "127.0.0.1:25");
    (void)snprintf(plan->helo, sizeof plan->helo, "load.test");
    (void)snprintf(plan->sender, sizeof plan->sender, "sender@src.test");
    (void)snprintf(plan->subject, sizeof plan->subject, "A message of mesura-load");
    (void)snprintf(plan->id_header, sizeof plan->id_header, "X-Bench-Id");
    plan->sessions = 50;
    plan->messages = 1000;
    plan->size_bytes = 4096;
    plan->users = 1000;
    plan->recipients = 1;
    plan->first_id = 1;
    plan->pause_ns = 100 * TICKS_MS;
    plan->timeout_ns = 60 * TICKS_SECOND;
}

void load_plan_done(struct load_plan *plan)
{
    free(plan->body);
    plan->body = NULL;
}

/* Lines without a leading dot, none like the one before. */
static void make_body(struct load_plan *plan)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -";
    size_t size = plan->size_bytes > SMALLEST_BODY ? plan->size_bytes : SMALLEST_BODY;
    uint64_t dice = 1;

    plan->body = grab_zeroed(size + sizeof FINAL_DOT, 1);
    for (size_t i = 0; i < size; i++) {
        plan->body[i] = letters[dice_next(&dice) & 63];
    }
    for (size_t end = size; end >= 2; end -= end > LINE_BYTES ? LINE_BYTES : end) {
        plan->body[end - 2] = '\r';
        plan->body[end - 1] = '\n';
    }
    memcpy(plan->body + size, FINAL_DOT, sizeof FINAL_DOT);
    plan->body_bytes = size;
}

static int check_counts(const struct load_plan *plan, struct errmsg *err)
{
    if (plan->sessions == 0 || plan->sessions > LOAD_PLAN_SESSIONS) {
        errmsg_set(err, "sessions: 1 to %d", LOAD_PLAN_SESSIONS);
        return -EINVAL;
    }
    if (plan->recipients == 0 || plan->recipients > LOAD_PLAN_RECIPIENTS ||
        plan->users < plan->recipients) {
        errmsg_set(err, "recipients: 1 to %d, and not more than users",
                   LOAD_PLAN_RECIPIENTS);
        return -EINVAL;
    }
    if (plan->size_bytes > SIZE_MAX_BYTES) {
        errmsg_set(err, "size: at most 1G");
        return -EINVAL;
    }
    if (plan->messages == 0 && plan->duration_ns == 0) {
        errmsg_set(err, "messages = 0 needs a duration");
        return -EINVAL;
    }
    return 0;
}

int load_plan_prepare(struct load_plan *plan, struct errmsg *err)
{
    struct tm now = {0};
    time_t seconds = (time_t)(ticks_unix_ms() / 1000);

    if (check_counts(plan, err) != 0) {
        return -EINVAL;
    }
    if (plan->mix_count == 0 &&
        add_domain(plan, "dest.test", strlen("dest.test"), 1, err) != 0) {
        return -EINVAL;
    }
    if (wire_parse_address(plan->target, &plan->target_address, &plan->target_size) !=
        0) {
        errmsg_set(err, "target: \"%s\" is not ADDRESS:PORT", plan->target);
        return -EINVAL;
    }
    if (plan->source[0] != '\0' && wire_parse_address(plan->source, &plan->source_address,
                                                      &plan->source_size) != 0) {
        errmsg_set(err, "source: \"%s\" is not ADDRESS:PORT", plan->source);
        return -EINVAL;
    }
    if (gmtime_r(&seconds, &now) == NULL ||
        strftime(plan->date, sizeof plan->date, "%a, %d %b %Y %H:%M:%S +0000", &now) ==
            0) {
        errmsg_set(err, "the clock makes no sense");
        return -EINVAL;
    }
    make_body(plan);
    return 0;
}

static const char *domain_of(const struct load_plan *plan, uint64_t id)
{
    uint64_t total = plan->mix[plan->mix_count - 1].up_to;
    uint64_t point = dice_mix(id * UINT64_C(0x9e3779b97f4a7c15)) % total;
    size_t at = 0;

    while (point >= plan->mix[at].up_to) {
        at++;
    }
    return plan->mix[at].name;
}

size_t load_plan_recipient(const struct load_plan *plan, uint64_t id, uint64_t index,
                           char *out, size_t size)
{
    uint64_t user = (id * plan->recipients + index) % plan->users;
    const char *domain = domain_of(plan, id);
    int length = 0;

    if (plan->domains > 1) {
        length = snprintf(out, size, "u%" PRIu64 "@d%" PRIu64 ".%s", user,
                          id % plan->domains, domain);
    } else {
        length = snprintf(out, size, "u%" PRIu64 "@%s", user, domain);
    }
    return (size_t)length < size ? (size_t)length : size - 1;
}

void load_plan_id(const struct load_plan *plan, uint64_t id, char *out, size_t size)
{
    (void)snprintf(out, size, "%s%s%" PRIu64, plan->tag, plan->tag[0] != '\0' ? "-" : "",
                   id);
}

size_t load_plan_message(const struct load_plan *plan, uint64_t id, char *out,
                         size_t size, char **out_body, size_t *out_body_bytes)
{
    char recipient[LOAD_PLAN_ADDRESS];
    char text[128];
    size_t header = 0;
    size_t body = SMALLEST_BODY;

    (void)load_plan_recipient(plan, id, 0, recipient, sizeof recipient);
    load_plan_id(plan, id, text, sizeof text);
    header = (size_t)snprintf(out, size,
                              "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\n"
                              "Message-ID: <%s.%s>\r\n%s: %s\r\n%s\r\n",
                              plan->sender, recipient, plan->subject, plan->date, text,
                              recipient, plan->id_header, text, plan->extra);
    if (header >= size) {
        header = size - 1;
    }
    if (plan->body_bytes > header + SMALLEST_BODY) {
        body = plan->body_bytes - header;
    }
    if (plan->body[plan->body_bytes - body] == '\n') {
        body--; /* a message never begins in the middle of a line end */
    }
    *out_body = plan->body + plan->body_bytes - body;
    *out_body_bytes = body + strlen(FINAL_DOT);
    return header;
}
