/* One parsed libconfig text: the administrator's file, or data that ships with mesura.
 *
 * While loading; one thread. */

#ifndef RELAY_CONFIG_DOCUMENT_H
#define RELAY_CONFIG_DOCUMENT_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "relay/config_build.h"
#include "relay/config_text.h"

struct config_document {
    struct config_text text;
    config_t tree;
    bool parsed;
    const char **names; /* of text.files, in the build's memory */
    bool is_default;    /* what it sets counts as set by nobody */
};

/* Read and parse a file. 0, or -EINVAL with errors noted. The caller clears the document
 * in both cases. */
ATTR_MUST_CHECK int config_document_open(struct config_document *document,
                                         struct config_build *build, const char *path);

/* The same of bytes in memory; name stands for the file. */
ATTR_MUST_CHECK int config_document_scan(struct config_document *document,
                                         struct config_build *build, const char *content,
                                         size_t bytes, const char *name);

void config_document_clear(struct config_document *document);

/* Where the setting stands. */
struct config_where config_document_where(const struct config_document *document,
                                          const config_setting_t *setting);

/* The setting at the path ("" the root, "delivery.timeouts"), or NULL. */
const config_setting_t *config_document_find(const struct config_document *document,
                                             const char *path);

#endif
