#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static int64_t act(struct view_rig *rig, enum api_act what,
                   const struct api_filter *filter)
{
    struct api_action action = {
        .act = what, .filter = *filter, .why = "audit\ncase", .by = "operator test"};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->act(rig->view->owner, &action, answer);
    json_t *document = view_rig_read(rig, answer);
    int64_t count = view_rig_int(document, "count");
    json_decref(document);
    return count;
}

static uint64_t held(const struct view_rig *rig)
{
    struct index_stats stats;
    index_stats(rig->core->index, &stats);
    return stats.held;
}

/* Hold and release meet exactly what is selected, more than one record of them, and the
 * hold says who and why. */
TEST(view_act, hold_and_release)
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
    cr_assert_eq(act(&rig, API_ACT_HOLD, &filter), 300);
    cr_assert_eq(rig.result, API_DONE);
    cr_assert_eq(held(&rig), 300);
    cr_assert_eq(act(&rig, API_ACT_HOLD, &filter), 0);
    cr_assert_eq(rig.result, API_NOT_FOUND, "they are held already");
    api_filter_init(&filter);
    filter.state = API_STATE_HELD;
    json_t *document = view_rig_queue(&rig, &filter);
    const json_t *row = json_array_get(json_object_get(document, "recipients"), 0);
    cr_assert_str_eq(view_rig_text(row, "held_by"), "operator test: audit?case");
    cr_assert_str_eq(view_rig_text(row, "gate"), "hold");
    json_decref(document);
    cr_assert_eq(act(&rig, API_ACT_RELEASE, &filter), 300);
    cr_assert_eq(held(&rig), 0);
    view_rig_close(&rig);
}

/* Retry makes due what waits for its time, and lets alone what is held. */
TEST(view_act, retry)
{
    struct view_rig rig;
    struct api_filter all;
    struct index_stats stats;
    api_filter_init(&all);
    view_rig_open(&rig);
    uint64_t waits =
        view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    uint64_t is_held =
        view_rig_accept(&rig, "bulk", (const char *const[]){"b@x.test", NULL});
    view_rig_settle(&rig, waits, 0, CHANGE_WAITING, "later");
    view_rig_settle(&rig, is_held, 0, CHANGE_HELD, "");
    cr_assert_eq(act(&rig, API_ACT_RETRY, &all), 1);
    json_t *document = view_rig_queue(&rig, &all);
    const json_t *row = view_rig_row(document, "recipients", "recipient", "a@x.test");
    cr_assert_str_eq(view_rig_text(row, "state"), "ready");
    cr_assert_str_eq(view_rig_text(row, "reply"), "451 4.7.1 later",
                     "the reply is still known");
    json_decref(document);
    index_stats(rig.core->index, &stats);
    cr_assert_eq(stats.held, 1);
    view_rig_close(&rig);
}

/* A bounced recipient leaves the queue; its sender is told by a DSN, which is queued. */
TEST(view_act, bounce)
{
    struct view_rig rig;
    struct api_filter filter;
    view_rig_open(&rig);
    uint64_t id = view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    api_filter_init(&filter);
    filter.recipient = "a@x.test";
    cr_assert_eq(act(&rig, API_ACT_BOUNCE, &filter), 1);
    for (unsigned turns = 0; index_find(rig.core->index, id) != 0; turns++) {
        cr_assert_lt(turns, 10000000);
        view_rig_turn(&rig);
    }
    json_t *document = view_rig_queue(&rig, NULL);
    const json_t *row =
        view_rig_row(document, "recipients", "recipient", "app@sender.test");
    cr_assert_not_null(row);
    cr_assert_str_eq(view_rig_text(row, "sender"), "");
    json_decref(document);
    cr_assert_eq(rig.core->counts.bounced, 1);
    view_rig_close(&rig);
}

/* What is in a conversation is left alone, and that is said. */
TEST(view_act, active_ones_are_left_alone)
{
    struct view_rig rig;
    struct api_filter all;
    api_filter_init(&all);
    view_rig_open(&rig);
    uint64_t id = view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    uint32_t recipient = index_find(rig.core->index, id);
    index_take(rig.core->index, recipient);
    cr_assert_eq(act(&rig, API_ACT_HOLD, &all), 0);
    cr_assert_eq(rig.result, API_DONE, "nothing to do for all is no failure");
    cr_assert_eq(held(&rig), 0);
    index_put_back(rig.core->index, recipient, 0);
    view_rig_close(&rig);
}
