/* What the simulated providers have counted, as JSON. */

#ifndef TOOLS_RECEIVER_STATS_H
#define TOOLS_RECEIVER_STATS_H

#include <stdio.h>

#include "tools/receiver_session.h"

/* One JSON document on one line. */
void receiver_stats_print(FILE *out, struct receiver_desk *desk,
                          struct receiver_provider *const *providers, size_t count);

/* The same into a file, by rename. Returns 0 or a negative errno. */
int receiver_stats_save(const char *path, struct receiver_desk *desk,
                        struct receiver_provider *const *providers,
                        size_t count) ATTR_MUST_CHECK;

#endif
