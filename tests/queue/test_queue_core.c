#include "queue/queue_impl.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

#define NOW UINT64_C(1800000000000)

static void settle(struct queue_fixture *fixture, uint64_t id, enum change_state state,
                   bool ended)
{
    struct change change;
    change_init(&change);
    change.id = id;
    change.state = state;
    change.ended = ended;
    change.attempts = 3;
    cr_assert_eq(queue_fixture_settle(fixture, &change), 0);
}

/* A bounce, accepted with what it closes, in one record. */
static void accept_closing(struct queue_fixture *fixture, uint64_t id, uint64_t closes)
{
    struct envelope_recipient recipient = {
        .address = "s", .domain = "b.example", .orcpt = ""};
    struct envelope_close close = {.id = closes};
    struct queue_fixture_write write;
    struct envelope envelope;
    struct message_view view;
    uint8_t bytes[1024];
    size_t length = 0;
    char header[] = "Subject: failed\r\n\r\n";
    index_message(queue_index(fixture->queue),
                  index_find(queue_index(fixture->queue), closes), &view);
    close.home = view.place.segment;
    envelope_init(&envelope);
    envelope.id = id;
    envelope.accepted_unix_ms = NOW;
    envelope.expires_unix_ms = NOW + 1000000;
    envelope.stream = "bounces";
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    envelope.closes = &close;
    envelope.close_count = 1;
    cr_assert_eq(envelope_encode(&envelope, bytes, sizeof bytes, &length, NULL), 0);
    struct iovec parts[2] = {{bytes, length}, {header, sizeof header - 1}};
    queue_write_accept(&write.write, id, &parts[0], &parts[1], NULL, 0);
    cr_assert_eq(queue_fixture_submit(fixture, &write, QUEUE_SYNCED), 0);
    cr_assert_neq(queue_accepted(fixture->queue, &envelope, &write.write.place), 0);
}

/* A bounce that is accepted puts the recipient it speaks of to rest in the same record:
 * both are true after any restart, and what was never owed is not touched. */
TEST(queue_core, closes)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    for (uint64_t id = 1; id <= 3; id++) {
        cr_assert_neq(queue_fixture_accept(&fixture, id, "example.com", 100), 0);
    }
    settle(&fixture, 1, CHANGE_FAILED, false);
    settle(&fixture, 2, CHANGE_EXPIRED, false);
    accept_closing(&fixture, 11, 1);
    accept_closing(&fixture, 12, 2);
    for (int round = 0; round < 3; round++) {
        struct index *index = queue_index(fixture.queue);
        cr_assert_eq(index_find(index, 1), 0);
        cr_assert_eq(index_find(index, 2), 0);
        cr_assert_neq(index_find(index, 3), 0);
        cr_assert_neq(index_find(index, 11), 0);
        cr_assert_neq(index_find(index, 12), 0);
        queue_fixture_reopen(&fixture);
    }
    queue_fixture_done(&fixture);
}

static unsigned dead_after(struct queue_fixture *fixture, uint64_t wanted)
{
    struct queue_stats stats;
    for (int i = 0; i < 300; i++) {
        queue_tick(fixture->queue, 0);
        queue_stats(fixture->queue, &stats);
        if (stats.dead_segments >= wanted) {
            break;
        }
        queue_fixture_pause();
    }
    return (unsigned)stats.dead_segments;
}

/* While a body comes in, no segment from its beginning on is freed; others are. */
TEST(queue_core, uploads)
{
    struct queue_fixture fixture;
    struct queue_upload first = {0};
    struct queue_upload second = {0};
    queue_fixture_init(&fixture);
    for (uint64_t id = 1; id <= 100; id++) {
        (void)queue_fixture_accept(&fixture, id, "example.com", 2000);
        settle(&fixture, id, CHANGE_DELIVERED, true);
    }
    queue_upload_begin(fixture.queue, &first);
    queue_upload_begin(fixture.queue, &second);
    uint64_t floor = queue_oldest_upload(fixture.queue);
    for (uint64_t id = 101; id <= 200; id++) {
        (void)queue_fixture_accept(&fixture, id, "example.com", 2000);
        settle(&fixture, id, CHANGE_DELIVERED, true);
    }
    cr_assert_gt(dead_after(&fixture, 2), 1);
    queue_upload_end(fixture.queue, &first);
    cr_assert_eq(queue_oldest_upload(fixture.queue), floor);
    unsigned held = dead_after(&fixture, 1000);
    cr_assert_neq(shelf_find(&fixture.queue->index.shelf, floor), 0);
    queue_upload_end(fixture.queue, &second);
    cr_assert_eq(queue_oldest_upload(fixture.queue), UINT64_MAX);
    cr_assert_gt(dead_after(&fixture, 1000), held + 1);
    cr_assert_eq(shelf_find(&fixture.queue->index.shelf, floor), 0);
    queue_fixture_done(&fixture);
}

/* A segment with a record that core was not told of is kept: a message may be in it. */
TEST(queue_core, untold_records_are_kept)
{
    struct queue_fixture fixture;
    struct queue_fixture_write write;
    struct change change;
    uint8_t bytes[CHANGE_BOUND];
    size_t length = 0;
    queue_fixture_init(&fixture);
    change_init(&change);
    change.id = 999;
    change.ended = true;
    change.state = CHANGE_DELIVERED;
    cr_assert_eq(change_encode(&change, bytes, sizeof bytes, &length), 0);
    queue_write_state(&write.write, bytes, length);
    cr_assert_eq(queue_fixture_submit(&fixture, &write, QUEUE_SYNCED), 0);
    uint64_t segment = write.write.place.segment;
    for (uint64_t id = 1; id <= 100; id++) {
        (void)queue_fixture_accept(&fixture, id, "example.com", 2000);
        settle(&fixture, id, CHANGE_DELIVERED, true);
    }
    (void)dead_after(&fixture, 1000);
    cr_assert_neq(shelf_find(&fixture.queue->index.shelf, segment), 0);
    queue_settled(fixture.queue, bytes, length, &write.write.place);
    (void)dead_after(&fixture, 1000);
    cr_assert_eq(shelf_find(&fixture.queue->index.shelf, segment), 0);
    queue_fixture_done(&fixture);
}

/* What the counters say is what was done, on the disk too. */
TEST(queue_core, stats)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct queue_stats stats;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    for (uint64_t id = 1; id <= 50; id++) {
        (void)queue_fixture_accept(&fixture, id, "example.com", 2000);
    }
    settle(&fixture, 7, CHANGE_DELIVERED, true);
    queue_tick(fixture.queue, 0);
    queue_stats(fixture.queue, &stats);
    cr_assert_eq(stats.records, 51);
    cr_assert_eq(stats.syncs, 51, "one by one, each waits for its own");
    cr_assert_gt(stats.written_bytes, UINT64_C(50) * 2000);
    cr_assert_eq(stats.compacted_bytes, 0);
    cr_assert_gt(stats.live_bytes, UINT64_C(49) * 2000);
    cr_assert_lt(stats.live_bytes, stats.disk_bytes);
    cr_assert_leq(stats.disk_bytes, fake_disk_bytes(fake) + 3 * QUEUE_SEGMENT_MIN);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
