/* A configuration while it is being built, and what lies behind a finished one.
 *
 * Owns the memory of all values, remembers which file and line set which value, and keeps
 * the names that must be turned into indexes when all lists are complete. Private to the
 * config modules; one thread until the snapshot is handed out. */

#ifndef RELAY_CONFIG_BUILD_H
#define RELAY_CONFIG_BUILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/config.h"

struct config_block;

struct config_place {
    const void *value; /* NULL: a free slot */
    struct config_where where;
};

/* The public configuration is the first member: one address, two types. */
struct config_snapshot {
    struct config config;
    _Atomic uint32_t references;
    struct config_block *blocks; /* owned: everything the values point to */
    struct config_place *places; /* owned: hashed by address of the value */
    size_t place_count;
    size_t place_room; /* a power of two */
};

/* Which list a name is to be found in. */
enum config_names {
    CONFIG_NAMES_STREAMS,
    CONFIG_NAMES_SOURCES,
    CONFIG_NAMES_WARMUPS,
    CONFIG_NAMES_SCHEDULES,
};

/* A name, or a list of them, that is still to become an index. */
struct config_link {
    enum config_names names;
    bool many;
    void *field; /* uint32_t, or struct config_indexes where many */
    struct config_strings wanted;
    const char *label; /* 'stream "bulk": sources' */
    struct config_where where;
};

struct config_build {
    struct config_snapshot *snapshot; /* owned until taken */
    struct config *config;            /* the one in snapshot */
    struct config_notes *notes;       /* borrowed from the caller of config_load */
    struct config_schedule *retry;    /* `retry`, to become the schedule "default" */
    bool retry_given;
    struct config_link *links; /* owned */
    size_t link_count;
    size_t link_room;
};

void config_build_init(struct config_build *build, struct config_notes *notes);

/* Frees what was not taken. */
void config_build_clear(struct config_build *build);

/* The finished configuration, with one reference, the caller's. */
const struct config *config_build_take(struct config_build *build);

void config_snapshot_free(struct config_snapshot *snapshot);

/* Zeroed memory that lives as long as the configuration. Never NULL: the sizes are
 * bounded by LIMIT_CONFIG_BYTES. */
void *config_build_alloc(struct config_build *build, size_t count, size_t size);
const char *config_build_text(struct config_build *build, const char *text);
const char *config_build_format(struct config_build *build, const char *format, ...)
    ATTR_PRINTF(2, 3);

/* The array behind a list of the configuration, which nobody else sees yet. list is the
 * address of its pointer: &config->streams. */
void *config_build_items(const void *list);

/* Remember who set a value; file is borrowed from the build's memory. */
void config_build_place(struct config_build *build, const void *value,
                        struct config_where where);
/* A value was taken from another: whoever set that one set this. */
void config_build_inherit(struct config_build *build, const void *value,
                          const void *from);

struct config_where config_snapshot_where(const struct config_snapshot *snapshot,
                                          const void *value);

/* Note an error or a warning at the place where value was set. */
void config_build_error(struct config_build *build, const void *value, const char *format,
                        ...) ATTR_PRINTF(3, 4);
void config_build_warn(struct config_build *build, const void *value, const char *format,
                       ...) ATTR_PRINTF(3, 4);

void config_build_link(struct config_build *build, const struct config_link *link);

#endif
