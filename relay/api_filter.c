#include "relay/api_filter.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

void api_filter_init(struct api_filter *filter)
{
    *filter = (struct api_filter){
        .id = "",
        .domain = "",
        .site = "",
        .stream = "",
        .source = "",
        .sender = "",
        .recipient = "",
        .user = "",
        .client = "",
        .job = "",
        .subject = "",
        .class_name = "",
        .reply = "",
    };
}

static int lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter;
}

/* Wildcard match with one step of memory: after a mismatch the last '*' takes one more
 * byte. Linear in the text for each '*'. */
static bool wild_match(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *resume = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (lower(*pattern) == lower(*text)) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

bool api_filter_text(const char *pattern, const char *text, bool anywhere)
{
    const char *wanted = or_empty(pattern);
    const char *given = or_empty(text);

    if (wanted[0] == '\0') {
        return true;
    }
    if (anywhere && strchr(wanted, '*') == NULL) {
        return strcasestr(given, wanted) != NULL;
    }
    return wild_match(wanted, given);
}

bool api_filter_match(const struct api_filter *filter, const struct api_queue_row *row,
                      int64_t now_unix_ms)
{
    int64_t age_ms = now_unix_ms - row->accepted_unix_ms;

    if (filter->state != API_STATE_ANY && filter->state != row->state) {
        return false;
    }
    if (filter->older_ms > 0 && age_ms < filter->older_ms) {
        return false;
    }
    if (filter->newer_ms > 0 && age_ms > filter->newer_ms) {
        return false;
    }
    return api_filter_text(filter->id, row->id, false) &&
           api_filter_text(filter->domain, row->domain, false) &&
           api_filter_text(filter->site, row->site, false) &&
           api_filter_text(filter->stream, row->stream, false) &&
           api_filter_text(filter->source, row->source, false) &&
           api_filter_text(filter->sender, row->sender, false) &&
           api_filter_text(filter->recipient, row->recipient, false) &&
           api_filter_text(filter->user, row->user, false) &&
           api_filter_text(filter->client, row->client, true) &&
           api_filter_text(filter->job, row->job, false) &&
           api_filter_text(filter->subject, row->subject, true) &&
           api_filter_text(filter->class_name, row->class_name, false) &&
           api_filter_text(filter->reply, row->reply, true);
}

static bool is_set(const char *selector)
{
    return or_empty(selector)[0] != '\0';
}

bool api_filter_needs_disk(const struct api_filter *filter)
{
    return is_set(filter->sender) || is_set(filter->recipient) ||
           is_set(filter->client) || is_set(filter->job) || is_set(filter->subject) ||
           is_set(filter->reply);
}

bool api_filter_is_empty(const struct api_filter *filter)
{
    return !api_filter_needs_disk(filter) && !is_set(filter->id) &&
           !is_set(filter->domain) && !is_set(filter->site) && !is_set(filter->stream) &&
           !is_set(filter->source) && !is_set(filter->user) &&
           !is_set(filter->class_name) && filter->state == API_STATE_ANY &&
           filter->older_ms == 0 && filter->newer_ms == 0;
}

static const struct {
    enum api_state state;
    const char *name;
} state_names[] = {
    {API_STATE_READY, "ready"},
    {API_STATE_DEFERRED, "deferred"},
    {API_STATE_ACTIVE, "active"},
    {API_STATE_HELD, "held"},
};

const char *api_filter_state_name(enum api_state state)
{
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (state_names[i].state == state) {
            return state_names[i].name;
        }
    }
    return "";
}

enum api_state api_filter_state(const char *name)
{
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (strcasecmp(state_names[i].name, or_empty(name)) == 0) {
            return state_names[i].state;
        }
    }
    return API_STATE_ANY;
}

void api_filter_describe(const struct api_filter *filter, char *out, size_t size)
{
    const struct {
        const char *name;
        const char *value;
    } parts[] = {
        {"id", filter->id},           {"domain", filter->domain},
        {"site", filter->site},       {"stream", filter->stream},
        {"source", filter->source},   {"sender", filter->sender},
        {"rcpt", filter->recipient},  {"user", filter->user},
        {"client", filter->client},   {"job", filter->job},
        {"subject", filter->subject}, {"class", filter->class_name},
        {"reply", filter->reply},     {"state", api_filter_state_name(filter->state)}};
    const struct {
        const char *name;
        int64_t value_ms;
    } ages[] = {{"older", filter->older_ms}, {"newer", filter->newer_ms}};
    size_t used = 0;
    (void)snprintf(out, size, "all");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && used < size; i++) {
        if (parts[i].value[0] != '\0') {
            int wrote = snprintf(out + used, size - used, "%s%s=%s", used > 0 ? " " : "",
                                 parts[i].name, parts[i].value);
            used += wrote > 0 ? (size_t)wrote : 0;
        }
    }
    for (size_t i = 0; i < sizeof ages / sizeof ages[0] && used < size; i++) {
        if (ages[i].value_ms != 0) {
            int wrote =
                snprintf(out + used, size - used, "%s%s=%llds", used > 0 ? " " : "",
                         ages[i].name, (long long)(ages[i].value_ms / 1000));
            used += wrote > 0 ? (size_t)wrote : 0;
        }
    }
}
