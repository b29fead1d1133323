/* The named texts of a request as values: durations, the selectors of the queue, a page.
 *
 * Each returns 0, or -EINVAL with a sentence for the operator, and then writes nothing.
 * Texts in a value are the request's. Core thread. */

#ifndef RELAY_API_PARAMS_H
#define RELAY_API_PARAMS_H

#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/api_request.h"
#include "relay/api_view.h"

/* "2h" of this name; 0 when it is absent. */
ATTR_MUST_CHECK int api_params_duration(const struct api_request *request,
                                        const char *name, int64_t *out_ms,
                                        struct errmsg *err);

/* The selectors; absent ones select everything. */
ATTR_MUST_CHECK int api_params_filter(const struct api_request *request,
                                      struct api_filter *out_filter, struct errmsg *err);

/* limit (100 when absent) and cursor. */
ATTR_MUST_CHECK int api_params_page(const struct api_request *request,
                                    struct api_page *out_page, struct errmsg *err);

#endif
