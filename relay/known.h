/* Which mailboxes have taken mail lately, in fixed memory: three filters of thirty days
 * each. "Known" may be said of one that is not (one in a hundred when half a million are
 * remembered a month, more beyond), which makes the suppression of it slower and nothing
 * else; it is never forgotten within sixty days. Core thread. */

#ifndef RELAY_KNOWN_H
#define RELAY_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known;
struct store;
struct store_row;

#define KNOWN_PREFIX "#known|" /* of its keys in the store: no stream has such a name */

struct known *known_new(int64_t now_ms);
void known_free(struct known *known);

/* text: an address in lower case. */
void known_add(struct known *known, const char *text, int64_t now_ms);
bool known_has(const struct known *known, const char *text);

/* Write up to `most` parts that have changed to the store; returns how many are left. */
size_t known_save(struct known *known, struct store *store, size_t most);
void known_load(struct known *known, const struct store_row *row, int64_t now_ms);

#endif
