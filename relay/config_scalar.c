#include "relay/config_scalar.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_hint.h"
#include "relay/limits.h"

#define LABEL_BYTES 63
#define HOST_BYTES  253

static_assert(sizeof(enum config_mode) == sizeof(unsigned),
              "enums are written as unsigned");

int config_scalar_clean(const char *text, struct errmsg *err)
{
    size_t bytes;

    assert(text != NULL);
    bytes = strlen(text);
    if (bytes > LIMIT_CONFIG_STRING) {
        errmsg_set(err, "longer than %d bytes", LIMIT_CONFIG_STRING);
        return -EINVAL;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (iscntrl((unsigned char)text[i])) {
            errmsg_set(err,
                       "holds a control character; write it on one line, without tabs");
            return -EINVAL;
        }
    }
    return 0;
}

bool config_scalar_is_host(const char *text)
{
    size_t label = 0;
    size_t bytes;

    assert(text != NULL);
    bytes = strlen(text);
    if (bytes == 0 || bytes > HOST_BYTES) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        char next = text[i + 1];

        if (text[i] == '.') {
            if (label == 0 || next == '\0') {
                return false;
            }
            label = 0;
            continue;
        }
        if (text[i] == '-') {
            if (label == 0 || next == '.' || next == '\0') {
                return false;
            }
        } else if (!isalnum((unsigned char)text[i]) && text[i] != '_') {
            return false;
        }
        if (++label > LABEL_BYTES) {
            return false;
        }
    }
    return true;
}

static bool is_name(const char *text)
{
    size_t bytes = strlen(text);

    if (bytes == 0 || bytes > LIMIT_CONFIG_NAME || !isalnum((unsigned char)text[0])) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr("._-", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* "Europe/Berlin": the name of a file below the zone folder, and of nothing above it. */
static bool is_zone(const char *text)
{
    if (!isalpha((unsigned char)text[0]) || strstr(text, "..") != NULL) {
        return false;
    }
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr("/_+-", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

int config_scalar_choice(const struct config_choice *choices, const char *text,
                         unsigned *value, struct errmsg *err)
{
    struct config_hint hint;
    char list[160] = "";
    char meant[LIMIT_CONFIG_NAME + 32];

    assert(choices != NULL);
    config_hint_init(&hint, text);
    for (const struct config_choice *choice = choices; choice->name != NULL; choice++) {
        size_t used = strlen(list);

        if (strcmp(choice->name, text) == 0) {
            *value = choice->value;
            return 0;
        }
        config_hint_offer(&hint, choice->name);
        (void)snprintf(list + used, sizeof list - used, "%s\"%s\"", used == 0 ? "" : ", ",
                       choice->name);
    }
    errmsg_set(err, "\"%.40s\" is not possible; write %s%s%s", text,
               choices[1].name == NULL ? "" : "one of ", list,
               config_hint_print(&hint, meant, sizeof meant));
    return -EINVAL;
}

bool config_scalar_is_text(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_NAME:
    case CONFIG_KIND_HOST:
    case CONFIG_KIND_PATH:
    case CONFIG_KIND_ZONE:
    case CONFIG_KIND_CHOICE:
    case CONFIG_KIND_SIZE:
    case CONFIG_KIND_DURATION:
    case CONFIG_KIND_RATE:
    case CONFIG_KIND_WINDOW:
    case CONFIG_KIND_CLOCK:
    case CONFIG_KIND_ADDRESS:
    case CONFIG_KIND_LINK: return true;
    case CONFIG_KIND_BOOL:
    case CONFIG_KIND_COUNT:
    case CONFIG_KIND_BIG:
    case CONFIG_KIND_PORT:
    case CONFIG_KIND_FACTOR:
    case CONFIG_KIND_TEXTS:
    case CONFIG_KIND_NETWORKS:
    case CONFIG_KIND_DURATIONS:
    case CONFIG_KIND_BIGS:
    case CONFIG_KIND_HOSTS:
    case CONFIG_KIND_LINKS:
    case CONFIG_KIND_GROUP:
    case CONFIG_KIND_LIST: return false;
    }
    return false;
}

const char *config_scalar_example(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_KIND_TEXT: return "a text in quotes";
    case CONFIG_KIND_NAME: return "a name in quotes, such as \"bulk\"";
    case CONFIG_KIND_HOST: return "a host name in quotes, such as \"mail.example.com\"";
    case CONFIG_KIND_PATH: return "an absolute path in quotes, such as \"/etc/mesura/x\"";
    case CONFIG_KIND_ZONE: return "a time zone in quotes, such as \"Europe/Berlin\"";
    case CONFIG_KIND_CHOICE: return "a word in quotes";
    case CONFIG_KIND_SIZE: return "a size in quotes, such as \"10M\"";
    case CONFIG_KIND_DURATION: return "a duration in quotes, such as \"15m\"";
    case CONFIG_KIND_RATE: return "a rate in quotes, such as \"20/s\" or \"unlimited\"";
    case CONFIG_KIND_WINDOW:
        return "a part of the day in quotes, such as \"08:00-20:00\"";
    case CONFIG_KIND_CLOCK: return "a time of day in quotes, such as \"07:00\"";
    case CONFIG_KIND_ADDRESS: return "an IP address in quotes, such as \"192.0.2.10\"";
    case CONFIG_KIND_LINK: return "a name in quotes";
    case CONFIG_KIND_BOOL: return "true or false, without quotes";
    case CONFIG_KIND_COUNT:
    case CONFIG_KIND_BIG: return "a whole number, such as 100; 0 means no limit";
    case CONFIG_KIND_PORT: return "a port number, such as 25";
    case CONFIG_KIND_FACTOR: return "a number, such as 1.5";
    case CONFIG_KIND_TEXTS: return "a list of texts, such as [ \"one\", \"two\" ]";
    case CONFIG_KIND_NETWORKS:
        return "a list of networks, such as [ \"127.0.0.0/8\", \"::1\" ]";
    case CONFIG_KIND_DURATIONS:
        return "a list of durations, such as [ \"5m\", \"15m\", \"1h\" ]";
    case CONFIG_KIND_BIGS: return "a list of whole numbers, such as [ 200, 500, 1000 ]";
    case CONFIG_KIND_HOSTS:
        return "a host, or a list such as [ \"one.example.net\", \"two.example.net:587\" "
               "]";
    case CONFIG_KIND_LINKS: return "a list of names, such as [ \"one\", \"two\" ]";
    case CONFIG_KIND_GROUP: return "a group in braces: { key = value; }";
    case CONFIG_KIND_LIST: return "a list of groups: ( { key = value; }, { ... } )";
    }
    return "";
}

/* Is the number within the key's bounds? err names them in the key's own unit. */
static int bounds_check(const struct config_key *key, double value, struct errmsg *err)
{
    char low[UNITS_TEXT_BYTES];
    char high[UNITS_TEXT_BYTES];

    if (value >= key->low && (key->high == 0 || value <= key->high)) {
        return 0;
    }
    if (key->kind == CONFIG_KIND_DURATION || key->kind == CONFIG_KIND_DURATIONS) {
        (void)units_duration_print((int64_t)key->low, low);
        (void)units_duration_print((int64_t)key->high, high);
    } else if (key->kind == CONFIG_KIND_SIZE) {
        (void)units_size_print((uint64_t)key->low, low);
        (void)units_size_print((uint64_t)key->high, high);
    } else {
        (void)snprintf(low, sizeof low, "%.15g", key->low);
        (void)snprintf(high, sizeof high, "%.15g", key->high);
    }
    if (key->high == 0) {
        errmsg_set(err, "too small; at least %s", low);
    } else {
        errmsg_set(err, "out of bounds; from %s to %s", low, high);
    }
    return -EINVAL;
}

int config_scalar_number(const struct config_key *key, int64_t number, void *field,
                         struct errmsg *err)
{
    int rc;

    if (key->kind == CONFIG_KIND_FACTOR) {
        return config_scalar_real(key, (double)number, field, err);
    }
    if (number < 0) {
        errmsg_set(err, "%" PRId64 " is negative; write 0 for no limit", number);
        return -EINVAL;
    }
    rc = bounds_check(key, (double)number, err);
    if (rc != 0) {
        return rc;
    }
    if (key->kind == CONFIG_KIND_COUNT) {
        if (number >= UINT32_MAX) {
            errmsg_set(err, "%" PRId64 " is too large", number);
            return -EINVAL;
        }
        *(uint32_t *)field = (uint32_t)number;
    } else if (key->kind == CONFIG_KIND_PORT) {
        if (number > UINT16_MAX) {
            errmsg_set(err, "%" PRId64 " is not a port; 0 to 65535", number);
            return -EINVAL;
        }
        *(uint16_t *)field = (uint16_t)number;
    } else {
        *(uint64_t *)field = (uint64_t)number;
    }
    return 0;
}

int config_scalar_real(const struct config_key *key, double number, void *field,
                       struct errmsg *err)
{
    int rc;

    if (!isfinite(number)) {
        errmsg_set(err, "not a finite number");
        return -EINVAL;
    }
    rc = bounds_check(key, number, err);
    if (rc == 0) {
        *(double *)field = number;
    }
    return rc;
}

static int size_text(const struct config_key *key, const char *text, void *field,
                     struct errmsg *err)
{
    uint64_t value;
    int rc = units_size_parse(text, &value, err);

    if (rc == 0) {
        rc = bounds_check(key, (double)value, err);
    }
    if (rc == 0) {
        *(uint64_t *)field = value;
    }
    return rc;
}

static int duration_text(const struct config_key *key, const char *text, void *field,
                         struct errmsg *err)
{
    int64_t value;
    int rc = units_duration_parse(text, &value, err);

    if (rc == 0) {
        rc = bounds_check(key, (double)value, err);
    }
    if (rc == 0) {
        *(int64_t *)field = value;
    }
    return rc;
}

static int rate_text(const char *text, struct units_rate *field, struct errmsg *err)
{
    struct units_rate value;
    int rc = units_rate_parse(text, &value, err);

    if (rc == 0 && value.count > LIMIT_CONFIG_RATE) {
        errmsg_set(err, "\"%.40s\" is no limit; write \"unlimited\"", text);
        rc = -EINVAL;
    }
    if (rc == 0) {
        *field = value;
    }
    return rc;
}

/* Texts that stay texts, each with its own idea of what is right. */
static int word_text(struct config_build *build, const struct config_key *key,
                     const char *text, void *field, struct errmsg *err)
{
    int rc = config_scalar_clean(text, err);

    if (rc != 0) {
        return rc;
    }
    if ((key->kind == CONFIG_KIND_NAME && !is_name(text)) ||
        (key->kind == CONFIG_KIND_ZONE && !is_zone(text)) ||
        (key->kind == CONFIG_KIND_HOST && *text != '\0' &&
         !config_scalar_is_host(text)) ||
        (key->kind == CONFIG_KIND_PATH && *text != '\0' && *text != '/')) {
        errmsg_set(err, "\"%.60s\" is not possible; write %s", text,
                   key->kind == CONFIG_KIND_NAME
                       ? "a name of letters, digits, \".\", \"_\" and \"-\", at most 64"
                       : config_scalar_example(key->kind));
        return -EINVAL;
    }
    *(const char **)field = config_build_text(build, text);
    return 0;
}

/* Defaults only: what stands in the file has a type of its own. */
static int number_text(const struct config_key *key, const char *text, void *field,
                       struct errmsg *err)
{
    if (key->kind == CONFIG_KIND_BOOL) {
        *(bool *)field = strcmp(text, "true") == 0;
        return 0;
    }
    if (key->kind == CONFIG_KIND_FACTOR) {
        return config_scalar_real(key, strtod(text, NULL), field, err);
    }
    return config_scalar_number(key, strtoll(text, NULL, 10), field, err);
}

int config_scalar_text(struct config_build *build, const struct config_key *key,
                       const char *text, void *field, struct errmsg *err)
{
    assert(key != NULL);
    assert(text != NULL);
    assert(field != NULL);
    switch (key->kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_NAME:
    case CONFIG_KIND_HOST:
    case CONFIG_KIND_PATH:
    case CONFIG_KIND_ZONE: return word_text(build, key, text, field, err);
    case CONFIG_KIND_CHOICE: return config_scalar_choice(key->choices, text, field, err);
    case CONFIG_KIND_SIZE: return size_text(key, text, field, err);
    case CONFIG_KIND_DURATION: return duration_text(key, text, field, err);
    case CONFIG_KIND_RATE: return rate_text(text, field, err);
    case CONFIG_KIND_WINDOW: return units_window_parse(text, field, err);
    case CONFIG_KIND_CLOCK: return units_clock_parse(text, field, err);
    case CONFIG_KIND_ADDRESS: return config_address_parse(text, field, err);
    case CONFIG_KIND_BOOL:
    case CONFIG_KIND_COUNT:
    case CONFIG_KIND_BIG:
    case CONFIG_KIND_PORT:
    case CONFIG_KIND_FACTOR: return number_text(key, text, field, err);
    case CONFIG_KIND_LINK:
    case CONFIG_KIND_TEXTS:
    case CONFIG_KIND_NETWORKS:
    case CONFIG_KIND_DURATIONS:
    case CONFIG_KIND_BIGS:
    case CONFIG_KIND_HOSTS:
    case CONFIG_KIND_LINKS:
    case CONFIG_KIND_GROUP:
    case CONFIG_KIND_LIST: break;
    }
    assert(false); /* a kind that is not one value */
    return -EINVAL;
}

int config_scalar_hop(struct config_build *build, const char *text,
                      struct config_host *hop, struct errmsg *err)
{
    char name[LIMIT_CONFIG_STRING + 1];
    const char *colon = strrchr(text, ':');
    struct config_address address;
    struct errmsg ignored;
    unsigned long port = 0;

    if (config_scalar_clean(text, err) != 0) {
        return -EINVAL;
    }
    (void)snprintf(name, sizeof name, "%s", text);
    if (colon != NULL && (text[0] == '[' || strchr(text, ':') == colon)) {
        size_t digits = strspn(colon + 1, "0123456789");

        port = strtoul(colon + 1, NULL, 10);
        if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' || port == 0 ||
            port > UINT16_MAX) {
            goto bad;
        }
        name[colon - text] = '\0';
    }
    if (name[0] == '[') {
        size_t bytes = strlen(name);

        if (name[bytes - 1] != ']') {
            goto bad;
        }
        name[bytes - 1] = '\0';
        memmove(name, name + 1, bytes - 1);
    }
    if (!config_scalar_is_host(name) &&
        (name[0] == '\0' || config_address_parse(name, &address, &ignored) != 0)) {
        goto bad;
    }
    *hop = (struct config_host){config_build_text(build, name), (uint16_t)port};
    return 0;
bad:
    errmsg_set(err,
               "\"%.60s\" is not a host; write \"relay.example.net\", "
               "\"192.0.2.1:587\" or \"[2001:db8::1]:587\"",
               text);
    return -EINVAL;
}
