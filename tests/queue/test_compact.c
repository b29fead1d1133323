#include "queue/compact_impl.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

/* Where one message in twenty stays, its space comes back: the disk used stays within
 * twice what lives and two segments, what was written stays under 1.5 times the mail,
 * and the messages that stayed are whole, now and after a restart. */
TEST(compact, sparse_segments)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    uint64_t now_ns = 0;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    for (uint64_t id = 1; id <= 800; id++) {
        cr_assert_neq(queue_fixture_accept(&fixture, id, "example.com", 3000), 0);
        if (id % 20 != 0) {
            struct change change;
            change_init(&change);
            change.id = id;
            change.state = CHANGE_DELIVERED;
            change.ended = true;
            cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
        }
        now_ns += 50000000;
        queue_tick(fixture.queue, now_ns);
    }
    struct queue_stats stats;
    uint64_t bound = 0;
    for (int i = 0; i < 3000; i++) {
        now_ns += 50000000;
        queue_tick(fixture.queue, now_ns);
        queue_stats(fixture.queue, &stats);
        bound = 2 * stats.live_bytes + 2 * (uint64_t)QUEUE_SEGMENT_MIN;
        if (stats.disk_bytes <= bound) {
            break;
        }
        queue_fixture_pause();
    }
    cr_assert_leq(stats.disk_bytes, bound);
    cr_assert_gt(stats.compacted_bytes, 0);
    cr_assert_lt(stats.compacted_bytes, stats.written_bytes / 2);
    for (int round = 0; round < 2; round++) {
        for (uint64_t id = 1; id <= 800; id++) {
            uint32_t handle = index_find(queue_index(fixture.queue), id);
            cr_assert_eq(handle != 0, id % 20 == 0, "message %llu",
                         (unsigned long long)id);
            if (handle != 0) {
                struct queue_pin pin;
                struct queue_message message;
                cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
                cr_assert_eq(queue_read_message(&pin, false, &message), 0);
                cr_assert_eq(message.body_length, 3000);
                cr_assert_eq(message.body[2999], queue_fixture_byte(id, 2999));
                queue_message_free(&message);
                queue_unpin(&pin);
            }
        }
        queue_fixture_reopen(&fixture);
    }
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
