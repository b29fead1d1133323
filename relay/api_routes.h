/* Which path of the control API does what: an ask as values in, an answer out.
 *
 * Knows neither sockets nor libmicrohttpd, so that every route is tested without them.
 * Core thread. */

#ifndef RELAY_API_ROUTES_H
#define RELAY_API_ROUTES_H

#include "relay/api_request.h"
#include "relay/api_view.h"

struct api_answer;

/* What a path asks of the client, known before a body is read. */
enum api_access {
    API_ACCESS_NONE,   /* 404: no such path */
    API_ACCESS_METHOD, /* 405: it is there, but not with this method */
    API_ACCESS_PUBLIC, /* whoever reaches the server: the health */
    API_ACCESS_READ,
    API_ACCESS_ACT,    /* changes something: POST and JSON */
    API_ACCESS_SUBMIT, /* a message: an application's token, a body of its own kind */
};
enum api_access api_routes_access(const char *method, const char *path);

/* Run the ask; api_answer_done is called exactly once, now or later on this thread. The
 * request may go when this returns. */
void api_routes_ask(const struct api_view *view, const struct api_request *request,
                    struct api_answer *answer);

#endif
