#include <errno.h>
#include <string.h>

#include "relay/config_document.h"
#include "relay/config_notes.h"

#include "tests/support/test.h"

struct opened {
    struct config_notes notes;
    struct config_build build;
    struct config_document document;
    int rc;
};

static void opened_scan(struct opened *opened, const char *text)
{
    config_notes_init(&opened->notes);
    config_build_init(&opened->build, &opened->notes);
    opened->rc = config_document_scan(&opened->document, &opened->build, text,
                                      strlen(text), "test.conf");
}

static void opened_clear(struct opened *opened)
{
    config_document_clear(&opened->document);
    config_build_clear(&opened->build);
    config_notes_clear(&opened->notes);
}

TEST(config_document, find_and_where)
{
    /* A setting is found by its path and knows its line; a default's is nobody's. */
    struct opened opened;
    const config_setting_t *setting;

    opened_scan(&opened,
                "a = 1;\ndelivery = {\n  timeouts = {\n    dot = \"1m\"; }; };\n");
    cr_assert_eq(opened.rc, 0);
    setting = config_document_find(&opened.document, "delivery.timeouts.dot");
    cr_assert_not_null(setting);
    cr_assert_eq(config_document_where(&opened.document, setting).line, 4);
    cr_assert_str_eq(config_document_where(&opened.document, setting).file, "test.conf");
    cr_assert_null(config_document_find(&opened.document, "delivery.nothing"));
    cr_assert_not_null(config_document_find(&opened.document, ""));
    opened.document.is_default = true;
    cr_assert_eq(config_document_where(&opened.document, setting).line, 0);
    opened_clear(&opened);
}

TEST(config_document, syntax)
{
    /* An error of syntax has its line, and is told once. */
    static const struct {
        const char *text;
        unsigned line;
        const char *says;
    } cases[] = {
        {"a = 1;\nb 2;\n", 2, "KEY = VALUE"},
        {"a = 1;\na = 2;\n", 2, "duplicate"},
        {"a = ( 1, );\n", 1, "comma"},
        {"\n\na = 10M;\n", 3, "stands in quotes"},
        {"a = { b = 1;\n", 1, "syntax error"},
        {"a = \"open;\nb = 1;\n", 1, "no closing quote"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct opened opened;

        opened_scan(&opened, cases[i].text);
        cr_assert_eq(opened.rc, -EINVAL, "%s", cases[i].text);
        cr_assert_geq(opened.notes.count, 1);
        cr_assert_eq(opened.notes.items[0].line, cases[i].line, "%s: line %u",
                     cases[i].text, opened.notes.items[0].line);
        cr_assert(strstr(opened.notes.items[0].text, cases[i].says) != NULL, "%s: %s",
                  cases[i].text, opened.notes.items[0].text);
        cr_assert_null(config_document_find(&opened.document, "a"));
        opened_clear(&opened);
    }
}

TEST(config_document, empty)
{
    /* Nothing at all is a document too. */
    struct opened opened;

    opened_scan(&opened, "");
    cr_assert_eq(opened.rc, 0);
    cr_assert_not_null(config_document_find(&opened.document, ""));
    opened_clear(&opened);
}
