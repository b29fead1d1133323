#include "tools/receiver_spec.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "tools/receiver_keys.h"
#include "tools/ticks.h"

#define MINUTE_NS   (60 * TICKS_SECOND)
#define HOUR_NS     (3600 * TICKS_SECOND)
#define DAY_NS      (24 * HOUR_NS)
#define VALUE_BYTES 1024 /* the longest value of one key */

void receiver_spec_init(struct receiver_spec *spec)
{
    memset(spec, 0, sizeof *spec);
    (void)snprintf(spec->name, sizeof spec->name, "provider");
    (void)snprintf(spec->listen, sizeof spec->listen, "127.0.0.1:0");
    (void)snprintf(spec->ehlo, sizeof spec->ehlo,
                   "PIPELINING;SIZE;8BITMIME;ENHANCEDSTATUSCODES;SMTPUTF8");
    (void)snprintf(spec->rbl_zone, sizeof spec->rbl_zone, "bl.spamcop.net");
    spec->max_size = UINT64_C(100) << 20;
    spec->at = RECEIVER_MAIL;
    spec->share_bits = 32;
    spec->day_ns = DAY_NS;
    spec->strike_window_ns = 10 * MINUTE_NS;
    spec->box_ns = 15 * MINUTE_NS;
    spec->box_attempts = 100;
    spec->block_ns = 6 * HOUR_NS;
    spec->curve_growth = 1.5;
    spec->curve_overrun = 0.2;
    spec->curve_block_ns = DAY_NS;
    spec->grey_max_ns = 12 * HOUR_NS;
    spec->grey_keep_ns = 35 * DAY_NS;
    spec->grey_bits = 32;
    spec->grey_triplet = true;
    spec->rbl_after_ns = -1;
    spec->rbl_at = RECEIVER_RCPT;
    spec->random_at = RECEIVER_RCPT;
    spec->hostile_chance = 1.0;
}

static int apply(struct receiver_spec *spec, const char *key, const char *value,
                 struct errmsg *err)
{
    const struct setting *row = setting_find(receiver_keys, key);

    if (row == NULL) {
        errmsg_set(err, "no key is called \"%.60s\"; --help lists them all", key);
        return -EINVAL;
    }
    return setting_apply(row, spec, value, err);
}

/* Copy one key or value up to a stop sign outside of quotes; the rest is returned, NULL
 * when it does not fit. */
static const char *take_part(const char *text, const char *stops, char *out_part,
                             size_t size)
{
    bool quoted = false;
    size_t length = 0;

    while (*text != '\0' && (quoted || strchr(stops, *text) == NULL)) {
        if (*text == '"') {
            quoted = !quoted;
        } else {
            if (length + 1 >= size) {
                return NULL;
            }
            out_part[length++] = *text;
        }
        text++;
    }
    out_part[length] = '\0';
    return quoted ? NULL : text;
}

int receiver_spec_parse(struct receiver_spec *spec, const char *text, struct errmsg *err)
{
    char key[64];
    char value[VALUE_BYTES];

    while (*text != '\0') {
        const char *rest = take_part(text, "=,", key, sizeof key);
        bool has_value = false;

        if (rest == NULL) {
            errmsg_set(err, "a key is too long at \"%.40s\"", text);
            return -EINVAL;
        }
        has_value = *rest == '=';
        if (has_value) {
            rest = take_part(rest + 1, ",", value, sizeof value);
        }
        if (rest == NULL) {
            errmsg_set(err, "%s: the value is too long or a quote is not closed", key);
            return -EINVAL;
        }
        if (apply(spec, key, has_value ? value : NULL, err) != 0) {
            return -EINVAL;
        }
        text = *rest == ',' ? rest + 1 : rest;
    }
    return 0;
}

/* A scalar of libconfig as the word that the command line would have had. */
static const char *scalar_text(const config_setting_t *setting, char *buffer, size_t size)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_STRING: return config_setting_get_string(setting);
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        (void)snprintf(buffer, size, "%lld", config_setting_get_int64(setting));
        return buffer;
    case CONFIG_TYPE_FLOAT:
        (void)snprintf(buffer, size, "%.9g", config_setting_get_float(setting));
        return buffer;
    case CONFIG_TYPE_BOOL: return config_setting_get_bool(setting) ? "true" : "false";
    default: return NULL;
    }
}

static int file_key(struct receiver_spec *spec, const config_setting_t *setting,
                    struct errmsg *err)
{
    const char *key = config_setting_name(setting);
    int count = config_setting_is_aggregate(setting) ? config_setting_length(setting) : 1;

    for (int i = 0; i < count; i++) {
        const config_setting_t *one = config_setting_is_aggregate(setting)
                                          ? config_setting_get_elem(setting, (unsigned)i)
                                          : setting;
        char buffer[64];
        const char *value = scalar_text(one, buffer, sizeof buffer);

        if (value == NULL) {
            errmsg_set(err, "%s: a value or an array of values is wanted", key);
            return -EINVAL;
        }
        if (apply(spec, key, value, err) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

static int file_provider(const char *path, const config_setting_t *group,
                         struct receiver_spec *spec, struct errmsg *err)
{
    if (!config_setting_is_group(group)) {
        errmsg_set(err, "%s:%u: a provider is written { name = \"...\"; ... }", path,
                   config_setting_source_line(group));
        return -EINVAL;
    }
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);

        if (file_key(spec, setting, err) != 0) {
            errmsg_wrap(err, "%s:%u", path, config_setting_source_line(setting));
            return -EINVAL;
        }
    }
    if (receiver_spec_check(spec, err) != 0) {
        errmsg_wrap(err, "%s:%u", path, config_setting_source_line(group));
        return -EINVAL;
    }
    return 0;
}

static int file_providers(const char *path, const config_setting_t *list,
                          int (*add)(void *owner, const struct receiver_spec *spec,
                                     struct errmsg *err),
                          void *owner, struct errmsg *err)
{
    for (int i = 0; i < config_setting_length(list); i++) {
        struct receiver_spec spec;
        int rc = 0;

        receiver_spec_init(&spec);
        rc = file_provider(path, config_setting_get_elem(list, (unsigned)i), &spec, err);
        if (rc == 0) {
            rc = add(owner, &spec, err);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int receiver_spec_file(const char *path,
                       int (*add)(void *owner, const struct receiver_spec *spec,
                                  struct errmsg *err),
                       void *owner, struct errmsg *err)
{
    config_t config;
    const config_setting_t *list = NULL;
    int rc = -EINVAL;

    config_init(&config);
    if (config_read_file(&config, path) != CONFIG_TRUE) {
        if (config_error_type(&config) == CONFIG_ERR_FILE_IO) {
            errmsg_set(err, "%s: cannot be read", path);
        } else {
            errmsg_set(err, "%s:%d: %s", path, config_error_line(&config),
                       config_error_text(&config));
        }
        goto out;
    }
    list = config_lookup(&config, "providers");
    if (list == NULL || !config_setting_is_list(list)) {
        errmsg_set(err, "%s: write providers = ( { ... }, ... );", path);
        goto out;
    }
    rc = file_providers(path, list, add, owner, err);
out:
    config_destroy(&config);
    return rc;
}

static bool texts_are_replies(const struct receiver_spec *spec, struct errmsg *err)
{
    for (int i = 0; i < RECEIVER_CLASSES; i++) {
        const char *text = spec->texts[i];

        if (text[0] != '\0' && ((text[0] != '4' && text[0] != '5') ||
                                strspn(text, "0123456789") != 3 || text[3] != ' ')) {
            errmsg_set(err, "text_%s: begin with a code such as 421 or 554",
                       receiver_keys_classes[i]);
            return false;
        }
    }
    return true;
}

int receiver_spec_check(struct receiver_spec *spec, struct errmsg *err)
{
    if (spec->hostname[0] == '\0') {
        (void)snprintf(spec->hostname, sizeof spec->hostname, "mx.%s.test", spec->name);
    }
    if (spec->burst == 0.0) {
        spec->burst = spec->rate_per_s;
    }
    if (spec->burst < 1.0) {
        spec->burst = 1.0;
    }
    if (spec->day_ns < TICKS_SECOND) {
        errmsg_set(err, "day: at least 1s; use --speed for more haste");
        return -EINVAL;
    }
    if (spec->at < RECEIVER_MAIL || spec->random_at == RECEIVER_EHLO ||
        spec->rbl_at == RECEIVER_EHLO) {
        errmsg_set(err, "at: one of mail, rcpt, data, dot; nothing is judged at ehlo");
        return -EINVAL;
    }
    if (spec->curve_first > 0 && spec->curve_growth < 1.0) {
        errmsg_set(err, "curve_growth: at least 1");
        return -EINVAL;
    }
    if (spec->strikes > 1000000) {
        errmsg_set(err, "strikes: at most 1000000");
        return -EINVAL;
    }
    if (spec->outage_every_ns > 0 && spec->outage_every_ns <= spec->outage_for_ns) {
        errmsg_set(err, "outage_every: longer than outage_for");
        return -EINVAL;
    }
    if (spec->grey_min_ns > 0 && spec->grey_max_ns <= spec->grey_min_ns) {
        errmsg_set(err, "grey_max: longer than grey_min");
        return -EINVAL;
    }
    return texts_are_replies(spec, err) ? 0 : -EINVAL;
}
