#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

/* Totals are those of the queue, and the keys that scripts rely on are there. */
TEST(view, status_counts_the_queue)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "transactional",
                          (const char *const[]){"a@gmail.test", "b@gmail.test", NULL});
    uint64_t id = view_rig_accept(&rig, "bulk", (const char *const[]){"c@x.test", NULL});
    view_rig_settle(&rig, id, 0, CHANGE_WAITING, "later");
    json_t *status = view_rig_table(&rig, rig.view->status);
    cr_assert_eq(view_rig_int(status, "queued"), 3);
    cr_assert_eq(view_rig_int(status, "ready"), 2);
    cr_assert_eq(view_rig_int(status, "deferred"), 1);
    cr_assert_eq(view_rig_int(status, "messages"), 2);
    cr_assert_eq(view_rig_int(status, "accepted"), 2);
    cr_assert_str_eq(view_rig_text(status, "phase"), "running");
    cr_assert_str_eq(view_rig_text(status, "refusing"), "");
    cr_assert_str_eq(view_rig_text(status, "hostname"), "relay.test");
    cr_assert_gt(view_rig_int(status, "oldest_unix_ms"), 0);
    cr_assert_not_null(json_object_get(status, "held"));
    cr_assert_not_null(json_object_get(status, "delivered"));
    json_decref(status);
    view_rig_close(&rig);
}

/* While it drains it says so, and the health says why. */
TEST(view, draining_is_not_healthy)
{
    struct view_rig rig;
    struct errmsg why = {.text = ""};
    view_rig_open(&rig);
    cr_assert(rig.view->healthy(rig.view->owner, &why));
    struct api_answer *answer = view_rig_ask(&rig);
    rig.view->drain(rig.view->owner, true, "operator test", answer);
    json_decref(view_rig_read(&rig, answer));
    cr_assert_eq(rig.result, API_DONE);
    cr_assert_not(rig.view->healthy(rig.view->owner, &why));
    cr_assert_str_eq(why.text, "draining");
    json_t *status = view_rig_table(&rig, rig.view->status);
    cr_assert_str_eq(view_rig_text(status, "phase"), "draining");
    json_decref(status);
    view_rig_close(&rig);
}

/* An ask that is still under way when the relay stops is answered, not forgotten. */
TEST(view, stop_ends_what_is_under_way)
{
    struct view_rig rig;
    struct api_freeze_ask ask = {
        .kind = "stream", .name = "bulk", .why = "odd", .by = "operator test"};
    struct api_journal_ask journal = {
        .kind = "", .subject = "", .page = {.limit = 10, .cursor = ""}};
    view_rig_open(&rig);
    struct api_answer *frozen = view_rig_ask(&rig);
    rig.view->freeze(rig.view->owner, &ask, frozen);
    struct api_answer *read = view_rig_ask(&rig);
    rig.view->journal(rig.view->owner, &journal, read);
    cr_assert_not(rig.is_done);
    view_stop(rig.core->view);
    cr_assert(rig.is_done);
    cr_assert_eq(api_answer_result(frozen), API_DONE);
    cr_assert_eq(api_answer_result(read), API_DONE);
    api_answer_free(frozen);
    api_answer_free(read);
    view_rig_close(&rig);
}
