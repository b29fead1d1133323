/* What older versions wrote is read: tests/queue/samples/ keeps a queue of each version,
 * made once by the program of that time and never again.
 *
 * v1: five messages. 1 is waiting, 2 was put off twice by source tx1, 3 was delivered, 4
 * is held, 5 has its body in three pieces and two recipients, the first of them done. */

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/queue_impl.h"

#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

#define NOW UINT64_C(1800000000000)

static void unpack(const char *version, const char *name, const char *directory)
{
    static uint8_t bytes[QUEUE_SEGMENT_MIN * 2];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s/%s", MESURA_SAMPLES, version, name);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(from, 0, "%s", path);
    ssize_t got = read(from, bytes, sizeof bytes);
    cr_assert_gt(got, SEGMENT_DATA);
    (void)close(from);
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(to, 0);
    cr_assert_eq(write(to, bytes, (size_t)got), got);
    (void)close(to);
}

static void check_body(struct queue *queue, uint64_t id, unsigned length)
{
    struct queue_pin pin;
    struct queue_message message;
    cr_assert_eq(queue_pin_message(queue, index_find(queue_index(queue), id), &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    cr_assert_str_eq(message.envelope.sender, "sender@example.org");
    cr_assert_eq(message.body_length, length);
    for (unsigned i = 0; i < length; i++) {
        cr_assert_eq(message.body[i], queue_fixture_byte(id, i));
    }
    for (unsigned i = 0; i < message.envelope.piece_count; i++) {
        static uint8_t buffer[16384];
        struct queue_piece piece = {.buffer = buffer, .capacity = sizeof buffer};
        cr_assert_eq(queue_read_piece(&pin, &message, i, false, &piece), 0);
        cr_assert_eq(piece.bytes[5], queue_fixture_byte(id, (uint64_t)i * 9000 + 5));
    }
    queue_message_free(&message);
    queue_unpin(&pin);
}

static struct recipient_view view_of(struct queue *queue, uint64_t id)
{
    struct recipient_view view;
    uint32_t message = index_find(queue_index(queue), id);
    cr_assert_neq(message, 0, "message %llu", (unsigned long long)id);
    index_recipient(queue_index(queue), message, &view);
    return view;
}

static void check_v1(struct queue *queue)
{
    struct index_stats stats;
    unsigned notes = 0;
    (void)queue_notes(queue, &notes);
    cr_assert_eq(notes, 0);
    index_stats(queue_index(queue), &stats);
    cr_assert_eq(stats.messages, 4);
    cr_assert_eq(stats.held, 1);
    cr_assert_eq(view_of(queue, 1).attempts, 0);
    struct recipient_view twice = view_of(queue, 2);
    cr_assert_eq(twice.attempts, 2);
    cr_assert_eq(twice.next_unix_ms, NOW + 600000);
    cr_assert_str_eq(twice.flow->source, "tx1");
    cr_assert_eq(index_find(queue_index(queue), 3), 0);
    cr_assert_eq(view_of(queue, 4).state, CHANGE_HELD);
    check_body(queue, 1, 700);
    check_body(queue, 2, 700);
    check_body(queue, 5, 0);
}

/* A queue that version 1 left is opened with all its messages, bodies and states, from
 * its footers and record by record. */
TEST(format, version_1)
{
    static const char *const files[] = {"0000000000000002.seg"};
    for (int round = 0; round < 2; round++) {
        struct queue_fixture fixture;
        queue_fixture_init(&fixture);
        queue_close(fixture.queue);
        for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
            unpack("v1", files[i], fixture.directory);
            if (round == 1) {
                char path[512];
                struct stat facts;
                (void)snprintf(path, sizeof path, "%s/%s", fixture.directory, files[i]);
                cr_assert_eq(stat(path, &facts), 0);
                cr_assert_eq(truncate(path, facts.st_size - SEGMENT_TRAILER), 0);
            }
        }
        struct errmsg err = {""};
        cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0, "%s",
                     err.text);
        check_v1(fixture.queue);
        queue_fixture_done(&fixture);
    }
}
