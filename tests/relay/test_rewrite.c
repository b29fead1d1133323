#include <stdio.h>
#include <string.h>

#include "relay/rewrite.h"

#include "tests/support/loaded.h"

#define RULES                                                       \
    LOADED_HOST "origin = \"example.com\";\n"                       \
                "rewrites = ( { from = \"@host.local\"; to = "      \
                "\"@example.com\"; },\n"                            \
                "  { from = \"root@host.local\"; to = "             \
                "\"noreply@example.com\"; },\n"                     \
                "  { from = \"@old.test\"; to = \"new@b.test\"; }," \
                "  { from = \"cron@example.com\"; to = \"bot@b.test\"; } );\n"

TEST(rewrite, names_senders)
{
    /* A bare name gets the origin; then the whole address wins over its domain, once;
     * what is no address stays. */
    static const struct {
        const char *from;
        const char *completed;
        const char *rewritten;
    } cases[] = {
        {"kim", "kim@example.com", "kim@example.com"},
        {"cron", "cron@example.com", "bot@b.test"},
        {"root@HOST.local", "root@HOST.local", "noreply@example.com"},
        {"kim@host.local", "kim@host.local", "kim@example.com"},
        {"cron@host.local", "cron@host.local", "cron@example.com"},
        {"\"a@b\"@old.test", "\"a@b\"@old.test", "new@b.test"},
        {"kim@c.test", "kim@c.test", "kim@c.test"},
        {"\"a b\"", "\"a b\"@example.com", "\"a b\"@example.com"},
        {"", "", ""},
        {"John Smith", "John Smith", "John Smith"},
        {"a(b)", "a(b)", "a(b)"},
        {".a", ".a", ".a"},
    };
    struct loaded loaded = loaded_text(RULES);
    cr_assert_not_null(loaded.config);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[400];
        bool is_new = rewrite_complete(loaded.config, cases[i].from, out, sizeof out);
        cr_assert_str_eq(out, cases[i].completed);
        cr_assert_eq(is_new, strcmp(out, cases[i].from) != 0);
        is_new = rewrite_sender(loaded.config, cases[i].from, out, sizeof out);
        cr_assert_str_eq(out, cases[i].rewritten);
        cr_assert_eq(is_new, strcmp(out, cases[i].from) != 0);
    }
    loaded_clear(&loaded);
}

TEST(rewrite, without_rules)
{
    /* Without an origin the hostname is one. */
    struct loaded loaded = loaded_text(LOADED_HOST);
    char out[400];
    cr_assert(rewrite_sender(loaded.config, "root", out, sizeof out));
    cr_assert_str_eq(out, "root@relay.mesura.test");
    cr_assert(rewrite_complete(loaded.config, "root", out, 8));
    cr_assert_str_eq(out, "root@re");
    loaded_clear(&loaded);
}

TEST(rewrite, patterns)
{
    /* An address, a domain, all below a domain, all; case-blind. */
    static const struct {
        const char *pattern;
        const char *address;
        bool matches;
    } cases[] = {
        {"*", "a@b.test", true},          {"A@b.test", "a@B.test", true},
        {"a@b.test", "aa@b.test", false}, {"b.test", "a@b.test", true},
        {"@b.test", "a@b.test", true},    {"b.test", "a@x.b.test", false},
        {".b.test", "a@x.b.test", true},  {".b.test", "a@b.test", false},
        {".b.test", "a@xb.test", false},  {"b.test", "b.test", false},
        {"", "a@b.test", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(rewrite_matches(cases[i].pattern, cases[i].address),
                     cases[i].matches, "%s %s", cases[i].pattern, cases[i].address);
    }
}
