/* A configuration from a text in a test, with what was noted about it. */

#ifndef TESTS_SUPPORT_LOADED_H
#define TESTS_SUPPORT_LOADED_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "relay/config.h"

#include "tests/support/test.h"

/* The first line of every text in these tests. */
#define LOADED_HOST "hostname = \"relay.mesura.test\";\n"

struct loaded {
    const struct config *config; /* NULL when there were errors */
    struct config_notes notes;
};

static inline struct loaded loaded_text(const char *text)
{
    struct loaded loaded = {0};
    int rc;

    config_notes_init(&loaded.notes);
    rc = config_load_text(text, strlen(text), "test.conf", &loaded.config, &loaded.notes);
    cr_assert_eq(rc == 0, loaded.config != NULL);
    cr_assert_eq(rc == 0, loaded.notes.errors == 0);
    return loaded;
}

static inline void loaded_clear(struct loaded *loaded)
{
    config_unref(loaded->config);
    config_notes_clear(&loaded->notes);
}

static inline void loaded_print(const struct loaded *loaded)
{
    config_notes_print(&loaded->notes, stderr);
}

/* Is there a note of this kind on this line that says so? */
static inline bool loaded_has(const struct loaded *loaded, enum config_note_kind kind,
                              unsigned line, const char *says)
{
    for (size_t i = 0; i < loaded->notes.count; i++) {
        const struct config_note *note = &loaded->notes.items[i];

        if (note->kind == kind && note->line == line &&
            strstr(note->text, says) != NULL) {
            return true;
        }
    }
    return false;
}

/* One thing that is wrong, or doubtful, and how that is said. */
struct loaded_case {
    const char *text; /* below LOADED_HOST, so that its first line is 2 */
    unsigned line;
    const char *says;
};

/* Each text gives that one note of the kind, and no error beside it. */
static inline void loaded_cases(const struct loaded_case *cases, size_t count,
                                enum config_note_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        char text[4096];
        struct loaded loaded;

        cr_assert_lt(
            (size_t)snprintf(text, sizeof text, "%s%s", LOADED_HOST, cases[i].text),
            sizeof text);
        loaded = loaded_text(text);
        if (!loaded_has(&loaded, kind, cases[i].line, cases[i].says)) {
            loaded_print(&loaded);
            cr_assert_fail("no note \"%s\" on line %u of:\n%s", cases[i].says,
                           cases[i].line, text);
        }
        if (loaded.notes.errors != (kind == CONFIG_NOTE_ERROR)) {
            loaded_print(&loaded);
            cr_assert_fail("%zu errors in:\n%s", loaded.notes.errors, text);
        }
        loaded_clear(&loaded);
    }
}

#define LOADED_CASES(CASES, KIND) \
    loaded_cases((CASES), sizeof(CASES) / sizeof(CASES)[0], (KIND))

#endif
