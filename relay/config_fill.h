/* Fills a group, and a list of groups, from one or more documents.
 *
 * A group is made of layers: the defaults of the schema or another group as a base, then
 * what ships, then what the file says; later layers win key by key. Unknown keys are
 * errors here. While loading; one thread. */

#ifndef RELAY_CONFIG_FILL_H
#define RELAY_CONFIG_FILL_H

#include <stddef.h>

#include "relay/config_document.h"
#include "relay/config_schema.h"

/* The documents of one load. shipped[0] holds the default lists. */
struct config_fill_documents {
    const struct config_document *file;
    const struct config_document *shipped;
    size_t shipped_count;
};

/* Fill every section of the schema (groups that stand once). */
void config_fill_sections(struct config_build *build,
                          const struct config_fill_documents *documents);

/* Fill one list of the schema. The sections must have been filled. */
void config_fill_list(struct config_build *build, const struct config_list *list,
                      const struct config_fill_documents *documents);

#endif
