#include <errno.h>

#include "queue/queue_impl.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

static void deliver(struct queue_fixture *fixture, uint64_t id)
{
    struct change change;
    change_init(&change);
    change.id = id;
    change.state = CHANGE_DELIVERED;
    change.ended = true;
    cr_assert_eq(queue_fixture_settle(fixture, &change), 0);
}

static bool is_there(struct queue_fixture *fixture, uint64_t segment)
{
    for (int i = 0; i < 300; i++) {
        queue_tick(fixture->queue, 0);
        if (shelf_find(&fixture->queue->index.shelf, segment) == 0) {
            return false;
        }
        queue_fixture_pause();
    }
    return true;
}

/* What is pinned can be read though its message ended long ago; its segment goes when the
 * last pin is given back, and not before. */
TEST(queue_pin, keeps_a_segment)
{
    struct queue_fixture fixture;
    struct queue_pin pins[2];
    struct queue_message message;
    queue_fixture_init(&fixture);
    for (uint64_t id = 1; id <= 120; id++) {
        cr_assert_neq(queue_fixture_accept(&fixture, id, "example.com", 2000), 0);
    }
    uint32_t first = index_find(queue_index(fixture.queue), 1);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(queue_pin_message(fixture.queue, first, &pins[i]), 0);
    }
    uint64_t segment = pins[0].place.segment;
    for (uint64_t id = 1; id <= 120; id++) {
        deliver(&fixture, id);
    }
    cr_assert(is_there(&fixture, segment));
    cr_assert_eq(queue_read_message(&pins[0], false, &message), 0);
    cr_assert_eq(message.envelope.id, 1);
    queue_message_free(&message);
    struct place place = pins[0].place;
    queue_unpin(&pins[0]);
    queue_unpin(&pins[0]);
    cr_assert(is_there(&fixture, segment), "the second pin holds it");
    queue_unpin(&pins[1]);
    cr_assert(!is_there(&fixture, segment));
    cr_assert_eq(queue_pin_place(fixture.queue, &place, &pins[0]), -ENOENT);
    queue_fixture_done(&fixture);
}

/* A message in many segments holds each of them once, and gives all back. */
TEST(queue_pin, pieces)
{
    struct queue_fixture fixture;
    struct queue_pin pin;
    queue_fixture_init(&fixture);
    uint32_t handle = queue_fixture_accept_pieces(&fixture, 1, 12, 20000);
    cr_assert_neq(handle, 0);
    cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
    cr_assert_gt(pin.more_count, 2);
    struct shelf *shelf = &fixture.queue->index.shelf;
    unsigned pinned = 0;
    for (uint32_t slot = 1; slot < shelf->used; slot++) {
        cr_assert_leq(shelf_at(shelf, (uint16_t)slot)->pins, 1);
        pinned += shelf_at(shelf, (uint16_t)slot)->pins;
    }
    cr_assert_eq(pinned, pin.more_count + 1);
    queue_unpin(&pin);
    for (uint32_t slot = 1; slot < shelf->used; slot++) {
        cr_assert_eq(shelf_at(shelf, (uint16_t)slot)->pins, 0);
    }
    queue_fixture_done(&fixture);
}

/* A segment whose header is damaged cannot be pinned, and the attempt leaves neither pins
 * nor open files behind; the pin handed in stays as it was. */
TEST(queue_pin, failure_leaves_nothing)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct queue_pin pin = {.more_count = 99};
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    uint32_t handle = queue_fixture_accept_pieces(&fixture, 1, 6, 20000);
    const struct pieces *pieces = index_pieces(queue_index(fixture.queue), handle);
    char name[SEGMENT_NAME];
    segment_name(pieces->place[0].segment, name);
    cr_assert(fake_disk_flip(fake, name, 30));
    cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), -EBADMSG);
    cr_assert_eq(pin.more_count, 99);
    struct shelf *shelf = &fixture.queue->index.shelf;
    for (uint32_t slot = 1; slot < shelf->used; slot++) {
        cr_assert_eq(shelf_at(shelf, (uint16_t)slot)->pins, 0);
    }
    cr_assert(fake_disk_flip(fake, name, 30));
    cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
    queue_unpin(&pin);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
