#include <string.h>

#include "tests/support/loaded.h"

TEST(config_value, kinds)
{
    /* Every kind of value arrives typed, with its unit, and knows its line. */
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "queue = { memory = \"64M\"; low_space = 3000000000; };\n"
        "adapt = { enabled = false; start_rate = \"5/10m\"; pause = \"1m30s\"; };\n"
        "retry = { first = \"10m\"; factor = 3; jitter = 0.5; };\n"
        "listeners = ( { name = \"a\"; address = \"::1\"; port = 2525;\n"
        "  trust = [ \"10.0.0.0/8\", \"::1\" ]; line_endings = \"normalize\"; } );\n"
        "schedules = ( { name = \"s\"; steps = ( \"1m\", \"2m\" ); } );\n"
        "warmups = ( { name = \"w\"; steps = [ 100, 3000000000 ]; window = "
        "\"22:00-06:00\"; day_starts = \"07:00\"; } );\n"
        "dns = { servers = \"127.0.0.1\"; };\n");
    const struct config *config = loaded.config;
    const struct config_listener *listener;
    char where[64];

    loaded_print(&loaded);
    cr_assert_not_null(config);
    cr_assert_eq(config->queue.memory, 64u << 20);
    cr_assert_eq(config->queue.low_space, UINT64_C(3000000000), "not negative");
    cr_assert_not(config->adapt.enabled);
    cr_assert_eq(config->adapt.start_rate.count, 5);
    cr_assert_eq(config->adapt.start_rate.period_ns, 600 * UNITS_NS_PER_SECOND);
    cr_assert_eq(config->adapt.pause_ns, 90 * UNITS_NS_PER_SECOND);
    listener = &config->listeners[0];
    cr_assert_str_eq(listener->address.text, "::1");
    cr_assert_eq(listener->port, 2525);
    cr_assert_eq(listener->trust.count, 2);
    cr_assert_eq(listener->trust.items[0].prefix, 8);
    cr_assert_eq(listener->line_endings, CONFIG_LINES_NORMALIZE);
    cr_assert_eq(config->schedules[0].steps.count, 2);
    cr_assert_eq(config->schedules[0].steps.items_ns[1], 120 * UNITS_NS_PER_SECOND);
    cr_assert_eq(config->warmups[0].steps.items[1], UINT64_C(3000000000));
    cr_assert_eq(config->warmups[0].window.to_minute, 360);
    cr_assert_eq(config->warmups[0].day_starts_minute, 420);
    cr_assert_str_eq(config->dns.servers.items[0], "127.0.0.1:53");
    cr_assert_str_eq(config_where_print(config, &listener->trust, where, sizeof where),
                     "test.conf:6");
    cr_assert_str_eq(config_where_print(config, &config->spool, where, sizeof where),
                     "default");
    loaded_clear(&loaded);
}

TEST(config_value, wrong_types)
{
    /* A value of the wrong type is told what would be right, on its line. */
    static const struct loaded_case cases[] = {
        {"workers = \"2\";", 2, "workers: write a whole number"},
        {"workers = 2.5;", 2, "workers: write a whole number"},
        {"workers = true;", 2, "workers: write a whole number"},
        {"workers = -1;", 2, "negative"},
        {"workers = 1000;", 2, "from 0 to 256"},
        {"\nspool = 5;", 3, "spool: write an absolute path"},
        {"spool = \"relative/path\";", 2, "\"relative/path\" is not possible"},
        {"spool = [ \"/a\" ];", 2, "spool: write an absolute path"},
        {"adapt = { enabled = \"yes\"; };", 2, "adapt.enabled: write true or false"},
        {"adapt = { enabled = 1; };", 2, "adapt.enabled: write true or false"},
        {"adapt = { pause = 60; };", 2, "adapt.pause: write a duration"},
        {"adapt = { start_rate = 5; };", 2, "a rate in quotes"},
        {"adapt = { start_rate = \"2000000000/s\"; };", 2, "\"unlimited\""},
        {"queue = 5;", 2, "queue: write a group"},
        {"queue = ( { memory = \"64M\"; } );", 2, "queue: write a group"},
        {"listeners = { name = \"a\"; };", 2, "listeners: write a list of groups"},
        {"listeners = ( 5 );", 2, "each entry is a group"},
        {"dns = { servers = [ 5 ]; };", 2, "dns.servers: write a list"},
        {"delivery = { port = 70000; };", 2, "from 1 to 65535"},
        {"delivery = { port = 0; };", 2, "from 1 to 65535"},
        {"delivery = { tls = \"oportunistic\"; };", 2, "did you mean \"opportunistic\""},
        {"retry = { factor = 0.5; };", 2, "from 1 to 100"},
        {"retry = { jitter = \"0.2\"; };", 2, "write a number"},
        {"alerts = { mail = \"a\tb@example.org\"; };", 2, "control character"},
        {"warmups = ( { name = \"w\"; steps = [ 0 ]; } );", 2, "out of bounds"},
        {"warmups = ( { name = \"w\"; timezone = \"../../etc/passwd\"; } );", 2,
         "a time zone in quotes"},
        {"sources = ( { name = \"a b\"; shared = true; } );", 2, "a name of letters"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}

TEST(config_value, too_many)
{
    /* Lists that policy keeps in fixed arrays are bounded here. */
    static const struct loaded_case cases[] = {
        {"schedules = ( { name = \"s\"; steps = [ \"1m\", \"1m\", \"1m\", \"1m\", "
         "\"1m\", "
         "\"1m\", \"1m\", \"1m\", \"1m\", \"1m\", \"1m\", \"1m\", \"1m\", \"1m\", "
         "\"1m\", "
         "\"1m\", \"1m\" ]; } );",
         2, "more than 16 entries"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}
