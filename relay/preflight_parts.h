/* Shared by preflight.c and preflight_book.c alone. */

#ifndef RELAY_PREFLIGHT_PARTS_H
#define RELAY_PREFLIGHT_PARTS_H

#include "relay/preflight.h"

/* The addresses of a source as others see them, in words; "" when not known. */
void preflight_addresses(const struct source *source, char out[PREFLIGHT_IP_BYTES]);

/* Into the store. */
void preflight_keep(const struct preflight *preflight);

/* Into the journal, and to whoever runs the relay when it has failed. */
void preflight_tell(const struct preflight *preflight, const char *by,
                    enum preflight_state before);

/* Another state, told and kept when it is one, or its reason is. */
void preflight_move(struct preflight *preflight, enum preflight_state state,
                    const char *why, const char *by);

const char *preflight_state_name(enum preflight_state state);

#endif
