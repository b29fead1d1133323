#include <inttypes.h>
#include <stdio.h>

#include "queue/space.h"

#include "tests/support/test.h"

#define SEGMENT 64

/* The bound is twice what lives and two segments; compaction begins before it, and is
 * pressed only beyond it. What is stuck comes on top of both. */
TEST(space, bound)
{
    struct space_now now = {.live_bytes = 1000, .segment_bytes = SEGMENT};
    cr_assert_eq(space_bound(&now), 2128);
    cr_assert_eq(space_begin(&now), 1878);
    now.disk_bytes = 2128;
    cr_assert(!space_presses(&now));
    now.disk_bytes++;
    cr_assert(space_presses(&now));
    now.stuck_bytes = 10;
    cr_assert_eq(space_bound(&now), 2138);
    cr_assert_eq(space_begin(&now), 1888);
    cr_assert(!space_presses(&now));
}

/* Deaths lower the bound and take no room away; once files were freed, they may not be
 * filled again beyond the ceiling. */
TEST(space, deaths)
{
    struct space space = {0};
    struct space_now now = {
        .disk_bytes = 2000, .live_bytes = 1000, .segment_bytes = SEGMENT};
    cr_assert_eq(space_room(&space, &now), 128 + SPACE_AHEAD * SEGMENT);
    now.live_bytes = 10;
    cr_assert_eq(space_room(&space, &now), SPACE_AHEAD * SEGMENT);
    now.disk_bytes = 1500;
    cr_assert_eq(space_room(&space, &now), SPACE_AHEAD * SEGMENT);
    now.disk_bytes = 1500 + SPACE_AHEAD * SEGMENT;
    cr_assert_eq(space_room(&space, &now), 0);
    now.disk_bytes = 100;
    cr_assert_eq(space_room(&space, &now), 48 + SPACE_AHEAD * SEGMENT);
}

/* Over random histories of writing no more than there is room for, deaths and freeing,
 * no writing takes the disk used further than SPACE_AHEAD segments above both the bound
 * and the least it has been since it was last within the bound. Prints its seed. */
TEST(space, random_history)
{
    uint64_t dice = UINT64_C(88172645463325252);
    struct space space = {0};
    struct space_now now = {.segment_bytes = SEGMENT};
    uint64_t least = 0;
    printf("seed %" PRIu64 "\n", dice);
    for (int step = 0; step < 200000; step++) {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        uint64_t room = space_room(&space, &now);
        uint64_t bound = space_bound(&now);
        least =
            now.disk_bytes <= bound || now.disk_bytes < least ? now.disk_bytes : least;
        uint64_t higher = bound > least ? bound : least;
        uint64_t part = dice >> 40;
        switch (dice % 3) {
        case 0:
            part = room == 0 ? 0 : part % (room + 1);
            now.disk_bytes += part;
            cr_assert(part == 0 || now.disk_bytes <= higher + SPACE_AHEAD * SEGMENT);
            now.live_bytes += part / 2;
            break;
        case 1: now.live_bytes -= part % (now.live_bytes + 1); break;
        case 2:
            now.disk_bytes -= now.disk_bytes > now.live_bytes
                                  ? part % (now.disk_bytes - now.live_bytes)
                                  : 0;
            break;
        }
    }
}
