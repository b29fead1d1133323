#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_schema.h"
#include "relay/config_value.h"

#include "tests/support/test.h"

typedef void (*key_cb)(const struct config_group *group, const struct config_key *key,
                       const void *context);

static void each_key(key_cb call, const void *context)
{
    for (size_t i = 0; i < config_schema_section_count; i++) {
        const struct config_group *group = config_schema_sections[i].group;

        for (size_t j = 0; j < group->key_count; j++) {
            call(group, &group->keys[j], context);
        }
    }
    for (size_t i = 0; i < config_schema_list_count; i++) {
        const struct config_group *group = config_schema_lists[i].group;

        for (size_t j = 0; j < group->key_count; j++) {
            call(group, &group->keys[j], context);
        }
    }
}

static void default_is_good(const struct config_group *group,
                            const struct config_key *key, const void *context)
{
    struct config_build *const *build = context;
    _Alignas(max_align_t) char field[256] = {0};

    if (key->kind == CONFIG_KIND_GROUP || key->kind == CONFIG_KIND_LIST) {
        return;
    }
    cr_assert_lt(key->offset, group->size, "%s", key->name);
    config_value_default(*build, key, field); /* asserts that it is within its bounds */
    cr_assert_not(key->required && key->fallback != NULL, "%s", key->name);
    cr_assert(key->high == 0 || key->low <= key->high, "%s", key->name);
}

TEST(config_schema, defaults)
{
    /* Every default is a value that the file could say; a required key has none. */
    struct config_notes notes;
    struct config_build build;

    config_notes_init(&notes);
    config_build_init(&build, &notes);
    each_key(default_is_good, &(struct config_build *){&build});
    cr_assert_eq(notes.errors, 0);
    config_build_clear(&build);
}

TEST(config_schema, unique)
{
    /* No group knows a key twice, and each has room for the bits of those it has seen. */
    for (size_t i = 0; i < config_schema_list_count; i++) {
        const struct config_group *group = config_schema_lists[i].group;

        cr_assert_leq(group->key_count, 64);
        for (size_t j = 0; j < group->key_count; j++) {
            cr_assert_eq(config_schema_key(group, group->keys[j].name), &group->keys[j]);
        }
        if (config_schema_lists[i].has_names) {
            cr_assert_str_eq(group->keys[0].name, "name");
            cr_assert_eq(group->keys[0].offset, 0);
        }
    }
    cr_assert_null(config_schema_key(config_schema_sections[0].group, "bananas"));
}

static char *read_whole(const char *path)
{
    char *text = calloc(1, 200000);
    FILE *file = fopen(path, "r");

    cr_assert_not_null(file, "%s", path);
    cr_assert_not_null(text);
    cr_assert_gt(fread(text, 1, 199999, file), 0);
    cr_assert_eq(fclose(file), 0);
    return text;
}

static void key_is_told(const struct config_group *group, const struct config_key *key,
                        const void *context)
{
    char macro[80];

    (void)snprintf(macro, sizeof macro, "\n.B %s\n", key->name);
    cr_assert(strstr(context, macro) != NULL, "mesura.conf(5) does not tell of %s in %s",
              key->name, group->noun);
}

static void key_is_shown(const struct config_group *group, const struct config_key *key,
                         const void *context)
{
    const char *at = context;
    size_t bytes = strlen(key->name);

    while ((at = strstr(at, key->name)) != NULL) {
        const char *after = at + bytes + strspn(at + bytes, " ");

        if (*after == '=' && strchr(" #\n", at[-1]) != NULL) {
            return;
        }
        at += bytes;
    }
    cr_assert_fail("conf/mesura.conf does not show %s of %s", key->name, group->noun);
}

TEST(config_schema, documented)
{
    /* Every key is in the man page and in the shipped file. */
    char *manual = read_whole(MESURA_SOURCE "/docs/man/mesura.conf.5");
    char *shipped = read_whole(MESURA_SOURCE "/conf/mesura.conf");

    each_key(key_is_told, manual);
    each_key(key_is_shown, shipped);
    free(manual);
    free(shipped);
}
