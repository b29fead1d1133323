#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/supply.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

#define BYTES UINT64_C(65536)

struct rig {
    struct fake_disk *fake;
    const struct disk *disk;
    struct helper helper;
    struct supply supply;
    uint64_t gone[64];
    _Atomic unsigned gone_count;
};

static void on_gone(void *owner, uint64_t number)
{
    struct rig *rig = owner;
    rig->gone[rig->gone_count % 64] = number;
    rig->gone_count++;
}

static void rig_init(struct rig *rig, uint64_t reserve_bytes)
{
    memset(rig, 0, sizeof *rig);
    rig->fake = fake_disk_new(1);
    rig->disk = fake_disk_face(rig->fake);
    helper_init(&rig->helper);
    cr_assert_eq(helper_start(&rig->helper), 0);
    struct supply_options options = {.disk = rig->disk,
                                     .helper = &rig->helper,
                                     .segment_bytes = BYTES,
                                     .reserve_bytes = reserve_bytes,
                                     .salt = 9,
                                     .key_id = 4,
                                     .now_unix_ms = 1000,
                                     .gone_cb = on_gone,
                                     .owner = rig};
    supply_init(&rig->supply, &options, 10);
}

static void rig_done(struct rig *rig)
{
    supply_stop(&rig->supply);
    helper_done(&rig->helper);
    supply_done(&rig->supply);
    fake_disk_free(rig->fake);
}

static void wait_ready(struct rig *rig)
{
    for (int i = 0; i < 20000 && !supply_is_ready(&rig->supply); i++) {
        queue_fixture_pause();
    }
    cr_assert(supply_is_ready(&rig->supply));
}

static void wait_gone(struct rig *rig, unsigned count)
{
    for (int i = 0; i < 20000 && rig->gone_count < count; i++) {
        queue_fixture_pause();
    }
    cr_assert_eq(rig->gone_count, count);
}

/* Every segment taken has its own rising number and salt, its header in its first block,
 * its whole size, and its name durable: power may fail the moment it is there. */
TEST(supply, prepared)
{
    struct rig rig;
    uint64_t last_number = 9;
    uint64_t last_salt = 0;
    int handles[8];
    rig_init(&rig, 0);
    supply_kick(&rig.supply);
    for (int i = 0; i < 8; i++) {
        struct supply_segment segment;
        struct segment_header header;
        uint8_t block[SEGMENT_DATA];
        cr_assert_eq(supply_take(&rig.supply, i % 2 == 0, &segment), 0);
        cr_assert_gt(segment.header.number, last_number);
        cr_assert_neq(segment.header.salt, last_salt);
        cr_assert(!segment.reserve);
        cr_assert_eq(
            segment_read(rig.disk, segment.handle, block, sizeof block, 0, false), 0);
        cr_assert_eq(segment_header_decode(block, &header), 0);
        cr_assert_eq(header.number, segment.header.number);
        cr_assert_eq(header.salt, segment.header.salt);
        cr_assert_eq(header.key_id, 4);
        cr_assert_eq(header.bytes, BYTES);
        cr_assert_eq(rig.disk->size(rig.disk, segment.handle), BYTES);
        last_number = header.number;
        last_salt = header.salt;
        handles[i] = segment.handle;
    }
    supply_want(&rig.supply);
    wait_ready(&rig);
    for (int i = 0; i < 8; i++) {
        rig.disk->close(rig.disk, handles[i]);
    }
    supply_stop(&rig.supply);
    helper_stop(&rig.helper);
    supply_done(&rig.supply);
    fake_disk_restart(rig.fake);
    char name[SEGMENT_NAME];
    uint8_t byte = 0;
    segment_name(last_number, name);
    cr_assert_eq(fake_disk_peek(rig.fake, name, BYTES - 1, &byte, 1), 1);
    helper_done(&rig.helper);
    fake_disk_free(rig.fake);
}

/* A segment that is freed is gone under its name before that is told, its bytes are used
 * again, and what was in it is no record of the next one. No next one is made before it
 * is wanted: until then one file is kept beside the one that is written, not two. */
TEST(supply, freed_and_used_again)
{
    struct rig rig;
    struct supply_segment segment;
    char name[SEGMENT_NAME];
    uint8_t byte = 0;
    rig_init(&rig, 0);
    uint64_t most = 0;
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(supply_take(&rig.supply, false, &segment), 0);
        rig.disk->close(rig.disk, segment.handle);
        segment_name(segment.header.number, name);
        cr_assert_eq(fake_disk_peek(rig.fake, name, 0, &byte, 1), 1);
        supply_free(&rig.supply, segment.header.number);
        wait_gone(&rig, i + 1);
        cr_assert_eq(rig.gone[i], segment.header.number);
        cr_assert_eq(fake_disk_peek(rig.fake, name, 0, &byte, 1), 0);
        cr_assert(!supply_is_ready(&rig.supply));
        cr_assert_eq(supply_bytes(&rig.supply), BYTES);
        supply_want(&rig.supply);
        wait_ready(&rig);
        most = fake_disk_bytes(rig.fake) > most ? fake_disk_bytes(rig.fake) : most;
    }
    cr_assert_leq(most, 2 * BYTES, "a file or two are kept, not twenty");
    cr_assert_eq(supply_bytes(&rig.supply), BYTES);
    rig_done(&rig);
}

/* When the disk is full, new mail is refused at once while state records still get a
 * segment out of the reserve; when there is room again, a kick makes it good. */
TEST(supply, full_disk)
{
    struct rig rig;
    struct supply_segment segment;
    rig_init(&rig, 2 * BYTES);
    supply_kick(&rig.supply);
    wait_ready(&rig);
    for (int i = 0; i < 20000 && supply_bytes(&rig.supply) < 3 * BYTES; i++) {
        queue_fixture_pause();
    }
    fake_disk_limit(rig.fake, fake_disk_bytes(rig.fake));
    cr_assert_eq(supply_take(&rig.supply, false, &segment), 0, "it was prepared");
    rig.disk->close(rig.disk, segment.handle);
    cr_assert_eq(supply_take(&rig.supply, false, &segment), -ENOSPC);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(supply_take(&rig.supply, true, &segment), 0, "reserve %d", i);
        cr_assert(segment.reserve);
        rig.disk->close(rig.disk, segment.handle);
        cr_assert_eq(supply_take(&rig.supply, false, &segment), -ENOSPC);
    }
    cr_assert_eq(supply_take(&rig.supply, true, &segment), -ENOSPC, "it is used up");
    fake_disk_limit(rig.fake, 0);
    supply_kick(&rig.supply);
    wait_ready(&rig);
    cr_assert_eq(supply_take(&rig.supply, false, &segment), 0);
    cr_assert(!segment.reserve);
    rig.disk->close(rig.disk, segment.handle);
    rig_done(&rig);
}

/* A failed sync is told to the writer and never tried again; a kick does not help. */
TEST(supply, failure_stays)
{
    struct rig rig;
    struct supply_segment segment;
    rig_init(&rig, 0);
    fake_disk_fail_sync(rig.fake, 1);
    cr_assert_eq(supply_take(&rig.supply, false, &segment), -EIO);
    supply_kick(&rig.supply);
    cr_assert_eq(supply_take(&rig.supply, true, &segment), -EIO);
    rig_done(&rig);
}

/* Files left by an earlier run are used, no more of them than are wanted are kept, and
 * nobody waits once it was stopped. */
TEST(supply, adopts_and_stops)
{
    struct rig rig;
    struct supply_segment segment;
    rig_init(&rig, 0);
    for (int i = 0; i < 5; i++) {
        char name[SEGMENT_NAME];
        (void)snprintf(name, sizeof name, "old-%d", i);
        int handle = rig.disk->open(rig.disk, name, true);
        cr_assert_geq(handle, 0);
        cr_assert_eq(segment_write(rig.disk, handle, "old", 3, (uint64_t)i * 30000), 0);
        rig.disk->close(rig.disk, handle);
        supply_adopt(&rig.supply, name);
        uint8_t byte = 0;
        cr_assert_eq(fake_disk_peek(rig.fake, name, 0, &byte, 1), 0);
    }
    cr_assert_eq(supply_bytes(&rig.supply), BYTES);
    cr_assert_eq(supply_take(&rig.supply, false, &segment), 0);
    cr_assert_eq(rig.disk->size(rig.disk, segment.handle), BYTES);
    rig.disk->close(rig.disk, segment.handle);
    supply_want(&rig.supply);
    wait_ready(&rig);
    supply_stop(&rig.supply);
    helper_stop(&rig.helper);
    cr_assert_eq(supply_take(&rig.supply, false, &segment), 0, "the prepared one");
    rig.disk->close(rig.disk, segment.handle);
    cr_assert_eq(supply_take(&rig.supply, false, &segment), -EIO);
    rig_done(&rig);
}
