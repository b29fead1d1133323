#include "tests/support/loaded.h"

TEST(config_verify_listeners, never_an_open_relay)
{
    /* No listener serves everybody: without trust or auth, or with the Internet in trust,
     * there is no relay at all. */
    static const struct loaded_case cases[] = {
        {"listeners = (\n{ name = \"l\"; } );", 3,
         "nobody could send here, or everybody"},
        {"listeners = ( { name = \"l\"; trust = [ ]; } );", 2, "nobody could send here"},
        {"listeners = ( { name = \"l\"; trust = [ \"0.0.0.0/0\" ]; } );", 2,
         "open relay"},
        {"listeners = ( { name = \"l\"; trust = [ \"::/0\" ]; } );", 2, "open relay"},
        {"listeners = ( { name = \"l\"; trust = [ \"128.0.0.0/1\" ]; } );", 2,
         "open relay"},
        {"listeners = ( { name = \"l\"; trust = [ \"2000::/3\" ]; } );", 2, "open relay"},
        {"listeners = ( { name = \"l\"; trust = [ \"::ffff:0.0.0.0/96\" ]; } );", 2,
         "open relay"},
        {"listeners = ( );", 2, "listeners is empty"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}

TEST(config_verify_listeners, passwords)
{
    /* Passwords go under TLS, or on loopback when the listener says so. */
    static const struct loaded_case cases[] = {
        {"listeners = ( { name = \"l\"; auth = \"required\"; } );", 2, "under TLS only"},
        {"listeners = ( { name = \"l\"; auth = \"required\"; address = \"0.0.0.0\"; "
         "auth_without_tls = true; } );",
         2, "loopback addresses only"},
        {"listeners = ( { name = \"l\"; trust = [ \"::1\" ]; auth_without_tls = true; } "
         ");",
         2, "means nothing without auth"},
        {"users = \"\"; listeners = ( { name = \"l\"; auth = \"optional\"; "
         "auth_without_tls = true; } );",
         2, "needs the users file"},
        {"listeners = ( { name = \"l\"; trust = [ \"::1\" ]; tls = \"starttls\"; } );", 2,
         "needs a certificate"},
        {"tls = { certificate = \"/a\"; };\nlisteners = ( { name = \"l\"; trust = [ "
         "\"::1\" ];"
         " tls = \"implicit\"; } );",
         3, "needs a certificate"},
    };
    struct loaded loaded =
        loaded_text(LOADED_HOST "listeners = ( { name = \"l\"; auth = \"required\"; "
                                "auth_without_tls = true; port = 0; } );\n");

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
    cr_assert_not_null(loaded.config);
    loaded_clear(&loaded);
}

TEST(config_verify_listeners, sockets)
{
    /* Two listeners cannot have one port, nor can the API take theirs. */
    static const struct loaded_case cases[] = {
        {"listeners = ( { name = \"a\"; port = 26; trust = [ \"::1\" ]; },\n"
         "{ name = \"b\"; port = 26; trust = [ \"::1\" ]; } );",
         3, "taken by listener \"a\""},
        {"listeners = ( { name = \"a\"; port = 26; trust = [ \"::1\" ]; },\n"
         "{ name = \"b\"; address = \"0.0.0.0\"; port = 26; trust = [ \"::1\" ]; } );",
         3, "taken by listener \"a\""},
        {"http = { port = 26; };\nlisteners = ( { name = \"a\"; port = 26; trust = [ "
         "\"::1\" "
         "]; } );",
         3, "that of http"},
        {"listeners = ( { name = \"a\"; address = \"\"; trust = [ \"::1\" ]; } );", 2,
         "address is empty"},
        {"http = { token_file = \"\"; };", 2, "http.token_file is empty"},
        {"http = { address = \"\"; };", 2, "http.address is empty"},
    };
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "listeners = ( { name = \"a\"; port = 0; trust = [ \"::1\" ]; },\n"
        "  { name = \"b\"; port = 0; trust = [ \"::1\" ]; },\n"
        "  { name = \"c\"; port = 26; trust = [ \"::1\" ]; },\n"
        "  { name = \"d\"; port = 26; address = \"::1\"; trust = [ \"::1\" ]; } );\n");

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
    cr_assert_not_null(loaded.config,
                       "ports the system picks, and other families, differ");
    loaded_clear(&loaded);
}
