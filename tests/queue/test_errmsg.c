#include <errno.h>
#include <string.h>

#include "queue/errmsg.h"

#include "tests/support/test.h"

/* The innermost cause stands last, each caller's part in front of it. */
TEST(errmsg, wraps_outward)
{
    struct errmsg err;

    errmsg_set(&err, "header checksum mismatch");
    errmsg_wrap(&err, "segment %d", 12);
    errmsg_wrap(&err, "open queue");
    cr_assert_str_eq(err.text, "open queue: segment 12: header checksum mismatch");
}

/* An errno is named, whatever its sign. */
TEST(errmsg, names_errno)
{
    struct errmsg plus;
    struct errmsg minus;

    errmsg_errno(&plus, ENOENT, "open %s", "/x");
    errmsg_errno(&minus, -ENOENT, "open %s", "/x");
    cr_assert_str_eq(plus.text, "open /x: No such file or directory");
    cr_assert_str_eq(minus.text, plus.text);
}

/* What does not fit is cut, and the text stays terminated. */
TEST(errmsg, cuts)
{
    struct errmsg err;
    char big[2 * ERRMSG_BYTES];

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    errmsg_set(&err, "%s", big);
    errmsg_wrap(&err, "%s", big);
    cr_assert_eq(strlen(err.text), ERRMSG_BYTES - 1);
}

/* Nobody has to want the sentence. */
TEST(errmsg, null_is_allowed)
{
    errmsg_set(NULL, "x");
    errmsg_wrap(NULL, "x");
    errmsg_errno(NULL, ENOENT, "x");
}
