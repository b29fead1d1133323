#include "relay/config_fill.h"

#include <assert.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "relay/config_hint.h"
#include "relay/config_later.h"
#include "relay/config_notes.h"
#include "relay/config_scalar.h"
#include "relay/config_value.h"
#include "relay/limits.h"

#define LAYERS 2

struct layer {
    const struct config_document *document;
    const config_setting_t *setting; /* a group */
};

/* A group that is being filled. */
struct filling {
    struct config_build *build;
    const struct config_group *group;
    const char *prefix; /* 'site "google": ', "queue." or "" */
    char *target;
    const char *base; /* a struct of the same type, or NULL: the schema's defaults */
    struct layer layers[LAYERS];
    size_t layer_count;
    uint64_t seen; /* a bit for each key of the group */
};

static void unknown_key(struct filling *filling, const struct config_document *document,
                        const config_setting_t *setting)
{
    struct config_where where = config_document_where(document, setting);
    const char *name = config_setting_name(setting);
    char hint[LIMIT_CONFIG_STRING];

    if (config_later_has(filling->group->noun, name, NULL)) {
        config_notes_error(filling->build->notes, where.file, where.line,
                           "%s%s is not in this version of mesura; remove it",
                           filling->prefix, name);
        return;
    }
    config_notes_error(filling->build->notes, where.file, where.line,
                       "%s%s: no such key%s", filling->prefix, name,
                       config_hint_key(filling->group, name, hint, sizeof hint));
}

/* Two names of one field (host, hosts): only one of them may be written. */
static void alias_check(const struct filling *filling, const struct config_key *key,
                        const struct config_value_at *at)
{
    for (size_t i = 0; i < filling->group->key_count; i++) {
        const struct config_key *other = &filling->group->keys[i];

        if (other != key && other->offset == key->offset &&
            other->kind == CONFIG_KIND_HOSTS && (filling->seen >> i & 1) != 0) {
            config_notes_error(filling->build->notes, at->where.file, at->where.line,
                               "%s%s: %s is given too; keep one of them", filling->prefix,
                               key->name, other->name);
        }
    }
}

static void key_set(struct filling *filling, const struct config_document *document,
                    const config_setting_t *setting)
{
    const char *name = config_setting_name(setting);
    const struct config_key *key = config_schema_key(filling->group, name);
    struct config_value_at at = {
        .group = filling->group->noun,
        .prefix = filling->prefix,
        .where = config_document_where(document, setting),
    };
    int type = config_setting_type(setting);

    if (key == NULL) {
        unknown_key(filling, document, setting);
        return;
    }
    alias_check(filling, key, &at);
    filling->seen |= UINT64_C(1) << (key - filling->group->keys);
    if (key->kind == CONFIG_KIND_GROUP || key->kind == CONFIG_KIND_LIST) {
        /* Filled on their own; only their type is looked at here. */
        bool fits =
            key->kind == CONFIG_KIND_GROUP
                ? type == CONFIG_TYPE_GROUP
                : type == CONFIG_TYPE_LIST ||
                      (type == CONFIG_TYPE_ARRAY && config_setting_length(setting) == 0);

        if (!fits) {
            config_notes_error(filling->build->notes, at.where.file, at.where.line,
                               "%s%s: write %s", filling->prefix, name,
                               config_scalar_example(key->kind));
        }
        return;
    }
    config_value_set(filling->build, key, filling->target + key->offset, setting, &at);
}

static void base_set(struct filling *filling)
{
    const struct config_group *group = filling->group;

    if (filling->base != NULL) {
        memcpy(filling->target, filling->base, group->size);
    }
    for (size_t i = 0; i < group->key_count; i++) {
        const struct config_key *key = &group->keys[i];
        struct config_where where;

        if (key->kind == CONFIG_KIND_GROUP || key->kind == CONFIG_KIND_LIST) {
            continue;
        }
        if (filling->base == NULL) {
            config_value_default(filling->build, key, filling->target + key->offset);
            continue;
        }
        where =
            config_snapshot_where(filling->build->snapshot, filling->base + key->offset);
        if (where.line != 0) {
            config_build_place(filling->build, filling->target + key->offset, where);
        }
    }
}

static void required_check(const struct filling *filling)
{
    const struct layer *last;
    struct config_where where;

    if (filling->layer_count == 0) {
        return;
    }
    last = &filling->layers[filling->layer_count - 1];
    where = config_document_where(last->document, last->setting);
    for (size_t i = 0; i < filling->group->key_count; i++) {
        const struct config_key *key = &filling->group->keys[i];

        if (key->required && (filling->seen >> i & 1) == 0) {
            /* An empty file has no setting whose place could be told: its name then. */
            const char *file =
                where.file[0] != '\0' ? where.file : filling->build->config->path;
            config_notes_error(filling->build->notes, file, where.line,
                               "%s%s is missing; write %s = %s", filling->prefix,
                               key->name, key->name, config_scalar_example(key->kind));
        }
    }
}

static void group_fill(struct filling *filling)
{
    assert(filling->group->key_count <= 64);
    base_set(filling);
    for (size_t i = 0; i < filling->layer_count; i++) {
        const struct layer *layer = &filling->layers[i];
        int count = config_setting_length(layer->setting);

        for (int child = 0; child < count; child++) {
            key_set(filling, layer->document,
                    config_setting_get_elem(layer->setting, (unsigned)child));
        }
    }
    required_check(filling);
}

void config_fill_sections(struct config_build *build,
                          const struct config_fill_documents *documents)
{
    build->retry = config_build_alloc(build, 1, sizeof *build->retry);
    for (size_t i = 0; i < config_schema_section_count; i++) {
        const struct config_section *section = &config_schema_sections[i];
        const config_setting_t *setting =
            config_document_find(documents->file, section->path);
        struct filling filling = {.build = build, .group = section->group};

        filling.target = section->offset == CONFIG_SECTION_RETRY
                             ? (char *)build->retry
                             : (char *)build->config + section->offset;
        filling.prefix = *section->path == '\0'
                             ? ""
                             : config_build_format(build, "%s.", section->path);
        if (setting != NULL && config_setting_is_group(setting)) {
            filling.layers[filling.layer_count++] =
                (struct layer){documents->file, setting};
        }
        group_fill(&filling);
    }
    build->retry->name = "default";
    build->retry_given = config_document_find(documents->file, "retry") != NULL;
    build->config->http.enabled = config_document_find(documents->file, "http") != NULL;
}

/* One element of a list that is to be made. */
struct element {
    const char *name; /* "" where it has none */
    struct layer shipped;
    struct layer own;
};

struct elements {
    struct element *items; /* in the build's memory */
    size_t count;
    size_t room;
};

static const char *element_name(const config_setting_t *setting)
{
    const char *name = NULL;

    if (config_setting_is_group(setting) &&
        config_setting_lookup_string(setting, "name", &name) == CONFIG_TRUE) {
        return name;
    }
    return "";
}

static struct element *elements_find(const struct elements *elements, const char *name)
{
    for (size_t i = 0; *name != '\0' && i < elements->count; i++) {
        if (strcmp(elements->items[i].name, name) == 0) {
            return &elements->items[i];
        }
    }
    return NULL;
}

static size_t list_length(const struct config_document *document, const char *name)
{
    const config_setting_t *setting = config_document_find(document, name);

    return setting == NULL || !config_setting_is_list(setting)
               ? 0
               : (size_t)config_setting_length(setting);
}

/* A key of another type has been noted; the default list stands in for it, so that one
 * mistake is told once. */
static bool list_is_given(const struct config_document *document, const char *name)
{
    const config_setting_t *setting = config_document_find(document, name);

    return setting != NULL &&
           (config_setting_is_list(setting) ||
            (config_setting_is_array(setting) && config_setting_length(setting) == 0));
}

static bool element_is_group(struct config_build *build, const struct config_list *list,
                             const struct layer *layer)
{
    struct config_where where = config_document_where(layer->document, layer->setting);

    if (config_setting_is_group(layer->setting)) {
        return true;
    }
    config_notes_error(build->notes, where.file, where.line,
                       "%s: each entry is a group in braces: { key = value; }",
                       list->name);
    return false;
}

/* The entries of the administrator's file, in its order. */
static void own_collect(struct config_build *build, const struct config_list *list,
                        const struct config_document *document, struct elements *elements)
{
    const config_setting_t *setting = config_document_find(document, list->name);
    size_t count = list_length(document, list->name);

    for (size_t i = 0; i < count && elements->count < elements->room; i++) {
        struct layer layer = {document, config_setting_get_elem(setting, (unsigned)i)};
        struct element element = {.own = layer};
        const struct element *twin;

        if (!element_is_group(build, list, &layer)) {
            continue;
        }
        element.name = list->has_names ? element_name(layer.setting) : "";
        twin = elements_find(elements, element.name);
        if (twin != NULL) {
            struct config_where where = config_document_where(document, layer.setting);
            struct config_where first =
                config_document_where(twin->own.document, twin->own.setting);

            config_notes_error(build->notes, where.file, where.line,
                               "%s \"%s\": the name is taken, at %s:%u; give it another",
                               list->group->noun, element.name, first.file, first.line);
        }
        elements->items[elements->count++] = element;
    }
}

/* What ships under a name the file uses lies below it; the rest comes after. */
static void shipped_collect(struct config_build *build, const struct config_list *list,
                            const struct config_document *document,
                            struct elements *elements)
{
    const config_setting_t *setting = config_document_find(document, list->name);
    size_t count = list_length(document, list->name);

    for (size_t i = 0; i < count && elements->count < elements->room; i++) {
        struct layer layer = {document, config_setting_get_elem(setting, (unsigned)i)};
        struct element *twin;

        if (!element_is_group(build, list, &layer)) {
            continue;
        }
        twin = elements_find(elements, element_name(layer.setting));
        if (twin != NULL) {
            twin->shipped = layer;
        } else {
            elements->items[elements->count++] = (struct element){
                .name = list->has_names ? element_name(layer.setting) : "",
                .shipped = layer,
            };
        }
    }
}

static struct elements list_collect(struct config_build *build,
                                    const struct config_list *list,
                                    const struct config_fill_documents *documents)
{
    struct elements elements = {0};
    size_t own = list_length(documents->file, list->name);
    bool given = list_is_given(documents->file, list->name);

    if (own > LIMIT_CONFIG_ENTRIES) {
        config_notes_error(build->notes, build->config->path, 0,
                           "%s: more than %d entries", list->name, LIMIT_CONFIG_ENTRIES);
        own = LIMIT_CONFIG_ENTRIES;
    }
    elements.room = own;
    for (size_t i = 0; i < documents->shipped_count; i++) {
        elements.room += list_length(&documents->shipped[i], list->name);
    }
    elements.items = config_build_alloc(build, elements.room, sizeof elements.items[0]);
    own_collect(build, list, documents->file, &elements);
    given =
        given && (own == 0 || elements.count > 0); /* else noted: as if it were absent */
    for (size_t i = 0; i < documents->shipped_count; i++) {
        if (list->merge == CONFIG_LIST_BY_NAME || !given) {
            shipped_collect(build, list, &documents->shipped[i], &elements);
        }
    }
    return elements;
}

static void element_fill(struct config_build *build, const struct config_list *list,
                         const struct element *element, char *target, const char *base)
{
    struct filling filling = {
        .build = build, .group = list->group, .target = target, .base = base};

    if (*element->name != '\0') {
        filling.prefix = config_build_format(build, "%s \"%.*s\": ", list->group->noun,
                                             LIMIT_CONFIG_NAME, element->name);
    } else {
        filling.prefix = config_build_format(build, "%s: ", list->group->noun);
    }
    if (element->shipped.setting != NULL) {
        filling.layers[filling.layer_count++] = element->shipped;
    }
    if (element->own.setting != NULL) {
        filling.layers[filling.layer_count++] = element->own;
    }
    group_fill(&filling);
    if (filling.layer_count > 0) {
        const struct layer *last = &filling.layers[filling.layer_count - 1];

        /* The name comes first in each struct, so that its place is the entry's too. */
        config_build_place(build, target,
                           config_document_where(last->document, last->setting));
    }
}

/* What a site says nothing about is as in the site "default", which is filled first. */
static const char *sites_base(struct config_build *build, const struct config_list *list,
                              const struct elements *elements, char *items)
{
    const struct element *element = elements_find(elements, "default");
    const struct element none = {.name = "default"};
    char *base;

    if (element == NULL) {
        base = config_build_alloc(build, 1, list->group->size);
        element_fill(build, list, &none, base, NULL);
        return base;
    }
    base = items + (size_t)(element - elements->items) * list->group->size;
    element_fill(build, list, element, base, NULL);
    return base;
}

void config_fill_list(struct config_build *build, const struct config_list *list,
                      const struct config_fill_documents *documents)
{
    const config_setting_t *setting = config_document_find(documents->file, list->name);
    struct elements elements = list_collect(build, list, documents);
    bool is_schedules = strcmp(list->name, "schedules") == 0;
    size_t size = list->group->size;
    char *items = config_build_alloc(build, elements.count + is_schedules, size);
    const char *base = NULL;
    struct {
        const void *items;
        size_t count;
    } slice = {items, elements.count + is_schedules};

    if (strcmp(list->name, "sites") == 0) {
        base = sites_base(build, list, &elements, items);
    }
    for (size_t i = 0; i < elements.count; i++) {
        if (items + i * size != base) {
            element_fill(build, list, &elements.items[i], items + i * size, base);
        }
    }
    if (is_schedules) {
        const struct element retry = {.name = "default"};

        element_fill(build, list, &retry, items + elements.count * size,
                     (const char *)build->retry);
    }
    memcpy((char *)build->config + list->offset, &slice, sizeof slice);
    if (setting != NULL) {
        config_build_place(build, (char *)build->config + list->offset,
                           config_document_where(documents->file, setting));
    }
}
