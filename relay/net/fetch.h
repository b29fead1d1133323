/* Small files over HTTPS, fetched on a thread of their own by libcurl.
 *
 * No redirects, no proxies, no caching, WebPKI always; the caller says which address of
 * the host is asked, so that DNS and what it may not lead to stay with our resolver. */

#ifndef RELAY_NET_FETCH_H
#define RELAY_NET_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/mailbox.h"
#include "relay/net/netaddr.h"

struct fetch;

enum fetch_outcome {
    FETCH_OK,          /* status 200: body holds the file */
    FETCH_UNREACHABLE, /* no connection, or it broke, or it took too long */
    FETCH_CERTIFICATE, /* the server's certificate is not good for the host */
    FETCH_STATUS,      /* another status */
    FETCH_TOO_LARGE,
};

#define FETCH_PROBLEM_BYTES 200

/* One request: the caller's, who fills the first half and keeps it until done_cb ran on
 * the thread of home, or until fetch_stop has returned (then it does not run any more).
 */
struct fetch_ask {
    struct letter letter;
    struct mailbox *home;
    letter_cb done_cb; /* letter is &ask->letter */
    void *owner;       /* the caller's */
    char host[256];
    char path[128];      /* "/.well-known/x" */
    struct netaddr addr; /* of the host, with the port */
    const char *trust;   /* PEM file of roots, borrowed; "" the system's */
    uint32_t timeout_ms; /* in all */
    uint32_t most_bytes;

    enum fetch_outcome outcome;
    char *body; /* owned by the ask: free it; NULL when there is none */
    size_t body_bytes;
    char problem[FETCH_PROBLEM_BYTES]; /* a clause; "" when all is well */

    struct fetch *fetch; /* fetch's own, as the two below */
    void *handle;
    void *route;
};

/* Start the thread. */
int fetch_start(struct fetch **out, struct errmsg *err) ATTR_MUST_CHECK;

/* Begin; never waits. */
void fetch_get(struct fetch *fetch, struct fetch_ask *ask);

/* Give up what is under way, end the thread, free. NULL is allowed. */
void fetch_stop(struct fetch *fetch);

#endif
