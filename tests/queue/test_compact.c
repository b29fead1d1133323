#include <errno.h>

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

/* The body of a message that dies, unless it is one of those that stay. */
static bool put_one(struct queue_fixture *fixture, uint64_t id, bool stays)
{
    int rc = queue_reserve(fixture->queue, 3000, 1);
    if (rc != 0) {
        cr_assert_eq(rc, -EAGAIN);
        return false;
    }
    cr_assert_neq(queue_fixture_accept(fixture, id, "example.com", 3000), 0);
    queue_unreserve(fixture->queue, 3000, 1);
    if (!stays) {
        struct change change;
        change_init(&change);
        change.id = id;
        change.state = CHANGE_DELIVERED;
        change.ended = true;
        cr_assert_eq(queue_fixture_settle(fixture, &change), 0);
    }
    return true;
}

/* While compaction stands still, dying mail takes the disk as far as SPACE_AHEAD segments
 * above its bound (two more are being written and prepared), then new mail is told to
 * wait; results are written all the same. Once it moves again the bound holds and mail is
 * taken, without a restart. */
TEST(compact, too_far_behind)
{
    struct fake_disk *fake = fake_disk_new(7);
    struct queue_fixture fixture;
    struct space_now now;
    uint64_t now_ns = 50000000;
    uint64_t id = 1;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    queue_tick(fixture.queue, now_ns);
    fixture.queue->compact->busy = true;
    while (put_one(&fixture, id, id % 20 == 0)) {
        id++;
        queue_tick(fixture.queue, now_ns += 1000000);
        queue_space(fixture.queue, &now);
        cr_assert_leq(fake_disk_bytes(fake),
                      space_bound(&now) + (SPACE_AHEAD + 3) * now.segment_bytes);
        cr_assert_lt(id, 100000, "it never ends");
    }
    cr_assert_gt(now.disk_bytes, space_bound(&now));
    struct change change;
    change_init(&change);
    change.id = 20;
    change.attempts = 1;
    change.text = "450 4.2.1 later";
    cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
    cr_assert_eq(queue_reserve(fixture.queue, 1, 1), -EAGAIN);

    fixture.queue->compact->busy = false;
    for (int i = 0; i < 3000 && space_presses(&now); i++) {
        queue_tick(fixture.queue, now_ns += 1); /* no time in which a share would grow */
        queue_space(fixture.queue, &now);
        queue_fixture_pause();
    }
    cr_assert_leq(now.disk_bytes, space_bound(&now));
    cr_assert(put_one(&fixture, id, true));
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* One of two dies. False when the disk is full. */
static bool put_half(struct queue_fixture *fixture, uint64_t id)
{
    struct change change;
    if (queue_fixture_accept(fixture, id, "example.com", 3000) == 0) {
        return false;
    }
    change_init(&change);
    change.id = id;
    change.state = CHANGE_DELIVERED;
    change.ended = true;
    return id % 2 == 0 || queue_fixture_settle(fixture, &change) == 0;
}

/* No room for the copies is no damage: the segment is moved later, once there is room. */
TEST(compact, full_disk_is_not_damage)
{
    struct fake_disk *fake = fake_disk_new(8);
    struct queue_fixture fixture;
    struct space_now now;
    uint64_t now_ns = 50000000;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    queue_tick(fixture.queue, now_ns);
    fixture.queue->compact->busy = true;
    uint64_t id = 1;
    do {
        if (id == 600) {
            fake_disk_limit(fake, 1);
        }
        id++;
        queue_tick(fixture.queue, now_ns += 1000000);
    } while (put_half(&fixture, id));
    cr_assert_gt(id, 600);
    fixture.queue->compact->busy = false;
    for (int i = 0; i < 3000 && fixture.queue->compact->rest_until_ns == 0; i++) {
        queue_tick(fixture.queue, now_ns += 50000000);
        queue_fixture_pause();
    }
    cr_assert_neq(fixture.queue->compact->rest_until_ns, 0, "the disk was not full");
    fake_disk_limit(fake, 0);
    for (int i = 0; i < 3000; i++) {
        queue_tick(fixture.queue, now_ns += 1000000000);
        queue_space(fixture.queue, &now);
        if (!space_presses(&now)) {
            break;
        }
        queue_fixture_pause();
    }
    cr_assert_eq(now.stuck_bytes, 0);
    cr_assert_leq(now.disk_bytes, space_bound(&now));
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
