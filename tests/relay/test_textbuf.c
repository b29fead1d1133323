#include <string.h>

#include "relay/textbuf.h"

#include "tests/support/test.h"

/* What is written is there, terminated, whatever the sizes. */
TEST(textbuf, grows)
{
    struct textbuf buf;
    textbuf_init(&buf, 100000);
    for (int i = 0; i < 1000; i++) {
        textbuf_printf(&buf, "%04d", i);
        textbuf_text(&buf, "-");
        textbuf_append(&buf, "xyz", 2);
    }
    cr_assert(!buf.failed);
    cr_assert_eq(buf.length, 7000);
    cr_assert_eq(strlen(buf.bytes), 7000);
    cr_assert_eq(strncmp(buf.bytes + 6993, "0999-xy", 7), 0);
    textbuf_clear(&buf);
    cr_assert_eq(buf.length, 0);
    cr_assert_str_eq(buf.bytes, "");
    textbuf_done(&buf);
    textbuf_done(NULL);
}

/* The maximum holds exactly, and a failure sticks until the buffer is cleared. */
TEST(textbuf, maximum)
{
    struct textbuf buf;
    textbuf_init(&buf, 10);
    textbuf_text(&buf, "0123456789");
    cr_assert(!buf.failed);
    textbuf_text(&buf, "");
    cr_assert(!buf.failed);
    textbuf_text(&buf, "x");
    cr_assert(buf.failed);
    textbuf_text(&buf, "");
    textbuf_printf(&buf, "%d", 1);
    cr_assert(buf.failed);
    cr_assert_str_eq(buf.bytes, "0123456789");
    textbuf_clear(&buf);
    textbuf_printf(&buf, "%s", "abc");
    cr_assert(!buf.failed);
    cr_assert_str_eq(buf.bytes, "abc");
    textbuf_printf(&buf, "%s", "12345678");
    cr_assert(buf.failed);
    textbuf_done(&buf);
}
