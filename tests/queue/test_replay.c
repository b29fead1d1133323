#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/replay_impl.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

/* A flipped bit in the middle costs one record, and is told with segment and offset. */
TEST(replay, damage_costs_itself)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct message_view view;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    uint32_t second = 0;
    for (uint64_t id = 1; id <= 5; id++) {
        uint32_t handle = queue_fixture_accept(&fixture, id, "example.com", 3000);
        second = id == 2 ? handle : second;
    }
    index_message(queue_index(fixture.queue), second, &view);
    queue_close(fixture.queue);
    char name[SEGMENT_NAME];
    segment_name(view.place.segment, name);
    cr_assert(fake_disk_flip(fake, name, view.place.offset + 2000));
    /* Without its trailer the segment is scanned, as after a crash. */
    cr_assert(fake_disk_flip(fake, name, QUEUE_SEGMENT_MIN - 20));
    struct errmsg err = {""};
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    unsigned count = 0;
    const struct queue_note *notes = queue_notes(fixture.queue, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(notes[0].kind, QUEUE_NOTE_DAMAGED);
    cr_assert_eq(notes[0].segment, view.place.segment);
    cr_assert_eq(notes[0].offset, view.place.offset);
    for (uint64_t id = 1; id <= 5; id++) {
        cr_assert_eq(index_find(queue_index(fixture.queue), id) == 0, id == 2);
    }
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* A segment that was emptied behind our back, though others speak of its pieces: the
 * start says so and goes on, the message stays and cannot be read, and nothing crashes.
 */
TEST(replay, emptied_segment_of_pieces)
{
    struct fake_disk *fake = fake_disk_new(1);
    const struct disk *disk = fake_disk_face(fake);
    struct queue_fixture fixture;
    static uint8_t zeros[QUEUE_SEGMENT_MIN - SEGMENT_DATA + 4096];
    char name[SEGMENT_NAME];
    queue_fixture_init_disk(&fixture, disk);
    uint32_t handle = queue_fixture_accept_pieces(&fixture, 1, 20, 9000);
    uint64_t first = index_pieces(queue_index(fixture.queue), handle)->place[0].segment;
    struct message_view view;
    index_message(queue_index(fixture.queue), handle, &view);
    cr_assert_neq(first, view.place.segment);
    queue_close(fixture.queue);
    segment_name(first, name);
    int file = disk->open(disk, name, false);
    cr_assert_geq(file, 0);
    cr_assert_eq(segment_write(disk, file, zeros, sizeof zeros, SEGMENT_DATA), 0);
    disk->close(disk, file);
    for (int round = 0; round < 2; round++) {
        struct errmsg err = {""};
        cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
        unsigned count = 0;
        const struct queue_note *notes = queue_notes(fixture.queue, &count);
        cr_assert_eq(count, 1);
        cr_assert_eq(notes[0].kind, QUEUE_NOTE_DAMAGED);
        cr_assert_eq(notes[0].segment, first);
        struct queue_pin pin;
        struct queue_message message;
        static uint8_t buffer[16384];
        struct queue_piece piece = {.buffer = buffer, .capacity = sizeof buffer};
        handle = index_find(queue_index(fixture.queue), 1);
        cr_assert_neq(handle, 0);
        cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
        cr_assert_eq(queue_read_message(&pin, false, &message), 0);
        cr_assert_eq(queue_read_piece(&pin, &message, 0, false, &piece), -EBADMSG);
        queue_message_free(&message);
        queue_unpin(&pin);
        queue_close(fixture.queue);
    }
    struct errmsg err = {""};
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* A body that holds a copy of a record of this very segment is never taken for one, even
 * when the record around it is damaged and the search goes through the body. */
TEST(replay, hostile_body)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct message_view view;
    struct queue_fixture_write write;
    static uint8_t record[3072];
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    uint32_t first = queue_fixture_accept(&fixture, 1, "example.com", 2000);
    index_message(queue_index(fixture.queue), first, &view);
    char name[SEGMENT_NAME];
    segment_name(view.place.segment, name);
    cr_assert_gt(fake_disk_peek(fake, name, view.place.offset, record, sizeof record), 0);
    struct change change;
    change_init(&change);
    change.id = 1;
    change.state = CHANGE_DELIVERED;
    change.ended = true;
    cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
    /* The attacker has the bytes but not the salt of the segment that comes next. */
    queue_close(fixture.queue);
    fixture.options.salt = 99;
    struct errmsg err = {""};
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    queue_write_piece(&write.write, 5, record, sizeof record);
    cr_assert_eq(queue_fixture_submit(&fixture, &write, QUEUE_SYNCED), 0);
    cr_assert_neq(queue_fixture_accept(&fixture, 2, "example.com", 10), 0);
    segment_name(write.write.place.segment, name);
    queue_close(fixture.queue);
    cr_assert(fake_disk_flip(fake, name, write.write.place.offset + 4));
    cr_assert(fake_disk_flip(fake, name, QUEUE_SEGMENT_MIN - 20));
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    cr_assert_eq(index_find(queue_index(fixture.queue), 1), 0);
    cr_assert_neq(index_find(queue_index(fixture.queue), 2), 0);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* A file that is no segment is set aside and kept; the rest goes on. */
TEST(replay, set_aside)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct message_view view;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    uint32_t handle = queue_fixture_accept(&fixture, 1, "example.com", 100);
    index_message(queue_index(fixture.queue), handle, &view);
    queue_close(fixture.queue);
    char name[SEGMENT_NAME];
    segment_name(view.place.segment, name);
    cr_assert(fake_disk_flip(fake, name, 20));
    struct errmsg err = {""};
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    unsigned count = 0;
    const struct queue_note *notes = queue_notes(fixture.queue, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(notes[0].kind, QUEUE_NOTE_SET_ASIDE);
    uint8_t byte = 0;
    char bad[SEGMENT_NAME + 8];
    (void)snprintf(bad, sizeof bad, "%s.bad", name);
    cr_assert_eq(fake_disk_peek(fake, bad, 0, &byte, 1), 1);
    cr_assert_neq(queue_fixture_accept(&fixture, 2, "example.com", 100), 0);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
