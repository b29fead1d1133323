#include "relay/api_queue.h"

#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_ask.h"
#include "relay/api_filter.h"
#include "relay/limits.h"

void api_queue_list(const struct api_ask *ask)
{
    struct errmsg err = {.text = ""};
    struct api_filter filter;
    struct api_page page;

    if (api_ask_filter(ask, &filter, &err) != 0 || api_ask_page(ask, &page, &err) != 0) {
        api_ask_refuse(ask, &err);
        return;
    }
    api_answer_list(ask->answer, "recipients");
    ask->view->queue(ask->view->owner, &filter, &page, ask->answer);
}

void api_queue_message(const struct api_ask *ask)
{
    api_answer_list(ask->answer, "recipients");
    api_answer_list(ask->answer, "attempts");
    ask->view->message(ask->view->owner, ask->rest, ask->answer);
}

/* What an act is meant for: nothing is done to all by mistake. */
static bool read_chosen(const struct api_ask *ask, struct api_filter *out_filter,
                        struct errmsg *err)
{
    if (api_ask_why(ask, err) != 0 || api_ask_filter(ask, out_filter, err) != 0) {
        return false;
    }
    if (api_filter_is_empty(out_filter) && strcmp(api_ask_get(ask, "all"), "true") != 0) {
        errmsg_set(err, "no selector: name what is meant, or say all");
        return false;
    }
    return true;
}

static void run_act(const struct api_ask *ask, enum api_act act)
{
    struct errmsg err = {.text = ""};
    struct api_action action = {
        .act = act, .why = api_ask_get(ask, "why"), .by = ask->request->by};

    if (!read_chosen(ask, &action.filter, &err)) {
        api_ask_refuse(ask, &err);
        return;
    }
    ask->view->act(ask->view->owner, &action, ask->answer);
}

void api_queue_hold(const struct api_ask *ask)
{
    run_act(ask, API_ACT_HOLD);
}

void api_queue_release(const struct api_ask *ask)
{
    run_act(ask, API_ACT_RELEASE);
}

void api_queue_retry(const struct api_ask *ask)
{
    run_act(ask, API_ACT_RETRY);
}

void api_queue_bounce(const struct api_ask *ask)
{
    run_act(ask, API_ACT_BOUNCE);
}

/* A directory of the operator's choice: only who is on this machine may name one. */
static bool read_dir(const struct api_ask *ask, struct errmsg *err)
{
    const char *dir = api_ask_get(ask, "dir");
    if (dir[0] == '\0') {
        return true;
    }
    if (!ask->request->is_local) {
        errmsg_set(err, "dir can be named on the control socket only");
        return false;
    }
    if (dir[0] != '/' || strlen(dir) > LIMIT_CONFIG_STRING) {
        errmsg_set(err, "dir is an absolute path of at most %d bytes",
                   LIMIT_CONFIG_STRING);
        return false;
    }
    return true;
}

static void run_pack(const struct api_ask *ask, enum api_pack how)
{
    struct errmsg err = {.text = ""};
    struct api_pack_ask pack = {.how = how,
                                .dir = api_ask_get(ask, "dir"),
                                .why = api_ask_get(ask, "why"),
                                .by = ask->request->by};

    if (!read_chosen(ask, &pack.filter, &err) || !read_dir(ask, &err)) {
        api_ask_refuse(ask, &err);
        return;
    }
    ask->view->pack(ask->view->owner, &pack, ask->answer);
}

void api_queue_purge(const struct api_ask *ask)
{
    run_pack(ask, API_PACK_PURGE);
}

void api_queue_export(const struct api_ask *ask)
{
    bool moves = strcmp(api_ask_get(ask, "move"), "true") == 0;

    run_pack(ask, moves ? API_PACK_MOVE : API_PACK_COPY);
}

void api_queue_import(const struct api_ask *ask)
{
    struct errmsg err = {.text = ""};
    struct api_unpack_ask unpack = {.dir = api_ask_get(ask, "dir"),
                                    .again =
                                        strcmp(api_ask_get(ask, "again"), "true") == 0,
                                    .by = ask->request->by};

    if (unpack.dir[0] == '\0') {
        errmsg_set(&err, "dir is the directory of an export");
        api_ask_refuse(ask, &err);
        return;
    }
    if (!read_dir(ask, &err)) {
        api_ask_refuse(ask, &err);
        return;
    }
    ask->view->unpack(ask->view->owner, &unpack, ask->answer);
}
