#include "relay/api_routes.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_ask.h"
#include "relay/api_queue.h"
#include "relay/api_warmups.h"

#define SUMMARY_DEFAULT_MS ((int64_t)24 * 3600 * 1000)

/* A table of core's memory under its name. */
typedef void (*table_cb)(void *owner, struct api_answer *answer);

static void put_table(const struct api_ask *ask, const char *name, table_cb table)
{
    api_answer_list(ask->answer, name);
    table(ask->view->owner, ask->answer);
}

static void ask_status(const struct api_ask *ask)
{
    const struct api_view *view = ask->view;

    view->status(view->owner, ask->answer);
    put_table(ask, "waits", view->waits);
    put_table(ask, "streams", view->streams);
    put_table(ask, "sources", view->sources);
    put_table(ask, "sites", view->sites);
    put_table(ask, "blocks", view->blocks);
    put_table(ask, "freezes", view->freezes);
    put_table(ask, "warmup", view->warmups);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_lanes(const struct api_ask *ask)
{
    put_table(ask, "lanes", ask->view->lanes);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_sites(const struct api_ask *ask)
{
    put_table(ask, "sites", ask->view->sites);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_sources(const struct api_ask *ask)
{
    put_table(ask, "sources", ask->view->sources);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_streams(const struct api_ask *ask)
{
    put_table(ask, "streams", ask->view->streams);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_blocks(const struct api_ask *ask)
{
    put_table(ask, "blocks", ask->view->blocks);
    put_table(ask, "freezes", ask->view->freezes);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_warmup(const struct api_ask *ask)
{
    put_table(ask, "warmup", ask->view->warmups);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_metrics(const struct api_ask *ask)
{
    api_answer_text(ask->answer, "", 0);
    ask->view->metrics(ask->view->owner, ask->answer);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_health(const struct api_ask *ask)
{
    struct errmsg why = {.text = ""};

    if (!ask->view->healthy(ask->view->owner, &why)) {
        api_answer_done(ask->answer, API_BUSY, why.text);
        return;
    }
    api_answer_text(ask->answer, "ok\n", 3);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_why(const struct api_ask *ask)
{
    api_answer_list(ask->answer, "paths");
    ask->view->why(ask->view->owner, ask->rest, ask->answer);
}

static void ask_journal(const struct api_ask *ask)
{
    struct errmsg err = {.text = ""};
    struct api_journal_ask journal = {.kind = api_ask_get(ask, "kind"),
                                      .subject = api_ask_get(ask, "subject")};

    if (api_ask_duration(ask, "since", &journal.newer_ms, &err) != 0 ||
        api_ask_page(ask, &journal.page, &err) != 0) {
        api_ask_refuse(ask, &err);
        return;
    }
    api_answer_list(ask->answer, "journal");
    ask->view->journal(ask->view->owner, &journal, ask->answer);
}

static void ask_summary(const struct api_ask *ask)
{
    struct errmsg err = {.text = ""};
    int64_t newer_ms = 0;

    if (api_ask_duration(ask, "since", &newer_ms, &err) != 0) {
        api_ask_refuse(ask, &err);
        return;
    }
    api_answer_list(ask->answer, "summary");
    ask->view->summary(ask->view->owner, newer_ms > 0 ? newer_ms : SUMMARY_DEFAULT_MS,
                       ask->answer);
}

static int read_freeze(const struct api_ask *ask, struct api_freeze_ask *out_freeze,
                       struct errmsg *err)
{
    static const char *const kinds[] = {"stream", "source", "site", "user"};
    struct api_freeze_ask freeze = {
        .kind = api_ask_get(ask, "kind"),
        .name = api_ask_get(ask, "name"),
        .why = api_ask_get(ask, "why"),
        .by = ask->request->by,
    };
    bool known = false;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        known = known || strcmp(freeze.kind, kinds[i]) == 0;
    }
    if (!known || freeze.name[0] == '\0') {
        errmsg_set(err, "kind is stream, source, site or user, and name is its name");
        return -EINVAL;
    }
    int result = api_ask_why(ask, err);
    if (result == 0) {
        result = api_ask_duration(ask, "for", &freeze.for_ms, err);
    }
    if (result == 0) {
        *out_freeze = freeze;
    }
    return result;
}

static void ask_freeze(const struct api_ask *ask)
{
    struct errmsg err = {.text = ""};
    struct api_freeze_ask freeze;

    if (read_freeze(ask, &freeze, &err) != 0) {
        api_ask_refuse(ask, &err);
        return;
    }
    ask->view->freeze(ask->view->owner, &freeze, ask->answer);
}

static void ask_thaw(const struct api_ask *ask)
{
    struct errmsg err = {.text = ""};
    struct api_freeze_ask freeze;

    if (read_freeze(ask, &freeze, &err) != 0) {
        api_ask_refuse(ask, &err);
        return;
    }
    ask->view->thaw(ask->view->owner, &freeze, ask->answer);
}

static void ask_plan(const struct api_ask *ask)
{
    api_warmups_plan(ask->view, ask->request, ask->answer);
}

static void ask_warmup_act(const struct api_ask *ask)
{
    api_warmups_act(ask->view, ask->request, ask->answer);
}

static void ask_blocks_clear(const struct api_ask *ask)
{
    struct errmsg err = {.text = ""};

    if (api_ask_get(ask, "source")[0] == '\0') {
        errmsg_set(&err, "source is the name of a stopped source");
        api_ask_refuse(ask, &err);
        return;
    }
    ask->view->blocks_clear(ask->view->owner, api_ask_get(ask, "source"),
                            api_ask_get(ask, "site"), ask->request->by, ask->answer);
}

static void ask_reload(const struct api_ask *ask)
{
    api_answer_list(ask->answer, "notes");
    ask->view->reload(ask->view->owner, ask->request->by, ask->answer);
}

/* Messages do not come through here: api_exchange has their bodies. */
static void ask_nothing(const struct api_ask *ask)
{
    api_answer_done(ask->answer, API_BAD_ASK, "a message is the body of the request");
}

static void ask_users(const struct api_ask *ask)
{
    put_table(ask, "users", ask->view->users);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_users_expect(const struct api_ask *ask)
{
    ask->view->users_expect(ask->view->owner, api_ask_get(ask, "name"),
                            api_ask_get(ask, "volume"), api_ask_get(ask, "until"),
                            ask->request->by, ask->answer);
}

static void ask_users_reload(const struct api_ask *ask)
{
    ask->view->users_reload(ask->view->owner, ask->request->by, ask->answer);
}

static void ask_drain(const struct api_ask *ask)
{
    const char *on = api_ask_get(ask, "on");

    if (on[0] != '\0' && strcmp(on, "true") != 0 && strcmp(on, "false") != 0) {
        api_answer_done(ask->answer, API_BAD_ASK, "on is true or false");
        return;
    }
    ask->view->drain(ask->view->owner, strcmp(on, "false") != 0, ask->request->by,
                     ask->answer);
}

#define GET  "GET"
#define POST "POST"

static const struct route {
    const char *method;
    const char *path;   /* one that ends in '/' takes the rest as a name */
    const char *params; /* names, parted by one space */
    enum api_access access;
    void (*run)(const struct api_ask *ask);
} routes[] = {
    {GET, "/healthz", "", API_ACCESS_PUBLIC, ask_health},
    {GET, "/metrics", "", API_ACCESS_READ, ask_metrics},
    {GET, "/v1/status", "", API_ACCESS_READ, ask_status},
    {GET, "/v1/queue", API_ASK_SELECTORS " limit cursor", API_ACCESS_READ,
     api_queue_list},
    {GET, "/v1/queue/", "", API_ACCESS_READ, api_queue_message},
    {GET, "/v1/why/", "", API_ACCESS_READ, ask_why},
    {GET, "/v1/lanes", "", API_ACCESS_READ, ask_lanes},
    {GET, "/v1/sites", "", API_ACCESS_READ, ask_sites},
    {GET, "/v1/sources", "", API_ACCESS_READ, ask_sources},
    {GET, "/v1/streams", "", API_ACCESS_READ, ask_streams},
    {GET, "/v1/blocks", "", API_ACCESS_READ, ask_blocks},
    {GET, "/v1/warmup", "", API_ACCESS_READ, ask_warmup},
    {GET, "/v1/journal", "since kind subject limit cursor", API_ACCESS_READ, ask_journal},
    {GET, "/v1/summary", "since", API_ACCESS_READ, ask_summary},
    {GET, "/v1/plan", "mix total stream", API_ACCESS_READ, ask_plan},
    {POST, "/v1/warmup", "act source site day force why", API_ACCESS_ACT, ask_warmup_act},
    {POST, "/v1/freeze", "kind name for why", API_ACCESS_ACT, ask_freeze},
    {POST, "/v1/thaw", "kind name why", API_ACCESS_ACT, ask_thaw},
    {POST, "/v1/blocks/clear", "source site", API_ACCESS_ACT, ask_blocks_clear},
    {POST, "/v1/queue/hold", API_ASK_SELECTORS " why all", API_ACCESS_ACT,
     api_queue_hold},
    {POST, "/v1/queue/release", API_ASK_SELECTORS " why all", API_ACCESS_ACT,
     api_queue_release},
    {POST, "/v1/queue/retry", API_ASK_SELECTORS " why all", API_ACCESS_ACT,
     api_queue_retry},
    {POST, "/v1/queue/bounce", API_ASK_SELECTORS " why all", API_ACCESS_ACT,
     api_queue_bounce},
    {POST, "/v1/queue/purge", API_ASK_SELECTORS " why all", API_ACCESS_ACT,
     api_queue_purge},
    {POST, "/v1/queue/export", API_ASK_SELECTORS " why all dir move", API_ACCESS_ACT,
     api_queue_export},
    {POST, "/v1/import", "dir again", API_ACCESS_ACT, api_queue_import},
    {POST, "/v1/reload", "", API_ACCESS_ACT, ask_reload},
    {GET, "/v1/users", "", API_ACCESS_READ, ask_users},
    {POST, "/v1/users/expect", "name volume until", API_ACCESS_ACT, ask_users_expect},
    {POST, "/v1/users/reload", "", API_ACCESS_ACT, ask_users_reload},
    {POST, "/v1/messages", "from to", API_ACCESS_SUBMIT, ask_nothing},
    {POST, "/v1/drain", "on", API_ACCESS_ACT, ask_drain},
};

/* The rest of the path behind the route, "" for an exact match, NULL for none. */
static const char *route_rest(const struct route *route, const char *path)
{
    size_t length = strlen(route->path);

    if (route->path[length - 1] != '/') {
        return strcmp(route->path, path) == 0 ? path + length : NULL;
    }
    if (strncmp(route->path, path, length) != 0 || path[length] == '\0') {
        return NULL;
    }
    return path + length;
}

static const struct route *find_route(const char *method, const char *path,
                                      const char **out_rest, bool *out_other_method)
{
    *out_other_method = false;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const char *rest = route_rest(&routes[i], path);
        if (rest == NULL) {
            continue;
        }
        if (strcmp(routes[i].method, method) == 0) {
            *out_rest = rest;
            return &routes[i];
        }
        *out_other_method = true;
    }
    return NULL;
}

enum api_access api_routes_access(const char *method, const char *path)
{
    const char *rest = NULL;
    bool other_method = false;
    const struct route *route = find_route(method, path, &rest, &other_method);

    if (route != NULL) {
        return route->access;
    }
    return other_method ? API_ACCESS_METHOD : API_ACCESS_NONE;
}

/* Is name one of the names that are parted by spaces? */
static bool has_name(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = names; *at != '\0'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == '\0')) {
            return length > 0;
        }
    }
    return false;
}

void api_routes_ask(const struct api_view *view, const struct api_request *request,
                    struct api_answer *answer)
{
    struct api_ask ask = {.view = view, .request = request, .rest = "", .answer = answer};
    bool other_method = false;
    const struct route *route =
        find_route(request->method, request->path, &ask.rest, &other_method);

    if (route == NULL) {
        api_answer_done(answer, API_NOT_FOUND, "there is no such path");
        return;
    }
    for (unsigned i = 0; i < request->param_count; i++) {
        if (!has_name(route->params, request->params[i].name)) {
            struct errmsg err;
            errmsg_set(&err, "'%s' is not known here; known: %s", request->params[i].name,
                       route->params[0] == '\0' ? "nothing" : route->params);
            api_ask_refuse(&ask, &err);
            return;
        }
    }
    route->run(&ask);
}
