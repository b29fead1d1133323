/* No test of its own: tests/relay/test_api_routes.c asks by its routes. */

#include "relay/api_warmups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_request.h"
#include "relay/api_view.h"
#include "relay/limits.h"

#define MOST_DAYS  3651
#define MOST_TOTAL 1000000000000ULL

/* Digits alone, up to most; "" is 0. */
static bool read_number(const char *text, unsigned long long most,
                        unsigned long long *out)
{
    char *end = NULL;
    if (strspn(text, "0123456789") != strlen(text)) {
        return false;
    }
    errno = 0;
    *out = text[0] != '\0' ? strtoull(text, &end, 10) : 0;
    return errno == 0 && *out <= most;
}

void api_warmups_act(const struct api_view *view, const struct api_request *request,
                     struct api_answer *answer)
{
    struct api_warmup_ask ask = {.act = api_request_get(request, "act"),
                                 .source = api_request_get(request, "source"),
                                 .site = api_request_get(request, "site"),
                                 .why = api_request_get(request, "why"),
                                 .by = request->by};
    const char *force = api_request_get(request, "force");
    unsigned long long day = 0;

    if (strlen(ask.why) > LIMIT_API_WHY) {
        api_answer_done(answer, API_BAD_ASK, "why is too long");
        return;
    }
    if (!read_number(api_request_get(request, "day"), MOST_DAYS, &day)) {
        api_answer_done(answer, API_BAD_ASK, "day is a number, 1 the first");
        return;
    }
    ask.day = (unsigned)day;
    ask.force = strcmp(force, "true") == 0 || strcmp(force, "1") == 0;
    if (!ask.force && force[0] != '\0' && strcmp(force, "false") != 0) {
        api_answer_done(answer, API_BAD_ASK, "force is true or false");
        return;
    }
    view->warmup(view->owner, &ask, answer);
}

void api_warmups_plan(const struct api_view *view, const struct api_request *request,
                      struct api_answer *answer)
{
    struct api_plan_ask ask = {.mix = api_request_get(request, "mix"),
                               .stream = api_request_get(request, "stream")};
    unsigned long long total = 0;

    if (!read_number(api_request_get(request, "total"), MOST_TOTAL, &total) ||
        total == 0) {
        api_answer_done(answer, API_BAD_ASK, "total is the number of recipients");
        return;
    }
    ask.total = total;
    api_answer_list(answer, "plan");
    view->plan(view->owner, &ask, answer);
}
