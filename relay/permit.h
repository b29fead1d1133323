/* A question of a worker to core, before a user's message is written: may it come in now?
 * Carries what core must know of it to count it against the user's allowance and to judge
 * the user's conduct.
 *
 * Its way: worker -> core (core_on_permit) -> worker (done_cb) -> core
 * (core_on_permit_over), which frees it. A message that is refused after a yes, or whose
 * session has gone, is given back there. */

#ifndef RELAY_PERMIT_H
#define RELAY_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/list.h"

#include "relay/mailbox.h"
#include "relay/net/netaddr.h"
#include "relay/users.h"

struct core;

#define PERMIT_TEXT_BYTES 400
#define PERMIT_PERIODS    3 /* minute, hour, day */

struct permit {
    struct letter letter;
    struct list_node node; /* core's, while it waits for a lease */
    struct core *core;     /* borrowed: outlives its workers */
    struct mailbox *home;  /* borrowed: of the worker */
    letter_cb done_cb;     /* on the worker's thread */
    void *owner;           /* the worker's: whose question it is; NULL once it has gone */

    uint64_t id; /* of the message */
    uint32_t recipients;
    char user[USERS_NAME_BYTES];
    char client[NETADDR_TEXT_BYTES];

    unsigned code;                   /* out: 0 yes, else what to answer ... */
    char text[PERMIT_TEXT_BYTES];    /* ... with the enhanced code */
    int32_t periods[PERMIT_PERIODS]; /* out: what it was counted in */
    bool is_counted;                 /* and that it was */
    bool is_accepted;                /* the worker's last word: 250 was said */
};

#endif
