#include <string.h>

#include "policy/wrapping.h"

#include "tests/support/test.h"

static const struct {
    const char *text;
    const char *stripped;
} cases[] = {
    {"User unknown (in reply to RCPT TO command)", "User unknown "},
    {"User unknown (in reply to end of DATA command)", "User unknown "},
    {"(in reply to MAIL FROM command)", ""},
    {"(in reply to you) we say no", "(in reply to you) we say no"},
    {"<spam@blocked.example>: unknown", "<a@b>: unknown"},
    {"<a@b.example> and <c@d.example>", "<a@b> and <a@b>"},
    {"mail <none> 1 < 2 > 0 <a b@c>", "mail <none> 1 < 2 > 0 <a b@c>"},
    {"<open@nowhere", "<open@nowhere"},
    {"two  blanks\t and\ttabs", "two blanks and tabs"},
    {"", ""},
};

/* The note of a log goes, mailboxes lose their names, all else stays. */
TEST(wrapping, strips)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[256];
        wrapping_strip(cases[i].text, out, sizeof(out));
        cr_assert_str_eq(out, cases[i].stripped, "%s: %s", cases[i].text, out);
    }
}

/* Whatever the room, it is not overrun and the end is marked. */
TEST(wrapping, bounded)
{
    const char *text = "<someone@somewhere.example> 550 <x@y> (in reply to DATA)";

    for (size_t size = 1; size < 80; size++) {
        char out[96];
        memset(out, 'x', sizeof(out));
        wrapping_strip(text, out, size);
        cr_assert_lt(strlen(out), size);
        cr_assert_eq(out[size], 'x');
    }
}
