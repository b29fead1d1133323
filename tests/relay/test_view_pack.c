#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static json_t *pack(struct view_rig *rig, enum api_pack how,
                    const struct api_filter *filter, const char *dir)
{
    struct api_pack_ask ask = {
        .how = how, .filter = *filter, .dir = dir, .why = "audit", .by = "operator test"};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->pack(rig->view->owner, &ask, answer);
    return view_rig_read(rig, answer);
}

static struct index_stats stats_of(const struct view_rig *rig)
{
    struct index_stats stats;
    index_stats(rig->core->index, &stats);
    return stats;
}

/* More messages than one batch, several recipients each: a purge ends exactly what was
 * chosen, after it is in files, and says how many. */
TEST(view_pack, purge)
{
    struct view_rig rig;
    struct api_filter filter;
    view_rig_open(&rig);
    for (int i = 0; i < 150; i++) {
        (void)view_rig_accept(
            &rig, "bulk",
            (const char *const[]){"a@x.test", "b@x.test", "c@gmail.test", NULL});
    }
    api_filter_init(&filter);
    filter.domain = "x.test";
    json_t *document = pack(&rig, API_PACK_PURGE, &filter, "");
    cr_assert_eq(rig.result, API_DONE, "%s", view_rig_text(document, "error"));
    cr_assert_eq(view_rig_int(document, "count"), 300);
    cr_assert_eq(view_rig_int(document, "messages"), 150);
    cr_assert_not_null(strstr(view_rig_text(document, "directory"), "/exports/purge-"));
    json_decref(document);
    cr_assert_eq(stats_of(&rig).recipients, 150);
    cr_assert_eq(stats_of(&rig).out, 0);
    document = pack(&rig, API_PACK_PURGE, &filter, "");
    cr_assert_eq(rig.result, API_NOT_FOUND);
    json_decref(document);
    view_rig_close(&rig);
}

/* A copy changes nothing; a directory that cannot be made changes nothing either. */
TEST(view_pack, copy_and_failure)
{
    struct view_rig rig;
    struct api_filter filter;
    char dir[128];
    view_rig_open(&rig);
    uint64_t id = view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"b@x.test", NULL});
    view_rig_settle(&rig, id, 0, CHANGE_HELD, "");
    api_filter_init(&filter);
    json_t *document = pack(&rig, API_PACK_COPY, &filter,
                            folder_path(&rig.folder, "copy", dir, sizeof dir));
    cr_assert_eq(rig.result, API_DONE);
    cr_assert_eq(view_rig_int(document, "count"), 2);
    cr_assert_str_eq(view_rig_text(document, "directory"), dir);
    json_decref(document);
    document = pack(&rig, API_PACK_MOVE, &filter, "/proc/none/at/all");
    cr_assert_eq(rig.result, API_FAILED);
    cr_assert_not_null(strstr(view_rig_text(document, "error"), "/proc/none/at/all"));
    json_decref(document);
    document = pack(&rig, API_PACK_MOVE, &filter, dir);
    cr_assert_eq(rig.result, API_FAILED, "it is not empty");
    json_decref(document);
    struct index_stats stats = stats_of(&rig);
    cr_assert_eq(stats.recipients, 2);
    cr_assert_eq(stats.held, 1);
    cr_assert_eq(stats.ready, 1);
    view_rig_close(&rig);
}

/* An export that is under way when the relay stops is answered, and nothing is left out
 * of its flow. */
TEST(view_pack, stop)
{
    struct view_rig rig;
    struct api_filter filter;
    view_rig_open(&rig);
    for (int i = 0; i < 200; i++) {
        (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    }
    api_filter_init(&filter);
    struct api_pack_ask ask = {.how = API_PACK_MOVE,
                               .filter = filter,
                               .dir = "",
                               .why = "",
                               .by = "operator test"};
    struct api_answer *answer = view_rig_ask(&rig);
    rig.view->pack(rig.view->owner, &ask, answer);
    view_stop(rig.core->view);
    cr_assert(rig.is_done);
    json_decref(view_rig_read(&rig, answer));
    cr_assert_eq(stats_of(&rig).out, 0);
    view_rig_close(&rig);
}
