#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static json_t *unpack(struct view_rig *rig, const char *dir, bool again)
{
    struct api_unpack_ask ask = {.dir = dir, .again = again, .by = "operator test"};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->unpack(rig->view->owner, &ask, answer);
    return view_rig_read(rig, answer);
}

static void move_out(struct view_rig *rig, const char *dir)
{
    struct api_pack_ask ask = {
        .how = API_PACK_MOVE, .dir = dir, .why = "", .by = "operator test"};
    api_filter_init(&ask.filter);
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->pack(rig->view->owner, &ask, answer);
    json_decref(view_rig_read(rig, answer));
    cr_assert_eq(rig->result, API_DONE);
}

/* Rows come in the index's order, which is another now. */
static const json_t *same_row(const json_t *document, const json_t *was)
{
    size_t index = 0;
    const json_t *row = NULL;
    json_array_foreach(json_object_get(document, "recipients"), index, row)
    {
        if (strcmp(view_rig_text(row, "id"), view_rig_text(was, "id")) == 0 &&
            strcmp(view_rig_text(row, "recipient"), view_rig_text(was, "recipient")) ==
                0) {
            return row;
        }
    }
    return NULL;
}

/* What went out comes back as it was: held what was held, with who and why; the last
 * reply with what was refused; and not twice. */
TEST(view_unpack, as_it_was)
{
    struct view_rig rig;
    char dir[128];
    view_rig_open(&rig);
    uint64_t id = 0;
    for (int i = 0; i < 50; i++) {
        id = view_rig_accept(&rig, "bulk",
                             (const char *const[]){"a@x.test", "b@x.test", NULL});
        view_rig_settle(&rig, id, 0, CHANGE_WAITING, "come back later");
        view_rig_settle(&rig, id, 1, CHANGE_HELD, "");
    }
    json_t *before = view_rig_queue(&rig, NULL);
    move_out(&rig, folder_path(&rig.folder, "out", dir, sizeof dir));
    struct index_stats stats;
    index_stats(rig.core->index, &stats);
    cr_assert_eq(stats.recipients, 0);
    json_t *document = unpack(&rig, dir, true);
    cr_assert_eq(rig.result, API_DONE, "%s", view_rig_text(document, "error"));
    cr_assert_eq(view_rig_int(document, "count"), 100);
    json_decref(document);
    json_t *after = view_rig_queue(&rig, NULL);
    const json_t *old = json_object_get(before, "recipients");
    cr_assert_eq(json_array_size(old), 100);
    cr_assert_eq(json_array_size(json_object_get(after, "recipients")), 100);
    static const char *const same[] = {"id",    "recipient", "state",
                                       "reply", "held_by",   "source"};
    for (size_t i = 0; i < 100; i++) {
        const json_t *was = json_array_get(old, i);
        const json_t *now = same_row(after, was);
        cr_assert_not_null(now);
        for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
            cr_assert_str_eq(view_rig_text(now, same[k]), view_rig_text(was, same[k]),
                             "%s", same[k]);
        }
    }
    json_decref(before);
    json_decref(after);
    document = unpack(&rig, dir, true);
    cr_assert_eq(rig.result, API_CONFLICT);
    cr_assert_eq(view_rig_int(document, "refused"), 50);
    cr_assert_eq(view_rig_int(document, "count"), 0);
    cr_assert_eq(json_array_size(json_object_get(document, "notes")), 20);
    json_decref(document);
    view_rig_close(&rig);
}

/* A directory that is none, and a relay that stops: an answer, and nothing is left. */
TEST(view_unpack, refused_and_stopped)
{
    struct view_rig rig;
    char dir[128];
    view_rig_open(&rig);
    json_t *document = unpack(&rig, "/nonexistent", false);
    cr_assert_eq(rig.result, API_FAILED);
    cr_assert_not_null(strstr(view_rig_text(document, "error"), "/nonexistent"));
    json_decref(document);
    for (int i = 0; i < 100; i++) {
        (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    }
    move_out(&rig, folder_path(&rig.folder, "out", dir, sizeof dir));
    struct api_unpack_ask ask = {.dir = dir, .by = "operator test"};
    struct api_answer *answer = view_rig_ask(&rig);
    rig.view->unpack(rig.view->owner, &ask, answer);
    view_stop(rig.core->view);
    cr_assert(rig.is_done);
    json_decref(view_rig_read(&rig, answer));
    view_rig_close(&rig);
}
