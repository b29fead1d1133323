#include <errno.h>
#include <string.h>

#include "relay/reader.h"

#include "tests/support/inbox.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

static void on_read(struct letter *letter)
{
    (void)letter;
}

TEST(reader, reads_messages_and_pieces)
{
    /* Several asks at once come back to their home, each with what it asked for. */
    struct queue_fixture fixture;
    struct inbox inbox;
    struct errmsg err;
    queue_fixture_init(&fixture);
    inbox_init(&inbox);
    cr_assert_eq(reader_start(&err), 0);
    uint32_t handle = queue_fixture_accept_pieces(&fixture, 7, 3, 4000);
    cr_assert_neq(handle, 0);
    struct queue_pin pin = {0};
    struct queue_message messages[4];
    struct reader_ask asks[4];
    cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
    for (unsigned i = 0; i < 4; i++) {
        asks[i] = (struct reader_ask){.home = &inbox.mailbox,
                                      .done_cb = on_read,
                                      .pin = &pin,
                                      .message = &messages[i],
                                      .rc = 1};
        reader_fetch(&asks[i]);
    }
    inbox_wait(&inbox, 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(asks[i].rc, 0);
        cr_assert_eq(messages[i].envelope.id, 7);
    }
    uint8_t buffer[8192];
    struct queue_piece piece = {.buffer = buffer, .capacity = sizeof buffer};
    asks[0].is_piece = true;
    asks[0].piece = 2;
    asks[0].out_piece = &piece;
    reader_fetch(&asks[0]);
    inbox_wait(&inbox, 1);
    cr_assert_eq(asks[0].rc, 0);
    cr_assert_eq(piece.length, 4000);
    cr_assert_eq(piece.bytes[17], queue_fixture_byte(7, 2 * 4000 + 17));

    /* Past the last piece: an answer too. */
    asks[0].piece = 3;
    reader_fetch(&asks[0]);
    inbox_wait(&inbox, 1);
    cr_assert_eq(asks[0].rc, -ENOENT);
    for (unsigned i = 0; i < 4; i++) {
        queue_message_free(&messages[i]);
    }
    queue_unpin(&pin);
    reader_stop();
    queue_fixture_done(&fixture);
}

TEST(reader, answers_what_was_asked_before_it_stops)
{
    /* An ask on the way when reader_stop is called is answered before that returns. */
    struct queue_fixture fixture;
    struct inbox inbox;
    struct errmsg err;
    queue_fixture_init(&fixture);
    inbox_init(&inbox);
    cr_assert_eq(reader_start(&err), 0);
    uint32_t handle = queue_fixture_accept(&fixture, 9, "example.net", 100);
    struct queue_pin pin = {0};
    struct queue_message message;
    cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
    struct reader_ask ask = {
        .home = &inbox.mailbox, .done_cb = on_read, .pin = &pin, .message = &message};
    reader_fetch(&ask);
    reader_stop();
    cr_assert_eq(mailbox_run(&inbox.mailbox), 1);
    cr_assert_eq(ask.rc, 0);
    cr_assert_eq(message.body_length, 100);
    queue_message_free(&message);
    queue_unpin(&pin);
    queue_fixture_done(&fixture);
}
