/* One value of the file becomes a field of the configuration.
 *
 * Knows every kind of the schema: its type in libconfig, its units, its bounds. What does
 * not fit is noted with its place and a right example, and the field keeps its default.
 * While loading; one thread. */

#ifndef RELAY_CONFIG_VALUE_H
#define RELAY_CONFIG_VALUE_H

#include "relay/config_schema.h"

struct config_setting_t;

/* Where the value stands and how to speak of it. */
struct config_value_at {
    const char *group;  /* the noun, for config_later_has */
    const char *prefix; /* 'site "google": ' or "queue." */
    struct config_where where;
};

/* Set the field to the value of the setting, and remember its place. */
void config_value_set(struct config_build *build, const struct config_key *key,
                      void *field, const struct config_setting_t *setting,
                      const struct config_value_at *at);

/* Set the field to the key's default, which the schema guarantees to be good. */
void config_value_default(struct config_build *build, const struct config_key *key,
                          void *field);

#endif
