#include "tests/support/loaded.h"

#define ONE "{ name = \"one\"; address = \"192.0.2.1\"; }"
#define TWO "{ name = \"two\"; address = \"192.0.2.2\"; }"

TEST(config_verify, walls)
{
    /* A source serves one stream unless it says shared, fallbacks included. */
    static const struct loaded_case cases[] = {
        {"sources = ( " ONE " );", 1, "already serves stream \"urgent\""},
        {"sources = ( " ONE ", " TWO " );\n"
         "streams = ( { name = \"a\"; sources = [ \"one\" ]; },\n"
         "  { name = \"b\"; sources = [ \"two\", \"one\" ]; } );",
         4, "stream \"b\": source \"one\" already serves stream \"a\""},
        {"sources = ( " ONE ", " TWO " );\n"
         "streams = ( { name = \"a\"; sources = [ \"one\" ]; fallback_source = \"two\"; "
         "},\n"
         "  { name = \"b\"; sources = [ \"two\" ]; } );",
         3, "belongs to stream \"b\""},
        {"sources = ( " ONE " );\n"
         "streams = ( { name = \"a\"; sources = [ \"one\" ]; fallback_source = \"one\"; "
         "} );",
         3, "one of its own sources"},
        {"sources = ( " ONE " );\nstreams = ( { name = \"a\"; sources = [ ]; } );", 3,
         "no source to send from"},
    };
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "sources = ( { name = \"one\"; address = \"192.0.2.1\"; shared = true; } "
        ");\n");

    loaded_cases(cases + 1, sizeof cases / sizeof cases[0] - 1, CONFIG_NOTE_ERROR);
    cr_assert_not_null(loaded.config, "shared = true lets all three send");
    loaded_clear(&loaded);
    loaded = loaded_text(LOADED_HOST "sources = ( " ONE " );\n");
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, cases[0].line, cases[0].says));
    cr_assert_eq(loaded.notes.errors, 2, "one for each further stream");
    loaded_clear(&loaded);
}

TEST(config_verify, sources)
{
    /* A source is one address of the right family, and one address is one source. */
    static const struct loaded_case cases[] = {
        {"sources = ( );", 2, "sources is empty"},
        {"sources = ( { name = \"a\"; shared = true; address = \"2001:db8::1\"; } );", 2,
         "write address6 = \"2001:db8::1\""},
        {"sources = ( { name = \"a\"; shared = true; address6 = \"192.0.2.1\"; } );", 2,
         "write address = \"192.0.2.1\""},
        {"sources = ( { name = \"a\"; shared = true; address = \"0.0.0.0\"; } );", 2,
         "one address of this machine"},
        {"sources = ( { name = \"a\"; shared = true; address = \"192.0.2.1:25\"; } );", 2,
         "not an IP address"},
        {"sources = ( { name = \"a\"; shared = true; helo = \"192.0.2.1\"; } );", 2,
         "helo is an address"},
        {"sources = ( { name = \"a\"; shared = true; address = \"192.0.2.1\"; },\n"
         "  { name = \"b\"; shared = true; address = \"192.0.2.1\"; } );",
         3, "its address is that of \"a\""},
        {"sources = ( { name = \"a\"; shared = true; },\n { name = \"b\"; shared = true; "
         "} );",
         3, "neither it nor \"a\" has an address"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}

TEST(config_verify, top)
{
    /* Paths and names at the top are usable ones. */
    static const struct loaded_case cases[] = {
        {"spool = \"\";", 2, "cannot be empty"},
        {"control = "
         "\"/1234567890123456789012345678901234567890123456789012345678901234567890"
         "1234567890123456789012345678901234567890\";",
         2, "at most 107 bytes"},
        {"adapt = { pause = \"10m\"; max_pause = \"5m\"; };", 2, "longer than max_pause"},
        {"streams = ( );", 2, "streams is empty"},
        {"streams = ( { name = \"bulk\"; senders = [ \"a b\" ]; } );", 2, "is no domain"},
        {"streams = ( { name = \"bulk\"; senders = [ \"a.test\" ]; auto = true; },\n"
         "  { name = \"other\"; senders = [ \"A.test\" ]; } );",
         3, "is stream \"bulk\"'s already"},
        {"streams = ( { name = \"bulk\"; auto = true; },\n"
         "  { name = \"other\"; auto = true; } );",
         3, "takes list mail already"},
    };
    struct loaded loaded = loaded_text("hostname = \"192.0.2.1\";\n");

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 1, "is an address"));
    loaded_clear(&loaded);
    loaded = loaded_text("hostname = \"a b\";\n");
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 1, "a host name in quotes"));
    loaded_clear(&loaded);
}
