#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/now.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

/* A site has its counts, the limits that are set, and a state with its reason. */
TEST(view_sites, counts_limits_state)
{
    struct view_rig rig;
    view_rig_open(&rig);
    uint64_t id = view_rig_accept(&rig, "transactional",
                                  (const char *const[]){"a@gmail.test", NULL});
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"b@gmail.test", NULL});
    view_rig_settle(&rig, id, 0, CHANGE_WAITING, "later");
    json_t *list = view_rig_table(&rig, rig.view->sites);
    const json_t *site = view_rig_row(list, "sites", "name", "gmail");
    cr_assert_eq(view_rig_int(site, "queued"), 2);
    cr_assert_eq(view_rig_int(site, "ready"), 1);
    cr_assert_eq(view_rig_int(site, "deferred"), 1);
    cr_assert_float_eq(json_number_value(json_object_get(site, "set_per_second")), 50,
                       0.001);
    json_decref(list);
    struct freeze freeze = {.kind = FREEZE_SITE,
                            .name = "gmail",
                            .why = "their incident",
                            .by = "operator test",
                            .since_unix_ms = now_unix_ms()};
    cr_assert_eq(freezes_set(&rig.core->freezes, &freeze, NULL), 0);
    list = view_rig_table(&rig, rig.view->sites);
    site = view_rig_row(list, "sites", "name", "gmail");
    cr_assert_str_eq(view_rig_text(site, "state"), "frozen");
    cr_assert_not_null(strstr(view_rig_text(site, "reason"), "their incident"));
    json_decref(list);
    view_rig_close(&rig);
}

/* A lane's phase follows its controller: growing, paused with the reply and the end. */
TEST(view_sites, lanes_by_phase)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "transactional",
                          (const char *const[]){"a@gmail.test", NULL});
    struct lane *lane = sites_lane(sites_find(&rig.core->sites, "gmail"),
                                   sources_find(&rig.core->sources, "tx1"), now_ns());
    json_t *list = view_rig_table(&rig, rig.view->lanes);
    const json_t *row = view_rig_row(list, "lanes", "source", "tx1");
    cr_assert_str_eq(view_rig_text(row, "phase"), "growing");
    cr_assert_eq(view_rig_int(row, "ready"), 1);
    json_decref(list);
    struct finding finding = {
        .class = FINDING_THROTTLE, .scope = FINDING_SCOPE_LANE, .flags = FINDING_RATE};
    struct control_event event = {
        .finding = &finding, .units = 1, .open = 1, .started_ns = now_ns()};
    (void)control_refused(&lane->control, sites_limits(lane->site), &event, now_ns());
    (void)snprintf(lane->cause, sizeof lane->cause, "421 slow down");
    list = view_rig_table(&rig, rig.view->lanes);
    row = view_rig_row(list, "lanes", "source", "tx1");
    cr_assert_str_eq(view_rig_text(row, "phase"), "paused");
    cr_assert_str_eq(view_rig_text(row, "reason"), "421 slow down");
    cr_assert_gt(view_rig_int(row, "opens_unix_ms"), now_unix_ms());
    json_decref(list);
    view_rig_close(&rig);
}
