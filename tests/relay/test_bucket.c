#include <string.h>

#include "relay/bucket.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)

static bool has(const struct bucket_table *table, const char *key, int64_t now_ns)
{
    return bucket_has(table, key, strlen(key), now_ns);
}

static void take(struct bucket_table *table, const char *key, int64_t now_ns)
{
    bucket_take(table, key, strlen(key), now_ns);
}

TEST(bucket, allows_a_burst_and_then_one_a_refill)
{
    /* A key has its burst at once, then one try each refill, and its whole burst again
     * after a long pause, never more. */
    struct bucket_table *table = bucket_new(64, 3, SECOND);
    for (int i = 0; i < 3; i++) {
        cr_assert(has(table, "a", 0), "try %d", i);
        take(table, "a", 0);
    }
    cr_assert_not(has(table, "a", 0));
    cr_assert(has(table, "b", 0), "another key has its own");
    cr_assert_not(has(table, "a", SECOND - 1));
    cr_assert(has(table, "a", SECOND));
    take(table, "a", SECOND);
    cr_assert_not(has(table, "a", SECOND));
    int64_t later = 1000 * SECOND;
    for (int i = 0; i < 3; i++) {
        cr_assert(has(table, "a", later));
        take(table, "a", later);
    }
    cr_assert_not(has(table, "a", later));
    bucket_free(table);
    bucket_free(NULL);
}

TEST(bucket, gives_back_and_owes_no_more_than_its_size)
{
    /* A try given back can be taken again; however many are taken from an empty bucket,
     * one is there after one refill. */
    struct bucket_table *table = bucket_new(64, 2, SECOND);
    take(table, "a", 0);
    take(table, "a", 0);
    bucket_give(table, "a", 1, 0);
    cr_assert(has(table, "a", 0));
    for (int i = 0; i < 100; i++) {
        take(table, "a", 0);
    }
    cr_assert_not(has(table, "a", 0));
    cr_assert(has(table, "a", SECOND));
    for (int i = 0; i < 100; i++) {
        bucket_give(table, "a", 1, 0);
    }
    take(table, "a", 0);
    take(table, "a", 0);
    cr_assert_not(has(table, "a", 0), "giving back saves nothing up");
    bucket_give(table, "unknown", 7, 0);
    bucket_free(table);
}

TEST(bucket, forgets_the_idle_first_when_full)
{
    /* With more keys than slots those that tried hardest are still remembered. */
    struct bucket_table *table = bucket_new(8, 4, SECOND);
    for (int i = 0; i < 4; i++) {
        take(table, "attacker", 0);
    }
    for (char key = 'a'; key <= (char)'z'; key++) {
        bucket_take(table, &key, 1, 0);
    }
    cr_assert_not(has(table, "attacker", 0));
    bucket_free(table);
}
