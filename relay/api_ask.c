#include "relay/api_ask.h"

#include <errno.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_params.h"

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
    return api_params_duration(ask->request, name, out_ms, err);
}

int api_ask_filter(const struct api_ask *ask, struct api_filter *out_filter,
                   struct errmsg *err)
{
    return api_params_filter(ask->request, out_filter, err);
}

int api_ask_page(const struct api_ask *ask, struct api_page *out_page, struct errmsg *err)
{
    return api_params_page(ask->request, out_page, err);
}

int api_ask_why(const struct api_ask *ask, struct errmsg *err)
{
    if (strlen(api_ask_get(ask, "why")) > LIMIT_API_WHY) {
        errmsg_set(err, "why has at most %d bytes", LIMIT_API_WHY);
        return -EINVAL;
    }
    return 0;
}
