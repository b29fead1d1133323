/* What the tables of config_schema*.c share. For those files only. */

#ifndef RELAY_CONFIG_SCHEMA_PARTS_H
#define RELAY_CONFIG_SCHEMA_PARTS_H

#include <stddef.h>

#include "relay/config_schema.h"

#define COUNT(ARRAY)      (sizeof(ARRAY) / sizeof(ARRAY)[0])
#define AT(STRUCT, FIELD) .offset = offsetof(struct STRUCT, FIELD)

#define SECOND 1e9
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    1024.0
#define MIB    (1024 * KIB)
#define TIB    (1024 * 1024 * MIB)

#define SECTION_KEY(NAME)                          \
    {                                              \
        .name = (NAME), .kind = CONFIG_KIND_GROUP, \
    }
#define LIST_KEY(NAME)                            \
    {                                             \
        .name = (NAME), .kind = CONFIG_KIND_LIST, \
    }

#define GROUP(NOUN, STRUCT, KEYS)                          \
    {                                                      \
        (NOUN), sizeof(struct STRUCT), (KEYS), COUNT(KEYS) \
    }

/* ---- config_schema_doors.c ---- */

extern const struct config_group config_schema_listener;
extern const struct config_group config_schema_certificate;
extern const struct config_group config_schema_rewrite;
extern const struct config_group config_schema_header;
extern const struct config_group config_schema_staging;

#endif
