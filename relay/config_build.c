#include "relay/config_build.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/limits.h"

struct config_block {
    struct config_block *next;
    max_align_t bytes[];
};

/* Bounded by LIMIT_CONFIG_BYTES of text, so running out is the machine's end. */
static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void config_build_init(struct config_build *build, struct config_notes *notes)
{
    assert(build != NULL);
    assert(notes != NULL);
    *build = (struct config_build){.notes = notes};
    build->snapshot = must(calloc(1, sizeof *build->snapshot));
    build->config = &build->snapshot->config;
    atomic_init(&build->snapshot->references, 1);
}

void config_build_clear(struct config_build *build)
{
    assert(build != NULL);
    free(build->links);
    if (build->snapshot != NULL) {
        config_snapshot_free(build->snapshot);
    }
    *build = (struct config_build){0};
}

const struct config *config_build_take(struct config_build *build)
{
    const struct config *config;

    assert(build != NULL);
    assert(build->snapshot != NULL);
    config = &build->snapshot->config;
    build->snapshot = NULL;
    build->config = NULL;
    return config;
}

void config_snapshot_free(struct config_snapshot *snapshot)
{
    assert(snapshot != NULL);
    while (snapshot->blocks != NULL) {
        struct config_block *block = snapshot->blocks;

        snapshot->blocks = block->next;
        free(block);
    }
    free(snapshot->places);
    free(snapshot);
}

void *config_build_alloc(struct config_build *build, size_t count, size_t size)
{
    struct config_block *block;

    assert(build != NULL);
    assert(size == 0 || count <= (SIZE_MAX - sizeof *block) / size);
    block = must(calloc(1, sizeof *block + count * size));
    block->next = build->snapshot->blocks;
    build->snapshot->blocks = block;
    return block->bytes;
}

const char *config_build_text(struct config_build *build, const char *text)
{
    size_t bytes;
    char *copy;

    assert(text != NULL);
    bytes = strlen(text) + 1;
    copy = config_build_alloc(build, bytes, 1);
    memcpy(copy, text, bytes);
    return copy;
}

const char *config_build_format(struct config_build *build, const char *format, ...)
{
    char text[LIMIT_CONFIG_STRING];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return config_build_text(build, text);
}

void *config_build_items(const void *list)
{
    void *items;

    assert(list != NULL);
    memcpy(&items, list, sizeof items);
    return items;
}

static size_t place_slot(const struct config_place *places, size_t room,
                         const void *value)
{
    size_t slot = (size_t)(((uintptr_t)value * UINT64_C(0x9e3779b97f4a7c15)) >> 20);

    for (slot &= room - 1; places[slot].value != NULL && places[slot].value != value;
         slot = (slot + 1) & (room - 1)) {
    }
    return slot;
}

static void places_grow(struct config_snapshot *snapshot)
{
    size_t room = snapshot->place_room == 0 ? 256 : snapshot->place_room * 2;
    struct config_place *places = must(calloc(room, sizeof *places));

    for (size_t i = 0; i < snapshot->place_room; i++) {
        if (snapshot->places[i].value != NULL) {
            places[place_slot(places, room, snapshot->places[i].value)] =
                snapshot->places[i];
        }
    }
    free(snapshot->places);
    snapshot->places = places;
    snapshot->place_room = room;
}

void config_build_place(struct config_build *build, const void *value,
                        struct config_where where)
{
    struct config_snapshot *snapshot = build->snapshot;
    size_t slot;

    assert(value != NULL);
    assert(where.file != NULL);
    if (snapshot->place_count * 2 >= snapshot->place_room) {
        places_grow(snapshot);
    }
    slot = place_slot(snapshot->places, snapshot->place_room, value);
    snapshot->place_count += snapshot->places[slot].value == NULL;
    snapshot->places[slot] = (struct config_place){value, where};
}

void config_build_inherit(struct config_build *build, const void *value, const void *from)
{
    struct config_where where = config_snapshot_where(build->snapshot, from);

    if (where.line != 0) {
        config_build_place(build, value, where);
    }
}

struct config_where config_snapshot_where(const struct config_snapshot *snapshot,
                                          const void *value)
{
    assert(snapshot != NULL);
    assert(value != NULL);
    if (snapshot->place_room > 0) {
        size_t slot = place_slot(snapshot->places, snapshot->place_room, value);

        if (snapshot->places[slot].value != NULL) {
            return snapshot->places[slot].where;
        }
    }
    return (struct config_where){"", 0};
}

/* A default has no file of its own: what is wrong with it is about the file as a whole.
 */
static struct config_where note_where(const struct config_build *build, const void *value)
{
    struct config_where where = config_snapshot_where(build->snapshot, value);

    if (where.file[0] == '\0') {
        where = (struct config_where){build->config->path, 1};
    }
    return where;
}

void config_build_error(struct config_build *build, const void *value, const char *format,
                        ...)
{
    struct config_where where = note_where(build, value);
    char text[CONFIG_NOTE_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    config_notes_error(build->notes, where.file, where.line, "%s", text);
}

void config_build_warn(struct config_build *build, const void *value, const char *format,
                       ...)
{
    struct config_where where = note_where(build, value);
    char text[CONFIG_NOTE_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    config_notes_warn(build->notes, where.file, where.line, "%s", text);
}

void config_build_link(struct config_build *build, const struct config_link *link)
{
    assert(build != NULL);
    assert(link != NULL);
    if (build->link_count == build->link_room) {
        build->link_room = build->link_room == 0 ? 32 : build->link_room * 2;
        build->links =
            must(realloc(build->links, build->link_room * sizeof *build->links));
    }
    build->links[build->link_count++] = *link;
}
