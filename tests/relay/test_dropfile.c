#include <errno.h>
#include <string.h>

#include "relay/dropfile.h"

#include "tests/support/test.h"

static struct dropfile file;
static struct errmsg err;

static int parse(const char *text)
{
    return dropfile_parse(&file, text, strlen(text), &err);
}

TEST(dropfile, reads_what_sendmail_writes)
{
    /* Envelope, wishes, and where the message begins; nothing behind `from` is the null
     * sender. */
    static const char text[] =
        "mesura-drop 1\nfrom root\nto a@x.test\nto b@y.test\nnotify "
        "SUCCESS,FAILURE\nret HDRS\n\nSubject: x\r\n\r\nfrom me\r\n";
    cr_assert_eq(parse(text), 0, "%s", err.text);
    cr_assert_str_eq(file.from, "root");
    cr_assert_str_eq(file.to.bytes, "a@x.test,b@y.test");
    cr_assert_str_eq(file.notify, "SUCCESS,FAILURE");
    cr_assert_str_eq(file.ret, "HDRS");
    cr_assert_str_eq(text + file.content, "Subject: x\r\n\r\nfrom me\r\n");
    dropfile_done(&file);
    cr_assert_eq(parse("mesura-drop 1\nfrom \nto a@x.test\n\n"), 0);
    cr_assert_str_eq(file.from, "<>");
    dropfile_done(&file);
}

TEST(dropfile, refuses_the_rest)
{
    /* Another version, no recipient, no sender, no end, unknown lines, control bytes,
     * words that could become commands. */
    static const char *const cases[] = {
        "",
        "mesura-drop 2\nfrom a\nto b@x.test\n\n",
        "mesura-drop 1\nfrom a\n\nto b@x.test\n\n",
        "mesura-drop 1\nto b@x.test\n\n",
        "mesura-drop 1\nfrom a\nto b@x.test\n",
        "mesura-drop 1\nfrom a\nto b@x.test\nexec /bin/sh\n\n",
        "mesura-drop 1\nfrom a\rb\nto b@x.test\n\n",
        "mesura-drop 1\nfrom a\nto b@x.test\nret FULL RCPT\n\n",
        "mesura-drop 1\nfrom a\nto b@x.test\nnotify \n\n",
        "mesura-drop 1\nfrom a\nto \n\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        err.text[0] = '\0';
        cr_assert_eq(parse(cases[i]), -EINVAL, "case %zu", i);
        cr_assert_str_not_empty(err.text);
        dropfile_done(&file);
    }
}
