#include <stdint.h>
#include <string.h>

#include "relay/config_build.h"

#include "tests/support/test.h"

TEST(config_build, places)
{
    /* Every value's place is found again, however many there are, and no other's. */
    struct config_notes notes;
    struct config_build build;
    const struct config *config;
    char *values;

    config_notes_init(&notes);
    config_build_init(&build, &notes);
    values = config_build_alloc(&build, 20000, 1);
    for (unsigned i = 0; i < 20000; i += 2) {
        config_build_place(&build, &values[i], (struct config_where){"a.conf", i + 1});
    }
    for (unsigned i = 0; i < 20000; i++) {
        struct config_where where = config_snapshot_where(build.snapshot, &values[i]);

        cr_assert_eq(where.line, i % 2 == 0 ? i + 1 : 0);
    }
    config_build_place(&build, &values[0], (struct config_where){"b.conf", 77});
    config_build_inherit(&build, &values[1], &values[0]);
    config_build_inherit(&build, &values[3], &values[5]);
    config = config_build_take(&build);
    cr_assert_eq(config_where(config, &values[0]).line, 77);
    cr_assert_str_eq(config_where(config, &values[1]).file, "b.conf");
    cr_assert_eq(config_where(config, &values[3]).line, 0, "nothing to inherit");
    config_unref(config);
    config_build_clear(&build);
}

TEST(config_build, memory)
{
    /* Memory comes zeroed, texts are copies, formats are cut and not overrun. */
    struct config_notes notes;
    struct config_build build;
    char text[] = "changes";
    char large[4096];
    const char *copy;
    const uint64_t *numbers;

    config_notes_init(&notes);
    config_build_init(&build, &notes);
    copy = config_build_text(&build, text);
    text[0] = 'X';
    cr_assert_str_eq(copy, "changes");
    numbers = config_build_alloc(&build, 100, sizeof numbers[0]);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(numbers[i], 0);
    }
    memset(large, 'y', sizeof large);
    large[sizeof large - 1] = '\0';
    cr_assert_lt(strlen(config_build_format(&build, "%s", large)), sizeof large);
    config_build_clear(&build);
}

TEST(config_build, notes)
{
    /* A note is about the line that set the value; a default's is about the first line.
     */
    struct config_notes notes;
    struct config_build build;

    config_notes_init(&notes);
    config_build_init(&build, &notes);
    build.config->path = "main.conf";
    config_build_place(&build, &build.config->spool, (struct config_where){"x.conf", 5});
    config_build_error(&build, &build.config->spool, "spool %d", 1);
    config_build_warn(&build, &build.config->control, "control");
    cr_assert_eq(notes.errors, 1);
    cr_assert_str_eq(notes.items[0].file, "x.conf");
    cr_assert_eq(notes.items[0].line, 5);
    cr_assert_str_eq(notes.items[1].file, "main.conf");
    cr_assert_eq(notes.items[1].line, 1);
    config_build_clear(&build);
    config_notes_clear(&notes);
}
