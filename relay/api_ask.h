/* One ask on its way through a route, and reading its values. Core thread. */

#ifndef RELAY_API_ASK_H
#define RELAY_API_ASK_H

#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/api_request.h"
#include "relay/api_view.h"

/* The names of a filter's values. */
#define API_ASK_SELECTORS                                                           \
    "id domain site stream source sender rcpt user client job subject state class " \
    "reply older newer"

struct api_answer;

struct api_ask {
    const struct api_view *view;
    const struct api_request *request;
    const char *rest; /* of the path, where the route ends in '/' */
    struct api_answer *answer;
};

/* "" when it was not given. */
const char *api_ask_get(const struct api_ask *ask, const char *name);

/* Answer that it makes no sense. */
void api_ask_refuse(const struct api_ask *ask, const struct errmsg *err);

/* Each: 0, or -EINVAL with a sentence for the client, and then nothing is written. The
 * texts of a value are the request's. */

/* "2h" of this name in milliseconds; 0 when it is absent. */
ATTR_MUST_CHECK int api_ask_duration(const struct api_ask *ask, const char *name,
                                     int64_t *out_ms, struct errmsg *err);
/* The selectors; absent ones select everything. */
ATTR_MUST_CHECK int api_ask_filter(const struct api_ask *ask,
                                   struct api_filter *out_filter, struct errmsg *err);
/* limit (100 when absent) and cursor. */
ATTR_MUST_CHECK int api_ask_page(const struct api_ask *ask, struct api_page *out_page,
                                 struct errmsg *err);
/* Is the operator's reason short enough? */
ATTR_MUST_CHECK int api_ask_why(const struct api_ask *ask, struct errmsg *err);

#endif
