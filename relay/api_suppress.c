/* No test of its own: tests/relay/test_api_routes.c asks by its routes. */

#include "relay/api_suppress.h"

#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"

void api_suppress_list(const struct api_ask *ask)
{
    struct errmsg err = {.text = ""};
    struct api_page page;

    if (api_ask_page(ask, &page, &err) != 0) {
        api_ask_refuse(ask, &err);
        return;
    }
    api_answer_list(ask->answer, "suppressions");
    ask->view->suppressed(ask->view->owner, api_ask_get(ask, "address"), &page,
                          ask->answer);
}

static void run(const struct api_ask *ask, enum api_suppress act)
{
    struct errmsg err = {.text = ""};
    struct api_suppress_ask suppress = {.act = act,
                                        .address = api_ask_get(ask, "address"),
                                        .stream = api_ask_get(ask, "stream"),
                                        .cause = api_ask_get(ask, "cause"),
                                        .csv = api_ask_get(ask, "csv"),
                                        .why = api_ask_get(ask, "why"),
                                        .by = ask->request->by};
    const char *line = api_ask_get(ask, "line");

    if (act != API_SUPPRESS_IMPORT && suppress.address[0] == '\0') {
        errmsg_set(&err, "address is whom to write to no more");
        api_ask_refuse(ask, &err);
        return;
    }
    if (api_ask_why(ask, &err) != 0 ||
        api_ask_duration(ask, "for", &suppress.for_ms, &err) != 0) {
        api_ask_refuse(ask, &err);
        return;
    }
    suppress.line = strspn(line, "0123456789") == strlen(line) && strlen(line) < 19
                        ? strtoull(line[0] != '\0' ? line : "0", NULL, 10)
                        : 0;
    if (act == API_SUPPRESS_IMPORT) {
        api_answer_list(ask->answer, "notes");
    }
    ask->view->suppress(ask->view->owner, &suppress, ask->answer);
}

void api_suppress_add(const struct api_ask *ask)
{
    run(ask, API_SUPPRESS_ADD);
}

void api_suppress_remove(const struct api_ask *ask)
{
    run(ask, API_SUPPRESS_REMOVE);
}

void api_suppress_import(const struct api_ask *ask)
{
    run(ask, API_SUPPRESS_IMPORT);
}
