/* What the administrator may have meant: the nearest known word to an unknown one.
 *
 * Pure; any thread. */

#ifndef RELAY_CONFIG_HINT_H
#define RELAY_CONFIG_HINT_H

#include <stddef.h>

struct config_group;

/* The best of many candidates, offered one after another. */
struct config_hint {
    const char *wanted;
    const char *best; /* borrowed from whoever offered it; NULL while none is near */
    unsigned distance;
};

void config_hint_init(struct config_hint *hint, const char *wanted);
void config_hint_offer(struct config_hint *hint, const char *candidate);

/* " Did you mean \"x\"?" or "", into buffer of size bytes. Returns buffer. */
char *config_hint_print(const struct config_hint *hint, char *buffer, size_t size);

/* The same for a key that the group does not have: the nearest one, or the part of the
 * file in which such a key would be right. */
char *config_hint_key(const struct config_group *group, const char *name, char *buffer,
                      size_t size);

/* How many letters must be put in, taken out, changed or swapped with their neighbour to
 * make one of the other. More than limit is told as limit + 1. */
unsigned config_hint_distance(const char *one, const char *other, unsigned limit);

#endif
