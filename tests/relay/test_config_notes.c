#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_notes.h"
#include "relay/limits.h"

#include "tests/support/test.h"

/* What is printed, in a buffer the caller frees. */
static char *printed(const struct config_notes *notes)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    cr_assert_not_null(out);
    config_notes_print(notes, out);
    cr_assert_eq(fclose(out), 0);
    return text;
}

TEST(config_notes, order)
{
    /* Notes come out by line within a file, files as first met, kinds told apart. */
    struct config_notes notes;
    char *text;

    config_notes_init(&notes);
    config_notes_error(&notes, "b.conf", 9, "late");
    config_notes_error(&notes, "a.conf", 1, "other file");
    config_notes_warn(&notes, "b.conf", 2, "early %d", 42);
    config_notes_error(&notes, "b.conf", 9, "later on the same line");
    text = printed(&notes);
    cr_assert_str_eq(text, "b.conf:2: warning: early 42\n"
                           "b.conf:9: late\n"
                           "b.conf:9: later on the same line\n"
                           "a.conf:1: other file\n");
    cr_assert_eq(notes.errors, 3);
    cr_assert_eq(notes.warnings, 1);
    free(text);
    config_notes_clear(&notes);
}

TEST(config_notes, bounded)
{
    /* However many errors there are, the list stays bounded and the rest is counted. */
    struct config_notes notes;
    char *text;

    config_notes_init(&notes);
    for (unsigned i = 0; i < LIMIT_CONFIG_NOTES + 7; i++) {
        config_notes_error(&notes, "a.conf", i + 1, "wrong");
    }
    cr_assert_eq(notes.count, LIMIT_CONFIG_NOTES);
    cr_assert_eq(notes.errors, LIMIT_CONFIG_NOTES + 7);
    text = printed(&notes);
    cr_assert(strstr(text, "and 7 more\n") != NULL);
    free(text);
    config_notes_clear(&notes);
    cr_assert_eq(notes.errors, 0);
}

TEST(config_notes, clean)
{
    /* Bytes of a file cannot drive the terminal, and long texts are cut. */
    struct config_notes notes;
    char longest[2 * CONFIG_NOTE_TEXT_BYTES];

    config_notes_init(&notes);
    config_notes_error(&notes, "a.conf", 0, "value \x1b[2J\n%s", "end");
    cr_assert_str_eq(notes.items[0].text, "value ?[2J?end");
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    config_notes_error(&notes, longest, 1, "%s", longest);
    cr_assert_eq(strlen(notes.items[1].text), CONFIG_NOTE_TEXT_BYTES - 1);
    config_notes_clear(&notes);
}
