#include <stdint.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/entropy.h"

#include "tests/support/test.h"

TEST(arena, gives_zeroed_aligned_memory_that_does_not_overlap)
{
    /* Random pieces, filled to the last byte, keep what was written into each of them. */
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct {
        unsigned char *bytes;
        size_t size;
    } pieces[200];
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 200; i++) {
            pieces[i].size = entropy_dice_below(&dice, 3000);
            pieces[i].bytes = arena_try(&arena, pieces[i].size);
            cr_assert_not_null(pieces[i].bytes, "seed %llu", (unsigned long long)seed);
            cr_assert_eq((uintptr_t)pieces[i].bytes % _Alignof(max_align_t), 0);
            for (size_t j = 0; j < pieces[i].size; j++) {
                cr_assert_eq(pieces[i].bytes[j], 0);
            }
            memset(pieces[i].bytes, (int)i, pieces[i].size);
        }
        for (size_t i = 0; i < 200; i++) {
            for (size_t j = 0; j < pieces[i].size; j++) {
                cr_assert_eq(pieces[i].bytes[j], (unsigned char)i);
            }
        }
        arena_reset(&arena);
        cr_assert_eq(arena.used_bytes, 0);
    }
    arena_done(&arena);
}

TEST(arena, stops_at_its_cap)
{
    /* What would go above the cap is refused, whatever its size; what fits still comes.
     */
    struct arena arena;
    arena_init(&arena, 10000);
    cr_assert_null(arena_try(&arena, 10001));
    cr_assert_null(arena_try(&arena, SIZE_MAX));
    cr_assert_null(arena_try(&arena, SIZE_MAX - 1));
    cr_assert_null(arena_try_copy(&arena, "", SIZE_MAX));
    cr_assert_not_null(arena_try(&arena, 9000));
    cr_assert_null(arena_try(&arena, 1100));
    cr_assert_not_null(arena_try(&arena, 900));
    cr_assert_leq(arena.used_bytes, 10000);
    arena_done(&arena);
}

TEST(arena, holds_pieces_larger_than_a_chunk)
{
    /* A large piece is given in full, and does not outlive a reset. */
    struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    char *large = arena_try(&arena, 500000);
    cr_assert_not_null(large);
    memset(large, 'x', 500000);
    arena_reset(&arena);
    cr_assert_null(arena.newest, "a huge chunk is not kept");
    cr_assert_not_null(arena_try(&arena, 500000));
    arena_done(&arena);
}

TEST(arena, copies_text)
{
    /* A copy has a terminator and is not the original. */
    struct arena arena;
    arena_init(&arena, 1000);
    char text[] = "hello";
    const char *copy = arena_try_copy(&arena, text, 5);
    text[0] = 'j';
    cr_assert_str_eq(copy, "hello");
    cr_assert_str_eq(arena_try_copy(&arena, NULL, 0), "");
    arena_done(&arena);
    arena_done(&arena);
    arena_done(NULL);
}

TEST(arena, must_gives_zeroed_memory)
{
    /* Memory of a size the program chose is zeroed and the caller's. */
    uint64_t *numbers = arena_must(10, sizeof *numbers);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(numbers[i], 0);
    }
    free(numbers);
}
