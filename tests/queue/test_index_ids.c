#include <stdio.h>

#include "queue/index_impl.h"

#include "tests/support/test.h"

#define COUNT 20000

static struct index table;
static uint32_t handles[COUNT];

/* Ids as they come (in a row), and as nobody would choose them (alike below bit 40). */
static uint64_t id_of(int kind, uint64_t i)
{
    return kind == 0 ? i + 1 : kind == 1 ? (i + 1) << 40 : (i + 1) * UINT64_C(4294967296);
}

static void add(int kind, uint32_t i)
{
    handles[i] = pool_take(&table.messages);
    index_message_at(&table, handles[i])->id = id_of(kind, i);
    ids_add(&table, handles[i]);
    table.message_count++;
}

static void drop(uint32_t i)
{
    ids_remove(&table, handles[i]);
    pool_give(&table.messages, handles[i]);
    table.message_count--;
    handles[i] = 0;
}

/* Exactly what is in is found, while the table grows through many splits and after
 * removals. Prints its seed. */
TEST(index_ids, random_history)
{
    uint64_t dice = 31337;
    printf("seed %llu\n", (unsigned long long)dice);
    for (int kind = 0; kind < 3; kind++) {
        index_init(&table, 0);
        cr_assert_eq(index_find(&table, 0), 0, "0 is no id, in an empty table too");
        cr_assert_eq(index_find(&table, 1), 0, "empty");
        for (uint32_t i = 0; i < COUNT; i++) {
            add(kind, i);
        }
        for (int step = 0; step < COUNT; step++) {
            dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            uint32_t i = (uint32_t)(dice >> 33) % COUNT;
            if (handles[i] == 0) {
                add(kind, i);
            } else {
                drop(i);
            }
        }
        for (uint32_t i = 0; i < COUNT; i++) {
            cr_assert_eq(index_find(&table, id_of(kind, i)), handles[i], "kind %d id %u",
                         kind, i);
        }
        cr_assert_eq(index_find(&table, id_of(kind, COUNT)), 0);
        index_done(&table);
    }
}

/* Chains stay short whatever the ids look like: no more than LOAD on average and none of
 * dozens. */
TEST(index_ids, short_chains)
{
    for (int kind = 0; kind < 3; kind++) {
        index_init(&table, 0);
        for (uint32_t i = 0; i < COUNT; i++) {
            add(kind, i);
        }
        cr_assert_geq(table.id_buckets * 3, COUNT);
        for (uint32_t bucket = 0; bucket < table.id_buckets; bucket++) {
            unsigned length = 0;
            for (uint32_t at = table.id_chunks[bucket / INDEX_HASH_CHUNK]
                                              [bucket % INDEX_HASH_CHUNK];
                 at != 0; at = index_message_at(&table, at)->bucket) {
                length++;
            }
            cr_assert_leq(length, 40, "kind %d bucket %u", kind, bucket);
        }
        cr_assert_gt(ids_memory(&table), 0);
        index_done(&table);
    }
}

/* An index that was told how many will come finds each of them, whether so many come, or
 * more, or fewer; a second word, and one that asks for everything, change nothing. */
TEST(index_ids, expected)
{
    static const uint64_t told[] = {0, COUNT / 10, COUNT, (uint64_t)COUNT * 50};
    for (unsigned t = 0; t < sizeof told / sizeof told[0]; t++) {
        index_init(&table, 0);
        index_expect(&table, told[t]);
        uint32_t buckets = table.id_buckets;
        cr_assert_geq((uint64_t)buckets * 3 + 3, told[t]);
        for (uint32_t i = 0; i < COUNT; i++) {
            add(0, i);
        }
        index_expect(&table, UINT64_MAX);
        cr_assert(table.id_buckets == buckets || told[t] <= COUNT);
        for (uint32_t i = 0; i < COUNT; i++) {
            cr_assert_eq(index_find(&table, id_of(0, i)), handles[i]);
        }
        index_done(&table);
    }
}
