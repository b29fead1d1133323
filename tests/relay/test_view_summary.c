#include <string.h>

#include "relay/now.h"
#include "relay/store.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

#define HOUR_MS ((int64_t)3600 * 1000)

static json_t *summary(struct view_rig *rig, int64_t newer_ms)
{
    struct api_answer *answer = view_rig_ask(rig);
    api_answer_list(answer, "summary");
    rig->view->summary(rig->view->owner, newer_ms, answer);
    return view_rig_read(rig, answer);
}

/* Sums over the hours asked for, group after group, the largest first; a key of another
 * kind is not taken for one. */
TEST(view_summary, sums_largest_first)
{
    struct view_rig rig;
    view_rig_open(&rig);
    int64_t now = now_unix_ms();
    store_count(rig.store, "sender|accepted|small@example.org", now, 2);
    store_count(rig.store, "sender|accepted|big@example.org", now, 5);
    store_count(rig.store, "sender|accepted|big@example.org", now - HOUR_MS, 6);
    store_count(rig.store, "sender|accepted|old@example.org", now - 50 * HOUR_MS, 100);
    store_count(rig.store, "total|accepted|", now, 7);
    store_count(rig.store, "total|none", now, 7);

    json_t *document = summary(&rig, 24 * HOUR_MS);
    const json_t *rows = json_object_get(document, "summary");
    cr_assert_eq(json_array_size(rows), 3);
    cr_assert_str_eq(view_rig_text(json_array_get(rows, 0), "group"), "total");
    cr_assert_str_eq(view_rig_text(json_array_get(rows, 0), "what"), "accepted");
    cr_assert_str_eq(view_rig_text(json_array_get(rows, 1), "name"), "big@example.org");
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(rows, 1), "count")),
                 11);
    cr_assert_str_eq(view_rig_text(json_array_get(rows, 2), "name"), "small@example.org");
    json_decref(document);
    view_rig_close(&rig);
}

/* With nothing counted the list is there and empty. */
TEST(view_summary, empty)
{
    struct view_rig rig;
    view_rig_open(&rig);
    json_t *document = summary(&rig, HOUR_MS);
    cr_assert_eq(json_array_size(json_object_get(document, "summary")), 0);
    cr_assert(json_is_array(json_object_get(document, "summary")));
    json_decref(document);
    view_rig_close(&rig);
}
