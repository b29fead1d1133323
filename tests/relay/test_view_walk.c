#include "relay/api_filter.h"
#include "relay/view_parts.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

struct counting {
    struct view_walk walk; /* first */
    unsigned seen;
    unsigned pauses;
    bool is_over;
};

static enum view_step on_match(struct view_walk *walk, const struct view_match *match)
{
    struct counting *counting = (struct counting *)walk;
    counting->seen++;
    cr_assert_not_null(match->envelope);
    if (counting->seen % 3 == 0) {
        counting->pauses++;
        return VIEW_PAUSE;
    }
    return VIEW_GO;
}

static void on_over(struct view_walk *walk)
{
    ((struct counting *)walk)->is_over = true;
}

/* A walk that is paused again and again sees every recipient once, also when messages end
 * while it waits. */
TEST(view_walk, pauses_and_endings)
{
    struct view_rig rig;
    struct api_filter all;
    struct counting counting = {.seen = 0};
    uint64_t ids[12];
    api_filter_init(&all);
    view_rig_open(&rig);
    for (unsigned i = 0; i < 12; i++) {
        ids[i] = view_rig_accept(&rig, "bulk",
                                 (const char *const[]){"a@x.test", "b@x.test", NULL});
    }
    counting.walk.view = rig.core->view;
    counting.walk.match_cb = on_match;
    counting.walk.done_cb = on_over;
    cr_assert(view_walk_start(&counting.walk, &all, ""));
    cr_assert(counting.walk.is_paused);
    view_rig_settle(&rig, ids[1], 0, CHANGE_DELIVERED, "taken");
    view_rig_settle(&rig, ids[1], 1, CHANGE_DELIVERED, "taken");
    view_rig_settle(&rig, ids[11], 0, CHANGE_DELIVERED, "taken");
    for (unsigned turns = 0; !counting.is_over; turns++) {
        cr_assert_lt(turns, 1000000);
        if (counting.walk.is_paused) {
            view_walk_go(&counting.walk);
        }
        view_rig_turn(&rig);
    }
    view_walk_done(&counting.walk);
    cr_assert_geq(counting.seen, 24 - 3);
    cr_assert_leq(counting.seen, 24);
    cr_assert_eq(counting.pauses, counting.seen / 3);
    view_rig_close(&rig);
}

/* The reply of a change is printed with the codes it has. */
TEST(view_walk, replies)
{
    struct change change;
    char out[CHANGE_TEXT + 32];
    change_init(&change);
    change.text = "connection refused";
    cr_assert_str_eq(view_change_reply(&change, out), "connection refused");
    change.code = 421;
    cr_assert_str_eq(view_change_reply(&change, out), "421 connection refused");
    change.enhanced[0] = 4;
    cr_assert_str_eq(view_change_reply(&change, out), "421 4.0.0 connection refused");
}
