#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/bytes.h"
#include "queue/compact_impl.h"
#include "queue/mem.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

#define NOW UINT64_C(1800000000000)

struct rig {
    struct fake_disk *fake;
    struct queue_fixture fixture;
    struct compact *compact;
    char name[SEGMENT_NAME]; /* of the victim */
};

/* Three messages, one of them delivered, one put off; the test is compaction's thread. */
static void rig_init(struct rig *rig)
{
    struct change change;
    struct message_view view;
    memset(rig, 0, sizeof *rig);
    rig->fake = fake_disk_new(1);
    queue_fixture_init_disk(&rig->fixture, fake_disk_face(rig->fake));
    for (uint64_t id = 1; id <= 3; id++) {
        cr_assert_neq(queue_fixture_accept(&rig->fixture, id, "example.com", 1000), 0);
    }
    change_init(&change);
    change.id = 2;
    change.attempts = 4;
    change.next_unix_ms = NOW + 1000;
    change.text = "450 4.2.1 not now";
    cr_assert_eq(queue_fixture_settle(&rig->fixture, &change), 0);
    change_init(&change);
    change.id = 3;
    change.state = CHANGE_DELIVERED;
    change.ended = true;
    cr_assert_eq(queue_fixture_settle(&rig->fixture, &change), 0);
    index_message(queue_index(rig->fixture.queue),
                  index_find(queue_index(rig->fixture.queue), 1), &view);
    rig->compact = mem_alloc(sizeof *rig->compact);
    rig->compact->queue = rig->fixture.queue;
    (void)sem_init(&rig->compact->written, 0, 0);
    rig->fixture.queue->compact = rig->compact; /* it frees it */
    rig->compact->victim = view.place.segment;
    segment_name(view.place.segment, rig->name);
}

static void rig_done(struct rig *rig)
{
    queue_fixture_done(&rig->fixture);
    fake_disk_free(rig->fake);
}

/* Core hears of it before the next job is given. */
static void take_event(struct rig *rig)
{
    struct queue *queue = rig->fixture.queue;
    struct queue_event *event = atomic_exchange(&queue->events, NULL);
    bool told = false;
    while (event != NULL) {
        struct queue_event *next = event->next;
        if (event == &rig->compact->event) {
            told = true;
        } else {
            queue_post(queue, event);
        }
        event = next;
    }
    cr_assert(told);
}

static void list_all(struct rig *rig)
{
    compact_list(&rig->compact->job);
    take_event(rig);
}

static void copy_all(struct rig *rig)
{
    struct compact *compact = rig->compact;
    compact->group_count = 0;
    for (size_t i = 0; i < compact->count; i++) {
        compact->group[compact->group_count++] = &compact->items[i];
    }
    compact_copy(&compact->job);
    take_event(rig);
    compact->group_count = 0;
}

/* A segment's items are its messages, its changes and its ends, in order, whether it is
 * scanned or has a footer; damage is told. */
TEST(compact_copy, list)
{
    static const enum compact_kind kinds[] = {
        COMPACT_MESSAGE, COMPACT_MESSAGE, COMPACT_MESSAGE, COMPACT_STATE, COMPACT_TOMB};
    static const uint64_t ids[] = {1, 2, 3, 2, 3};
    struct rig rig;
    rig_init(&rig);
    for (int sealed = 0; sealed < 2; sealed++) {
        rig.compact->count = 0;
        list_all(&rig);
        cr_assert_eq(rig.compact->read_rc, 0);
        cr_assert_eq(rig.compact->count, 5);
        for (size_t i = 0; i < 5; i++) {
            const struct compact_item *item = &rig.compact->items[i];
            cr_assert_eq(item->kind, kinds[i], "item %zu", i);
            cr_assert_eq(item->id, ids[i]);
            cr_assert_eq(item->from.segment, rig.compact->victim);
            cr_assert(i == 0 || item->from.offset > item[-1].from.offset);
        }
        cr_assert_eq(rig.compact->items[4].home, rig.compact->victim);
        cr_assert_eq(rig.compact->items[4].state, CHANGE_DELIVERED);
        const struct disk *disk = fake_disk_face(rig.fake);
        int handle = disk->open(disk, rig.name, false);
        cr_assert_eq(footer_write(disk, handle, &rig.compact->header, NULL, 0, false), 0);
        disk->close(disk, handle);
    }
    cr_assert(fake_disk_flip(rig.fake, rig.name, QUEUE_SEGMENT_MIN - 20));
    cr_assert(fake_disk_flip(rig.fake, rig.name, rig.compact->items[1].from.offset + 60));
    list_all(&rig);
    cr_assert_eq(rig.compact->read_rc, -EBADMSG);
    rig.compact->victim = 12345;
    list_all(&rig);
    cr_assert_lt(rig.compact->read_rc, 0);
    rig_done(&rig);
}

/* A copy is a record of its own with the same content and the states it was given; moved
 * changes share a record and keep their texts; a tombstone says the end again. */
TEST(compact_copy, copies)
{
    struct rig rig;
    struct queue_pin pin;
    struct queue_message message;
    struct change change;
    uint8_t *block = NULL;
    rig_init(&rig);
    list_all(&rig);
    struct compact_item *items = rig.compact->items;
    uint8_t state[CHANGE_BOUND];
    size_t length = 0;
    change_init(&change);
    change.id = 1;
    change.attempts = 6;
    cr_assert_eq(change_encode(&change, state, sizeof state, &length), 0);
    items[0].states = mem_alloc(length);
    items[0].states_length = length;
    memcpy(items[0].states, state, length);
    copy_all(&rig);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(items[i].rc, 0, "item %zu", i);
        cr_assert_gt(items[i].to.offset, items[i].from.offset);
    }
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(items[i].recipient_count, 1);
        cr_assert_neq(items[i].to.length, 0);
        cr_assert_eq(queue_pin_place(rig.fixture.queue, &items[i].to, &pin), 0);
        cr_assert_eq(queue_read_message(&pin, false, &message), 0);
        cr_assert_eq(message.envelope.id, items[i].id);
        cr_assert_eq(message.body_length, 1000);
        cr_assert_eq(message.body[999], queue_fixture_byte(items[i].id, 999));
        queue_message_free(&message);
        queue_unpin(&pin);
    }
    cr_assert_eq(items[3].to.offset, items[4].to.offset);
    cr_assert(items[3].is_first_of_record);
    cr_assert(!items[4].is_first_of_record);
    cr_assert_eq(queue_pin_place(rig.fixture.queue, &items[3].to, &pin), 0);
    cr_assert_eq(queue_read_change(&pin, 2, 0, &change, &block), 0);
    cr_assert_str_eq(change.text, "450 4.2.1 not now");
    cr_assert_eq(change.attempts, 4);
    free(block);
    cr_assert_eq(queue_read_change(&pin, 3, 0, &change, &block), 0);
    cr_assert(change.ended);
    cr_assert_eq(change.home, rig.compact->victim);
    free(block);
    queue_unpin(&pin);
    rig_done(&rig);
}

/* What cannot be read carries its error, and only that: the victim then stays. */
TEST(compact_copy, unreadable)
{
    struct rig rig;
    rig_init(&rig);
    list_all(&rig);
    struct compact_item *items = rig.compact->items;
    cr_assert(fake_disk_flip(rig.fake, rig.name, items[1].from.offset + 300));
    cr_assert(fake_disk_flip(rig.fake, rig.name, items[3].from.offset + 10));
    items[2].id = 77; /* another message than the record's */
    copy_all(&rig);
    cr_assert_eq(items[0].rc, 0);
    cr_assert_eq(items[1].rc, -EBADMSG);
    cr_assert_eq(items[2].rc, -EBADMSG);
    cr_assert_eq(items[3].rc, -EBADMSG);
    cr_assert_eq(items[4].rc, 0);
    cr_assert(items[4].is_first_of_record);
    rig_done(&rig);
}

/* Pieces are copied with their message; one that is damaged fails the message. */
TEST(compact_copy, pieces)
{
    struct rig rig;
    static uint8_t buffer[9100];
    rig_init(&rig);
    uint32_t handle = queue_fixture_accept_pieces(&rig.fixture, 9, 3, 9000);
    struct message_view view;
    index_message(queue_index(rig.fixture.queue), handle, &view);
    struct place before = index_pieces(queue_index(rig.fixture.queue), handle)->place[0];
    struct compact_item *item = compact_add(rig.compact);
    item->kind = COMPACT_MESSAGE;
    item->id = 9;
    item->from = view.place;
    copy_all(&rig);
    cr_assert_eq(item->rc, 0);
    cr_assert_eq(item->piece_count, 3);
    cr_assert(item->pieces[0].segment != before.segment ||
              item->pieces[0].offset != before.offset);
    queue_know_pieces(rig.fixture.queue, item->pieces, 3);
    index_move(queue_index(rig.fixture.queue), handle, &item->to, item->pieces, 3);
    struct queue_pin pin;
    struct queue_message message;
    cr_assert_eq(queue_pin_message(rig.fixture.queue, handle, &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct queue_piece piece = {.buffer = buffer, .capacity = sizeof buffer};
        cr_assert_eq(message.envelope.pieces[i].offset, item->pieces[i].offset);
        cr_assert_eq(queue_read_piece(&pin, &message, i, false, &piece), 0);
        cr_assert_eq(piece.bytes[8999], queue_fixture_byte(9, i * 9000 + 8999));
    }
    queue_message_free(&message);
    queue_unpin(&pin);

    char name[SEGMENT_NAME];
    segment_name(item->pieces[2].segment, name);
    cr_assert(fake_disk_flip(rig.fake, name, item->pieces[2].offset + 100));
    struct compact_item *again = compact_add(rig.compact);
    again->kind = COMPACT_MESSAGE;
    again->id = 9;
    again->from = item->to;
    rig.compact->group[0] = again;
    rig.compact->group_count = 1;
    compact_copy(&rig.compact->job);
    take_event(&rig);
    rig.compact->group_count = 0;
    cr_assert_eq(again->rc, -EBADMSG);
    rig_done(&rig);
}
