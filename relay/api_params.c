#include "relay/api_params.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "relay/api_filter.h"
#include "relay/limits.h"
#include "relay/units.h"

int api_params_duration(const struct api_request *request, const char *name,
                        int64_t *out_ms, struct errmsg *err)
{
    int64_t duration_ns = 0;
    const char *text = api_request_get(request, name);

    if (text[0] == '\0') {
        *out_ms = 0;
        return 0;
    }
    int result = units_duration_parse(text, &duration_ns, err);
    if (result != 0) {
        errmsg_wrap(err, "%s", name);
        return result;
    }
    *out_ms = duration_ns / UNITS_NS_PER_MS;
    return 0;
}

int api_params_filter(const struct api_request *request, struct api_filter *out_filter,
                      struct errmsg *err)
{
    const char *state = api_request_get(request, "state");
    struct api_filter filter = {
        .id = api_request_get(request, "id"),
        .domain = api_request_get(request, "domain"),
        .site = api_request_get(request, "site"),
        .stream = api_request_get(request, "stream"),
        .source = api_request_get(request, "source"),
        .sender = api_request_get(request, "sender"),
        .recipient = api_request_get(request, "rcpt"),
        .user = api_request_get(request, "user"),
        .client = api_request_get(request, "client"),
        .job = api_request_get(request, "job"),
        .subject = api_request_get(request, "subject"),
        .class_name = api_request_get(request, "class"),
        .reply = api_request_get(request, "reply"),
        .state = api_filter_state(state),
    };

    if (state[0] != '\0' && filter.state == API_STATE_ANY) {
        errmsg_set(err, "state is one of ready, deferred, active, held");
        return -EINVAL;
    }
    int result = api_params_duration(request, "older", &filter.older_ms, err);
    if (result == 0) {
        result = api_params_duration(request, "newer", &filter.newer_ms, err);
    }
    if (result == 0) {
        *out_filter = filter;
    }
    return result;
}

int api_params_page(const struct api_request *request, struct api_page *out_page,
                    struct errmsg *err)
{
    const char *limit = api_request_get(request, "limit");
    unsigned long rows = 100;

    if (limit[0] != '\0') {
        char *end = NULL;
        errno = 0;
        rows = strtoul(limit, &end, 10);
        if (isdigit((unsigned char)limit[0]) == 0 || *end != '\0' || errno != 0 ||
            rows < 1 || rows > LIMIT_API_PAGE) {
            errmsg_set(err, "limit is 1 to %d", LIMIT_API_PAGE);
            return -EINVAL;
        }
    }
    *out_page = (struct api_page){.limit = (unsigned)rows,
                                  .cursor = api_request_get(request, "cursor")};
    return 0;
}
