#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/view_parts.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static struct view_path path_of(struct view_rig *rig, const char *source)
{
    struct view_path path = {.core = rig->core,
                             .site = sites_find(&rig->core->sites, "gmail"),
                             .source = sources_find(&rig->core->sources, source)};
    return path;
}

/* Without a reason to wait no gate holds; with two, the first in order is named. */
TEST(view_gates, first_in_order)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "transactional",
                          (const char *const[]){"a@gmail.test", NULL});
    struct view_path path = path_of(&rig, "tx1");
    path.user = "kim";
    view_path_ask(&path);
    cr_assert(path.holds == GATE_COUNT || path.holds == GATE_RATE,
              "a pace that has just begun may hold, nothing else");
    struct freeze user = {.kind = FREEZE_USER, .name = "kim", .since_unix_ms = 1};
    struct freeze source = {.kind = FREEZE_SOURCE, .name = "tx1", .since_unix_ms = 1};
    cr_assert_eq(freezes_set(&rig.core->freezes, &user, NULL), 0);
    view_path_ask(&path);
    cr_assert_eq(path.holds, GATE_FREEZE_USER);
    cr_assert_eq(freezes_set(&rig.core->freezes, &source, NULL), 0);
    view_path_ask(&path);
    cr_assert_eq(path.holds, GATE_FREEZE_SOURCE);
    cr_assert(path.answers[GATE_FREEZE_USER].holds, "both are shut");
    view_rig_close(&rig);
}

/* The best of a stream's sources is the one that is open. */
TEST(view_gates, best_source)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    struct view_path path = path_of(&rig, "tx1");
    path.source = NULL;
    path.stream = view_stream(rig.core, "bulk");
    cr_assert(view_path_best(&path, CONFIG_NONE));
    cr_assert_str_eq(path.source->name, "bulk1");
    cr_assert_eq(view_stream(rig.core, "nobody"),
                 rig.core->snapshot->config->default_stream);
    view_rig_close(&rig);
}

/* The ramps of a lane are found by site; a warm source has none. */
TEST(view_gates, ramps_of_a_lane)
{
    struct view_rig rig;
    struct ramp_entry *entries[2];
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    struct view_path cold = path_of(&rig, "bulk1");
    struct view_path warm = path_of(&rig, "tx1");
    view_path_ask(&cold);
    view_path_ask(&warm);
    cr_assert_eq(view_ramps_of(rig.core, cold.lane, entries), 1);
    cr_assert_str_eq(entries[0]->site, "gmail");
    cr_assert_eq(view_ramps_of(rig.core, warm.lane, entries), 0);
    view_rig_close(&rig);
}
