#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"
#include "queue/record.h"
#include "queue/segment.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

/* Bodies of every size about the first read and the rounding of lengths come back whole,
 * with their header block; nothing is read twice over. */
TEST(queue_read, sizes)
{
    static const unsigned sizes[] = {0,    1,    63,   64,   3700, 3900,
                                     3990, 4000, 4010, 4020, 4047, 4048,
                                     4049, 4095, 4096, 4097, 9000, 50000};
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct queue_pin pin;
        struct queue_message message;
        uint32_t handle = queue_fixture_accept(&fixture, i + 1, "example.com", sizes[i]);
        cr_assert_neq(handle, 0);
        cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
        cr_assert_eq(queue_read_message(&pin, false, &message), 0);
        cr_assert_eq(message.header_length, strlen("Subject: test\r\n\r\n"));
        cr_assert_eq(memcmp(message.header, "Subject: test\r\n\r\n", 17), 0);
        cr_assert_eq(message.body_length, sizes[i]);
        for (unsigned k = 0; k < sizes[i]; k++) {
            cr_assert_eq(message.body[k], queue_fixture_byte(i + 1, k));
        }
        queue_message_free(&message);
        queue_message_free(&message);
        queue_unpin(&pin);
    }
    queue_message_free(NULL);
    queue_fixture_done(&fixture);
}

/* Any changed byte of a record, head or payload, is -EBADMSG, and changed back it is
 * read again. */
TEST(queue_read, damaged)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct message_view view;
    struct queue_pin pin;
    struct queue_message message;
    char name[SEGMENT_NAME];
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    uint32_t handle = queue_fixture_accept(&fixture, 1, "example.com", 300);
    index_message(queue_index(fixture.queue), handle, &view);
    segment_name(view.place.segment, name);
    cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
    for (uint64_t at = 0; at < RECORD_HEAD + 330; at += 3) {
        cr_assert(fake_disk_flip(fake, name, view.place.offset + at));
        cr_assert_eq(queue_read_message(&pin, false, &message), -EBADMSG, "byte %llu",
                     (unsigned long long)at);
        cr_assert(fake_disk_flip(fake, name, view.place.offset + at));
    }
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    queue_message_free(&message);
    queue_unpin(&pin);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* A place that holds another kind of record, or none, is told apart. */
TEST(queue_read, other_places)
{
    struct queue_fixture fixture;
    struct queue_pin pin;
    struct queue_message message;
    struct message_view view;
    struct recipient_view recipient;
    struct change change;
    uint8_t *block = NULL;
    queue_fixture_init(&fixture);
    uint32_t handle = queue_fixture_accept(&fixture, 1, "example.com", 300);
    change_init(&change);
    change.id = 1;
    change.attempts = 2;
    change.text = "450 4.2.1 not now";
    cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
    index_message(queue_index(fixture.queue), handle, &view);
    index_recipient(queue_index(fixture.queue), handle, &recipient);

    cr_assert_eq(queue_pin_place(fixture.queue, &recipient.last, &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), -EBADMSG);
    cr_assert_eq(queue_read_change(&pin, 1, 1, &change, &block), -ENOENT);
    cr_assert_eq(queue_read_change(&pin, 2, 0, &change, &block), -ENOENT);
    cr_assert_eq(queue_read_change(&pin, 1, 0, &change, &block), 0);
    cr_assert_str_eq(change.text, "450 4.2.1 not now");
    free(block);
    queue_unpin(&pin);

    cr_assert_eq(queue_pin_place(fixture.queue, &view.place, &pin), 0);
    cr_assert_eq(queue_read_change(&pin, 1, 0, &change, &block), -ENOENT);
    queue_unpin(&pin);

    struct place middle = {view.place.segment, view.place.offset + 8, 0};
    cr_assert_eq(queue_pin_place(fixture.queue, &middle, &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), -EBADMSG);
    queue_unpin(&pin);
    struct place past = {view.place.segment, QUEUE_SEGMENT_MIN, 0};
    cr_assert_eq(queue_pin_place(fixture.queue, &past, &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), -EBADMSG);
    queue_unpin(&pin);
    queue_fixture_done(&fixture);
}

/* A piece is only read into a buffer that holds it, only when it is the message's own and
 * whole. */
TEST(queue_read, pieces)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct queue_pin pin;
    struct queue_message message;
    static uint8_t buffer[9100];
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    uint32_t other = queue_fixture_accept_pieces(&fixture, 2, 1, 9000);
    uint32_t handle = queue_fixture_accept_pieces(&fixture, 1, 3, 9000);
    cr_assert_neq(other, 0);
    cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    struct queue_piece piece = {.buffer = buffer, .capacity = 100};
    cr_assert_eq(queue_piece_bytes(&message, 3), 0);
    cr_assert_eq(queue_read_piece(&pin, &message, 0, false, &piece), -EBADMSG);
    piece.capacity = queue_piece_bytes(&message, 0);
    cr_assert_eq(queue_read_piece(&pin, &message, 0, false, &piece), 0);
    cr_assert_eq(piece.length, 9000);
    message.envelope.id = 7;
    cr_assert_eq(queue_read_piece(&pin, &message, 0, false, &piece), -EBADMSG);
    message.envelope.id = 1;
    char name[SEGMENT_NAME];
    segment_name(message.envelope.pieces[1].segment, name);
    cr_assert(fake_disk_flip(fake, name, message.envelope.pieces[1].offset + 5000));
    cr_assert_eq(queue_read_piece(&pin, &message, 1, false, &piece), -EBADMSG);
    cr_assert_eq(queue_read_piece(&pin, &message, 2, false, &piece), 0);
    queue_message_free(&message);
    queue_unpin(&pin);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
