#include <stdint.h>
#include <string.h>

#include "relay/entropy.h"
#include "relay/fields.h"

#include "tests/support/test.h"

TEST(fields, bring_back_what_was_added)
{
    /* Texts with any bytes, whole numbers and doubles come back exactly. */
    struct fields fields;
    fields_init(&fields);
    fields_add_text(&fields, "reply", "554 5.7.1 100% = \"no\"\r\n\x7f\xff");
    fields_add_text(&fields, "empty", "");
    fields_add_int(&fields, "low", INT64_MIN);
    fields_add_int(&fields, "high", INT64_MAX);
    fields_add_double(&fields, "rate", 0.1);
    cr_assert_not(fields.is_full);

    struct fields loaded;
    cr_assert(fields_load(&loaded, fields.text, fields.used));
    char text[64];
    cr_assert(fields_get_text(&loaded, "reply", text, sizeof text));
    cr_assert_str_eq(text, "554 5.7.1 100% = \"no\"\r\n\x7f\xff");
    cr_assert(fields_get_text(&loaded, "empty", text, sizeof text));
    cr_assert_str_eq(text, "");
    int64_t number = 0;
    cr_assert(fields_get_int(&loaded, "low", &number));
    cr_assert_eq(number, INT64_MIN);
    cr_assert(fields_get_int(&loaded, "high", &number));
    cr_assert_eq(number, INT64_MAX);
    double rate = 0;
    cr_assert(fields_get_double(&loaded, "rate", &rate));
    cr_assert(rate == 0.1);
}

TEST(fields, leave_defaults_for_what_is_absent_or_of_another_kind)
{
    /* A reader keeps its default when a name is unknown, or its value is not a number; a
     * name is not found inside another name or a value. */
    const char line[] = "xrate=1 text=rate=5 rate2=3 bad=12x";
    struct fields fields;
    cr_assert(fields_load(&fields, line, sizeof line - 1));
    int64_t number = 42;
    cr_assert_not(fields_get_int(&fields, "rate", &number));
    cr_assert_not(fields_get_int(&fields, "bad", &number));
    cr_assert_eq(number, 42);
    double real = 4.2;
    cr_assert_not(fields_get_double(&fields, "bad", &real));
    cr_assert_not(fields_get_double(&fields, "none", &real));
    cr_assert(real == 4.2);
    cr_assert(fields_get_int(&fields, "rate2", &number));
    cr_assert_eq(number, 3);
}

TEST(fields, leave_out_whole_what_does_not_fit)
{
    /* A value too long for the line is left out and remembered; what was there stays. */
    struct fields fields;
    fields_init(&fields);
    fields_add_text(&fields, "first", "1");
    char large[FIELDS_BYTES];
    memset(large, ' ', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    fields_add_text(&fields, "large", large);
    cr_assert(fields.is_full);
    cr_assert_str_eq(fields.text, "first=1");
    cr_assert_not(fields_load(&fields, large, sizeof large));
    cr_assert_not(fields_load(&fields, "a\0b", 3));
}

TEST(fields, cut_text_to_the_reader)
{
    /* A reader with a small buffer gets the beginning, terminated. */
    struct fields fields;
    cr_assert(fields_load(&fields, "a=hello%20world", 15));
    char text[8];
    cr_assert(fields_get_text(&fields, "a", text, sizeof text));
    cr_assert_str_eq(text, "hello w");
}

TEST(fields, survive_any_line)
{
    /* A line of random bytes is read without harm: bad escapes stand for themselves. */
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    static const char alphabet[] = "ab=% 0F\x01\xff";
    for (int round = 0; round < 20000; round++) {
        char line[40];
        size_t size = entropy_dice_below(&dice, sizeof line);
        for (size_t i = 0; i < size; i++) {
            line[i] = alphabet[entropy_dice_below(&dice, sizeof alphabet - 1)];
        }
        struct fields fields;
        cr_assert(fields_load(&fields, line, size), "seed %llu",
                  (unsigned long long)seed);
        char text[16];
        if (fields_get_text(&fields, "a", text, sizeof text)) {
            cr_assert_lt(strlen(text), sizeof text);
        }
        double real = 0;
        int64_t number = 0;
        (void)fields_get_double(&fields, "b", &real);
        (void)fields_get_int(&fields, "ab", &number);
    }
}
