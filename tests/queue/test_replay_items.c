#include <string.h>

#include "queue/record.h"
#include "queue/replay_impl.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

#define NOW UINT64_C(1800000000000)

/* Numbers of segments that the fixture's own files do not have. */
#define OLD  1001
#define NEW  1002
#define GONE 1003

struct rig {
    struct queue_fixture fixture;
    struct replay replay;
    struct index *index;
};

static struct envelope_recipient recipients[2] = {
    {.address = "", .domain = "a.example", .orcpt = ""},
    {.address = "", .domain = "b.example", .orcpt = ""}};

static void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    queue_fixture_init(&rig->fixture);
    rig->replay.queue = rig->fixture.queue;
    rig->index = queue_index(rig->fixture.queue);
    cr_assert_neq(shelf_take(&rig->index->shelf, OLD), 0);
    cr_assert_neq(shelf_take(&rig->index->shelf, NEW), 0);
}

/* The items were invented: nothing of them may be written. */
static void rig_done(struct rig *rig)
{
    rig->fixture.queue->restate.count = 0;
    queue_fixture_done(&rig->fixture);
}

static struct digest_item accept_item(uint64_t id, uint64_t segment, uint64_t origin)
{
    struct digest_item item = {
        .kind = DIGEST_ACCEPT, .place = {segment, 4096, 1000}, .origin = origin};
    envelope_init(&item.envelope);
    item.envelope.id = id;
    item.envelope.accepted_unix_ms = NOW;
    item.envelope.expires_unix_ms = NOW + 1000000;
    item.envelope.stream = "bulk";
    item.envelope.recipients = recipients;
    item.envelope.recipient_count = 2;
    return item;
}

static struct digest_item change_item(uint64_t id, uint64_t segment, uint64_t origin)
{
    struct digest_item item = {
        .kind = DIGEST_CHANGE, .place = {segment, 8192, 0}, .origin = origin};
    change_init(&item.change);
    item.change.id = id;
    item.change.home = OLD;
    item.change.state = CHANGE_WAITING;
    item.change.attempts = 5;
    item.change.next_unix_ms = NOW + 5000;
    return item;
}

static unsigned attempts_of(struct rig *rig, uint64_t id, uint16_t number)
{
    struct recipient_view view;
    uint32_t message = index_find(rig->index, id);
    cr_assert_neq(message, 0);
    index_recipient(rig->index, index_recipient_of(rig->index, message, number), &view);
    return view.attempts;
}

static void give(struct rig *rig, const struct digest_item *item)
{
    cr_assert_eq(replay_item(&rig->replay, item), 0);
}

/* An accept queues its message, changes move it on, an end takes it out; told twice,
 * nothing more happens. */
TEST(replay_items, as_it_was_written)
{
    struct rig rig;
    rig_init(&rig);
    struct digest_item accept = accept_item(1, OLD, 0);
    struct digest_item change = change_item(1, NEW, 0);
    for (int round = 0; round < 2; round++) {
        give(&rig, &accept);
        cr_assert_eq(attempts_of(&rig, 1, 0), round == 0 ? 0 : 5);
        give(&rig, &change);
        cr_assert_eq(attempts_of(&rig, 1, 0), 5);
        cr_assert_eq(attempts_of(&rig, 1, 1), 0);
    }
    for (uint16_t number = 0; number < 2; number++) {
        change.change.number = number;
        change.change.state = CHANGE_DELIVERED;
        change.change.ended = true;
        give(&rig, &change);
    }
    cr_assert_eq(index_find(rig.index, 1), 0);
    cr_assert(shelf_is_needed(&rig.index->shelf, shelf_find(&rig.index->shelf, NEW)),
              "the ends must outlive what they end");
    rig_done(&rig);
}

/* A copy is not believed while its original is there: it moves the message, and the state
 * is written anew. */
TEST(replay_items, copy_beside_its_original)
{
    struct rig rig;
    struct change state;
    rig_init(&rig);
    struct digest_item accept = accept_item(1, OLD, 0);
    struct digest_item copy = accept_item(1, NEW, OLD);
    change_init(&state);
    state.id = 1;
    state.attempts = 9;
    state.next_unix_ms = NOW;
    copy.states = &state;
    copy.state_count = 1;
    give(&rig, &accept);
    give(&rig, &copy);
    struct message_view view;
    index_message(rig.index, index_find(rig.index, 1), &view);
    cr_assert_eq(view.place.segment, NEW);
    cr_assert_eq(attempts_of(&rig, 1, 0), 0, "the original knows better");
    cr_assert_eq(rig.fixture.queue->restate.count, 2, "one for each recipient");

    struct digest_item ended = accept_item(2, NEW, OLD);
    give(&rig, &ended);
    cr_assert_eq(index_find(rig.index, 2), 0,
                 "it had ended: the original would be there");
    cr_assert_eq(rig.fixture.queue->restate.count, 4, "and its copy must not rise again");
    rig_done(&rig);
}

/* A copy whose original is gone, or damaged, stands for it with the states it brings. */
TEST(replay_items, copy_alone)
{
    struct rig rig;
    struct change states[2];
    rig_init(&rig);
    struct digest_item copy = accept_item(1, NEW, GONE);
    for (uint16_t i = 0; i < 2; i++) {
        change_init(&states[i]);
        states[i].id = 1;
        states[i].home = NEW;
        states[i].number = i;
        states[i].attempts = (uint16_t)(3 + i);
        states[i].next_unix_ms = NOW + 1000;
        states[i].previous = (struct place){OLD, 8192, 0};
    }
    states[1].state = CHANGE_DELIVERED;
    states[1].ended = true;
    copy.states = states;
    copy.state_count = 2;
    give(&rig, &copy);
    cr_assert_eq(attempts_of(&rig, 1, 0), 3);
    struct message_view view;
    struct recipient_view recipient;
    index_message(rig.index, index_find(rig.index, 1), &view);
    cr_assert_eq(view.live, 1);
    index_recipient(rig.index, view.first, &recipient);
    cr_assert_eq(recipient.last.segment, OLD, "where the text of its state is");
    shelf_at(&rig.index->shelf, shelf_find(&rig.index->shelf, OLD))->damaged = true;
    struct digest_item from_damaged = accept_item(2, NEW, OLD);
    give(&rig, &from_damaged);
    cr_assert_neq(index_find(rig.index, 2), 0);
    rig_done(&rig);
}

/* A moved change counts only when what it was moved from is gone. */
TEST(replay_items, moved_change)
{
    struct rig rig;
    rig_init(&rig);
    struct digest_item accept = accept_item(1, OLD, 0);
    struct digest_item moved = change_item(1, NEW, OLD);
    give(&rig, &accept);
    give(&rig, &moved);
    cr_assert_eq(attempts_of(&rig, 1, 0), 0);
    cr_assert_eq(rig.fixture.queue->restate.count, 1);
    moved.origin = GONE;
    give(&rig, &moved);
    cr_assert_eq(attempts_of(&rig, 1, 0), 5);
    rig_done(&rig);
}

/* A bounce ends what it closes, once. */
TEST(replay_items, closes)
{
    struct rig rig;
    struct envelope_close closes[2] = {{1, OLD, 0}, {1, OLD, 1}};
    rig_init(&rig);
    struct digest_item accept = accept_item(1, OLD, 0);
    struct digest_item bounce = accept_item(2, NEW, 0);
    bounce.envelope.closes = closes;
    bounce.envelope.close_count = 2;
    give(&rig, &accept);
    give(&rig, &bounce);
    cr_assert_eq(index_find(rig.index, 1), 0);
    cr_assert_neq(index_find(rig.index, 2), 0);
    rig_done(&rig);
}

/* A message whose piece was torn off by a crash was never acknowledged: it is not queued,
 * with a note; not at the next start either, and not when the segment is sealed. */
TEST(replay_items, torn_piece)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct errmsg err = {""};
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    cr_assert_neq(queue_fixture_accept(&fixture, 1, "example.com", 100), 0);
    uint32_t handle = queue_fixture_accept_pieces(&fixture, 2, 2, 9000);
    cr_assert_neq(handle, 0);
    struct place piece = index_pieces(queue_index(fixture.queue), handle)->place[1];
    char name[SEGMENT_NAME];
    segment_name(piece.segment, name);
    queue_close(fixture.queue);
    cr_assert(fake_disk_flip(fake, name, piece.offset + 20));
    cr_assert(fake_disk_flip(fake, name, QUEUE_SEGMENT_MIN - 20), "the trailer");
    for (int round = 0; round < 3; round++) {
        unsigned count = 0;
        bool told = false;
        cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
        const struct queue_note *notes = queue_notes(fixture.queue, &count);
        for (unsigned i = 0; i < count; i++) {
            told |= notes[i].kind == QUEUE_NOTE_INCOMPLETE;
        }
        cr_assert(told, "round %d", round);
        cr_assert_neq(index_find(queue_index(fixture.queue), 1), 0);
        cr_assert_eq(index_find(queue_index(fixture.queue), 2), 0, "round %d", round);
        queue_close(fixture.queue);
    }
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
