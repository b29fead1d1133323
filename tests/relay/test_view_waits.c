#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/now.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

/* Recipients behind a frozen stream are one row that names the gate, the stream and who
 * froze it. */
TEST(view_waits, names_the_gate_and_its_owner)
{
    struct view_rig rig;
    view_rig_open(&rig);
    struct freeze freeze = {.kind = FREEZE_STREAM,
                            .name = "bulk",
                            .why = "odd numbers",
                            .by = "operator test",
                            .since_unix_ms = now_unix_ms()};
    cr_assert_eq(freezes_set(&rig.core->freezes, &freeze, NULL), 0);
    for (int i = 0; i < 3; i++) {
        (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
        (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    }
    json_t *waits = view_rig_table(&rig, rig.view->waits);
    const json_t *row = view_rig_row(waits, "waits", "subject", "stream bulk");
    cr_assert_not_null(row);
    cr_assert_eq(view_rig_int(row, "recipients"), 6);
    cr_assert_str_eq(view_rig_text(row, "gate"), "freeze of the stream");
    cr_assert_not_null(strstr(view_rig_text(row, "sentence"), "odd numbers"));
    cr_assert_not_null(strstr(view_rig_text(row, "sentence"), "operator test"));
    json_decref(waits);
    view_rig_close(&rig);
}

/* What may leave is no row: nothing holds it but its turn. */
TEST(view_waits, what_may_leave_does_not_wait)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "transactional",
                          (const char *const[]){"a@gmail.test", NULL});
    rig.core->started_ns -= NOW_NS_PER_S * 3600;
    json_t *waits = view_rig_table(&rig, rig.view->waits);
    cr_assert_null(view_rig_row(waits, "waits", "subject", "stream transactional"));
    json_decref(waits);
    view_rig_close(&rig);
}

/* Deferred and held ones are counted in rows of their own, largest row first. */
TEST(view_waits, largest_first)
{
    struct view_rig rig;
    view_rig_open(&rig);
    uint64_t one = view_rig_accept(&rig, "transactional",
                                   (const char *const[]){"a@gmail.test", NULL});
    view_rig_settle(&rig, one, 0, CHANGE_HELD, "");
    for (int i = 0; i < 2; i++) {
        uint64_t id = view_rig_accept(&rig, "transactional",
                                      (const char *const[]){"b@gmail.test", NULL});
        view_rig_settle(&rig, id, 0, CHANGE_WAITING, "later");
    }
    json_t *waits = view_rig_table(&rig, rig.view->waits);
    const json_t *rows = json_object_get(waits, "waits");
    cr_assert_eq(json_array_size(rows), 2);
    cr_assert_str_eq(view_rig_text(json_array_get(rows, 0), "gate"), "backoff");
    cr_assert_eq(view_rig_int(json_array_get(rows, 0), "recipients"), 2);
    cr_assert_str_eq(view_rig_text(json_array_get(rows, 1), "gate"), "hold");
    json_decref(waits);
    view_rig_close(&rig);
}
