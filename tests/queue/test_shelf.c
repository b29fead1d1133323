#include "queue/shelf.h"

#include "tests/support/test.h"

/* Slots are found by number and used again. */
TEST(shelf, slots)
{
    struct shelf shelf;
    shelf_init(&shelf);
    for (uint64_t number = 1; number <= 200; number++) {
        cr_assert_neq(shelf_take(&shelf, number * 3), 0);
    }
    cr_assert_eq(shelf_find(&shelf, 4), 0);
    uint16_t slot = shelf_find(&shelf, 300);
    cr_assert_eq(shelf_at(&shelf, slot)->number, 300);
    shelf_remove(&shelf, slot);
    cr_assert_eq(shelf_find(&shelf, 300), 0);
    cr_assert_eq(shelf_take(&shelf, 1000), slot);
    shelf_done(&shelf);
}

/* What a state costs is learnt from those that were written, within reason; it counts for
 * all that live, wherever they are. */
TEST(shelf, states_are_learnt)
{
    struct shelf shelf;
    shelf_init(&shelf);
    uint16_t slot = shelf_take(&shelf, 7);
    struct shelf_segment *segment = shelf_at(&shelf, slot);
    segment->live_bytes = 1000;
    segment->live_states = 10;
    cr_assert_eq(shelf_live_bytes(&shelf, segment), 1000 + 10 * SHELF_STATE_BYTES);
    for (int i = 0; i < 1000; i++) {
        shelf_learn_states(&shelf, 6000, 10);
        shelf_learn_states(&shelf, 1000000, 1);
        shelf_learn_states(&shelf, 0, 0);
    }
    uint64_t live = shelf_live_bytes(&shelf, segment);
    cr_assert(live > 1000 + 10 * 590 && live <= 1000 + 10 * 600);
    shelf_learn_states(&shelf, UINT64_C(200000) * 100, 200000);
    shelf_learn_states(&shelf, UINT64_C(200000) * 100, 200000);
    cr_assert_lt(shelf_live_bytes(&shelf, segment), 1000 + 10 * 110);
    shelf_done(&shelf);
}

/* What must be left alone counts as stuck with what it has above twice what lives in it,
 * and tombstones wherever they are. */
TEST(shelf, stuck)
{
    struct shelf shelf;
    struct shelf_totals totals;
    shelf_init(&shelf);
    for (uint64_t number = 1; number <= 5; number++) {
        struct shelf_segment *segment = shelf_at(&shelf, shelf_take(&shelf, number));
        segment->file_bytes = 1000;
        segment->live_bytes = 300;
        segment->damaged = number == 2;
        segment->held = number == 3;
        segment->pins = number == 4;
        segment->tomb_bytes = number == 5 ? 64 : 0;
    }
    shelf_totals(&shelf, &totals);
    cr_assert_eq(totals.file_bytes, 5000);
    cr_assert_eq(totals.live_bytes, 1500);
    cr_assert_eq(totals.stuck_bytes, 3 * 400 + 64);
    shelf_at(&shelf, shelf_find(&shelf, 2))->live_bytes = 900;
    shelf_totals(&shelf, &totals);
    cr_assert_eq(totals.stuck_bytes, 2 * 400 + 64);
    shelf_done(&shelf);
}

/* A segment is needed as long as any it refers to exists. */
TEST(shelf, references)
{
    struct shelf shelf;
    shelf_init(&shelf);
    uint16_t old = shelf_take(&shelf, 1);
    uint16_t middle = shelf_take(&shelf, 2);
    uint16_t newer = shelf_take(&shelf, 3);
    shelf_refer(&shelf, newer, 2);
    shelf_refer(&shelf, newer, 1);
    shelf_refer(&shelf, newer, 1);
    shelf_refer(&shelf, newer, 3);
    shelf_refer(&shelf, newer, 99);
    cr_assert_eq(shelf_at(&shelf, newer)->ref_count, 2);
    cr_assert(shelf_is_needed(&shelf, newer));
    shelf_remove(&shelf, middle);
    cr_assert(shelf_is_needed(&shelf, newer));
    shelf_remove(&shelf, old);
    cr_assert(!shelf_is_needed(&shelf, newer));
    shelf_done(&shelf);
}
