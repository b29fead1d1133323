#include "policy/volume.h"

#include "tests/support/test.h"

/* The median of the days with mail before today; weekends without any do not count. */
TEST(volume, normal)
{
    struct volume volume = {0};
    static const uint32_t week[] = {100, 300, 200, 0, 0, 500, 400};

    cr_assert_eq(volume_normal(&volume, 20000), 0);
    for (int32_t day = 0; day < 7; day++) {
        volume_add(&volume, week[day], 20000 + day);
    }
    cr_assert_eq(volume_normal(&volume, 20007), 300);
    volume_add(&volume, 100000, 20007);
    cr_assert_eq(volume_normal(&volume, 20007), 300, "today is not over");
    cr_assert_eq(volume_month(&volume, 20007), 101500);
    cr_assert_eq(volume_normal(&volume, 20007 + 40), 0, "long ago");
    cr_assert_eq(volume_month(&volume, 20007 + 40), 0);
}

/* Days may be skipped, and a clock may step back: nothing is lost or counted twice. */
TEST(volume, days)
{
    struct volume volume = {0};

    volume_add(&volume, 5, 100);
    volume_add(&volume, 7, 110);
    volume_add(&volume, 1, 109);
    cr_assert_eq(volume_month(&volume, 110), 13);
    cr_assert_eq(volume_month(&volume, 129), 13);
    cr_assert_eq(volume_month(&volume, 130), 8, "the oldest day is over");
    volume_add(&volume, 9, 50);
    cr_assert_eq(volume_month(&volume, 110), 13, "older than all that is kept");
    volume_add(&volume, UINT32_MAX, 110);
    cr_assert_eq(volume_month(&volume, 110), (uint64_t)UINT32_MAX + 6);
    volume_add(&volume, 3, 1000);
    cr_assert_eq(volume_month(&volume, 1000), 3);
}
