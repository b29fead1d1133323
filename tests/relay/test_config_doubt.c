#include "tests/support/loaded.h"

TEST(config_doubt, warnings)
{
    /* What works and is probably not meant is told, and the configuration is usable. */
    static const struct loaded_case cases[] = {
        {"delivery = { enabled = false; };", 2, "nothing is sent"},
        {"delivery = { allow_private_mx = true; };", 2, "internal hosts"},
        {"queue = { low_space = \"1M\"; };", 1, "reserve is larger"},
        {"listeners = ( { name = \"l\"; trust = [ \"203.0.0.0/8\" ]; } );", 2,
         "as wide as /8"},
        {"http = { address = \"192.0.2.1\"; };", 2, "without TLS"},
        {"dns = { servers = [ \"8.8.8.8\" ]; };", 2, "8.8.8.8 is a public resolver"},
        {"dns = { servers = [ \"127.0.0.1\", \"[2620:fe::fe]:53\" ]; };", 2,
         "2620:fe::fe is a public resolver"},
        {"sources = ( { name = \"a\"; address = \"10.0.0.5\"; shared = true; } );", 2,
         "10.0.0.5 is a private address"},
        {"sources = ( { name = \"a\"; address = \"192.0.2.5\"; shared = true; } );", 2,
         "serves 3 streams: they are not walled"},
        {"streams = ( { name = \"a\"; mode = \"observe\"; } );", 2,
         "stops and slows nothing"},
        {"streams = ( { name = \"a\"; lifetime = \"1m\"; delay_notice = \"0s\"; } );", 2,
         "every deferral is a bounce"},
        {"streams = ( { name = \"a\"; lifetime = \"2h\"; delay_notice = \"2h\"; } );", 2,
         "nobody will get one"},
        {"sites = ( { name = \"default\"; max_rate = \"unlimited\"; } );", 2,
         "only what is learnt"},
        {"adapt = { enabled = false; };\n"
         "sites = ( { name = \"default\"; max_rate = \"unlimited\"; } );",
         3, "nothing slows it before it blocks you"},
        {"sites = ( { name = \"default\"; max_rate = \"1001/s\"; } );", 2, "a thousand"},
        {"sites = ( { name = \"default\"; max_connections = 0; } );", 2,
         "no limit of connections"},
        {"sources = ( { name = \"a\"; address = \"192.0.2.1\"; },\n"
         "  { name = \"b\"; address = \"192.0.2.2\"; } );\n"
         "streams = ( { name = \"a\"; sources = [ \"a\" ]; },\n"
         "  { name = \"b\"; sources = [ \"b\" ]; } );\n"
         "dkim = ( { domain = \"a.test\"; selector = \"s\"; key = \"/k\"; } );",
         6, "signs for every stream"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_WARNING);
}

TEST(config_doubt, quiet)
{
    /* A usual configuration gives no warning at all. */
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "dns = { servers = [ \"127.0.0.1:53\", \"8.8.8.80\" ]; };\n"
        "listeners = ( { name = \"l\"; trust = [ \"10.0.0.0/8\", \"fc00::/7\",\n"
        "  \"203.0.113.0/24\" ]; } );\n"
        "sources = ( { name = \"a\"; address = \"192.0.2.1\"; },\n"
        "  { name = \"b\"; address = \"10.0.0.2\"; public = \"192.0.2.2\"; } );\n"
        "streams = ( { name = \"a\"; sources = [ \"a\" ]; },\n"
        "  { name = \"b\"; sources = [ \"b\" ]; } );\n"
        "dkim = ( { domain = \"a.test\"; selector = \"s\"; key = \"/k\";\n"
        "  stream = \"a\"; } );\n");

    loaded_print(&loaded);
    cr_assert_not_null(loaded.config);
    cr_assert_eq(loaded.notes.warnings, 0);
    loaded_clear(&loaded);
}

TEST(config_doubt, hostname)
{
    /* A name that nobody can look up, or that of the example, is told. */
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"hostname = \"erp\";", "means nothing outside"},
        {"hostname = \"erp.local\";", "means nothing outside"},
        {"hostname = \"mail.example.com\";", "is the example"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loaded loaded = loaded_text(cases[i].text);

        cr_assert_not_null(loaded.config);
        cr_assert(loaded_has(&loaded, CONFIG_NOTE_WARNING, 1, cases[i].says));
        loaded_clear(&loaded);
    }
}
