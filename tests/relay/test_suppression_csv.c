#include <errno.h>
#include <string.h>

#include "relay/suppression_csv.h"

#include "tests/support/test.h"

#define NOW INT64_C(1700000000000)

static int next(struct suppression_csv *csv, struct suppression_entry *entry)
{
    const char *wrong = "";
    int rc = suppression_csv_next(csv, entry, &wrong);
    cr_assert_eq(rc == -EINVAL, wrong[0] != '\0');
    return rc;
}

/* Columns are found by their names, in any order; values may be quoted. */
TEST(suppression_csv, columns)
{
    static const char text[] =
        "id,Email,why,until,Cause\r\n"
        "1,a@b.test,\"said \"\"no\"\", twice\",2030-01-02,complaint\r\n"
        "\r\n"
        "2,c@d.test,,,";
    struct suppression_csv csv;
    struct suppression_entry entry;
    suppression_csv_init(&csv, text, strlen(text), 0, NOW);
    cr_assert_eq(next(&csv, &entry), 1);
    cr_assert_str_eq(entry.address, "a@b.test");
    cr_assert_str_eq(entry.why, "said \"no\", twice");
    cr_assert_eq(entry.cause, SUPPRESS_COMPLAINT);
    cr_assert_eq(entry.until_ms, INT64_C(1893542400000));
    cr_assert_eq(csv.line, 2);
    cr_assert_eq(next(&csv, &entry), 1);
    cr_assert_str_eq(entry.address, "c@d.test");
    cr_assert_eq(entry.until_ms, INT64_MAX);
    cr_assert_eq(entry.since_ms, NOW);
    cr_assert_eq(csv.line, 4);
    cr_assert_eq(next(&csv, &entry), 0);
}

/* Without names, each line begins with the address. */
TEST(suppression_csv, plain)
{
    static const char text[] = "a@b.test\nc@d.test,whatever\n";
    struct suppression_csv csv;
    struct suppression_entry entry;
    suppression_csv_init(&csv, text, strlen(text), 10, NOW);
    cr_assert_eq(next(&csv, &entry), 1);
    cr_assert_eq(next(&csv, &entry), 1);
    cr_assert_str_eq(entry.address, "c@d.test");
    cr_assert_eq(csv.line, 12);
    cr_assert_eq(next(&csv, &entry), 0);
}

/* A line that is wrong is said so, and the next one is read. */
TEST(suppression_csv, wrong)
{
    static const char text[] = "address,cause,since,until\n"
                               "a@b.test,spite,,\n"
                               "a@b.test,,yesterday,\n"
                               "a@b.test,,,2020-01-01\n"
                               "e@f.test,,2026-11-21T08:00:00Z,\n";
    struct suppression_csv csv;
    struct suppression_entry entry;
    suppression_csv_init(&csv, text, strlen(text), 0, NOW);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(next(&csv, &entry), -EINVAL);
    }
    cr_assert_eq(next(&csv, &entry), 1);
    cr_assert_eq(entry.since_ms, INT64_C(1795248000000));
}

/* Values without an end, without a number, beyond any bound. */
TEST(suppression_csv, bounds)
{
    char text[9000];
    struct suppression_csv csv;
    struct suppression_entry entry;
    memset(text, ',', sizeof text);
    suppression_csv_init(&csv, text, sizeof text, 0, NOW);
    cr_assert_eq(next(&csv, &entry), -EINVAL);
    memset(text, 'x', sizeof text);
    suppression_csv_init(&csv, text, sizeof text, 0, NOW);
    cr_assert_eq(next(&csv, &entry), -EINVAL);
    memset(text, '"', sizeof text);
    suppression_csv_init(&csv, text, sizeof text, 0, NOW);
    cr_assert_eq(next(&csv, &entry), -EINVAL);
    suppression_csv_init(&csv, text, 0, 0, NOW);
    cr_assert_eq(next(&csv, &entry), 0);
}
