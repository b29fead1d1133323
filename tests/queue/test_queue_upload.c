#include "queue/queue_impl.h"

#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

static void live_and_die(struct queue_fixture *fixture, uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++) {
        struct change change;
        (void)queue_fixture_accept(fixture, id, "example.com", 2000);
        change_init(&change);
        change.id = id;
        change.state = CHANGE_DELIVERED;
        change.ended = true;
        cr_assert_eq(queue_fixture_settle(fixture, &change), 0);
    }
}

static bool exists(struct queue_fixture *fixture, uint64_t number)
{
    return shelf_find(&fixture->queue->index.shelf, number) != 0;
}

/* While a body comes in of which nothing has been said, no segment from its beginning on
 * is freed; others are. */
TEST(queue_upload, keeps_all_since)
{
    struct queue_fixture fixture;
    struct queue_upload first = {0};
    struct queue_upload second = {0};
    queue_fixture_init(&fixture);
    live_and_die(&fixture, 1, 100);
    queue_upload_begin(fixture.queue, &first);
    queue_upload_begin(fixture.queue, &second);
    uint64_t floor = second.floor;
    live_and_die(&fixture, 101, 200);
    cr_assert_gt(queue_fixture_dead(&fixture, 2), 1);
    queue_upload_end(fixture.queue, &first);
    unsigned held = queue_fixture_dead(&fixture, 1000);
    cr_assert(exists(&fixture, floor));
    queue_upload_end(fixture.queue, &second);
    cr_assert_gt(queue_fixture_dead(&fixture, 1000), held + 1);
    cr_assert(!exists(&fixture, floor));
    queue_fixture_done(&fixture);
}

/* An upload that stands still keeps the segments its pieces are in, and no other; when it
 * goes on, again all from there. */
TEST(queue_upload, keeps_what_it_uses)
{
    static uint8_t bytes[1000];
    struct queue_fixture fixture;
    struct queue_fixture_write write;
    struct queue_upload upload = {0};
    queue_fixture_init(&fixture);
    queue_upload_begin(fixture.queue, &upload);
    queue_write_piece(&write.write, 9999, bytes, sizeof bytes);
    cr_assert_eq(queue_fixture_submit(&fixture, &write, QUEUE_WRITTEN), 0);
    uint64_t first = write.write.place.segment;
    live_and_die(&fixture, 1, 100);
    cr_assert_eq(queue_fixture_dead(&fixture, 1000), 0);
    queue_upload_landed(fixture.queue, &upload, &write.write.place, true);
    unsigned dead = queue_fixture_dead(&fixture, 1000);
    cr_assert_gt(dead, 1);
    cr_assert(exists(&fixture, first));
    struct space_now now;
    queue_space(fixture.queue, &now);
    cr_assert_geq(now.stuck_bytes, QUEUE_SEGMENT_MIN, "it counts as what must be left");

    queue_upload_more(fixture.queue, &upload);
    uint64_t second = upload.floor;
    cr_assert_gt(second, first);
    live_and_die(&fixture, 101, 200);
    (void)queue_fixture_dead(&fixture, 1000);
    cr_assert(exists(&fixture, first));
    cr_assert(exists(&fixture, second));
    queue_upload_landed(fixture.queue, &upload, NULL, true);
    cr_assert_gt(queue_fixture_dead(&fixture, 1000), dead + 1);
    cr_assert(exists(&fixture, first));
    cr_assert(!exists(&fixture, second));
    queue_upload_end(fixture.queue, &upload);
    cr_assert_gt(queue_fixture_dead(&fixture, 1000), dead + 2);
    cr_assert(!exists(&fixture, first));
    queue_fixture_done(&fixture);
}
