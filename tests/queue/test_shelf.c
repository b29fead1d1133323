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
