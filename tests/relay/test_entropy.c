#include <string.h>

#include "relay/entropy.h"

#include "tests/support/test.h"

TEST(entropy, starts_and_fills_bytes)
{
    /* Random bytes come after the start, and no two draws are alike. */
    struct errmsg err = {""};
    cr_assert_eq(entropy_start(&err), 0, "%s", err.text);
    uint8_t one[32] = {0};
    uint8_t two[32] = {0};
    entropy_bytes(one, sizeof one);
    entropy_bytes(two, sizeof two);
    cr_assert_neq(memcmp(one, two, sizeof one), 0);
}

TEST(entropy, rolls_do_not_repeat)
{
    /* A thousand rolls, across many refills of the buffer, are all different. */
    uint64_t rolls[1000];
    for (size_t i = 0; i < 1000; i++) {
        rolls[i] = entropy_roll();
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(rolls[i], rolls[j]);
        }
    }
}

TEST(entropy, below_stays_below_and_reaches_all)
{
    /* A bounded roll is below its bound, and every number below it comes up. */
    unsigned seen[6] = {0};
    for (size_t i = 0; i < 6000; i++) {
        uint64_t roll = entropy_below(6);
        cr_assert_lt(roll, 6);
        seen[roll]++;
    }
    for (size_t i = 0; i < 6; i++) {
        cr_assert(seen[i] > 700 && seen[i] < 1300, "%zu came up %u times", i, seen[i]);
    }
    cr_assert_eq(entropy_below(1), 0);
}

TEST(entropy, dice_repeat_with_their_seed)
{
    /* The same seed gives the same history, another seed another one. */
    struct entropy_dice one;
    struct entropy_dice same;
    struct entropy_dice other;
    entropy_dice_init(&one, 7);
    entropy_dice_init(&same, 7);
    entropy_dice_init(&other, 8);
    unsigned alike = 0;
    for (size_t i = 0; i < 1000; i++) {
        uint64_t roll = entropy_dice_roll(&one);
        cr_assert_eq(roll, entropy_dice_roll(&same));
        alike += roll == entropy_dice_roll(&other) ? 1 : 0;
    }
    cr_assert_eq(alike, 0);
}

TEST(entropy, dice_are_even)
{
    /* Over many rolls each of ten sides comes up about as often as the others. */
    struct entropy_dice dice;
    entropy_dice_init(&dice, 1);
    unsigned seen[10] = {0};
    for (size_t i = 0; i < 100000; i++) {
        seen[entropy_dice_below(&dice, 10)]++;
    }
    for (size_t i = 0; i < 10; i++) {
        cr_assert(seen[i] > 9500 && seen[i] < 10500, "side %zu: %u", i, seen[i]);
    }
}
