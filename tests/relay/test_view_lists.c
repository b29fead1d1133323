#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/now.h"
#include "relay/stops.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

/* Streams have their counts apart, their sources and their state. */
TEST(view_lists, streams)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk",
                          (const char *const[]){"a@gmail.test", "b@x.test", NULL});
    uint64_t id =
        view_rig_accept(&rig, "transactional", (const char *const[]){"c@x.test", NULL});
    view_rig_settle(&rig, id, 0, CHANGE_HELD, "");
    json_t *list = view_rig_table(&rig, rig.view->streams);
    const json_t *bulk = view_rig_row(list, "streams", "name", "bulk");
    const json_t *other = view_rig_row(list, "streams", "name", "transactional");
    cr_assert_eq(view_rig_int(bulk, "queued"), 2);
    cr_assert_eq(view_rig_int(bulk, "ready"), 2);
    cr_assert_eq(view_rig_int(bulk, "held"), 0);
    cr_assert_str_eq(view_rig_text(bulk, "state"), "running");
    cr_assert_eq(view_rig_int(bulk, "lifetime_ms"), INT64_C(172800000));
    cr_assert_gt(view_rig_int(bulk, "oldest_unix_ms"), 0);
    cr_assert(json_is_true(json_object_get(bulk, "walled")));
    cr_assert_eq(view_rig_int(other, "queued"), 1);
    cr_assert_eq(view_rig_int(other, "held"), 1);
    json_decref(list);
    view_rig_close(&rig);
}

/* A stopped source says so, with the reply; the stop is a block with what waits for it,
 * and is gone when it is cleared. */
TEST(view_lists, sources_and_blocks)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    struct lane *lane = sites_lane(sites_find(&rig.core->sites, "gmail"),
                                   sources_find(&rig.core->sources, "bulk1"), now_ns());
    struct reply reply = {.code = 554, .text = "blocked using bl.spamcop.net"};
    struct finding finding = {.class = FINDING_IP_LISTED, .list = "bl.spamcop.net"};
    stops_freeze(rig.core, lane, NULL, &reply, &finding);
    json_t *list = view_rig_table(&rig, rig.view->sources);
    const json_t *source = view_rig_row(list, "sources", "name", "bulk1");
    cr_assert_str_eq(view_rig_text(source, "state"), "stopped");
    cr_assert_not_null(strstr(view_rig_text(source, "reason"), "spamcop"));
    cr_assert_str_eq(view_rig_text(source, "warmup"), "mine");
    source = view_rig_row(list, "sources", "name", "tx1");
    cr_assert_str_eq(view_rig_text(source, "state"), "live");
    json_decref(list);
    list = view_rig_table(&rig, rig.view->blocks);
    const json_t *block = view_rig_row(list, "blocks", "source", "bulk1");
    cr_assert_str_eq(view_rig_text(block, "cause"), "ip-listed");
    cr_assert_str_eq(view_rig_text(block, "dnsbl"), "bl.spamcop.net");
    cr_assert_eq(view_rig_int(block, "recipients"), 1);
    json_decref(list);
    struct api_answer *answer = view_rig_ask(&rig);
    struct api_block_ask order = {.act = API_BLOCK_PIN,
                                  .source = "bulk1",
                                  .site = "",
                                  .why = "we look into it",
                                  .by = "operator test"};
    rig.view->blocks_act(rig.view->owner, &order, answer);
    json_decref(view_rig_read(&rig, answer));
    cr_assert_eq(rig.result, API_DONE);
    list = view_rig_table(&rig, rig.view->blocks);
    block = view_rig_row(list, "blocks", "source", "bulk1");
    cr_assert_str_eq(view_rig_text(block, "reply"), "we look into it");
    json_decref(list);
    answer = view_rig_ask(&rig);
    order.act = API_BLOCK_CLEAR;
    rig.view->blocks_act(rig.view->owner, &order, answer);
    json_decref(view_rig_read(&rig, answer));
    cr_assert_eq(rig.result, API_DONE);
    list = view_rig_table(&rig, rig.view->blocks);
    cr_assert_eq(json_array_size(json_object_get(list, "blocks")), 0);
    json_decref(list);
    view_rig_close(&rig);
}

/* A warm-up shows its day, its cap and what waits behind it. */
TEST(view_lists, warmups)
{
    struct view_rig rig;
    view_rig_open(&rig);
    for (int i = 0; i < 3; i++) {
        (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    }
    json_decref(view_rig_table(&rig, rig.view->waits)); /* asks the gates */
    json_t *list = view_rig_table(&rig, rig.view->warmups);
    const json_t *row = view_rig_row(list, "warmup", "site", "gmail");
    cr_assert_str_eq(view_rig_text(row, "source"), "bulk1");
    cr_assert_str_eq(view_rig_text(row, "state"), "running");
    cr_assert_eq(view_rig_int(row, "day"), 1);
    cr_assert_eq(view_rig_int(row, "days"), 10);
    cr_assert_eq(view_rig_int(row, "cap"), 30);
    cr_assert_eq(view_rig_int(row, "sent"), 0);
    cr_assert_eq(view_rig_int(row, "waiting"), 3);
    cr_assert_gt(view_rig_int(row, "day_end_unix_ms"), now_unix_ms());
    json_decref(list);
    view_rig_close(&rig);
}
