#include <sys/stat.h>

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queue/queue.h"

#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

#define NOW UINT64_C(1800000000000)

/* What was accepted is there after a restart, with envelope, header block and body. */
TEST(queue, accept_and_reopen)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    uint64_t ids[3] = {101, 102, 103};
    for (int i = 0; i < 3; i++) {
        queue_fixture_accept(&fixture, ids[i], "example.com", 1000 + (unsigned)i);
    }
    queue_fixture_reopen(&fixture);
    unsigned notes = 0;
    (void)queue_notes(fixture.queue, &notes);
    cr_assert_eq(notes, 0);
    for (int i = 0; i < 3; i++) {
        uint32_t handle = index_find(queue_index(fixture.queue), ids[i]);
        cr_assert_neq(handle, 0);
        struct queue_pin pin;
        struct queue_message message;
        cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
        cr_assert_eq(queue_read_message(&pin, false, &message), 0);
        cr_assert_eq(message.envelope.id, ids[i]);
        cr_assert_str_eq(message.envelope.sender, "sender@example.org");
        cr_assert_eq(message.envelope.recipient_count, 1);
        cr_assert_str_eq(message.envelope.recipients[0].domain, "example.com");
        cr_assert_eq(message.body_length, 1000 + (size_t)i);
        cr_assert_eq(message.body[17], queue_fixture_byte(ids[i], 17));
        queue_message_free(&message);
        queue_unpin(&pin);
    }
    queue_fixture_done(&fixture);
}

/* A recipient that was put off keeps its state, attempts, due time and source; one that
 * was delivered is gone. */
TEST(queue, states_survive)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    queue_fixture_accept(&fixture, 7, "example.com", 100);
    queue_fixture_accept(&fixture, 8, "example.com", 100);
    struct change change;
    change_init(&change);
    change.id = 7;
    change.state = CHANGE_WAITING;
    change.attempts = 3;
    change.next_unix_ms = NOW + 60000;
    change.when_unix_ms = NOW + 1;
    change.source = "tx1";
    change.code = 450;
    change.text = "4.2.1 try later";
    queue_fixture_settle(&fixture, &change);
    change_init(&change);
    change.id = 8;
    change.state = CHANGE_DELIVERED;
    change.ended = true;
    queue_fixture_settle(&fixture, &change);
    cr_assert_eq(index_find(queue_index(fixture.queue), 8), 0);

    for (int round = 0; round < 2; round++) {
        queue_fixture_reopen(&fixture);
        struct index *index = queue_index(fixture.queue);
        cr_assert_eq(index_find(index, 8), 0);
        uint32_t message = index_find(index, 7);
        cr_assert_neq(message, 0);
        struct recipient_view view;
        index_recipient(index, message, &view);
        cr_assert_eq(view.state, CHANGE_WAITING);
        cr_assert_eq(view.phase, INDEX_DEFERRED);
        cr_assert_eq(view.attempts, 3);
        cr_assert_eq(view.next_unix_ms, NOW + 60000);
        cr_assert_str_eq(view.flow->source, "tx1");
        cr_assert_str_eq(view.flow->domain->name, "example.com");
        struct queue_pin pin;
        struct change last;
        uint8_t *block = NULL;
        cr_assert_eq(queue_pin_place(fixture.queue, &view.last, &pin), 0);
        cr_assert_eq(queue_read_change(&pin, 7, 0, &last, &block), 0);
        cr_assert_str_eq(last.text, "4.2.1 try later");
        cr_assert_eq(last.code, 450);
        free(block);
        queue_unpin(&pin);
    }
    queue_fixture_done(&fixture);
}

/* A body in pieces is read back whole, in order. */
TEST(queue, pieces)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    uint32_t handle = queue_fixture_accept_pieces(&fixture, 9, 5, 20000);
    cr_assert_neq(handle, 0);
    for (int round = 0; round < 2; round++) {
        struct queue_pin pin;
        struct queue_message message;
        handle = index_find(queue_index(fixture.queue), 9);
        cr_assert_eq(queue_pin_message(fixture.queue, handle, &pin), 0);
        cr_assert_eq(queue_read_message(&pin, false, &message), 0);
        cr_assert_eq(message.envelope.piece_count, 5);
        uint8_t buffer[21000];
        for (unsigned i = 0; i < 5; i++) {
            struct queue_piece piece = {.buffer = buffer, .capacity = sizeof buffer};
            cr_assert_leq(queue_piece_bytes(&message, i), sizeof buffer);
            cr_assert_eq(queue_read_piece(&pin, &message, i, false, &piece), 0);
            cr_assert_eq(piece.length, 20000);
            cr_assert_eq(piece.bytes[i], queue_fixture_byte(9, i * 20000 + i));
        }
        struct queue_piece past = {.buffer = buffer, .capacity = sizeof buffer};
        cr_assert_eq(queue_read_piece(&pin, &message, 5, false, &past), -ENOENT);
        queue_message_free(&message);
        queue_unpin(&pin);
        queue_fixture_reopen(&fixture);
    }
    queue_fixture_done(&fixture);
}

/* Whoever comes second is told who was first. */
TEST(queue, one_owner)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    struct queue *second = NULL;
    struct errmsg err = {""};
    struct queue_options options = fixture.options;
    options.disk = NULL;
    cr_assert_eq(queue_open(&second, &options, &err), -EBUSY);
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    cr_assert_not_null(strstr(err.text, pid), "%s", err.text);
    queue_fixture_done(&fixture);
}

/* Many segments' worth of mail is found again, and when all of it is delivered the
 * segments go. */
TEST(queue, dead_segments_go)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    for (uint64_t id = 1; id <= 400; id++) {
        queue_fixture_accept(&fixture, id, "example.com", 2000);
    }
    queue_fixture_reopen(&fixture);
    struct index_stats stats;
    index_stats(queue_index(fixture.queue), &stats);
    cr_assert_eq(stats.messages, 400);
    struct queue_stats before;
    queue_stats(fixture.queue, &before);
    cr_assert_gt(before.segments, 5);
    for (uint64_t id = 1; id <= 400; id++) {
        struct change change;
        change_init(&change);
        change.id = id;
        change.state = CHANGE_DELIVERED;
        change.ended = true;
        queue_fixture_settle(&fixture, &change);
    }
    struct queue_stats after;
    for (int i = 0; i < 2000; i++) {
        queue_tick(fixture.queue, 0);
        queue_stats(fixture.queue, &after);
        if (after.segments <= 3) {
            break;
        }
        queue_fixture_pause();
    }
    cr_assert_leq(after.segments, 3);
    queue_fixture_reopen(&fixture);
    index_stats(queue_index(fixture.queue), &stats);
    cr_assert_eq(stats.messages, 0);
    queue_fixture_done(&fixture);
}

/* Credits are refused when the disk is short or memory is spent, and come back. */
TEST(queue, credits)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    cr_assert_eq(queue_reserve(fixture.queue, 1000, 1), 0);
    cr_assert_eq(queue_reserve(fixture.queue, UINT64_C(1) << 60, 1), -ENOSPC);
    queue_unreserve(fixture.queue, 1000, 1);
    fixture.options.memory_bytes = 64;
    queue_fixture_reopen(&fixture);
    cr_assert_eq(queue_reserve(fixture.queue, 1000, 1), -ENOMEM);
    queue_fixture_done(&fixture);
}

/* A record that no segment could hold is refused alone. */
TEST(queue, too_large)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    static uint8_t huge[QUEUE_SEGMENT_MIN];
    struct queue_fixture_write write;
    queue_write_piece(&write.write, 5, huge, sizeof huge);
    cr_assert_eq(queue_fixture_submit(&fixture, &write, QUEUE_SYNCED), -EMSGSIZE);
    cr_assert_neq(queue_fixture_accept(&fixture, 6, "example.com", 10), 0);
    cr_assert(!queue_failed(fixture.queue));
    queue_fixture_done(&fixture);
}
