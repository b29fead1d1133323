#include "relay/config_hint.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "relay/config_schema.h"

/* Longer words are not misspelled keys. */
#define WORD 40

static unsigned least(unsigned one, unsigned other)
{
    return one < other ? one : other;
}

unsigned config_hint_distance(const char *one, const char *other, unsigned limit)
{
    unsigned rows[3][WORD + 1];
    size_t ones = strnlen(one, WORD + 1);
    size_t others = strnlen(other, WORD + 1);

    if (ones > WORD || others > WORD) {
        return limit + 1;
    }
    for (unsigned j = 0; j <= others; j++) {
        rows[0][j] = j;
    }
    for (unsigned i = 1; i <= ones; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *before = rows[(i + 2) % 3];
        const unsigned *earlier = rows[(i + 1) % 3];

        now[0] = i;
        for (unsigned j = 1; j <= others; j++) {
            unsigned change = before[j - 1] + (one[i - 1] != other[j - 1]);

            now[j] = least(change, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
                one[i - 2] == other[j - 1]) {
                now[j] = least(now[j], earlier[j - 2] + 1);
            }
        }
    }
    return least(rows[ones % 3][others], limit + 1);
}

void config_hint_init(struct config_hint *hint, const char *wanted)
{
    assert(hint != NULL);
    assert(wanted != NULL);
    /* A third of the letters may be wrong, and never more than three. */
    *hint = (struct config_hint){
        .wanted = wanted,
        .distance = least((unsigned)strnlen(wanted, WORD) / 3, 3) + 1,
    };
}

void config_hint_offer(struct config_hint *hint, const char *candidate)
{
    unsigned distance;

    assert(hint != NULL);
    assert(candidate != NULL);
    distance = config_hint_distance(hint->wanted, candidate, hint->distance);
    if (distance < hint->distance) {
        hint->distance = distance;
        hint->best = candidate;
    }
}

char *config_hint_print(const struct config_hint *hint, char *buffer, size_t size)
{
    assert(hint != NULL);
    assert(buffer != NULL);
    if (hint->best == NULL) {
        buffer[0] = '\0';
    } else {
        (void)snprintf(buffer, size, "; did you mean \"%s\"?", hint->best);
    }
    return buffer;
}

/* Where else is this key known: the path of a section, the name of a list. */
static const char *key_home(const char *name)
{
    for (size_t i = 0; i < config_schema_section_count; i++) {
        const struct config_section *section = &config_schema_sections[i];

        if (config_schema_key(section->group, name) != NULL) {
            return section->path[0] == '\0' ? "the top level" : section->path;
        }
    }
    for (size_t i = 0; i < config_schema_list_count; i++) {
        if (config_schema_key(config_schema_lists[i].group, name) != NULL) {
            return config_schema_lists[i].name;
        }
    }
    return NULL;
}

char *config_hint_key(const struct config_group *group, const char *name, char *buffer,
                      size_t size)
{
    struct config_hint hint;
    const char *home;

    assert(group != NULL);
    config_hint_init(&hint, name);
    for (size_t i = 0; i < group->key_count; i++) {
        config_hint_offer(&hint, group->keys[i].name);
    }
    home = key_home(name);
    if (home != NULL && (hint.best == NULL || hint.distance > 1)) {
        (void)snprintf(buffer, size, "; it belongs in %s", home);
        return buffer;
    }
    return config_hint_print(&hint, buffer, size);
}
