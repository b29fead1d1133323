#include "queue/pool.h"

#include "tests/support/test.h"

/* Entries are zeroed, stay where they are, and are used again. */
TEST(pool, reuse)
{
    struct pool pool;
    pool_init(&pool, 24);
    uint32_t first = pool_take(&pool);
    uint8_t *at = pool_at(&pool, first);
    at[23] = 9;
    for (int i = 0; i < 3 * POOL_CHUNK; i++) {
        cr_assert_neq(pool_take(&pool), 0);
    }
    cr_assert_eq(pool_at(&pool, first), at);
    cr_assert_eq(at[23], 9);
    cr_assert_eq(pool_spare(&pool), 0);
    pool_give(&pool, first);
    cr_assert_eq(pool_spare(&pool), 24);
    cr_assert_eq(pool_take(&pool), first);
    cr_assert_eq(pool_spare(&pool), 0);
    cr_assert_eq(at[23], 0);
    cr_assert_eq(at[0], 0);
    pool_done(&pool);
}
