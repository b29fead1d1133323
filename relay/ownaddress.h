/* Which addresses are this relay itself: mail must not be sent to them. */

#ifndef RELAY_OWNADDRESS_H
#define RELAY_OWNADDRESS_H

#include "relay/net/netaddr.h"

struct config;

/* What the listeners are bound to, with their ports; for one on every address, every
 * address of this machine with that port. (Another server may live on the same address at
 * another port.) At most `most` into out; returns how many. */
unsigned ownaddress_list(const struct config *config, struct netaddr *out, unsigned most);

#endif
