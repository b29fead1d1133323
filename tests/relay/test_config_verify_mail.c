#include "tests/support/loaded.h"

TEST(config_verify_mail, sites)
{
    /* Every site but the default says what it matches, and nothing matches twice. */
    static const struct loaded_case cases[] = {
        {"sites = ( { name = \"a\"; } );", 2, "match is missing"},
        {"sites = ( { name = \"default\"; match = [ \"a.test\" ]; } );", 2,
         "remove match"},
        {"sites = ( { name = \"a\"; match = [ \"mx:\" ]; } );", 2, "is not a pattern"},
        {"sites = ( { name = \"a\"; match = [ \"a b\" ]; } );", 2, "is not a pattern"},
        {"sites = ( { name = \"a\"; match = [ \"me@a.test\" ]; } );", 2,
         "is not a pattern"},
        {"sites = ( { name = \"a\"; match = [ \"a.test\" ]; },\n"
         "  { name = \"b\"; match = [ \"b.test\", \"A.test\" ]; } );",
         3, "taken by site \"a\", at test.conf:2"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}

TEST(config_verify_mail, routes)
{
    /* A route goes somewhere, is not hidden by an earlier one, and keeps its password. */
    static const struct loaded_case cases[] = {
        {"routes = ( { domain = \"a.test\"; } );", 2, "where to?"},
        {"routes = ( { domain = \"*.a.test\"; host = \"h.test\"; } );", 2,
         "domain \"*.a.test\" is not possible"},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; sender = \"bob\"; } );", 2,
         "sender \"bob\" is not possible"},
        {"routes = ( { domain = \"*\"; host = \"h.test:x\"; } );", 2, "is not a host"},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; user = \"u\"; tls = "
         "\"verify\"; "
         "password_file = \"relative\"; } );",
         2, "credential:NAME"},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; user = \"u\"; tls = "
         "\"verify\"; "
         "password_file = \"credential:../x\"; } );",
         2, "credential:NAME"},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; user = \"u\"; tls = "
         "\"verify\"; "
         "auth = \"xoauth2\"; password_file = \"/p\"; } );",
         2, "write token_file"},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; user = \"u\"; tls = "
         "\"verify\"; "
         "auth = \"xoauth2\"; } );",
         2, "user and token_file go together"},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; tls = \"dane\"; } );", 2,
         "needs DNSSEC"},
        {"delivery = { tls = \"dane\"; };", 2, "needs DNSSEC"},
        {"dns = { servers = [ \"192.0.2.1:53\" ]; };\ndelivery = { tls = \"dane\"; };", 3,
         "needs DNSSEC"},
        {"sites = ( { name = \"x\"; match = [ \"x.test\" ]; tls = \"dane\"; } );", 2,
         "needs DNSSEC"},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; user = \"u\"; } );", 2,
         "go together"},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; tls = \"required\"; user = "
         "\"u\"; "
         "password_file = \"/p\"; } );",
         2, "say tls = \"verify\""},
        {"routes = ( { domain = \"a.test\"; host = \"h.test\"; },\n"
         "  { domain = \"A.test\"; host = \"i.test\"; sender = \"@b.test\"; } );",
         3, "an earlier route takes all"},
    };
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "routes = ( { domain = \"a.test\"; host = \"h.test\"; sender = \"@b.test\"; },\n"
        "  { domain = \"a.test\"; host = \"i.test\"; stream = \"bulk\"; },\n"
        "  { domain = \"a.test\"; host = \"j.test\"; },\n"
        "  { domain = \".a.test\"; host = \"127.0.0.1:26\"; user = \"u\";\n"
        "    password_file = \"/p\"; } );\n");

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
    loaded_print(&loaded);
    cr_assert_not_null(loaded.config, "narrower first; a password on loopback");
    loaded_clear(&loaded);
    loaded = loaded_text(
        LOADED_HOST
        "dns = { servers = [ \"127.0.0.1:53\", \"[::1]:53\" ]; };\n"
        "delivery = { tls = \"dane\"; };\n"
        "routes = ( { domain = \"*\"; host = \"h.test\"; tls = \"verify\";\n"
        "  user = \"u\"; auth = \"xoauth2\"; token_file = \"credential:t\"; } );\n");
    loaded_print(&loaded);
    cr_assert_not_null(loaded.config, "DANE with resolvers of our own; a token");
    loaded_clear(&loaded);
}

TEST(config_verify_mail, the_rest)
{
    /* Schedules, keys and addresses for alerts that cannot be meant. */
    static const struct loaded_case cases[] = {
        {"retry = { first = \"5h\"; max = \"4h\"; };", 2, "longer than max"},
        {"schedules = ( { name = \"default\"; } );", 2, "written as retry"},
        {"dkim = ( { domain = \"a.test\"; selector = \"s\"; key = \"/k\"; },\n"
         "  { domain = \"A.test\"; selector = \"s\"; key = \"/l\"; } );",
         3, "is there twice"},
        {"alerts = { mail = \"postmaster\"; };", 2, "not one mail address"},
        {"alerts = { mail = \"a@b.test, c@d.test\"; };", 2, "not one mail address"},
        {"alerts = { command = \"page\"; };", 2, "absolute path"},
    };
    struct loaded loaded = loaded_text(
        LOADED_HOST "dkim = ( { domain = \"a.test\"; selector = \"s\"; key = \"/k\"; },\n"
                    "  { domain = \"a.test\"; selector = \"e\"; key = \"/l\"; } );\n");

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
    cr_assert_not_null(loaded.config, "two selectors sign together");
    loaded_clear(&loaded);
}
