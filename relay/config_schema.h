/* Every key that the configuration knows: its name, its kind, its default, its bounds.
 *
 * The tables are the only place where a key is declared; reading, defaults, the answer to
 * a misspelled key and the test that the man page tells of every key come from them.
 * Constants only; any thread. */

#ifndef RELAY_CONFIG_SCHEMA_H
#define RELAY_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/config_build.h"

/* What stands in the file, and what it becomes. */
enum config_kind {
    CONFIG_KIND_TEXT,      /* const char * */
    CONFIG_KIND_NAME,      /* const char *; letters, digits, . _ - */
    CONFIG_KIND_HOST,      /* const char *; a host name or "" */
    CONFIG_KIND_PATH,      /* const char *; absolute or "" */
    CONFIG_KIND_ZONE,      /* const char *; IANA time zone */
    CONFIG_KIND_BOOL,      /* bool */
    CONFIG_KIND_CHOICE,    /* an enum */
    CONFIG_KIND_COUNT,     /* uint32_t */
    CONFIG_KIND_BIG,       /* uint64_t */
    CONFIG_KIND_PORT,      /* uint16_t */
    CONFIG_KIND_FACTOR,    /* double */
    CONFIG_KIND_SIZE,      /* uint64_t */
    CONFIG_KIND_DURATION,  /* int64_t */
    CONFIG_KIND_RATE,      /* struct units_rate */
    CONFIG_KIND_WINDOW,    /* struct units_window */
    CONFIG_KIND_CLOCK,     /* uint16_t */
    CONFIG_KIND_ADDRESS,   /* struct config_address */
    CONFIG_KIND_LINK,      /* uint32_t */
    CONFIG_KIND_TEXTS,     /* struct config_strings */
    CONFIG_KIND_NETWORKS,  /* struct config_networks */
    CONFIG_KIND_DURATIONS, /* struct config_durations */
    CONFIG_KIND_BIGS,      /* struct config_counts */
    CONFIG_KIND_HOSTS,     /* const struct config_host * and size_t */
    CONFIG_KIND_LINKS,     /* struct config_indexes */
    CONFIG_KIND_GROUP,     /* a section of its own, see config_schema_sections */
    CONFIG_KIND_LIST,      /* pointer and size_t, see config_schema_lists */
};

struct config_choice {
    const char *name; /* NULL ends the list */
    unsigned value;
};

struct config_key {
    const char *name;
    enum config_kind kind;
    size_t offset;
    const char *fallback; /* as it would stand in the file; NULL: zero, or the code's */
    bool required;
    double low; /* bounds of numbers, sizes and durations; high 0: none */
    double high;
    const struct config_choice *choices;
    enum config_names names;
};

struct config_group {
    const char *noun; /* "site" for 'site "google": ...'; a section's path */
    size_t size;      /* of one element */
    const struct config_key *keys;
    size_t key_count;
};

/* A group that stands once, at a path below the root ("" is the root itself). */
struct config_section {
    const char *path;
    const struct config_group *group;
    size_t
        offset; /* of its struct in struct config; CONFIG_SECTION_RETRY: build->retry */
};

#define CONFIG_SECTION_RETRY SIZE_MAX

/* How a list of the file meets the shipped one. */
enum config_list_merge {
    CONFIG_LIST_WHOLE, /* the file's list is all there is; the default list without it */
    CONFIG_LIST_BY_NAME, /* the shipped elements stay, a same name changes their keys */
};

struct config_list {
    const char *name;
    const struct config_group *group;
    size_t offset; /* of pointer and count in struct config */
    enum config_list_merge merge;
    bool has_names; /* its elements have a key `name`, first in struct and unique */
};

extern const struct config_section config_schema_sections[];
extern const size_t config_schema_section_count;
/* config_schema_mail.c */
extern const struct config_group config_schema_suppression;
extern const struct config_group config_schema_returns;
extern const struct config_group config_schema_dkim;

extern const struct config_list config_schema_lists[];
extern const size_t config_schema_list_count;

/* The key of the group, or NULL. */
const struct config_key *config_schema_key(const struct config_group *group,
                                           const char *name);

#endif
