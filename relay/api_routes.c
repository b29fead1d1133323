#include "relay/api_routes.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_filter.h"
#include "relay/api_warmups.h"
#include "relay/units.h"

#define SELECTORS                                                                   \
    "id domain site stream source sender rcpt user client job subject state class " \
    "reply older newer"

/* One ask on its way through a route. */
struct ask {
    const struct api_view *view;
    const struct api_request *request;
    const char *rest; /* of the path, where the route ends in '/' */
    struct api_answer *answer;
};

static const char *get(const struct ask *ask, const char *name)
{
    return api_request_get(ask->request, name);
}

static void refuse(const struct ask *ask, const struct errmsg *err)
{
    api_answer_done(ask->answer, API_BAD_ASK, err->text);
}

static int read_duration(const struct ask *ask, const char *name, int64_t *out_ms,
                         struct errmsg *err)
{
    int64_t duration_ns = 0;
    const char *text = get(ask, name);

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

static int read_filter(const struct ask *ask, struct api_filter *out_filter,
                       struct errmsg *err)
{
    const char *state = get(ask, "state");
    struct api_filter filter = {
        .id = get(ask, "id"),
        .domain = get(ask, "domain"),
        .site = get(ask, "site"),
        .stream = get(ask, "stream"),
        .source = get(ask, "source"),
        .sender = get(ask, "sender"),
        .recipient = get(ask, "rcpt"),
        .user = get(ask, "user"),
        .client = get(ask, "client"),
        .job = get(ask, "job"),
        .subject = get(ask, "subject"),
        .class_name = get(ask, "class"),
        .reply = get(ask, "reply"),
        .state = api_filter_state(state),
    };

    if (state[0] != '\0' && filter.state == API_STATE_ANY) {
        errmsg_set(err, "state is one of ready, deferred, active, held");
        return -EINVAL;
    }
    int result = read_duration(ask, "older", &filter.older_ms, err);
    if (result == 0) {
        result = read_duration(ask, "newer", &filter.newer_ms, err);
    }
    if (result == 0) {
        *out_filter = filter;
    }
    return result;
}

static int read_page(const struct ask *ask, struct api_page *out_page, struct errmsg *err)
{
    const char *limit = get(ask, "limit");
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
    *out_page = (struct api_page){.limit = (unsigned)rows, .cursor = get(ask, "cursor")};
    return 0;
}

/* A table of core's memory under its name. */
typedef void (*table_cb)(void *owner, struct api_answer *answer);

static void put_table(const struct ask *ask, const char *name, table_cb table)
{
    api_answer_list(ask->answer, name);
    table(ask->view->owner, ask->answer);
}

static void ask_status(const struct ask *ask)
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

static void ask_lanes(const struct ask *ask)
{
    put_table(ask, "lanes", ask->view->lanes);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_sites(const struct ask *ask)
{
    put_table(ask, "sites", ask->view->sites);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_sources(const struct ask *ask)
{
    put_table(ask, "sources", ask->view->sources);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_streams(const struct ask *ask)
{
    put_table(ask, "streams", ask->view->streams);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_blocks(const struct ask *ask)
{
    put_table(ask, "blocks", ask->view->blocks);
    put_table(ask, "freezes", ask->view->freezes);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_warmup(const struct ask *ask)
{
    put_table(ask, "warmup", ask->view->warmups);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_metrics(const struct ask *ask)
{
    api_answer_text(ask->answer, "", 0);
    ask->view->metrics(ask->view->owner, ask->answer);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_health(const struct ask *ask)
{
    struct errmsg why = {.text = ""};

    if (!ask->view->healthy(ask->view->owner, &why)) {
        api_answer_done(ask->answer, API_BUSY, why.text);
        return;
    }
    api_answer_text(ask->answer, "ok\n", 3);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_queue(const struct ask *ask)
{
    struct errmsg err = {.text = ""};
    struct api_filter filter;
    struct api_page page;

    if (read_filter(ask, &filter, &err) != 0 || read_page(ask, &page, &err) != 0) {
        refuse(ask, &err);
        return;
    }
    api_answer_list(ask->answer, "recipients");
    ask->view->queue(ask->view->owner, &filter, &page, ask->answer);
}

static void ask_message(const struct ask *ask)
{
    api_answer_list(ask->answer, "recipients");
    api_answer_list(ask->answer, "attempts");
    ask->view->message(ask->view->owner, ask->rest, ask->answer);
}

static void ask_why(const struct ask *ask)
{
    api_answer_list(ask->answer, "paths");
    ask->view->why(ask->view->owner, ask->rest, ask->answer);
}

static void ask_journal(const struct ask *ask)
{
    struct errmsg err = {.text = ""};
    struct api_journal_ask journal = {.kind = get(ask, "kind"),
                                      .subject = get(ask, "subject")};
    if (read_duration(ask, "since", &journal.newer_ms, &err) != 0 ||
        read_page(ask, &journal.page, &err) != 0) {
        refuse(ask, &err);
        return;
    }
    api_answer_list(ask->answer, "journal");
    ask->view->journal(ask->view->owner, &journal, ask->answer);
}

static int check_why(const struct ask *ask, struct errmsg *err)
{
    if (strlen(get(ask, "why")) > LIMIT_API_WHY) {
        errmsg_set(err, "why has at most %d bytes", LIMIT_API_WHY);
        return -EINVAL;
    }
    return 0;
}

static int read_freeze(const struct ask *ask, struct api_freeze_ask *out_freeze,
                       struct errmsg *err)
{
    static const char *const kinds[] = {"stream", "source", "site", "user"};
    struct api_freeze_ask freeze = {
        .kind = get(ask, "kind"),
        .name = get(ask, "name"),
        .why = get(ask, "why"),
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
    if (check_why(ask, err) != 0 || read_duration(ask, "for", &freeze.for_ms, err) != 0) {
        return -EINVAL;
    }
    *out_freeze = freeze;
    return 0;
}

static void run_freeze(const struct ask *ask, bool on)
{
    struct errmsg err = {.text = ""};
    struct api_freeze_ask freeze;
    if (read_freeze(ask, &freeze, &err) != 0) {
        refuse(ask, &err);
        return;
    }
    (on ? ask->view->freeze : ask->view->thaw)(ask->view->owner, &freeze, ask->answer);
}

static void ask_freeze(const struct ask *ask)
{
    run_freeze(ask, true);
}

static void ask_thaw(const struct ask *ask)
{
    run_freeze(ask, false);
}

static void ask_plan(const struct ask *ask)
{
    api_warmups_plan(ask->view, ask->request, ask->answer);
}

static void ask_warmup_act(const struct ask *ask)
{
    api_warmups_act(ask->view, ask->request, ask->answer);
}

static void ask_blocks_clear(const struct ask *ask)
{
    struct errmsg err = {.text = ""};
    if (get(ask, "source")[0] == '\0') {
        errmsg_set(&err, "source is the name of a stopped source");
        refuse(ask, &err);
        return;
    }
    ask->view->blocks_clear(ask->view->owner, get(ask, "source"), get(ask, "site"),
                            ask->request->by, ask->answer);
}

static void run_act(const struct ask *ask, enum api_act act)
{
    struct errmsg err = {.text = ""};
    struct api_action action = {
        .act = act, .why = get(ask, "why"), .by = ask->request->by};

    if (check_why(ask, &err) != 0 || read_filter(ask, &action.filter, &err) != 0) {
        refuse(ask, &err);
        return;
    }
    if (api_filter_is_empty(&action.filter) && strcmp(get(ask, "all"), "true") != 0) {
        errmsg_set(&err, "no selector: name what is meant, or say all");
        refuse(ask, &err);
        return;
    }
    ask->view->act(ask->view->owner, &action, ask->answer);
}

static void ask_hold(const struct ask *ask)
{
    run_act(ask, API_ACT_HOLD);
}

static void ask_release(const struct ask *ask)
{
    run_act(ask, API_ACT_RELEASE);
}

static void ask_retry(const struct ask *ask)
{
    run_act(ask, API_ACT_RETRY);
}

static void ask_bounce(const struct ask *ask)
{
    run_act(ask, API_ACT_BOUNCE);
}

static void ask_reload(const struct ask *ask)
{
    api_answer_list(ask->answer, "notes");
    ask->view->reload(ask->view->owner, ask->request->by, ask->answer);
}

/* Messages do not come through here: api_exchange has their bodies. */
static void ask_nothing(const struct ask *ask)
{
    api_answer_done(ask->answer, API_BAD_ASK, "a message is the body of the request");
}

static void ask_users(const struct ask *ask)
{
    put_table(ask, "users", ask->view->users);
    api_answer_done(ask->answer, API_DONE, "");
}

static void ask_users_reload(const struct ask *ask)
{
    ask->view->users_reload(ask->view->owner, ask->request->by, ask->answer);
}

static void ask_drain(const struct ask *ask)
{
    const char *on = get(ask, "on");

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
    void (*run)(const struct ask *ask);
} routes[] = {
    {GET, "/healthz", "", API_ACCESS_PUBLIC, ask_health},
    {GET, "/metrics", "", API_ACCESS_READ, ask_metrics},
    {GET, "/v1/status", "", API_ACCESS_READ, ask_status},
    {GET, "/v1/queue", SELECTORS " limit cursor", API_ACCESS_READ, ask_queue},
    {GET, "/v1/queue/", "", API_ACCESS_READ, ask_message},
    {GET, "/v1/why/", "", API_ACCESS_READ, ask_why},
    {GET, "/v1/lanes", "", API_ACCESS_READ, ask_lanes},
    {GET, "/v1/sites", "", API_ACCESS_READ, ask_sites},
    {GET, "/v1/sources", "", API_ACCESS_READ, ask_sources},
    {GET, "/v1/streams", "", API_ACCESS_READ, ask_streams},
    {GET, "/v1/blocks", "", API_ACCESS_READ, ask_blocks},
    {GET, "/v1/warmup", "", API_ACCESS_READ, ask_warmup},
    {GET, "/v1/journal", "since kind subject limit cursor", API_ACCESS_READ, ask_journal},
    {GET, "/v1/plan", "mix total stream", API_ACCESS_READ, ask_plan},
    {POST, "/v1/warmup", "act source site day why", API_ACCESS_ACT, ask_warmup_act},
    {POST, "/v1/freeze", "kind name for why", API_ACCESS_ACT, ask_freeze},
    {POST, "/v1/thaw", "kind name why", API_ACCESS_ACT, ask_thaw},
    {POST, "/v1/blocks/clear", "source site", API_ACCESS_ACT, ask_blocks_clear},
    {POST, "/v1/queue/hold", SELECTORS " why all", API_ACCESS_ACT, ask_hold},
    {POST, "/v1/queue/release", SELECTORS " why all", API_ACCESS_ACT, ask_release},
    {POST, "/v1/queue/retry", SELECTORS " why all", API_ACCESS_ACT, ask_retry},
    {POST, "/v1/queue/bounce", SELECTORS " why all", API_ACCESS_ACT, ask_bounce},
    {POST, "/v1/reload", "", API_ACCESS_ACT, ask_reload},
    {GET, "/v1/users", "", API_ACCESS_READ, ask_users},
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
    struct ask ask = {.view = view, .request = request, .rest = "", .answer = answer};
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
            refuse(&ask, &err);
            return;
        }
    }
    route->run(&ask);
}
