/* The control API's server: HTTP/1.1 on a unix socket, and on TCP where the configuration
 * names an address. libmicrohttpd, driven by core's loop; no thread of its own.
 *
 * Who may ask: on the unix socket whoever may open it (mode 0660; the peer's uid is
 * named in the journal); on TCP who has the token, and only with a Host header that names
 * the address, localhost or an allowed host. What a client sends can close that client's
 * connection and nothing else. */

#ifndef RELAY_API_SERVER_H
#define RELAY_API_SERVER_H

#include <stdint.h>

#include "queue/errmsg.h"

struct api_server;
struct api_view;
struct loop;

/* Texts are copied by api_server_open. */
struct api_server_options {
    const char *socket_path;  /* of the unix socket; a stale one is replaced */
    const char *http_address; /* "" for no TCP; else an IPv4 or IPv6 address */
    uint16_t http_port;       /* 0 picks one, see api_server_port */
    const char *token_file;   /* with http_address: its first line is the token */
    const char *const *hosts; /* further names that a Host header may carry, or NULL */
    unsigned host_count;
};

typedef void (*api_server_closed_cb)(void *owner);

/* Bind, listen and answer from the next turn of the loop on. 0 or a negative errno with
 * err: another daemon listens on the socket, no permission, no readable token. The view
 * is borrowed until closed_cb. Core thread, as all of this. */
int api_server_open(struct loop *loop, const struct api_view *view,
                    const struct api_server_options *options,
                    struct api_server **out_server, struct errmsg *err) ATTR_MUST_CHECK;

/* The TCP port, 0 without TCP. */
uint16_t api_server_port(const struct api_server *server);

/* Stop listening, cut every connection, remove the socket. closed_cb comes exactly once,
 * never before this returns, and frees the server; answers that core still owes are
 * discarded when they are done. Any state, any number of times; NULL is allowed and calls
 * nothing. */
void api_server_close(struct api_server *server, api_server_closed_cb closed_cb,
                      void *owner);

#endif
