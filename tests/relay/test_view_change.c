#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/now.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static enum api_result freeze(struct view_rig *rig, const char *kind, const char *name,
                              const char *why)
{
    struct api_freeze_ask ask = {
        .kind = kind, .name = name, .why = why, .by = "operator test", .for_ms = 60000};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->freeze(rig->view->owner, &ask, answer);
    json_decref(view_rig_read(rig, answer));
    return rig->result;
}

static enum api_result thaw(struct view_rig *rig, const char *kind, const char *name)
{
    struct api_freeze_ask ask = {
        .kind = kind, .name = name, .why = "", .by = "operator test"};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->thaw(rig->view->owner, &ask, answer);
    json_decref(view_rig_read(rig, answer));
    return rig->result;
}

/* A freeze is listed with its terms until it is thawed; names that are none are refused.
 */
TEST(view_change, freeze_and_thaw)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    cr_assert_eq(freeze(&rig, "stream", "bulk", "odd"), API_DONE);
    cr_assert_eq(freeze(&rig, "source", "tx1", ""), API_DONE);
    cr_assert_eq(freeze(&rig, "site", "gmail", ""), API_DONE);
    cr_assert_eq(freeze(&rig, "user", "anybody", ""), API_DONE);
    cr_assert_eq(freeze(&rig, "stream", "nobody", ""), API_NOT_FOUND);
    cr_assert_eq(freeze(&rig, "source", "nobody", ""), API_NOT_FOUND);
    cr_assert_eq(freeze(&rig, "site", "nobody", ""), API_NOT_FOUND);
    cr_assert_eq(freeze(&rig, "site", "gmail.test", ""), API_NOT_FOUND,
                 "a domain of the site");
    cr_assert_eq(freeze(&rig, "planet", "mars", ""), API_BAD_ASK);
    json_t *list = view_rig_table(&rig, rig.view->freezes);
    cr_assert_eq(json_array_size(json_object_get(list, "freezes")), 4);
    const json_t *row = view_rig_row(list, "freezes", "name", "bulk");
    cr_assert_str_eq(view_rig_text(row, "why"), "odd");
    cr_assert_str_eq(view_rig_text(row, "by"), "operator test");
    cr_assert_gt(view_rig_int(row, "until_unix_ms"), now_unix_ms());
    json_decref(list);
    cr_assert_eq(thaw(&rig, "stream", "bulk"), API_DONE);
    cr_assert_eq(thaw(&rig, "stream", "bulk"), API_NOT_FOUND);
    view_rig_close(&rig);
}

/* A reason longer than is kept is refused, not cut. */
TEST(view_change, long_reasons)
{
    struct view_rig rig;
    char why[400];
    memset(why, 'x', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    view_rig_open(&rig);
    cr_assert_eq(freeze(&rig, "stream", "bulk", why), API_BAD_ASK);
    cr_assert(list_is_empty(&rig.core->freezes.list));
    view_rig_close(&rig);
}

/* Clearing, extending or pinning what is not stopped is not found, and says so. */
TEST(view_change, blocks_that_are_none)
{
    static const char *const asks[][2] = {{"tx1", ""}, {"tx1", "gmail"}, {"nobody", ""}};
    struct view_rig rig;
    view_rig_open(&rig);
    for (unsigned i = 0; i < 3; i++) {
        struct api_answer *answer = view_rig_ask(&rig);
        rig.view->blocks_act(rig.view->owner,
                             &(struct api_block_ask){.act = (enum api_block_act)i,
                                                     .source = asks[i][0],
                                                     .site = asks[i][1],
                                                     .why = "a test",
                                                     .by = "operator test",
                                                     .for_ms = 1000},
                             answer);
        json_decref(view_rig_read(&rig, answer));
        cr_assert_eq(rig.result, API_NOT_FOUND);
    }
    view_rig_close(&rig);
}

static json_t *reload(struct view_rig *rig)
{
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->reload(rig->view->owner, "operator test", answer);
    return view_rig_read(rig, answer);
}

/* A bad file changes nothing and says with its line what is wrong; a good one counts. */
TEST(view_change, reload)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    json_decref(reload(&rig));
    cr_assert_eq(rig.result, API_DONE);
    const struct snapshot *before = rig.core->snapshot;
    folder_write(&rig.folder, "mesura.conf", "nonsense = 1;\n", 14);
    json_t *document = reload(&rig);
    cr_assert_eq(rig.result, API_CONFLICT);
    cr_assert_eq(rig.core->snapshot, before);
    const json_t *notes = json_object_get(document, "notes");
    cr_assert_not_null(strstr(json_string_value(json_array_get(notes, 0)), "conf:"));
    json_decref(document);
    json_t *status = view_rig_table(&rig, rig.view->status);
    cr_assert_eq(view_rig_int(status, "queued"), 1);
    json_decref(status);
    view_rig_close(&rig);
}

static enum api_result warmup(struct view_rig *rig, const char *act, const char *source,
                              const char *site, unsigned day)
{
    struct api_warmup_ask ask = {.act = act,
                                 .source = source,
                                 .site = site,
                                 .day = day,
                                 .why = "",
                                 .by = "operator test"};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->warmup(rig->view->owner, &ask, answer);
    json_decref(view_rig_read(rig, answer));
    return rig->result;
}

/* Acts on a ramp are answered when they are durable, and refused where there is none. */
TEST(view_change, warmups)
{
    struct view_rig rig;
    view_rig_open(&rig);
    cr_assert_eq(warmup(&rig, "pause", "bulk1", "", 0), API_DONE);
    cr_assert_eq(warmup(&rig, "set", "bulk1", "", 3), API_DONE);
    json_t *list = view_rig_table(&rig, rig.view->warmups);
    const json_t *row = view_rig_row(list, "warmup", "source", "bulk1");
    cr_assert_str_eq(view_rig_text(row, "state"), "paused");
    json_decref(list);
    cr_assert_eq(warmup(&rig, "set", "bulk1", "", 0), API_BAD_ASK);
    cr_assert_eq(warmup(&rig, "dance", "bulk1", "", 0), API_BAD_ASK);
    cr_assert_eq(warmup(&rig, "start", "tx1", "", 0), API_NOT_FOUND, "it is warm");
    cr_assert_eq(warmup(&rig, "start", "nobody", "", 0), API_NOT_FOUND);
    cr_assert_eq(warmup(&rig, "resume", "bulk1", "nowhere", 0), API_NOT_FOUND);
    view_rig_close(&rig);
}
