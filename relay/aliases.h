/* The aliases of this machine (/etc/aliases): whose mail goes to which addresses.
 *
 * A relay delivers nothing locally, so only addresses and other aliases count; a file, a
 * program, an :include: is counted and left out. Read once for each snapshot, then
 * constant; any thread may ask. */

#ifndef RELAY_ALIASES_H
#define RELAY_ALIASES_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/errmsg.h"

struct aliases;

/* What of a file means nothing here. */
struct aliases_doubt {
    unsigned count;
    unsigned line;  /* of the first one */
    char text[100]; /* of the first one */
};

/* Read the file; one that is not there, or "", has no aliases. A negative errno with err
 * when it cannot be read, is larger than LIMIT_ALIASES_FILE or has more than
 * LIMIT_ALIASES entries. doubt may be NULL. Blocks. */
int aliases_load(struct aliases **out, const char *path, struct aliases_doubt *doubt,
                 struct errmsg *err) ATTR_MUST_CHECK;

/* The same from text. */
int aliases_parse(struct aliases **out, const char *text, size_t length,
                  struct aliases_doubt *doubt, struct errmsg *err) ATTR_MUST_CHECK;

void aliases_free(struct aliases *aliases);

size_t aliases_count(const struct aliases *aliases);

/* Tell every target that the name (a local part, case-blind) leads to in the end: an
 * address, or a bare name that is no alias itself or stands behind a backslash. Each once
 * at most by the same way; loops end. Returns how many, 0 when it is no alias or leads
 * nowhere. */
typedef void (*aliases_cb)(void *owner, const char *target);
size_t aliases_expand(const struct aliases *aliases, const char *name, aliases_cb each_cb,
                      void *owner);

#endif
