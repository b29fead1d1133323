/* Encryption at rest, end to end: struct seal has no .c of its own. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue_impl.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"
#include "tests/support/toy_seal.h"

#define NOW UINT64_C(1800000000000)

static struct fake_disk *fake;
static struct toy_seal toy;

static void fill(struct queue_fixture *fixture)
{
    struct change change;
    cr_assert_neq(queue_fixture_accept(fixture, 1, "example.com", 3000), 0);
    cr_assert_neq(queue_fixture_accept_pieces(fixture, 2, 4, 20000), 0);
    cr_assert_neq(queue_fixture_accept(fixture, 3, "example.net", 10), 0);
    change_init(&change);
    change.id = 1;
    change.attempts = 2;
    change.next_unix_ms = NOW + 1000;
    change.source = "tx1";
    change.text = "451 4.7.1 secret reply";
    cr_assert_eq(queue_fixture_settle(fixture, &change), 0);
    change_init(&change);
    change.id = 3;
    change.state = CHANGE_DELIVERED;
    change.ended = true;
    cr_assert_eq(queue_fixture_settle(fixture, &change), 0);
}

static void check(struct queue_fixture *fixture)
{
    struct index *index = queue_index(fixture->queue);
    struct queue_pin pin;
    struct queue_message message;
    struct recipient_view view;
    struct change change;
    uint8_t *block = NULL;
    static uint8_t buffer[21000];
    cr_assert_eq(index_find(index, 3), 0);
    cr_assert_eq(queue_pin_message(fixture->queue, index_find(index, 1), &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    cr_assert_str_eq(message.envelope.sender, "sender@example.org");
    cr_assert_eq(message.body_length, 3000);
    for (unsigned i = 0; i < 3000; i++) {
        cr_assert_eq(message.body[i], queue_fixture_byte(1, i));
    }
    queue_message_free(&message);
    queue_unpin(&pin);

    index_recipient(index, index_find(index, 1), &view);
    cr_assert_eq(view.attempts, 2);
    cr_assert_eq(queue_pin_place(fixture->queue, &view.last, &pin), 0);
    cr_assert_eq(queue_read_change(&pin, 1, 0, &change, &block), 0);
    cr_assert_str_eq(change.text, "451 4.7.1 secret reply");
    free(block);
    queue_unpin(&pin);

    cr_assert_neq(index_find(index, 2), 0);
    cr_assert_eq(queue_pin_message(fixture->queue, index_find(index, 2), &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    cr_assert_eq(message.envelope.piece_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        struct queue_piece piece = {.buffer = buffer, .capacity = sizeof buffer};
        cr_assert_eq(queue_read_piece(&pin, &message, i, false, &piece), 0);
        cr_assert_eq(piece.length, 20000);
        cr_assert_eq(piece.bytes[19999], queue_fixture_byte(2, i * 20000 + 19999));
    }
    queue_message_free(&message);
    queue_unpin(&pin);
}

/* Some words of the mail are in some file of the queue. */
static bool can_be_read_off(const char *words)
{
    static uint8_t bytes[QUEUE_SEGMENT_MIN * 2];
    for (uint64_t number = 1; number < 64; number++) {
        char name[SEGMENT_NAME];
        segment_name(number, name);
        size_t got = fake_disk_peek(fake, name, 0, bytes, sizeof bytes);
        if (got > 0 && memmem(bytes, got, words, strlen(words)) != NULL) {
            return true;
        }
    }
    return false;
}

/* With the key everything is there after restarts, by footers and by scans; nothing of
 * the mail, its envelope or its replies can be read off the disk. */
TEST(seal, with_the_key)
{
    static const char *const secrets[] = {"Subject: test", "sender@example.org",
                                          "example.com", "secret reply", "tx1"};
    struct queue_fixture fixture;
    fake = fake_disk_new(1);
    toy_seal_init(&toy, 5);
    queue_fixture_init_sealed(&fixture, fake_disk_face(fake), &toy.seal);
    fill(&fixture);
    check(&fixture);
    queue_fixture_reopen(&fixture);
    check(&fixture);
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        cr_assert(!can_be_read_off(secrets[i]), "%s", secrets[i]);
    }
    queue_close(fixture.queue);
    for (uint64_t number = 1; number < 64; number++) {
        char name[SEGMENT_NAME];
        segment_name(number, name);
        (void)fake_disk_flip(fake, name, QUEUE_SEGMENT_MIN - 20); /* trailers */
    }
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, NULL), 0);
    check(&fixture);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* The same mail without a seal can be read off: the search above finds what is there. */
TEST(seal, search_finds_plain_words)
{
    struct queue_fixture fixture;
    fake = fake_disk_new(1);
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    fill(&fixture);
    cr_assert(can_be_read_off("Subject: test"));
    cr_assert(can_be_read_off("secret reply"));
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* Without the key, or with another, the start is refused with a sentence and nothing on
 * the disk is touched; a plain queue is not taken for a sealed one. */
TEST(seal, without_the_key)
{
    struct toy_seal other;
    struct queue_fixture fixture;
    struct queue *queue = NULL;
    struct errmsg err = {""};
    fake = fake_disk_new(1);
    toy_seal_init(&toy, 5);
    toy_seal_init(&other, 6);
    queue_fixture_init_sealed(&fixture, fake_disk_face(fake), &toy.seal);
    fill(&fixture);
    queue_close(fixture.queue);
    uint64_t bytes = fake_disk_bytes(fake);
    struct queue_options options = fixture.options;
    options.seal = NULL;
    cr_assert_eq(queue_open(&queue, &options, &err), -EKEYREJECTED);
    cr_assert_not_null(strstr(err.text, "encrypted"), "%s", err.text);
    options.seal = &other.seal;
    cr_assert_eq(queue_open(&queue, &options, &err), -EKEYREJECTED);
    cr_assert_eq(fake_disk_bytes(fake), bytes);
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    check(&fixture);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);

    fake = fake_disk_new(1);
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    fill(&fixture);
    queue_close(fixture.queue);
    options = fixture.options;
    options.seal = &toy.seal;
    cr_assert_eq(queue_open(&queue, &options, &err), -EKEYREJECTED);
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* Compaction opens and seals again: what lives is whole afterwards. */
TEST(seal, compaction)
{
    struct queue_fixture fixture;
    struct queue_stats stats;
    uint64_t now_ns = 0;
    fake = fake_disk_new(1);
    toy_seal_init(&toy, 5);
    queue_fixture_init_sealed(&fixture, fake_disk_face(fake), &toy.seal);
    fill(&fixture);
    for (uint64_t id = 10; id < 300; id++) {
        struct change change;
        cr_assert_neq(queue_fixture_accept(&fixture, id, "example.com", 3000), 0);
        change_init(&change);
        change.id = id;
        change.state = CHANGE_DELIVERED;
        change.ended = true;
        cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
    }
    for (int i = 0; i < 3000; i++) {
        now_ns += 50000000;
        queue_tick(fixture.queue, now_ns);
        queue_stats(fixture.queue, &stats);
        if (stats.compacted_bytes > 0 && stats.segments < 5) {
            break;
        }
        queue_fixture_pause();
    }
    cr_assert_gt(stats.compacted_bytes, 0);
    for (int round = 0; round < 2; round++) {
        struct recipient_view view;
        struct index *index = queue_index(fixture.queue);
        check(&fixture);
        index_recipient(index, index_find(index, 1), &view);
        cr_assert_eq(view.next_unix_ms, NOW + 1000);
        queue_fixture_reopen(&fixture);
    }
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
