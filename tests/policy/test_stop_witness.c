#include "policy/stop.h"

#include "tests/support/test.h"

#define NOW (INT64_C(1700000000000))

static void add(struct stop_witnesses *all, uint64_t site, uint64_t network,
                int64_t unix_ms)
{
    struct stop_witness one = {.site = site, .network = network, .unix_ms = unix_ms};
    stop_witness_add(all, &one);
}

/* Three sites in three networks within a day; the same one thrice, or three behind one
 * network, are one voice. */
TEST(stop_witness, independence)
{
    struct stop_witnesses all = {0};

    add(&all, 1, 1, NOW);
    add(&all, 1, 1, NOW + 1);
    add(&all, 2, 1, NOW);
    add(&all, 3, 1, NOW);
    cr_assert_not(stop_witnessed(&all, NOW + 2));
    add(&all, 4, 2, NOW);
    cr_assert_not(stop_witnessed(&all, NOW + 2));
    add(&all, 5, 3, NOW);
    cr_assert(stop_witnessed(&all, NOW + 2));
    cr_assert_not(stop_witnessed(&all, NOW + 2 + STOP_DAY_MS),
                  "a day later nothing counts");
}

/* One big provider is enough, and so are sites with a tenth of the volume. */
TEST(stop_witness, weight)
{
    struct stop_witnesses all = {0};
    struct stop_witness big = {.site = 9, .network = 9, .unix_ms = NOW, .big = true};
    struct stop_witness heavy = {.site = 8, .network = 8, .unix_ms = NOW, .share = 0.11};

    stop_witness_add(&all, &heavy);
    cr_assert(stop_witnessed(&all, NOW));
    all.count = 0;
    stop_witness_add(&all, &big);
    cr_assert(stop_witnessed(&all, NOW));
}

/* For reputation, a third of the sites tried, but at least two. */
TEST(stop_witness, reputation)
{
    struct stop_witnesses all = {0};

    add(&all, 1, 1, NOW);
    cr_assert_not(stop_reputation_witnessed(&all, 1, NOW));
    add(&all, 2, 2, NOW);
    cr_assert(stop_reputation_witnessed(&all, 6, NOW));
    cr_assert_not(stop_reputation_witnessed(&all, 7, NOW));
    add(&all, 3, 3, NOW);
    cr_assert(stop_reputation_witnessed(&all, 700, NOW));
}

/* The memory is bounded: the oldest voice goes. */
TEST(stop_witness, bounded)
{
    struct stop_witnesses all = {0};

    for (uint64_t i = 0; i < 100; i++) {
        add(&all, i, i, NOW + (int64_t)i);
    }
    cr_assert_eq(all.count, STOP_WITNESSES);
    for (uint32_t i = 0; i < all.count; i++) {
        cr_assert_geq(all.seen[i].site, 100 - STOP_WITNESSES);
    }
}

/* The eight providers whose word is enough, by the names they ship under. */
TEST(stop_witness, big)
{
    cr_assert(stop_is_big("google") && stop_is_big("comcast"));
    cr_assert_not(stop_is_big("googles") || stop_is_big("example.net"));
}
