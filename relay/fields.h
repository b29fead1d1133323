/* A small set of named values as one line of text: what the store keeps for a key.
 *
 * "rate=0.25 paused_until=1764000000000 reply=554%205.7.1": names a reader does not know
 * are skipped, names that are absent leave the reader's default, so that rows written by
 * another version stay readable. Pure; one thread at a time. */

#ifndef RELAY_FIELDS_H
#define RELAY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_BYTES 4096 /* of the whole line, with terminator */

struct fields {
    size_t used;             /* bytes of text, without the terminator */
    bool is_full;            /* something did not fit and was left out */
    char text[FIELDS_BYTES]; /* terminated */
};

void fields_init(struct fields *fields);

/* Add name=value. name is [a-z0-9_]+ and not yet there. What does not fit sets is_full
 * and is left out whole. Doubles come back exactly. */
void fields_add_text(struct fields *fields, const char *name, const char *value);
void fields_add_int(struct fields *fields, const char *name, int64_t value);
void fields_add_double(struct fields *fields, const char *name, double value);

/* Take over a line that was stored. Returns false when it is longer than FIELDS_BYTES
 * - 1. */
bool fields_load(struct fields *fields, const char *text, size_t size);

/* Read name. Return true and the value, or false with *out untouched when it is absent or
 * not a value of that kind. Text that does not fit into size bytes is cut; terminated. */
bool fields_get_text(const struct fields *fields, const char *name, char *out,
                     size_t size);
bool fields_get_int(const struct fields *fields, const char *name, int64_t *out);
bool fields_get_double(const struct fields *fields, const char *name, double *out);

/* The integer, or otherwise when it is absent or none. */
int64_t fields_int_or(const struct fields *fields, const char *name, int64_t otherwise);

#endif
