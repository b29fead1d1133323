#include <string.h>

#include "relay/entropy.h"
#include "relay/id.h"

#include "tests/support/test.h"

TEST(id, is_never_reused_and_always_grows)
{
    /* Whatever the clock does, each id of a maker is larger than the one before. */
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    struct id_maker maker;
    id_maker_init(&maker, 3, 1764000000000);
    int64_t unix_ms = 1764000000000;
    uint64_t last = 0;
    for (int i = 0; i < 200000; i++) {
        if (entropy_dice_below(&dice, 1000) == 0) {
            unix_ms += (int64_t)entropy_dice_below(&dice, 2000) - 1000;
        }
        uint64_t id = id_next(&maker, unix_ms);
        cr_assert_gt(id, last, "seed %llu", (unsigned long long)seed);
        last = id;
    }
}

TEST(id, two_workers_never_meet)
{
    /* In the same millisecond the ids of two workers differ, and both tell its time. */
    struct id_maker one;
    struct id_maker two;
    id_maker_init(&one, 0, 0);
    id_maker_init(&two, 255, 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t first = id_next(&one, 1764000000000);
        uint64_t second = id_next(&two, 1764000000000);
        cr_assert_neq(first, second);
        cr_assert_eq(id_unix_ms(first), 1764000000000);
        cr_assert_eq(id_unix_ms(second), 1764000000000);
    }
}

TEST(id, after_a_restart_is_later_than_all_before)
{
    /* A maker whose floor is the newest time on disk makes no id from before it. */
    struct id_maker before;
    id_maker_init(&before, 1, 0);
    uint64_t last = 0;
    for (int i = 0; i < 100; i++) {
        last = id_next(&before, 1764000000000);
    }
    struct id_maker after;
    id_maker_init(&after, 1, id_unix_ms(last));
    cr_assert_gt(id_next(&after, 1763999999000), last);
}

TEST(id, prints_and_reads_back)
{
    /* Thirteen letters, in the order of the numbers, either case, and the same id back.
     */
    const uint64_t cases[] = {1,          31,
                              32,         UINT64_C(0x8000000000000000),
                              UINT64_MAX, UINT64_C(1764000000000) << 22};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ID_BYTES];
        id_print(cases[i], text);
        cr_assert_eq(strlen(text), ID_CHARS);
        uint64_t back = 0;
        cr_assert(id_parse(text, ID_CHARS, &back));
        cr_assert_eq(back, cases[i]);
        for (size_t j = 0; j < ID_CHARS; j++) {
            if (text[j] >= 'A' && text[j] <= 'Z') {
                text[j] = (char)(text[j] - 'A' + 'a');
            }
        }
        cr_assert(id_parse(text, ID_CHARS, &back));
        cr_assert_eq(back, cases[i]);
    }
    char small[ID_BYTES];
    char large[ID_BYTES];
    id_print(UINT64_C(1764000000000) << 22, small);
    id_print(UINT64_C(1764000000001) << 22, large);
    cr_assert_lt(strcmp(small, large), 0);
}

TEST(id, refuses_what_it_did_not_write)
{
    /* Another length, a foreign letter, a number above 64 bits and zero are no ids. */
    const char *const cases[] = {"",
                                 "0",
                                 "000000000000",
                                 "00000000000000",
                                 "0000000000000",
                                 "G000000000000",
                                 "000000000000I",
                                 "000000000000L",
                                 "000000000000O",
                                 "000000000000U",
                                 "000000000000-",
                                 "00000000000 1",
                                 "ZZZZZZZZZZZZZ"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t id = 42;
        cr_assert_not(id_parse(cases[i], strlen(cases[i]), &id), "%s", cases[i]);
        cr_assert_eq(id, 42);
    }
}
