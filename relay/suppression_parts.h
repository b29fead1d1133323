/* What suppression.c and suppression_learn.c share. Nobody else looks inside. */

#ifndef RELAY_SUPPRESSION_PARTS_H
#define RELAY_SUPPRESSION_PARTS_H

#include "relay/suppression.h"

/* The address as it is compared; false when it is none. */
bool suppression_fold(const char *address, char out[SUPPRESSION_ADDRESS]);

/* The entry of exactly this stream, blocking or not. */
bool suppression_find(struct suppression *suppression, const char *stream,
                      const char *address, struct suppression_entry *out);

/* As suppression_page, of the entries that wants says true of. Core thread. */
typedef bool (*suppression_wants_cb)(const struct suppression_entry *entry,
                                     const void *owner);
size_t suppression_walk(const struct suppression *suppression, uint64_t *cursor,
                        suppression_wants_cb wants, const void *owner,
                        struct suppression_entry *out, size_t most);

#endif
