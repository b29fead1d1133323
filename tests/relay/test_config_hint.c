#include <string.h>

#include "relay/config_hint.h"
#include "relay/config_schema.h"

#include "tests/support/test.h"

TEST(config_hint, distance)
{
    /* A letter put in, left out, changed or swapped with its neighbour counts one. */
    cr_assert_eq(config_hint_distance("stream", "stream", 3), 0);
    cr_assert_eq(config_hint_distance("stream", "streams", 3), 1);
    cr_assert_eq(config_hint_distance("steram", "stream", 3), 1);
    cr_assert_eq(config_hint_distance("straem", "stream", 3), 1);
    cr_assert_eq(config_hint_distance("kitten", "sitting", 5), 3);
    cr_assert_eq(config_hint_distance("", "abc", 5), 3);
    cr_assert_eq(config_hint_distance("abcdef", "uvwxyz", 2), 3, "told as limit + 1");
    cr_assert_eq(
        config_hint_distance("a", "0123456789012345678901234567890123456789x", 2), 3);
}

TEST(config_hint, offers)
{
    /* The nearest word wins; a word that shares too little is not offered. */
    struct config_hint hint;
    char text[64];

    config_hint_init(&hint, "opportunistc");
    config_hint_offer(&hint, "required");
    config_hint_offer(&hint, "opportunistic");
    config_hint_offer(&hint, "verify");
    cr_assert_str_eq(config_hint_print(&hint, text, sizeof text),
                     "; did you mean \"opportunistic\"?");
    config_hint_init(&hint, "xyz");
    config_hint_offer(&hint, "none");
    cr_assert_str_empty(config_hint_print(&hint, text, sizeof text));
}

TEST(config_hint, keys)
{
    /* A misspelled key is corrected, a key in the wrong place is told its place. */
    const struct config_group *root = config_schema_sections[0].group;
    char text[128];

    cr_assert_str_eq(config_hint_key(root, "hostnam", text, sizeof text),
                     "; did you mean \"hostname\"?");
    cr_assert_str_eq(config_hint_key(root, "max_message", text, sizeof text),
                     "; it belongs in listeners");
    cr_assert_str_eq(config_hint_key(root, "low_space", text, sizeof text),
                     "; it belongs in queue");
    cr_assert_str_empty(config_hint_key(root, "bananas", text, sizeof text));
}
