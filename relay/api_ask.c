#include "relay/api_ask.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_filter.h"
#include "relay/limits.h"
#include "relay/units.h"

const char *api_ask_get(const struct api_ask *ask, const char *name)
{
    return api_request_get(ask->request, name);
}

void api_ask_refuse(const struct api_ask *ask, const struct errmsg *err)
{
    api_answer_done(ask->answer, API_BAD_ASK, err->text);
}

int api_ask_duration(const struct api_ask *ask, const char *name, int64_t *out_ms,
                     struct errmsg *err)
{
    int64_t duration_ns = 0;
    const char *text = api_ask_get(ask, name);

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

int api_ask_filter(const struct api_ask *ask, struct api_filter *out_filter,
                   struct errmsg *err)
{
    const char *state = api_ask_get(ask, "state");
    struct api_filter filter = {
        .id = api_ask_get(ask, "id"),
        .domain = api_ask_get(ask, "domain"),
        .site = api_ask_get(ask, "site"),
        .stream = api_ask_get(ask, "stream"),
        .source = api_ask_get(ask, "source"),
        .sender = api_ask_get(ask, "sender"),
        .recipient = api_ask_get(ask, "rcpt"),
        .user = api_ask_get(ask, "user"),
        .client = api_ask_get(ask, "client"),
        .job = api_ask_get(ask, "job"),
        .subject = api_ask_get(ask, "subject"),
        .class_name = api_ask_get(ask, "class"),
        .reply = api_ask_get(ask, "reply"),
        .state = api_filter_state(state),
    };

    if (state[0] != '\0' && filter.state == API_STATE_ANY) {
        errmsg_set(err, "state is one of ready, deferred, active, held");
        return -EINVAL;
    }
    int result = api_ask_duration(ask, "older", &filter.older_ms, err);
    if (result == 0) {
        result = api_ask_duration(ask, "newer", &filter.newer_ms, err);
    }
    if (result == 0) {
        *out_filter = filter;
    }
    return result;
}

int api_ask_page(const struct api_ask *ask, struct api_page *out_page, struct errmsg *err)
{
    const char *limit = api_ask_get(ask, "limit");
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
    *out_page =
        (struct api_page){.limit = (unsigned)rows, .cursor = api_ask_get(ask, "cursor")};
    return 0;
}

int api_ask_why(const struct api_ask *ask, struct errmsg *err)
{
    if (strlen(api_ask_get(ask, "why")) > LIMIT_API_WHY) {
        errmsg_set(err, "why has at most %d bytes", LIMIT_API_WHY);
        return -EINVAL;
    }
    return 0;
}
