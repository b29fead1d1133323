/* The mailboxes of a header field such as From (RFC 5322 3.4): how many, and the first
 * one's address. Comments, display names, quoted strings and groups are read; nothing is
 * checked. */

#ifndef RELAY_ADDRESSLIST_H
#define RELAY_ADDRESSLIST_H

#include <stddef.h>

/* Read a field's value, folded or not. out gets the first address bare, cut to cap,
 * always terminated, control bytes left out. Returns how many mailboxes there are. */
unsigned addresslist_read(const char *value, size_t length, char *out, size_t cap);

/* Each address, bare and terminated, cut at 1023 bytes, in order. Returns how many. */
typedef void (*addresslist_cb)(void *owner, const char *address);
unsigned addresslist_each(const char *value, size_t length, addresslist_cb each_cb,
                          void *owner);

/* Where an address stands in the value: from its first byte to behind its last. */
struct addresslist_place {
    const char *address; /* as above */
    size_t start;
    size_t end;
};
typedef void (*addresslist_place_cb)(void *owner, const struct addresslist_place *place);
unsigned addresslist_places(const char *value, size_t length,
                            addresslist_place_cb place_cb, void *owner);

#endif
