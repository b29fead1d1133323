/* One inbound session: a connection, the SMTP server engine and the intake, and the time
 * they may take. Worker thread. */

#ifndef RELAY_INBOUND_H
#define RELAY_INBOUND_H

#include "relay/net/netaddr.h"

struct inbound;
struct worker;

/* Start a session on an accepted socket; fd and the admission are the session's. It frees
 * itself. */
void inbound_start(struct worker *worker, unsigned listener, int fd,
                   const struct netaddr *remote);

/* Say 421 where a transaction is not under way, and close; a message that is being
 * committed is answered first. Any number of times. */
void inbound_stop(struct inbound *inbound);

/* Who may submit has changed (worker->users): a session whose user is gone, disabled or
 * has another password is told 421 and ends; others go on with the new rights. */
void inbound_review(struct inbound *inbound);

/* Close now. */
void inbound_cut(struct inbound *inbound);

/* The session in the worker's list. */
struct list_node;
struct inbound *inbound_of_node(struct list_node *node);

#endif
