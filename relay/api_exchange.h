/* One HTTP request and its response: who may ask, what is asked, the answer sent.
 *
 * The only file that speaks libmicrohttpd's callbacks; api_server owns the daemons.
 *
 * Good path: headers (host, token, path, type), body collected up to its cap, the ask,
 * the answer at once or later (the connection is suspended meanwhile), the response,
 * freed. Failure modes: refused before the body is read; a body over its cap cuts the
 * connection; the client gone while core still works: the answer outlives the exchange.
 */

#ifndef RELAY_API_EXCHANGE_H
#define RELAY_API_EXCHANGE_H

#include <microhttpd.h>
#include <stdbool.h>

#include "queue/list.h"

#include "relay/api_view.h"

struct api_exchange;

/* What a door lets in: the unix socket or the TCP port. Lives as long as its daemon. */
struct api_door {
    const struct api_view *view; /* borrowed */
    bool is_tcp;                 /* token and Host are asked for */
    const char *token;           /* borrowed; of the TCP door */
    const char *const *hosts;    /* borrowed; names a Host header may carry */
    unsigned host_count;
    bool is_closing; /* nothing new is asked */
    size_t held;     /* bytes of messages on their way in */
    struct list exchanges;
    void (*resumed_cb)(struct api_door *door); /* the daemon has something to do */
    void *owner;                               /* for resumed_cb */
};

/* MHD_AccessHandlerCallback and MHD_RequestCompletedCallback; owner is the door. */
enum MHD_Result api_exchange_handle(void *owner, struct MHD_Connection *connection,
                                    const char *path, const char *method,
                                    const char *version, const char *upload,
                                    size_t *upload_size, void **exchange);
void api_exchange_completed(void *owner, struct MHD_Connection *connection,
                            void **exchange, enum MHD_RequestTerminationCode code);

/* Wake every suspended connection without an answer, as MHD_stop_daemon demands. */
void api_exchange_abandon(struct api_door *door);

#endif
