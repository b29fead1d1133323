#include "relay/sts_policy.h"

#include <string.h>

struct range {
    const char *bytes;
    size_t length;
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static struct range trim(struct range range)
{
    while (range.length > 0 && is_blank(range.bytes[0])) {
        range.bytes++;
        range.length--;
    }
    while (range.length > 0 && is_blank(range.bytes[range.length - 1])) {
        range.length--;
    }
    return range;
}

static bool is(struct range range, const char *text)
{
    return range.length == strlen(text) && memcmp(range.bytes, text, range.length) == 0;
}

static bool is_alnum(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* The next part of text up to the separator; false at the end. */
static bool next_part(struct range *text, char separator, struct range *out)
{
    if (text->length == 0) {
        return false;
    }
    const char *end = memchr(text->bytes, separator, text->length);
    size_t length = end == NULL ? text->length : (size_t)(end - text->bytes);
    *out = (struct range){text->bytes, length};
    size_t used = length + (end == NULL ? 0 : 1);
    text->bytes += used;
    text->length -= used;
    return true;
}

static bool split(struct range whole, char separator, struct range *name,
                  struct range *value)
{
    const char *at = memchr(whole.bytes, separator, whole.length);
    if (at == NULL) {
        return false;
    }
    size_t length = (size_t)(at - whole.bytes);
    *name = trim((struct range){whole.bytes, length});
    *value = trim((struct range){at + 1, whole.length - length - 1});
    return true;
}

static bool take_id(struct range value, char out[STS_POLICY_ID_BYTES])
{
    if (value.length == 0 || value.length >= STS_POLICY_ID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < value.length; i++) {
        if (!is_alnum(value.bytes[i])) {
            return false;
        }
    }
    memcpy(out, value.bytes, value.length);
    out[value.length] = '\0';
    return true;
}

bool sts_policy_record(const char *text, size_t length, char out[STS_POLICY_ID_BYTES])
{
    struct range rest = {text, length};
    struct range part;
    struct range name;
    struct range value;
    if (!next_part(&rest, ';', &part) || !split(part, '=', &name, &value) ||
        !is(name, "v") || !is(value, "STSv1")) {
        return false;
    }
    while (next_part(&rest, ';', &part)) {
        if (split(part, '=', &name, &value) && is(name, "id")) {
            return take_id(value, out);
        }
    }
    return false;
}

/* A host name, or one below "*." */
static bool is_pattern(struct range value)
{
    size_t at = value.length > 2 && memcmp(value.bytes, "*.", 2) == 0 ? 2 : 0;
    size_t label = 0;
    if (value.length == 0 || value.length > LIMIT_DOMAIN) {
        return false;
    }
    for (; at < value.length; at++) {
        char byte = value.bytes[at];
        if (byte == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if (is_alnum(byte) || byte == '-' || byte == '_') {
            label++;
        } else {
            return false;
        }
    }
    return label > 0;
}

static bool add_mx(struct sts_policy *policy, struct range value)
{
    size_t used = strlen(policy->mx);
    if (!is_pattern(value) || used + value.length + 2 > sizeof policy->mx) {
        return false;
    }
    for (size_t i = 0; i < value.length; i++) {
        char byte = value.bytes[i];
        bool upper = byte >= 'A' && byte <= 'Z';
        policy->mx[used + i] = (char)(upper ? byte + ('a' - 'A') : byte);
    }
    policy->mx[used + value.length] = ' ';
    policy->mx[used + value.length + 1] = '\0';
    return true;
}

static bool take_age(struct range value, uint32_t *out)
{
    uint64_t age = 0;
    if (value.length == 0 || value.length > 10) {
        return false;
    }
    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9') {
            return false;
        }
        age = age * 10 + (uint64_t)(value.bytes[i] - '0');
    }
    *out = age > STS_POLICY_AGE_MOST_S ? STS_POLICY_AGE_MOST_S : (uint32_t)age;
    return true;
}

static bool take_mode(struct range value, enum destination_sts *out)
{
    if (is(value, "enforce")) {
        *out = DESTINATION_STS_ENFORCE;
    } else if (is(value, "testing")) {
        *out = DESTINATION_STS_TESTING;
    } else if (is(value, "none")) {
        *out = DESTINATION_STS_NONE;
    } else {
        return false;
    }
    return true;
}

/* What a file has said so far: each but mx counts once, the first time (3.2). */
struct reading {
    struct sts_policy policy;
    bool has_version;
    bool has_mode;
    bool has_age;
};

static const char *take_line(struct reading *reading, struct range name,
                             struct range value)
{
    if (is(name, "version") && !reading->has_version) {
        reading->has_version = true;
        return is(value, "STSv1") ? NULL : "its version is not STSv1";
    }
    if (is(name, "mode") && !reading->has_mode) {
        reading->has_mode = true;
        return take_mode(value, &reading->policy.mode) ? NULL : "its mode is unknown";
    }
    if (is(name, "max_age") && !reading->has_age) {
        reading->has_age = true;
        return take_age(value, &reading->policy.max_age_s) ? NULL
                                                           : "its max_age is no number";
    }
    if (is(name, "mx")) {
        return add_mx(&reading->policy, value)
                   ? NULL
                   : "an mx is no name, or there are too many";
    }
    return NULL;
}

bool sts_policy_parse(const char *text, size_t length, struct sts_policy *out,
                      const char **out_problem)
{
    struct reading reading = {.has_version = false};
    struct range rest = {text, length};
    struct range line;
    const char *problem = NULL;
    while (problem == NULL && next_part(&rest, '\n', &line)) {
        struct range name;
        struct range value;
        if (line.length > 0 && line.bytes[line.length - 1] == '\r') {
            line.length--;
        }
        if (split(line, ':', &name, &value)) {
            problem = take_line(&reading, name, value);
        }
    }
    if (problem == NULL &&
        !(reading.has_version && reading.has_mode && reading.has_age)) {
        problem = "version, mode or max_age is missing";
    }
    if (problem == NULL && reading.policy.mode != DESTINATION_STS_NONE &&
        reading.policy.mx[0] == '\0') {
        problem = "it names no mx";
    }
    if (problem != NULL) {
        *out_problem = problem;
        return false;
    }
    *out = reading.policy;
    return true;
}

static bool matches(struct range pattern, const char *host)
{
    if (pattern.length > 2 && pattern.bytes[0] == '*') {
        const char *dot = strchr(host, '.');
        return dot != NULL && dot != host && strlen(dot) == pattern.length - 1 &&
               memcmp(dot, pattern.bytes + 1, pattern.length - 1) == 0;
    }
    return is(pattern, host);
}

bool sts_policy_matches(const struct sts_policy *policy, const char *host)
{
    struct range rest = {policy->mx, strlen(policy->mx)};
    struct range pattern;
    while (next_part(&rest, ' ', &pattern)) {
        if (pattern.length > 0 && matches(pattern, host)) {
            return true;
        }
    }
    return false;
}
