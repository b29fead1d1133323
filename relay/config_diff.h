/* What a reload would change that a running relay cannot take, and what would vanish.
 *
 * Pure over two configurations; any thread. */

#ifndef RELAY_CONFIG_DIFF_H
#define RELAY_CONFIG_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/errmsg.h"

struct config;

/* Keys that are read once, at start. A reload keeps their old values and says so. */
enum config_fixed {
    CONFIG_FIXED_HOSTNAME,
    CONFIG_FIXED_SPOOL,
    CONFIG_FIXED_CONTROL,
    CONFIG_FIXED_WORKERS,
    CONFIG_FIXED_LISTENERS, /* an address, port or TLS kind: sockets are bound at start */
    CONFIG_FIXED_HTTP,
    CONFIG_FIXED_QUEUE,
    CONFIG_FIXED_COUNT,
};

struct config_diff {
    bool fixed_changed[CONFIG_FIXED_COUNT];
    /* Indexes into old: named in old and not in new. The arrays have room for all. */
    size_t *sources_gone; /* owned */
    size_t source_gone_count;
    size_t *streams_gone; /* owned */
    size_t stream_gone_count;
};

/* Compare. The caller clears *diff afterwards; both configurations are only read. */
void config_diff(const struct config *old, const struct config *new,
                 struct config_diff *diff);
void config_diff_clear(struct config_diff *diff);

/* The key's name as it stands in the file: "spool". */
const char *config_fixed_name(enum config_fixed fixed);

#endif
