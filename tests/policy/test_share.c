#include <math.h>

#include "policy/share.h"

#include "tests/support/test.h"

/* By weight when all want all; what one leaves goes to the others; caps hold. */
TEST(share, divides_by_weight)
{
    struct share_party two[] = {{10, 1e9, HUGE_VAL, 0}, {1, 1e9, HUGE_VAL, 0}};
    share_divide(two, 2, 110, 0);
    cr_assert(fabs(two[0].granted - 100) < 1e-6 && fabs(two[1].granted - 10) < 1e-6);
    two[0].demand = 5;
    share_divide(two, 2, 110, 0);
    cr_assert(fabs(two[0].granted - 5) < 1e-6 && fabs(two[1].granted - 105) < 1e-6);
    two[1].most = 22;
    share_divide(two, 2, 110, 0);
    cr_assert(fabs(two[1].granted - 22) < 1e-6);
}

/* The reserve stays open for the heaviest even while it asks for nothing. */
TEST(share, keeps_a_reserve)
{
    struct share_party two[] = {{10, 0, HUGE_VAL, 0}, {1, 1e9, HUGE_VAL, 0}};

    share_divide(two, 2, 100, 0.25);
    cr_assert(fabs(two[1].granted - 75) < 1e-6);
}

/* Whole units: the sum is never above the limit, and nobody starves while there is enough
 * for one each. */
TEST(share, whole_units)
{
    uint64_t random = 7;

    for (int trial = 0; trial < 2000; trial++) {
        struct share_party parties[5];
        double sum = 0;
        for (int i = 0; i < 5; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            parties[i] = (struct share_party){.weight = (uint32_t)(random >> 60),
                                              .demand = (double)((random >> 40) % 12),
                                              .most = HUGE_VAL};
        }
        uint32_t limit = (uint32_t)((random >> 20) % 30);
        share_divide_whole(parties, 5, limit, 0);
        for (int i = 0; i < 5; i++) {
            sum += parties[i].granted;
            cr_assert_leq(parties[i].granted, parties[i].demand);
            cr_assert(limit < 10 || parties[i].demand < 1 || parties[i].granted >= 1,
                      "trial %d: one starves", trial);
        }
        cr_assert_leq(sum, limit);
    }
}

/* Turns: one with 500,000 waiting does not delay another's five, and weights hold. */
TEST(share, turns_are_fair)
{
    struct share_turn campaign = {.weight = 1};
    struct share_turn person = {.weight = 1};
    struct share_turn *turns[] = {&campaign, &person};
    bool ready[] = {true, false};
    size_t cursor = 0;

    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(share_next(turns, ready, 2, &cursor, 10), 0);
        share_charge(&campaign, 1);
    }
    ready[1] = true;
    int waited = 0;
    for (int sent = 0; sent < 5;) {
        int32_t who = share_next(turns, ready, 2, &cursor, 10);
        share_charge(turns[who], 1);
        sent += who == 1;
        waited += who == 0;
    }
    cr_assert_leq(waited, 10, "%d went before", waited);
    campaign.weight = 3;
    int counts[2] = {0};
    for (int i = 0; i < 4000; i++) {
        int32_t who = share_next(turns, ready, 2, &cursor, 10);
        share_charge(turns[who], 1);
        counts[who]++;
    }
    cr_assert(counts[0] > 2900 && counts[0] < 3100, "%d", counts[0]);
    ready[0] = ready[1] = false;
    cr_assert_eq(share_next(turns, ready, 2, &cursor, 10), -1);
    share_charge(&person, 4000000000U);
    ready[1] = true;
    cr_assert_eq(share_next(turns, ready, 2, &cursor, 10), 1,
                 "debts do not block for ever");
    share_idle(&person);
    cr_assert_leq(person.deficit, 0);
}
