#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/accept.h"
#include "relay/limits.h"

#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

static void begin(int fd)
{
    worker_rig_say(fd, "MAIL FROM:<s@example.com>\r\n");
    worker_rig_expect(fd, "250 ");
    worker_rig_say(fd, "RCPT TO:<r@example.net>\r\n");
    worker_rig_expect(fd, "250 ");
    worker_rig_say(fd, "DATA\r\n");
    worker_rig_expect(fd, "354 ");
    worker_rig_say(fd, "Subject: x\r\n\r\n");
}

/* Lines of 64 bytes, each with its number; length is a multiple of 64. */
static char *make_body(size_t length)
{
    char *body = malloc(length + 1);
    cr_assert_not_null(body);
    for (size_t i = 0; i < length; i += 64) {
        (void)snprintf(body + i, 65, "%061zu.\r", i);
        body[i + 63] = '\n';
    }
    body[length] = '\0';
    return body;
}

/* The stored body, inline or piece by piece, is exactly this. */
static void expect_body(struct worker_rig *rig, const char *body, size_t length)
{
    struct queue_pin pin = {0};
    struct queue_message message;
    cr_assert_eq(queue_pin_message(rig->queue.queue, rig->messages[0], &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    cr_assert_eq(message.envelope.size_bytes, message.header_length + length);
    size_t at = message.body_length;
    cr_assert_leq(at, length);
    cr_assert_eq(memcmp(message.body, body, at), 0);
    cr_assert(at == 0 || message.envelope.piece_count == 0);
    for (unsigned i = 0; i < message.envelope.piece_count; i++) {
        size_t room = queue_piece_bytes(&message, i);
        struct queue_piece piece = {.buffer = malloc(room), .capacity = room};
        int rc = queue_read_piece(&pin, &message, i, false, &piece);
        cr_assert_eq(rc, 0, "piece %u: %d", i, rc);
        cr_assert_leq(at + piece.length, length);
        cr_assert_eq(memcmp(piece.bytes, body + at, piece.length), 0, "piece %u", i);
        at += piece.length;
        free(piece.buffer);
    }
    cr_assert_eq(at, length);
    queue_message_free(&message);
    queue_unpin(&pin);
}

TEST(accept, bodies_around_the_inline_limit_arrive_byte_for_byte)
{
    /* Empty, one line, just under, at and above what is kept inline, at and above the
     * second piece, and many pieces. */
    static const size_t lengths[] = {0,
                                     64,
                                     LIMIT_BODY_INLINE - 64,
                                     LIMIT_BODY_INLINE,
                                     LIMIT_BODY_INLINE + 64,
                                     2 * LIMIT_PIECE_BYTES,
                                     2 * LIMIT_PIECE_BYTES + 64,
                                     3 * 1024 * 1024 + 64};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct worker_rig rig;
        char *body = make_body(lengths[i]);
        worker_rig_open(&rig, "", "");
        int fd = worker_rig_session(&rig);
        begin(fd);
        worker_rig_write(fd, body, lengths[i]);
        worker_rig_say(fd, ".\r\n");
        worker_rig_expect(fd, "250 2.0.0");
        worker_rig_until(&rig, &rig.accepted, 1);
        expect_body(&rig, body, lengths[i]);
        free(body);
        (void)close(fd);
        worker_rig_close(&rig);
    }
}

TEST(accept, an_upload_that_is_given_up_gives_back_its_credits)
{
    /* Cut in the middle of a large body, at several places: nothing is queued, every
     * credit comes back, and the worker may stop at once after. */
    static const size_t lengths[] = {64, LIMIT_BODY_INLINE, LIMIT_BODY_INLINE + 64,
                                     (size_t)1024 * 1024};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct worker_rig rig;
        char *body = make_body(lengths[i]);
        worker_rig_open(&rig, "", "");
        int fd = worker_rig_session(&rig);
        begin(fd);
        worker_rig_write(fd, body, lengths[i]);
        (void)close(fd);
        free(body);
        if (i % 2 == 0) {
            worker_rig_no_credits(&rig);
        }
        worker_rig_close(&rig);
        cr_assert_eq(rig.accepted, 0);
    }
}

TEST(accept, a_body_above_what_was_declared_takes_more_credit)
{
    /* SIZE says little, the body is 3 MiB: it is taken all the same. And one above the
     * listener's limit is 552, with nothing kept. */
    struct worker_rig rig;
    size_t length = (size_t)3 * 1024 * 1024;
    char *body = make_body(length);
    worker_rig_open(&rig, "max_message = \"4M\";", "");
    int fd = worker_rig_session(&rig);
    worker_rig_say(fd, "MAIL FROM:<s@example.com> SIZE=100\r\n");
    worker_rig_expect(fd, "250 ");
    worker_rig_say(fd, "RCPT TO:<r@example.net>\r\nDATA\r\n");
    worker_rig_expect(fd, "250 ");
    worker_rig_expect(fd, "354 ");
    worker_rig_say(fd, "Subject: x\r\n\r\n");
    worker_rig_write(fd, body, length);
    worker_rig_say(fd, ".\r\n");
    worker_rig_expect(fd, "250 2.0.0");
    worker_rig_until(&rig, &rig.accepted, 1);
    expect_body(&rig, body, length);

    begin(fd);
    worker_rig_write(fd, body, length);
    worker_rig_write(fd, body, length);
    worker_rig_say(fd, ".\r\n");
    worker_rig_expect(fd, "552 5.3.4");
    worker_rig_no_credits(&rig);
    cr_assert_eq(rig.accepted, 1);
    free(body);
    (void)close(fd);
    worker_rig_close(&rig);
}
