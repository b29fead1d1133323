#include <string.h>

#include "relay/config_lint.h"
#include "relay/config_notes.h"
#include "relay/limits.h"

#include "tests/support/test.h"

struct seen {
    char text[512];
    struct config_notes notes;
    struct config_lint lint;
};

static void on_put(void *owner, const char *bytes, size_t count)
{
    struct seen *seen = owner;
    size_t used = strlen(seen->text);

    cr_assert_lt(used + count, sizeof seen->text);
    memcpy(seen->text + used, bytes, count);
    seen->text[used + count] = '\0';
}

static void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    config_notes_init(&seen->notes);
    seen->lint = (struct config_lint){.put_cb = on_put, .owner = seen};
}

static void line(struct seen *seen, const char *text)
{
    struct config_lint_line in = {"a.conf", 7, text, strlen(text)};

    config_lint_line(&seen->lint, &in, &seen->notes);
}

TEST(config_lint, wide_numbers)
{
    /* Whole numbers get the L without which libconfig makes large ones negative. */
    struct seen seen;

    seen_init(&seen);
    line(&seen, "a = 3000000000; b = -3000000000; c = 2147483647; d = 5L; e = 1.5e3;");
    cr_assert_str_eq(seen.text,
                     "a = 3000000000L; b = -3000000000L; c = 2147483647L; d = 5L; "
                     "e = 1.5e3;");
    cr_assert_eq(seen.notes.errors, 0);
    config_notes_clear(&seen.notes);
}

TEST(config_lint, traps)
{
    /* What libconfig would take without a word and read wrongly is an error. */
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"a = 010;", "010 starts with a zero"},
        {"a = 99999999999999999999;", "too large"},
        {"a = 0xffffffff;", "too large"},
        {"a = 10M;", "stands in quotes"},
        {"a = 5m;", "stands in quotes"},
        {"a = \"\\x00\";", "means nothing here"},
        {"a = \"C:\\dir\";", "means nothing here"},
        {"a = \"open;", "no closing quote"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen;

        seen_init(&seen);
        line(&seen, cases[i].text);
        cr_assert_eq(seen.notes.errors, 1, "%s", cases[i].text);
        cr_assert(strstr(seen.notes.items[0].text, cases[i].says) != NULL, "%s: %s",
                  cases[i].text, seen.notes.items[0].text);
        cr_assert_eq(seen.notes.items[0].line, 7);
        config_notes_clear(&seen.notes);
    }
}

TEST(config_lint, not_numbers)
{
    /* Numbers within texts, names and comments are left alone. */
    struct seen seen;

    seen_init(&seen);
    line(&seen, "x010 = \"3000000000 010 \\\" \\\\\"; # 010");
    line(&seen, "b = 1; // 010");
    line(&seen, "c = /* 010 */ 2; /* 010");
    cr_assert(seen.lint.in_comment);
    line(&seen, "010 \" */ d = 3;");
    cr_assert_not(seen.lint.in_comment);
    cr_assert_eq(seen.notes.errors, 0);
    cr_assert_str_eq(seen.text,
                     "x010 = \"3000000000 010 \\\" \\\\\"; b = 1L; c =  2L;  d = 3L;");
    config_notes_clear(&seen.notes);
}

TEST(config_lint, nesting)
{
    /* Brackets nest to a limit; beyond it the text is not given to a recursive parser. */
    struct seen seen;

    seen_init(&seen);
    for (unsigned i = 0; i < LIMIT_CONFIG_NESTING; i++) {
        line(&seen, "(");
    }
    cr_assert_not(seen.lint.is_unfit);
    line(&seen, "{");
    cr_assert(seen.lint.is_unfit);
    cr_assert_eq(seen.notes.errors, 1);
    line(&seen, "\"(((\" ))))))))))))))))))))))");
    cr_assert_eq(seen.lint.nesting, 0);
    config_notes_clear(&seen.notes);
}
