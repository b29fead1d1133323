#include <errno.h>
#include <string.h>

#include "queue/queue_impl.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"
#include "tests/support/toy_seal.h"

#define NOW UINT64_C(1800000000000)

static struct change waiting_change(uint64_t id)
{
    struct change change;
    change_init(&change);
    change.id = id;
    change.state = CHANGE_WAITING;
    change.attempts = 4;
    change.next_unix_ms = NOW + 60000;
    change.source = "tx1";
    return change;
}

/* What memory knows of a recipient is described as a change that would make it so again;
 * what is not queued any more is described as ended. */
TEST(restate, describe)
{
    struct queue_fixture fixture;
    struct change change;
    struct change described;
    queue_fixture_init(&fixture);
    uint32_t handle = queue_fixture_accept(&fixture, 1, "example.com", 100);
    struct restate_item item = {1, 55, 0};
    cr_assert(restate_describe(fixture.queue, &item, &described));
    cr_assert_eq(described.state, CHANGE_WAITING);
    cr_assert_eq(described.attempts, 0);
    cr_assert_eq(described.next_unix_ms, 0);
    cr_assert_neq(described.home, 55, "the message's own segment");
    change = waiting_change(1);
    cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
    index_take(queue_index(fixture.queue), handle);
    cr_assert(restate_describe(fixture.queue, &item, &described));
    cr_assert_eq(described.attempts, 4);
    cr_assert_eq(described.next_unix_ms, NOW + 60000, "also while it is in flight");
    cr_assert_str_eq(described.source, "tx1");
    cr_assert_neq(described.previous.segment, 0);
    struct restate_item notice = {1, 55, CHANGE_MESSAGE};
    cr_assert(restate_describe(fixture.queue, &notice, &described));
    cr_assert_eq(described.state, CHANGE_NOTICED);
    index_message_at(queue_index(fixture.queue), handle)->notice_steps = 3;
    cr_assert(!restate_describe(fixture.queue, &notice, &described), "not sent yet");
    struct restate_item unknown = {9, 55, 0};
    cr_assert(restate_describe(fixture.queue, &unknown, &described));
    cr_assert(described.ended);
    cr_assert_eq(described.home, 55);
    struct restate_item unknown_notice = {9, 55, CHANGE_MESSAGE};
    cr_assert(!restate_describe(fixture.queue, &unknown_notice, &described));
    queue_fixture_done(&fixture);
}

static bool becomes_idle(struct queue_fixture *fixture)
{
    for (int i = 0; i < 500 && !restate_is_idle(fixture->queue); i++) {
        queue_tick(fixture->queue, 0);
        queue_fixture_pause();
    }
    return restate_is_idle(fixture->queue);
}

/* Thousands of states written again are what was there before, at the next start too:
 * those that wait, those that ended, those that never were. */
TEST(restate, written_again)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    for (uint64_t id = 1; id <= 600; id++) {
        cr_assert_neq(queue_fixture_accept(&fixture, id, "example.com", 50), 0);
        struct change change = waiting_change(id);
        if (id % 3 == 0) {
            change.state = CHANGE_DELIVERED;
            change.ended = true;
        }
        cr_assert(id % 3 == 1 || queue_fixture_settle(&fixture, &change) == 0);
    }
    for (uint64_t id = 1; id <= 700; id++) {
        restate_add(fixture.queue, &(struct restate_item){id, 1, 0});
    }
    cr_assert(!restate_is_idle(fixture.queue));
    cr_assert(becomes_idle(&fixture));
    for (int round = 0; round < 2; round++) {
        for (uint64_t id = 1; id <= 700; id++) {
            uint32_t handle = index_find(queue_index(fixture.queue), id);
            cr_assert_eq(handle != 0, id <= 600 && id % 3 != 0, "message %llu",
                         (unsigned long long)id);
            if (handle != 0) {
                struct recipient_view view;
                index_recipient(queue_index(fixture.queue), handle, &view);
                cr_assert_eq(view.attempts, id % 3 == 1 ? 0 : 4);
                cr_assert_neq(view.last.segment, 0);
            }
        }
        queue_fixture_reopen(&fixture);
    }
    queue_fixture_done(&fixture);
}

/* However long the names in them are, records stay small enough for the smallest segment:
 * nothing is refused for its size and tried for ever. */
TEST(restate, long_names_fit)
{
    struct queue_fixture fixture;
    char source[ENVELOPE_NAME + 1];
    memset(source, 's', sizeof source);
    source[ENVELOPE_NAME] = '\0';
    queue_fixture_init(&fixture);
    for (uint64_t id = 1; id <= 400; id++) {
        cr_assert_neq(queue_fixture_accept(&fixture, id, "example.com", 50), 0);
        struct change change = waiting_change(id);
        change.source = source;
        change.text = "";
        cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
        restate_add(fixture.queue, &(struct restate_item){id, 1, 0});
    }
    struct queue_stats before;
    struct queue_stats after;
    queue_stats(fixture.queue, &before);
    cr_assert(becomes_idle(&fixture));
    queue_stats(fixture.queue, &after);
    cr_assert_geq(after.records - before.records, 4, "more than one record's worth");
    cr_assert_lt((after.compacted_bytes - before.compacted_bytes) /
                     (after.records - before.records),
                 QUEUE_SEGMENT_MIN / 2);
    queue_fixture_done(&fixture);
}

/* As long as something could not be written again, nothing is freed: not while the disk
 * is full, and not when it cannot be sealed. */
TEST(restate, not_idle_before_it_is_written)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct toy_seal toy;
    struct queue_fixture fixture;
    toy_seal_init(&toy, 5);
    queue_fixture_init_sealed(&fixture, fake_disk_face(fake), &toy.seal);
    cr_assert_neq(queue_fixture_accept(&fixture, 1, "example.com", 50), 0);
    toy.refuses = true;
    restate_add(fixture.queue, &(struct restate_item){1, 1, 0});
    for (int i = 0; i < 20; i++) {
        queue_tick(fixture.queue, 0);
        queue_fixture_pause();
        cr_assert(!restate_is_idle(fixture.queue), "tick %d", i);
    }
    toy.refuses = false;
    cr_assert(becomes_idle(&fixture), "and is done as soon as it can be");
    struct recipient_view view;
    index_recipient(queue_index(fixture.queue), index_find(queue_index(fixture.queue), 1),
                    &view);
    cr_assert_neq(view.last.segment, 0);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}

/* Closing with records in flight loses no memory and no state. */
TEST(restate, close_in_flight)
{
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    cr_assert_neq(queue_fixture_accept(&fixture, 1, "example.com", 50), 0);
    for (int i = 0; i < 1000; i++) {
        restate_add(fixture.queue, &(struct restate_item){1, 1, 0});
    }
    restate_run(fixture.queue);
    cr_assert_eq(fixture.queue->restate.in_flight, 4);
    queue_fixture_reopen(&fixture);
    cr_assert_neq(index_find(queue_index(fixture.queue), 1), 0);
    queue_fixture_done(&fixture);
}
