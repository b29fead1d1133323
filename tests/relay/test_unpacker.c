#include <errno.h>

#include "relay/id.h"
#include "relay/unpacker.h"

#include "tests/support/porter_rig.h"

/* Everything that was written, into the index, as core does. */
static unsigned take_in(struct porter_rig *rig)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < rig->unpack->item_count; i++) {
        struct unpacker_item *item = &rig->unpack->items[i];
        if (!item->is_written) {
            continue;
        }
        struct iovec states = {item->states, item->states_length};
        taken += queue_restored(rig->fixture.queue, &item->parcel.envelope, &states,
                                &item->place) != 0;
        if (item->is_uploading) {
            queue_upload_end(rig->fixture.queue, &item->upload);
            item->is_uploading = false;
        }
        queue_unreserve(rig->fixture.queue, item->reserved_bytes, 1);
    }
    unpacker_drop_items(rig->unpack);
    return taken;
}

static void check_queued(struct porter_rig *rig)
{
    struct index *index = queue_index(rig->fixture.queue);
    static uint8_t buffer[140000];
    for (uint64_t id = 1; id <= 2; id++) {
        struct queue_pin pin;
        struct queue_message message;
        struct recipient_view view;
        uint32_t handle = index_find(index, id);
        cr_assert_neq(handle, 0);
        index_recipient(index, handle, &view);
        cr_assert_eq(view.attempts, 2);
        cr_assert_eq(view.phase, INDEX_DEFERRED);
        cr_assert_geq(view.next_unix_ms, UINT64_C(1800000123456));
        cr_assert_leq(view.next_unix_ms, UINT64_C(1800000123556));
        cr_assert_eq(queue_pin_message(rig->fixture.queue, handle, &pin), 0);
        cr_assert_eq(queue_read_message(&pin, false, &message), 0);
        uint64_t at = 0;
        for (size_t i = 0; i < message.body_length; i++) {
            cr_assert_eq(message.body[i], queue_fixture_byte(id, at++));
        }
        for (unsigned i = 0; i < message.envelope.piece_count; i++) {
            struct queue_piece piece = {.buffer = buffer, .capacity = sizeof buffer};
            cr_assert_eq(queue_read_piece(&pin, &message, i, false, &piece), 0);
            for (size_t k = 0; k < piece.length; k++) {
                cr_assert_eq(piece.bytes[k], queue_fixture_byte(id, at++));
            }
        }
        cr_assert_eq(at, id == 1 ? 3000 : 200000);
        queue_message_free(&message);
        queue_unpin(&pin);
    }
}

/* What was exported comes in with its id, its content and its state, in one record, and
 * is all there after a restart, by footers and by scans. */
TEST(unpacker, round_trip)
{
    struct porter_rig rig;
    porter_rig_open(&rig);
    rig.fixture.options.segment_bytes = 1024 * 1024;
    queue_fixture_reopen(&rig.fixture);
    rig.unpack->queue = rig.fixture.queue;
    porter_rig_export(&rig);
    cr_assert_eq(index_find(queue_index(rig.fixture.queue), 1), 0);
    cr_assert_eq(porter_rig_unpack(&rig, UNPACKER_OPEN), 0, "%s", rig.unpack->err.text);
    cr_assert_eq(rig.unpack->id_count, 2);
    cr_assert_eq(porter_rig_unpack(&rig, UNPACKER_LOAD), 0);
    cr_assert_eq(rig.unpack->item_count, 2);
    cr_assert_eq(porter_rig_unpack(&rig, UNPACKER_WRITE), 0, "%s", rig.unpack->err.text);
    cr_assert_eq(take_in(&rig), 2);
    check_queued(&rig);
    queue_fixture_reopen(&rig.fixture);
    check_queued(&rig);
    queue_fixture_reopen(&rig.fixture);
    check_queued(&rig);
    porter_rig_close(&rig);
}

/* A content that was changed is refused, alone; what core refuses is not written; ids are
 * remembered, so that a second import refuses them, unless somebody insists. */
TEST(unpacker, refuses)
{
    struct porter_rig rig;
    char path[256];
    char id[ID_BYTES];
    porter_rig_open(&rig);
    rig.fixture.options.segment_bytes = 1024 * 1024;
    queue_fixture_reopen(&rig.fixture);
    rig.unpack->queue = rig.fixture.queue;
    porter_rig_export(&rig);
    id_print(2, id);
    (void)snprintf(path, sizeof path, "%s/%s.eml", rig.dir, id);
    FILE *file = fopen(path, "r+");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, -10, SEEK_END), 0);
    (void)fputc(7, file);
    (void)fclose(file);
    cr_assert_eq(porter_rig_unpack(&rig, UNPACKER_OPEN), 0);
    cr_assert_eq(porter_rig_unpack(&rig, UNPACKER_LOAD), 0);
    rig.unpack->items[0].is_refused = true;
    cr_assert_eq(porter_rig_unpack(&rig, UNPACKER_WRITE), 0);
    cr_assert(rig.unpack->items[1].is_refused);
    cr_assert_not_null(strstr(rig.unpack->items[1].err.text, "not the one"));
    cr_assert_eq(take_in(&rig), 0);
    unpacker_done(rig.unpack);

    struct unpacker_ask again = *rig.unpack;
    again.ids = NULL;
    again.known = NULL;
    again.next = 0;
    again.id_count = again.known_count = 0;
    *rig.unpack = again;
    cr_assert_eq(porter_rig_unpack(&rig, UNPACKER_OPEN), 0);
    cr_assert_eq(porter_rig_unpack(&rig, UNPACKER_LOAD), 0);
    cr_assert_not(rig.unpack->items[0].is_refused,
                  "it was refused before it was remembered");
    cr_assert(rig.unpack->items[1].is_refused);
    cr_assert_not_null(strstr(rig.unpack->items[1].err.text, "imported here before"));
    porter_rig_close(&rig);
}
