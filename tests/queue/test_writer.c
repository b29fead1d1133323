#include <errno.h>

#include "queue/queue_impl.h"
#include "queue/writer.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

/* A failed sync fails the queue for good: it is tried once, and nothing is accepted
 * after. */
TEST(writer, failed_sync)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct queue_fixture_write write;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    cr_assert_neq(queue_fixture_accept(&fixture, 1, "example.com", 100), 0);
    queue_fixture_pause();
    fake_disk_fail_sync(fake, 1);
    uint8_t byte = 1;
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++) {
        queue_write_piece(&write.write, 2, &byte, 1);
        rc = queue_fixture_submit(&fixture, &write, QUEUE_SYNCED);
    }
    cr_assert_eq(rc, -EIO);
    cr_assert(queue_failed(fixture.queue));
    unsigned syncs = fake_disk_syncs(fake);
    queue_write_piece(&write.write, 2, &byte, 1);
    cr_assert_eq(queue_fixture_submit(&fixture, &write, QUEUE_SYNCED), -EIO);
    cr_assert_eq(queue_reserve(fixture.queue, 1, 1), -EIO);
    cr_assert_eq(fake_disk_syncs(fake), syncs);
    queue_fixture_reopen(&fixture);
    cr_assert_neq(index_find(queue_index(fixture.queue), 1), 0);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

static uint64_t standing_clock(void)
{
    return 1;
}

static void on_done(struct queue_write *write, int rc)
{
    (void)rc;
    (void)sem_post((sem_t *)write->owner);
}

/* The next sync waits for company, but not when all who ever come are there: four writers
 * that wait for each other's sync are not made to wait out the spacing each time. (The
 * clock stands still, so only their number can end a wait early.) */
TEST(writer, nobody_left_to_wait_for)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct queue_write writes[4];
    uint8_t byte = 1;
    sem_t done;
    (void)sem_init(&done, 0, 0);
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    fixture.options.now_ns_cb = standing_clock;
    queue_fixture_reopen(&fixture);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 4; i++) {
            queue_write_piece(&writes[i], 2, &byte, 1);
            writes[i].owner = &done;
            queue_submit(fixture.queue, &writes[i], QUEUE_SYNCED, on_done);
        }
        for (int i = 0; i < 4; i++) {
            while (sem_wait(&done) != 0) {
            }
            cr_assert_eq(writes[i].rc, 0);
        }
    }
    cr_assert_gt(atomic_load(&fixture.queue->writer.early), 0);
    queue_fixture_done(&fixture);
    (void)sem_destroy(&done);
    fake_disk_free(fake);
}

/* A full disk refuses mail but not state records, which the reserve is for; with room
 * again mail is taken again, without a restart, and nothing acknowledged is lost. */
TEST(writer, full_disk)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    fixture.options.reserve_bytes = QUEUE_SEGMENT_MIN;
    queue_fixture_reopen(&fixture);
    fake_disk_limit(fake, 8 * (uint64_t)QUEUE_SEGMENT_MIN);
    uint64_t id = 1;
    while (queue_fixture_accept(&fixture, id, "example.com", 9000) != 0) {
        id++;
        cr_assert_lt(id, 200);
    }
    cr_assert(!queue_failed(fixture.queue));
    cr_assert_gt(id, 10);
    struct change change;
    change_init(&change);
    change.id = 1;
    change.state = CHANGE_DELIVERED;
    change.ended = true;
    cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
    cr_assert_eq(queue_fixture_accept(&fixture, 500, "example.com", 9000), 0);
    fake_disk_limit(fake, 0);
    uint32_t handle = 0;
    for (int i = 0; i < 1000 && handle == 0; i++) {
        queue_tick(fixture.queue, 0);
        queue_fixture_pause();
        handle = queue_fixture_accept(&fixture, 501 + (uint64_t)i, "example.com", 9000);
    }
    cr_assert_neq(handle, 0);
    queue_fixture_reopen(&fixture);
    cr_assert_eq(index_find(queue_index(fixture.queue), 1), 0);
    for (uint64_t old = 2; old < id; old++) {
        cr_assert_neq(index_find(queue_index(fixture.queue), old), 0);
    }
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
