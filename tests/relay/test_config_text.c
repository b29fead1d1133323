#include <sys/stat.h>

#include <errno.h>
#include <string.h>

#include "relay/config_notes.h"
#include "relay/config_text.h"
#include "relay/limits.h"

#include "tests/support/folder.h"
#include "tests/support/test.h"

static void file(const struct folder *folder, const char *name, const char *text)
{
    folder_write(folder, name, text, strlen(text));
}

static bool noted(const struct config_notes *notes, const char *says)
{
    for (size_t i = 0; i < notes->count; i++) {
        if (strstr(notes->items[i].text, says) != NULL) {
            return true;
        }
    }
    return false;
}

TEST(config_text, places)
{
    /* Each line of the whole text knows its file and its line there; an include is looked
     * for beside the file that includes it. */
    struct folder folder;
    struct config_text text;
    struct config_notes notes;
    char path[128];
    char sub[128];
    unsigned line;

    folder_make(&folder);
    cr_assert_eq(mkdir(folder_path(&folder, "sub", sub, sizeof sub), 0700), 0);
    file(&folder, "main.conf", "a = 1;\n  @include \"sub/one.conf\"  # why\nb = 2;\n");
    file(&folder, "sub/one.conf", "c = 3;\n@include \"two.conf\"\nd = 4;");
    file(&folder, "sub/two.conf", "e = 5;\n");
    config_notes_init(&notes);
    cr_assert_eq(config_text_read(
                     &text, folder_path(&folder, "main.conf", path, sizeof path), &notes),
                 0);
    cr_assert_str_eq(text.text, "a = 1L;\n\nc = 3L;\n\ne = 5L;\nd = 4L;\nb = 2L;\n");
    cr_assert_str_eq(config_text_place(&text, 1, &line), path);
    cr_assert_eq(line, 1);
    cr_assert_str_eq(config_text_place(&text, 5, &line),
                     folder_path(&folder, "sub/two.conf", sub, sizeof sub));
    cr_assert_eq(line, 1);
    cr_assert_str_eq(config_text_place(&text, 6, &line),
                     folder_path(&folder, "sub/one.conf", sub, sizeof sub));
    cr_assert_eq(line, 3);
    cr_assert_str_eq(config_text_place(&text, 7, &line), path);
    cr_assert_eq(line, 3);
    cr_assert_str_eq(config_text_place(&text, 99, &line), path,
                     "past the end is the end");
    cr_assert_eq(notes.errors, 0);
    config_text_clear(&text);
    folder_remove(&folder);
}

TEST(config_text, includes_that_fail)
{
    /* A file that is missing, a folder, itself, or badly written is an error with the
     * line of the include, and the rest is still read. */
    struct folder folder;
    struct config_text text;
    struct config_notes notes;
    char path[128];

    folder_make(&folder);
    file(&folder, "main.conf",
         "@include \"none.conf\"\n@include \".\"\n@include one.conf\n@include \"x\" y\n"
         "@include \"loop.conf\"\nz = 1;\n");
    file(&folder, "loop.conf", "@include \"loop.conf\"\n");
    config_notes_init(&notes);
    cr_assert_eq(config_text_read(
                     &text, folder_path(&folder, "main.conf", path, sizeof path), &notes),
                 0);
    cr_assert_eq(notes.errors, 5);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(notes.items[i].line, i + 1);
    }
    cr_assert(noted(&notes, "No such file"));
    cr_assert(noted(&notes, "is not a file"));
    cr_assert(noted(&notes, "alone on its line"));
    cr_assert(noted(&notes, "include itself"));
    cr_assert(strstr(text.text, "z = 1L;") != NULL);
    config_text_clear(&text);
    config_notes_clear(&notes);
    folder_remove(&folder);
}

TEST(config_text, not_text)
{
    /* A missing file, a file with NUL bytes and a file beyond the cap are refused whole.
     */
    static const char nul[] = "a = 1;\nb = \0;\n";
    struct folder folder;
    struct config_text text;
    struct config_notes notes;
    char path[128];
    char *large = calloc(1, LIMIT_CONFIG_BYTES + 1);

    cr_assert_not_null(large);
    memset(large, '\n', LIMIT_CONFIG_BYTES + 1);
    folder_make(&folder);
    config_notes_init(&notes);
    cr_assert_eq(
        config_text_read(&text, folder_path(&folder, "x", path, sizeof path), &notes),
        -EINVAL);
    config_text_clear(&text);
    folder_write(&folder, "x", nul, sizeof nul - 1);
    cr_assert_eq(config_text_read(&text, path, &notes), -EINVAL);
    cr_assert_eq(notes.items[1].line, 2);
    config_text_clear(&text);
    folder_write(&folder, "x", large, LIMIT_CONFIG_BYTES + 1);
    cr_assert_eq(config_text_read(&text, path, &notes), -EINVAL);
    config_text_clear(&text);
    cr_assert_eq(config_text_scan(&text, large, LIMIT_CONFIG_BYTES + 1, "x", &notes),
                 -EINVAL);
    config_text_clear(&text);
    cr_assert_eq(notes.errors, 4);
    free(large);
    config_notes_clear(&notes);
    folder_remove(&folder);
}

TEST(config_text, bomb)
{
    /* Files that include each other many times over end at the cap of all bytes. */
    struct folder folder;
    struct config_text text;
    struct config_notes notes;
    char path[128];
    static const char line[] = "@include \"leaf.conf\"\n";
    char *many = calloc(1, 300000);
    size_t used = 0;

    cr_assert_not_null(many);
    while (used < 280000) {
        memcpy(many + used, line, sizeof line - 1);
        used += sizeof line - 1;
    }
    folder_make(&folder);
    file(&folder, "main.conf", many);
    file(&folder, "leaf.conf",
         "# 0123456789 0123456789 0123456789 0123456789 0123456789 "
         "0123456789 0123456789 0123456789 0123456789 0123456789 "
         "0123456789 0123456789 0123456789 0123456789 0123456789 "
         "0123456789 0123456789 0123456789 0123456789 0123456789\n"
         "@include \"leaf2.conf\"\n@include \"leaf2.conf\"\n");
    file(&folder, "leaf2.conf", "# 0123456789 0123456789 0123456789 0123456789\n");
    config_notes_init(&notes);
    cr_assert_eq(config_text_read(
                     &text, folder_path(&folder, "main.conf", path, sizeof path), &notes),
                 -EINVAL);
    cr_assert(noted(&notes, "MiB of configuration"));
    config_text_clear(&text);
    config_notes_clear(&notes);
    free(many);
    folder_remove(&folder);
}

TEST(config_text, memory)
{
    /* Text in memory may not reach for files, and a comment must end with its file. */
    static const char content[] = "@include \"/etc/passwd\"\n/* open\n";
    struct config_text text;
    struct config_notes notes;

    config_notes_init(&notes);
    cr_assert_eq(config_text_scan(&text, content, sizeof content - 1, "mem", &notes), 0);
    cr_assert_eq(notes.errors, 2);
    cr_assert(noted(&notes, "not possible here"));
    cr_assert(noted(&notes, "ends within a comment"));
    cr_assert_eq(text.file_count, 1);
    config_text_clear(&text);
    config_notes_clear(&notes);
}
