/* What the parts of the users module share: checks of single values, and making users
 * from text. For relay/users*.c only. */

#ifndef RELAY_USERS_TABLE_H
#define RELAY_USERS_TABLE_H

#include "relay/users.h"

/* Is this text allowed in such a place of the file? */
bool users_table_is_name(const char *name);
bool users_table_is_hash(const char *hash);
bool users_table_is_stream(const char *stream);
bool users_table_is_from(const char *from);

/* "192.0.2.0/24", "2001:db8::/32", or one address. False when it is none; bits that must
 * be zero may be set, and are cleared. */
bool users_table_network(const char *text, struct users_network *out);

/* An address as 16 bytes, IPv4 as ::ffff:a.b.c.d. */
bool users_table_address(const char *text, uint8_t out[16]);

/* Digits only, at most max. False otherwise, with *out untouched. */
bool users_table_number(const char *text, uint64_t max, uint64_t *out);

#endif
