#include <string.h>

#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static json_t *plan(struct view_rig *rig, const char *mix, uint64_t total,
                    const char *stream)
{
    struct api_plan_ask ask = {.mix = mix, .total = total, .stream = stream};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->plan(rig->view->owner, &ask, answer);
    return view_rig_read(rig, answer);
}

/* A campaign over a warming source: the ramp's days, site by site, with what is waiting
 * already, and what expires before it may leave. */
TEST(view_plan, a_warming_source)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    json_t *document = plan(&rig, "gmail=50,small.test=50", 100, "bulk");
    cr_assert_eq(rig.result, API_DONE);
    const json_t *rows = json_object_get(document, "plan");
    cr_assert_geq(json_array_size(rows), 2);
    const json_t *gmail = view_rig_row(document, "plan", "site", "gmail");
    cr_assert_not_null(gmail);
    cr_assert_leq(view_rig_int(gmail, "leaves"), 30, "the ramp's first day");
    cr_assert_str_eq(view_rig_text(gmail, "limit"), "warm-up");
    cr_assert_eq(view_rig_int(gmail, "leaves") + view_rig_int(gmail, "left"), 51);
    cr_assert_not_null(view_rig_row(document, "plan", "site", "other"));
    json_decref(document);
    document = plan(&rig, "gmail=1", 1000000, "bulk");
    cr_assert_not_null(strstr(view_rig_text(document, "text"), "expire"));
    json_decref(document);
    view_rig_close(&rig);
}

/* Asks that make no sense are refused in words. */
TEST(view_plan, refused)
{
    static const char *const mixes[] = {
        "", "gmail", "gmail=", "gmail=-1", "gmail=1;x=2", "gmail=0", "=5", "gmail=nan"};
    struct view_rig rig;
    view_rig_open(&rig);
    for (size_t i = 0; i < sizeof mixes / sizeof mixes[0]; i++) {
        json_decref(plan(&rig, mixes[i], 10, ""));
        cr_assert_eq(rig.result, API_BAD_ASK, "%s", mixes[i]);
    }
    json_decref(plan(&rig, "gmail=1", 10, "nobody"));
    cr_assert_eq(rig.result, API_NOT_FOUND);
    view_rig_close(&rig);
}
