/* What a client of the control API wants: a path and named values, from a query or from a
 * JSON body.
 *
 * The one parser of bytes that come through the API; it keeps nothing that is longer than
 * API_REQUEST_VALUE or more than LIMIT_API_PARAMS. Core thread. */

#ifndef RELAY_API_REQUEST_H
#define RELAY_API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/errmsg.h"

#include "relay/limits.h"

#define API_REQUEST_NAME  32
#define API_REQUEST_VALUE 1024
#define API_REQUEST_FILE  "csv" /* the one value that may be as long as a body */

struct api_param {
    char name[API_REQUEST_NAME];
    char *value; /* owned */
};

struct api_request {
    const char *method; /* borrowed, as path and by: until the ask was handed over */
    const char *path;   /* decoded, without the query */
    const char *by;     /* "operator root (uid 0)" */
    bool is_local;      /* through the control socket */
    unsigned param_count;
    struct api_param params[LIMIT_API_PARAMS];
};

void api_request_init(struct api_request *request, const char *method, const char *path,
                      const char *by);
void api_request_done(struct api_request *request);

/* Add one named value, copied. 0 or -EINVAL with a sentence for the client: too many, too
 * long, given twice. A NULL value is "". */
int api_request_add(struct api_request *request, const char *name, const char *value,
                    struct errmsg *err) ATTR_MUST_CHECK;

/* Add all of a body: one JSON object of texts, whole numbers and booleans; no bytes are
 * an empty object. 0 or -EINVAL with a sentence for the client. */
int api_request_add_body(struct api_request *request, const char *body, size_t length,
                         struct errmsg *err) ATTR_MUST_CHECK;

/* The value of that name, "" when it was not given. */
const char *api_request_get(const struct api_request *request, const char *name);

#endif
