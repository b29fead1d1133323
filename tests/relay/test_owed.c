#include "relay/limits.h"
#include "relay/owed.h"

#include "tests/support/test.h"

/* First come, first served, through any mixture of adding and taking; the same id is not
 * kept twice in a row. */
TEST(owed, in_order)
{
    struct owed owed = {0};
    uint64_t added = 0;
    uint64_t taken = 0;
    cr_assert_eq(owed_take(&owed), 0);
    for (int round = 0; round < 500; round++) {
        for (int i = 0; i < round % 7; i++) {
            owed_add(&owed, ++added);
            owed_add(&owed, added);
        }
        for (int i = 0; i < round % 5 && taken < added; i++) {
            cr_assert_eq(owed_take(&owed), ++taken);
        }
    }
    while (taken < added) {
        cr_assert_eq(owed_take(&owed), ++taken);
    }
    cr_assert_eq(owed_take(&owed), 0);
    owed_done(&owed);
}

/* It is bounded: what does not fit is remembered as "there are more". */
TEST(owed, bounded)
{
    struct owed owed = {0};
    for (uint64_t id = 1; id <= LIMIT_OWED; id++) {
        owed_add(&owed, id);
    }
    cr_assert(!owed.has_more);
    owed_add(&owed, LIMIT_OWED + 1);
    cr_assert(owed.has_more);
    for (uint64_t id = 1; id <= LIMIT_OWED; id++) {
        cr_assert_eq(owed_take(&owed), id);
    }
    cr_assert_eq(owed_take(&owed), 0);
    owed_done(&owed);
}
