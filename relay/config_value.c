#include "relay/config_value.h"

#include <assert.h>
#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_later.h"
#include "relay/config_scalar.h"
#include "relay/limits.h"

/* What all lists look like in struct config. */
struct slice {
    const void *items;
    size_t count;
};

static_assert(sizeof(struct config_strings) == sizeof(struct slice), "same shape");
static_assert(sizeof(struct config_networks) == sizeof(struct slice), "same shape");
static_assert(sizeof(struct config_counts) == sizeof(struct slice), "same shape");
static_assert(sizeof(struct config_durations) == sizeof(struct slice), "same shape");
static_assert(sizeof(struct config_indexes) == sizeof(struct slice), "same shape");

/* One value on its way. */
struct reading {
    struct config_build *build;
    const struct config_key *key;
    const struct config_value_at *at;
};

static void value_error(const struct reading *reading, const char *text)
{
    config_notes_error(reading->build->notes, reading->at->where.file,
                       reading->at->where.line, "%s%s: %s", reading->at->prefix,
                       reading->key->name, text);
}

static void value_wrong_type(const struct reading *reading)
{
    struct errmsg err;

    errmsg_set(&err, "write %s", config_scalar_example(reading->key->kind));
    value_error(reading, err.text);
}

/* Says so, and returns true, when this value waits for a later version. */
static bool value_is_later(const struct reading *reading, const char *text)
{
    if (!config_later_has(reading->at->group, reading->key->name, text)) {
        return false;
    }
    config_notes_error(reading->build->notes, reading->at->where.file,
                       reading->at->where.line,
                       "%s%s: \"%s\" is not in this version of mesura; remove it",
                       reading->at->prefix, reading->key->name, text);
    return true;
}

static void link_later(const struct reading *reading, void *field,
                       struct config_strings wanted, bool many)
{
    struct config_link link = {
        .names = reading->key->names,
        .many = many,
        .field = field,
        .wanted = wanted,
        .label = config_build_format(reading->build, "%s%s", reading->at->prefix,
                                     reading->key->name),
        .where = reading->at->where,
    };

    config_build_link(reading->build, &link);
}

static void link_set(const struct reading *reading, void *field, const char *text)
{
    const char **wanted = config_build_alloc(reading->build, 1, sizeof *wanted);

    wanted[0] = config_build_text(reading->build, text);
    link_later(reading, field, (struct config_strings){wanted, *text == '\0' ? 0 : 1},
               false);
}

static void text_set(const struct reading *reading, void *field, const char *text)
{
    struct errmsg err = {""};

    if (value_is_later(reading, text)) {
        return;
    }
    if (reading->key->kind == CONFIG_KIND_LINK) {
        link_set(reading, field, text);
    } else if (config_scalar_text(reading->build, reading->key, text, field, &err) != 0) {
        value_error(reading, err.text);
    }
}

static void bool_set(const struct reading *reading, bool *field, bool value)
{
    if (!value_is_later(reading, value ? "true" : "false")) {
        *field = value;
    }
}

static void number_set(const struct reading *reading, void *field,
                       const config_setting_t *setting)
{
    struct errmsg err = {""};
    int rc;

    if (config_setting_type(setting) == CONFIG_TYPE_FLOAT) {
        if (reading->key->kind != CONFIG_KIND_FACTOR) {
            value_wrong_type(reading);
            return;
        }
        rc = config_scalar_real(reading->key, config_setting_get_float(setting), field,
                                &err);
    } else {
        rc = config_scalar_number(reading->key, config_setting_get_int64(setting), field,
                                  &err);
    }
    if (rc != 0) {
        value_error(reading, err.text);
    }
}

/* One text of a list into its place in the array. */
static int item_text(const struct reading *reading, const char *text, void *item,
                     struct errmsg *err)
{
    const struct config_key *key = reading->key;
    struct config_key one = *key;
    unsigned ignored;

    if (key->kind == CONFIG_KIND_NETWORKS) {
        return config_network_parse(text, item, err);
    }
    if (key->kind == CONFIG_KIND_HOSTS) {
        return config_scalar_hop(reading->build, text, item, err);
    }
    if (key->kind == CONFIG_KIND_DURATIONS) {
        one.kind = CONFIG_KIND_DURATION;
    } else {
        one.kind = CONFIG_KIND_TEXT;
        if (key->choices != NULL &&
            config_scalar_choice(key->choices, text, &ignored, err) != 0) {
            return -EINVAL;
        }
    }
    return config_scalar_text(reading->build, &one, text, item, err);
}

static int item_set(const struct reading *reading, const config_setting_t *setting,
                    void *item)
{
    struct errmsg err = {""};
    int type = config_setting_type(setting);
    int rc;

    if (reading->key->kind == CONFIG_KIND_BIGS) {
        struct config_key one = *reading->key;

        one.kind = CONFIG_KIND_BIG;
        if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
            value_wrong_type(reading);
            return -EINVAL;
        }
        rc = config_scalar_number(&one, config_setting_get_int64(setting), item, &err);
    } else {
        const char *text = config_setting_get_string(setting);

        if (type != CONFIG_TYPE_STRING || text == NULL) {
            value_wrong_type(reading);
            return -EINVAL;
        }
        if (value_is_later(reading, text)) {
            return -EINVAL;
        }
        rc = item_text(reading, text, item, &err);
    }
    if (rc != 0) {
        value_error(reading, err.text);
    }
    return rc;
}

static size_t item_size(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_KIND_NETWORKS: return sizeof(struct config_network);
    case CONFIG_KIND_DURATIONS: return sizeof(int64_t);
    case CONFIG_KIND_BIGS: return sizeof(uint64_t);
    case CONFIG_KIND_HOSTS: return sizeof(struct config_host);
    case CONFIG_KIND_TEXTS:
    case CONFIG_KIND_LINKS: return sizeof(const char *);
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_NAME:
    case CONFIG_KIND_HOST:
    case CONFIG_KIND_PATH:
    case CONFIG_KIND_ZONE:
    case CONFIG_KIND_BOOL:
    case CONFIG_KIND_CHOICE:
    case CONFIG_KIND_COUNT:
    case CONFIG_KIND_BIG:
    case CONFIG_KIND_PORT:
    case CONFIG_KIND_FACTOR:
    case CONFIG_KIND_SIZE:
    case CONFIG_KIND_DURATION:
    case CONFIG_KIND_RATE:
    case CONFIG_KIND_WINDOW:
    case CONFIG_KIND_CLOCK:
    case CONFIG_KIND_ADDRESS:
    case CONFIG_KIND_LINK:
    case CONFIG_KIND_GROUP:
    case CONFIG_KIND_LIST: break;
    }
    assert(false); /* not a list of values */
    return 0;
}

static size_t item_limit(enum config_kind kind)
{
    if (kind == CONFIG_KIND_DURATIONS) {
        return LIMIT_CONFIG_STEPS;
    }
    return kind == CONFIG_KIND_BIGS ? LIMIT_CONFIG_DAYS : LIMIT_CONFIG_ENTRIES;
}

/* A list, or one text that stands for a list of one. Items that do not fit are left out
 * after they have been noted, so that the next ones are looked at too. */
static void items_set(const struct reading *reading, void *field,
                      const config_setting_t *setting)
{
    size_t size = item_size(reading->key->kind);
    bool single = config_setting_is_scalar(setting);
    size_t count = single ? 1 : (size_t)config_setting_length(setting);
    struct slice slice = {0};
    struct errmsg err;
    char *items;

    if (count > item_limit(reading->key->kind)) {
        errmsg_set(&err, "more than %zu entries", item_limit(reading->key->kind));
        value_error(reading, err.text);
        return;
    }
    items = config_build_alloc(reading->build, count, size);
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *item =
            single ? setting : config_setting_get_elem(setting, (unsigned)i);

        slice.count += item_set(reading, item, items + slice.count * size) == 0;
    }
    slice.items = items;
    if (reading->key->kind == CONFIG_KIND_LINKS) {
        link_later(reading, field, (struct config_strings){slice.items, slice.count},
                   true);
    } else {
        memcpy(field, &slice, sizeof slice);
    }
}

static bool type_is_list(int type)
{
    return type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST;
}

static bool type_is_number(int type)
{
    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64 ||
           type == CONFIG_TYPE_FLOAT;
}

static bool kind_is_number(enum config_kind kind)
{
    return kind == CONFIG_KIND_COUNT || kind == CONFIG_KIND_BIG ||
           kind == CONFIG_KIND_PORT || kind == CONFIG_KIND_FACTOR ||
           kind == CONFIG_KIND_SIZE; /* plain bytes */
}

static bool kind_is_word(enum config_kind kind)
{
    return kind == CONFIG_KIND_TEXT || kind == CONFIG_KIND_NAME ||
           kind == CONFIG_KIND_HOST || kind == CONFIG_KIND_PATH ||
           kind == CONFIG_KIND_ZONE;
}

static bool kind_is_items(enum config_kind kind)
{
    return kind == CONFIG_KIND_TEXTS || kind == CONFIG_KIND_NETWORKS ||
           kind == CONFIG_KIND_DURATIONS || kind == CONFIG_KIND_BIGS ||
           kind == CONFIG_KIND_HOSTS || kind == CONFIG_KIND_LINKS;
}

/* A word that may be written as true or false, without quotes. */
static bool has_choice(const struct config_key *key, const char *name)
{
    const struct config_choice *choice = key->choices;
    if (key->kind != CONFIG_KIND_CHOICE) {
        return false;
    }
    while (choice->name != NULL && strcmp(choice->name, name) != 0) {
        choice++;
    }
    return choice->name != NULL;
}

void config_value_set(struct config_build *build, const struct config_key *key,
                      void *field, const struct config_setting_t *setting,
                      const struct config_value_at *at)
{
    struct reading reading = {build, key, at};
    int type = config_setting_type(setting);

    if (kind_is_items(key->kind) && (type_is_list(type) || type == CONFIG_TYPE_STRING)) {
        items_set(&reading, field, setting);
    } else if (type == CONFIG_TYPE_STRING && config_scalar_is_text(key->kind)) {
        text_set(&reading, field, config_setting_get_string(setting));
    } else if (type == CONFIG_TYPE_BOOL && key->kind == CONFIG_KIND_BOOL) {
        bool_set(&reading, field, config_setting_get_bool(setting) != 0);
    } else if (type == CONFIG_TYPE_BOOL && has_choice(key, "true")) {
        text_set(&reading, field,
                 config_setting_get_bool(setting) != 0 ? "true" : "false");
    } else if (type_is_number(type) && kind_is_number(key->kind)) {
        number_set(&reading, field, setting);
    } else {
        value_wrong_type(&reading);
    }
    config_build_place(build, field, at->where);
}

void config_value_default(struct config_build *build, const struct config_key *key,
                          void *field)
{
    struct errmsg err = {""};
    int rc;

    if (key->kind == CONFIG_KIND_LINK) {
        *(uint32_t *)field = CONFIG_NONE;
        return;
    }
    if (key->fallback == NULL) {
        if (kind_is_word(key->kind)) {
            *(const char **)field = "";
        }
        return;
    }
    rc = config_scalar_text(build, key, key->fallback, field, &err);
    assert(rc == 0); /* tests/relay/test_config_schema.c reads every default */
    (void)rc;
}
