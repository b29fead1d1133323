#include "relay/terms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/intake.h"
#include "relay/route.h"
#include "relay/snapshot.h"

#define PRIORITY_DEFAULT 5

static const struct config_listener *listener_of(const struct intake *intake)
{
    return intake->client.door;
}

/* The stream that the client has chosen: header, credential; "" none. */
static const char *named_stream(const struct intake *intake)
{
    const struct users_user *user = intake->client.user;
    const char *named = intake->message.facts.stream;
    if (named[0] == '\0' && user != NULL && user->stream_count > 0) {
        named = user->streams[0];
    }
    return named;
}

static bool serves(const struct config_listener *listener, uint32_t stream)
{
    for (size_t i = 0; i < listener->streams.count; i++) {
        if (listener->streams.items[i] == stream) {
            return true;
        }
    }
    return false;
}

/* Does one of the stream's sender domains match? ".example.com" is what is below it. */
static bool is_sender_of(const struct config_stream *stream, const char *domain)
{
    size_t length = strlen(domain);
    for (size_t i = 0; i < stream->senders.count; i++) {
        const char *wanted = stream->senders.items[i];
        size_t tail = strlen(wanted);
        bool is_below = wanted[0] == '.' && length > tail &&
                        strcasecmp(domain + length - tail, wanted) == 0;
        if (is_below || strcasecmp(domain, wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* Mail that says of itself that it goes to many. */
static bool is_list_mail(const struct message_facts *facts)
{
    return facts->has_list_unsubscribe || strcasecmp(facts->precedence, "bulk") == 0 ||
           strcasecmp(facts->precedence, "list") == 0 ||
           strcasecmp(facts->precedence, "junk") == 0;
}

/* Nobody has chosen: a stream of the listener by the sender's domain, then by what the
 * header says; else the listener's own. */
static uint32_t stream_by_rule(const struct intake *intake)
{
    const struct config *config = intake->snapshot->config;
    const struct config_listener *listener = listener_of(intake);
    uint32_t by_header = CONFIG_NONE;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct config_stream *stream = &config->streams[i];
        if (!serves(listener, i)) {
            continue;
        }
        if (is_sender_of(stream, intake->sender_domain)) {
            return i;
        }
        if (stream->takes_lists && by_header == CONFIG_NONE) {
            by_header = i;
        }
    }
    return by_header != CONFIG_NONE && is_list_mail(&intake->message.facts)
               ? by_header
               : listener->stream;
}

/* The stream the message goes by: header, credential, the rules, the listener.
 * CONFIG_NONE: it may not go by the one it names. */
static uint32_t choose_stream(const struct intake *intake)
{
    const struct config *config = intake->snapshot->config;
    const struct config_listener *listener = listener_of(intake);
    const struct users_user *user = intake->client.user;
    const char *named = named_stream(intake);
    if (named[0] == '\0') {
        return stream_by_rule(intake);
    }
    uint32_t stream = config_stream_find(config, named);
    if (stream == CONFIG_NONE || (user != NULL && !users_may_stream(user, named))) {
        return CONFIG_NONE;
    }
    return serves(listener, stream) ? stream : CONFIG_NONE;
}

uint32_t terms_stream(const struct intake *intake)
{
    uint32_t stream = choose_stream(intake);
    return stream != CONFIG_NONE ? stream : listener_of(intake)->stream;
}

/* MT-PRIORITY's -9 to 9 on our scale: 0 is the usual, the ends are the ends. */
static uint8_t scaled(int priority)
{
    if (priority >= 0) {
        return (uint8_t)(PRIORITY_DEFAULT + (priority * 4 + 8) / 9);
    }
    return (uint8_t)(PRIORITY_DEFAULT - (-priority * 5 + 8) / 9);
}

/* What is asked for by MT-PRIORITY, or the usual, within what the user may (RFC 6710 4.1
 * lets us change it). */
static uint8_t usual_priority(const struct intake *intake)
{
    const struct users_user *user = intake->client.user;
    uint8_t priority = PRIORITY_DEFAULT;
    if (intake->params.has_priority) {
        priority = scaled(intake->params.priority);
    }
    if (user != NULL && user->priority_high < priority) {
        priority = user->priority_high;
    } else if (user != NULL && user->priority_low > priority) {
        priority = user->priority_low;
    }
    return priority;
}

/* One digit, within what the user may. */
static bool read_priority(const struct intake *intake, uint8_t *out, char *text,
                          size_t size)
{
    const char *asked = intake->message.facts.priority;
    const struct users_user *user = intake->client.user;
    if (asked[0] == '\0') {
        *out = usual_priority(intake);
        return true;
    }
    if (asked[0] < '0' || asked[0] > '9' || asked[1] != '\0') {
        (void)snprintf(text, size, "5.6.0 X-Mesura-Priority is one digit, 0 to 9");
        return false;
    }
    *out = (uint8_t)(asked[0] - '0');
    if (user != NULL && (*out < user->priority_low || *out > user->priority_high)) {
        (void)snprintf(text, size, "5.7.1 user %s may use priorities %u to %u",
                       user->name, user->priority_low, user->priority_high);
        return false;
    }
    return true;
}

bool terms_read(const struct intake *intake, struct terms *out, char *text, size_t size)
{
    const struct message_facts *facts = &intake->message.facts;
    out->stream = choose_stream(intake);
    if (out->stream == CONFIG_NONE) {
        (void)snprintf(text, size, "5.7.1 stream \"%s\" may not be used on listener %s",
                       named_stream(intake), listener_of(intake)->name);
        return false;
    }
    if (!read_priority(intake, &out->priority, text, size)) {
        return false;
    }
    out->lifetime_ns = intake->snapshot->streams[out->stream].life.lifetime_ns;
    if (facts->lifetime[0] != '\0') {
        int64_t asked_ns = 0;
        if (units_duration_parse(facts->lifetime, &asked_ns, NULL) != 0 ||
            asked_ns <= 0) {
            (void)snprintf(text, size,
                           "5.6.0 X-Mesura-Lifetime is a duration, such as 15m or 4h");
            return false;
        }
        out->lifetime_ns = asked_ns < out->lifetime_ns ? asked_ns : out->lifetime_ns;
    }
    return true;
}

/* What the recipient waits under instead of its domain. */
static bool relabel(struct intake_rcpt *rcpt, const char *name)
{
    char *copy = strdup(name);
    if (copy == NULL) {
        return false;
    }
    free(rcpt->domain);
    rcpt->domain = copy;
    return true;
}

bool terms_route(struct intake *intake, uint32_t stream)
{
    const struct snapshot *snapshot = intake->snapshot;
    for (unsigned i = 0; i < intake->rcpt_count; i++) {
        struct intake_rcpt *rcpt = &intake->rcpts[i];
        struct route_ask ask = {
            .domain = rcpt->domain, .sender = intake->sender, .stream = (int)stream};
        const struct route_rule *rule =
            route_choose(snapshot->routes, (unsigned)snapshot->config->route_count, &ask);
        char name[LIMIT_DOMAIN + 1];
        const char *pattern = rule != NULL ? rule->sender : "";
        if (pattern[0] == '\0' && !rcpt->is_archive) {
            continue;
        }
        if (!route_label(rcpt->domain, rcpt->is_archive, pattern, name, sizeof name) ||
            !relabel(rcpt, name)) {
            return false;
        }
    }
    return true;
}
