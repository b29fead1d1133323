/* Keys and values whose feature this version does not have yet.
 *
 * They are refused with a clear sentence instead of being read and ignored. A feature
 * that arrives deletes its line in the table and adds its key to the schema. */

#ifndef RELAY_CONFIG_LATER_H
#define RELAY_CONFIG_LATER_H

#include <stdbool.h>

/* Is this key (value NULL), or this value of a known key, one of them? group is the
 * noun of the group as in the schema: "listener", "queue", "" at the top level. */
bool config_later_has(const char *group, const char *key, const char *value);

#endif
