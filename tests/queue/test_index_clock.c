#include <stdio.h>

#include "queue/index_impl.h"

#include "tests/support/test.h"

#define COUNT 300
#define BASE  UINT64_C(1000000) /* seconds */

static struct index table;

struct model {
    uint64_t notice_s; /* 0 = none */
    uint64_t expires_s;
    bool rung;
    bool in;
};

static uint64_t key_of(const struct model *model)
{
    bool expiry = !model->rung;
    if (model->notice_s != 0 && (!expiry || model->notice_s < model->expires_s)) {
        return model->notice_s;
    }
    return expiry ? model->expires_s : UINT64_MAX;
}

static uint64_t next_of(const struct model *models)
{
    uint64_t next = UINT64_MAX;
    for (int i = 1; i <= COUNT; i++) {
        if (models[i].in && key_of(&models[i]) < next) {
            next = key_of(&models[i]);
        }
    }
    return next;
}

static void add(struct model *model, uint32_t message, uint64_t dice)
{
    struct message *entry = index_message_at(&table, message);
    unsigned steps = dice % 3 == 0 ? 0 : 1 + (unsigned)(dice >> 8) % 200;
    *model = (struct model){.in = true, .expires_s = BASE + 1 + (dice >> 16) % 2000};
    model->notice_s = steps == 0 ? 0 : BASE + (uint64_t)steps * INDEX_NOTICE_STEP_S;
    entry->accepted_s = BASE;
    entry->notice_steps = (uint16_t)steps;
    entry->expires_s = (uint32_t)model->expires_s;
    entry->rung = 0;
    clock_add(&table, message);
}

static void pop(struct model *models, uint64_t now_s)
{
    bool expired = false;
    uint64_t next = next_of(models);
    uint32_t message = index_clock_pop(&table, now_s * 1000, &expired);
    if (next > now_s) {
        cr_assert_eq(message, 0);
        return;
    }
    cr_assert_neq(message, 0);
    struct model *model = &models[message];
    cr_assert(model->in);
    cr_assert_eq(key_of(model), next);
    cr_assert_eq(expired, !model->rung && next == model->expires_s &&
                              (model->notice_s == 0 || model->notice_s >= next));
    model->notice_s = 0;
    model->rung |= expired;
}

/* The clock that rings next is always the earliest of all, through additions, removals,
 * notices that are withdrawn and lifetimes that change. Prints its seed. */
TEST(index_clock, random_history)
{
    struct model models[COUNT + 1] = {0};
    uint64_t dice = 99;
    uint64_t now_s = BASE;
    printf("seed %llu\n", (unsigned long long)dice);
    index_init(&table, BASE * 1000);
    for (int i = 1; i <= COUNT; i++) {
        (void)pool_take(&table.messages);
    }
    for (int step = 0; step < 20000; step++) {
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t message = 1 + (uint32_t)(dice >> 40) % COUNT;
        struct model *model = &models[message];
        if (!model->in) {
            add(model, message, dice >> 4);
        } else if (dice >> 60 < 4) {
            clock_remove(&table, message);
            model->in = false;
        } else if (dice >> 60 < 6) {
            index_message_at(&table, message)->notice_steps = 0;
            clock_changed(&table, message);
            model->notice_s = 0;
        } else if (dice >> 60 < 8) {
            model->expires_s = BASE + 1 + (dice >> 16) % 3000;
            model->rung = false;
            index_clock_set(&table, message, model->expires_s * 1000 - 3);
        } else {
            now_s = BASE + (dice >> 16) % 3000;
            pop(models, now_s);
        }
        uint64_t next = next_of(models);
        cr_assert_eq(index_clock_next(&table),
                     next == UINT64_MAX ? UINT64_MAX : next * 1000, "step %d", step);
    }
    index_done(&table);
}

/* A lifetime without end is kept as the longest there is and never rings early. */
TEST(index_clock, endless)
{
    bool expired = false;
    index_init(&table, BASE * 1000);
    uint32_t message = pool_take(&table.messages);
    clock_add(&table, message);
    index_clock_set(&table, message, UINT64_MAX);
    cr_assert_eq(index_clock_next(&table), (uint64_t)UINT32_MAX * 1000);
    cr_assert_eq(index_clock_pop(&table, BASE * 1000, &expired), 0);
    index_done(&table);
}

/* Memory follows the count in chunks, and a place in a later chunk is as good. */
TEST(index_clock, many)
{
    bool expired = false;
    index_init(&table, BASE * 1000);
    for (uint32_t i = 0; i < INDEX_HASH_CHUNK + 1000; i++) {
        uint32_t message = pool_take(&table.messages);
        index_message_at(&table, message)->expires_s =
            (uint32_t)BASE + (i * 7919U) % 1000003;
        clock_add(&table, message);
    }
    cr_assert_geq(clock_memory(&table), (size_t)2 * INDEX_HASH_CHUNK * sizeof(uint32_t));
    uint32_t last_s = 0;
    for (uint32_t i = 0; i < INDEX_HASH_CHUNK + 1000; i++) {
        uint32_t message = index_clock_pop(&table, UINT64_MAX, &expired);
        cr_assert_neq(message, 0);
        cr_assert_geq(index_message_at(&table, message)->expires_s, last_s);
        last_s = index_message_at(&table, message)->expires_s;
    }
    cr_assert_eq(index_clock_next(&table), UINT64_MAX);
    index_done(&table);
}
