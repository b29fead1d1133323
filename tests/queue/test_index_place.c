#include <stdio.h>
#include <string.h>

#include "queue/index_impl.h"

#include "tests/support/test.h"

#define MESSAGES 300
#define SEGMENTS 12

static struct index table;

struct model {
    uint32_t handle;
    struct place place;
    struct place pieces[5];
    unsigned piece_count;
    struct place last;
};

static uint64_t dice;

static uint64_t roll(uint64_t below)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (dice >> 33) % below;
}

static struct place random_place(void)
{
    return (struct place){1 + roll(SEGMENTS), 4096 + (uint32_t)roll(100000) * 8,
                          64 * (1 + (uint32_t)roll(50))};
}

static void add(struct model *model, uint64_t id)
{
    struct envelope_recipient recipient = {
        .address = "", .domain = "a.example", .orcpt = ""};
    struct envelope envelope;
    *model = (struct model){.place = random_place()};
    model->piece_count = roll(3) == 0 ? 1 + (unsigned)roll(5) : 0;
    for (unsigned i = 0; i < model->piece_count; i++) {
        model->pieces[i] = random_place();
    }
    envelope_init(&envelope);
    envelope.id = id;
    envelope.size_bytes = 100 * id;
    envelope.stream = "bulk";
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    envelope.pieces = model->pieces;
    envelope.piece_count = model->piece_count;
    model->handle = index_add(&table, &envelope, &model->place);
    cr_assert_neq(model->handle, 0);
}

static void move(struct model *model)
{
    model->place = random_place();
    for (unsigned i = 0; i < model->piece_count; i++) {
        model->pieces[i] = random_place();
    }
    index_move(&table, model->handle, &model->place, model->pieces, model->piece_count);
}

static void check(const struct model *models)
{
    unsigned messages[SEGMENTS + 1] = {0};
    unsigned states[SEGMENTS + 1] = {0};
    uint64_t bytes[SEGMENTS + 1] = {0};
    for (unsigned i = 0; i < MESSAGES; i++) {
        const struct model *model = &models[i];
        if (model->handle == 0) {
            continue;
        }
        struct message_view view;
        struct recipient_view recipient;
        index_message(&table, model->handle, &view);
        index_recipient(&table, model->handle, &recipient);
        cr_assert_eq(view.place.segment, model->place.segment);
        cr_assert_eq(view.place.offset, model->place.offset);
        cr_assert_eq(view.place.length, model->place.length);
        cr_assert_eq(recipient.last.segment, model->last.segment);
        cr_assert_eq(recipient.last.offset, model->last.offset);
        cr_assert(model->piece_count == 0 || view.size_bytes == 100 * view.id);
        const struct pieces *pieces = index_pieces(&table, model->handle);
        cr_assert_eq(pieces == NULL ? 0 : pieces->count, model->piece_count);
        messages[model->place.segment]++;
        bytes[model->place.segment] += model->place.length;
        for (unsigned k = 0; k < model->piece_count; k++) {
            cr_assert_eq(pieces->place[k].offset, model->pieces[k].offset);
            messages[model->pieces[k].segment]++;
            bytes[model->pieces[k].segment] += model->pieces[k].length;
        }
        states[model->last.segment]++;
    }
    for (uint64_t number = 1; number <= SEGMENTS; number++) {
        const struct shelf_segment *segment =
            shelf_at(&table.shelf, shelf_find(&table.shelf, number));
        cr_assert_eq(segment->live_messages, messages[number]);
        cr_assert_eq(segment->live_states, states[number]);
        cr_assert_eq(segment->live_bytes, bytes[number]);
    }
}

/* What lives in a segment is always the sum of the records, pieces and latest states
 * that are there, however they come, move and go. Prints its seed. */
TEST(index_place, random_history)
{
    static struct model models[MESSAGES];
    memset(models, 0, sizeof models);
    dice = 808;
    printf("seed %llu\n", (unsigned long long)dice);
    index_init(&table, 0);
    for (uint64_t number = 1; number <= SEGMENTS; number++) {
        cr_assert_neq(shelf_take(&table.shelf, number), 0);
    }
    for (int step = 0; step < 20000; step++) {
        unsigned i = (unsigned)roll(MESSAGES);
        struct model *model = &models[i];
        if (model->handle == 0) {
            add(model, i + 1);
            continue;
        }
        switch (roll(4)) {
        case 0: move(model); break;
        case 1:
            model->last = random_place();
            index_set_last(&table, index_waiting_at(&table, model->handle), &model->last);
            break;
        case 2:
            model->last = (struct place){0};
            index_set_last(&table, index_waiting_at(&table, model->handle), NULL);
            break;
        default:
            index_forget(&table, model->handle);
            *model = (struct model){0};
            break;
        }
        if (step % 100 == 0) {
            check(models);
        }
    }
    for (unsigned i = 0; i < MESSAGES; i++) {
        if (models[i].handle != 0) {
            index_forget(&table, models[i].handle);
            models[i].handle = 0;
        }
    }
    check(models);
    cr_assert_eq(table.piece_count, 0);
    cr_assert_eq(table.piece_bytes, 0);
    index_done(&table);
}

/* A record as large as they get keeps its place and its length. */
TEST(index_place, extremes)
{
    struct model model;
    dice = 1;
    index_init(&table, 0);
    cr_assert_neq(shelf_take(&table.shelf, 1), 0);
    for (uint64_t number = 2; number <= SEGMENTS; number++) {
        (void)shelf_take(&table.shelf, number);
    }
    add(&model, 1);
    model.place =
        (struct place){1, UINT32_C(1024) * 1024 * 1024 - 8, 4 * 1024 * 1024 - 64};
    index_move(&table, model.handle, &model.place, NULL, 0);
    struct message_view view;
    index_message(&table, model.handle, &view);
    cr_assert_eq(view.place.offset, model.place.offset);
    cr_assert_eq(view.place.length, model.place.length);
    index_done(&table);
}
