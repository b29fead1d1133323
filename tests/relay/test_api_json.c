#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_json.h"

#include "tests/support/test.h"

/* Whatever bytes come, the text is valid UTF-8, and valid text is not touched. */
TEST(api_json, text_is_made_valid)
{
    static const struct {
        const char *bytes;
        const char *wanted;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
        {"\xE2\x82\xAC", "\xE2\x82\xAC"},
        {"\xF0\x9F\x93\xAC", "\xF0\x9F\x93\xAC"},
        {"a\xFF"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {"\xC3", "\xEF\xBF\xBD"},                                 /* cut short */
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                 /* overlong '/' */
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* a surrogate */
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value = api_json_string(cases[i].bytes);
        cr_expect_str_eq(json_string_value(value), cases[i].wanted, "case %zu", i);
        json_decref(value);
    }
}

/* NULL is the empty text. */
TEST(api_json, null_is_empty)
{
    json_t *object = api_json_object();

    api_json_text(object, "a", NULL);
    api_json_words(object, "b", NULL);
    cr_assert_str_eq(json_string_value(json_object_get(object, "a")), "");
    cr_assert_eq(json_array_size(json_object_get(object, "b")), 0);
    json_decref(object);
}

/* A text longer than the cap is cut, and never inside a character. */
TEST(api_json, long_text_is_cut)
{
    char text[2 * API_JSON_TEXT_BYTES];

    for (size_t i = 0; i + 2 < sizeof text; i += 3) {
        memcpy(text + i, "\xE2\x82\xAC", 3);
    }
    text[sizeof text - sizeof text % 3] = '\0';
    text[sizeof text - 1] = '\0';
    json_t *value = api_json_string(text);
    cr_assert_gt(json_string_length(value), API_JSON_TEXT_BYTES - 3);
    cr_assert_leq(json_string_length(value), API_JSON_TEXT_BYTES);
    cr_assert_eq(json_string_length(value) % 3, 0);
    json_decref(value);
}

/* Words become an array, however many spaces part them. */
TEST(api_json, words)
{
    json_t *object = api_json_object();

    api_json_words(object, "w", "tx1  bulk1 ");
    const json_t *array = json_object_get(object, "w");
    cr_assert_eq(json_array_size(array), 2);
    cr_assert_str_eq(json_string_value(json_array_get(array, 0)), "tx1");
    cr_assert_str_eq(json_string_value(json_array_get(array, 1)), "bulk1");
    json_decref(object);
}

/* No time is null; a number that is none is null; a huge count stays positive. */
TEST(api_json, numbers)
{
    json_t *object = api_json_object();

    api_json_time(object, "none", 0);
    api_json_time(object, "some", 1700000000000);
    api_json_number(object, "nan", (double)NAN);
    api_json_number(object, "third", 1.0 / 3);
    api_json_count(object, "huge", UINT64_MAX);
    char *text = json_dumps(object, JSON_COMPACT);
    cr_assert(json_is_null(json_object_get(object, "none")));
    cr_assert_eq(json_integer_value(json_object_get(object, "some")), 1700000000000);
    cr_assert(json_is_null(json_object_get(object, "nan")));
    cr_assert_eq(json_integer_value(json_object_get(object, "huge")), INT64_MAX);
    cr_assert_not_null(strstr(text, "\"third\":0.33333"), "%s", text);
    free(text);
    json_decref(object);
}
