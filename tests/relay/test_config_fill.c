#include <string.h>

#include "tests/support/loaded.h"

TEST(config_fill, unknown_keys)
{
    /* A key that nobody knows is an error with its line and the nearest known one. */
    static const struct loaded_case cases[] = {
        {"spol = \"/a\";", 2, "spol: no such key; did you mean \"spool\"?"},
        {"bananas = 5;", 2, "bananas: no such key"},
        {"queue = {\n memori = \"1G\"; };", 3,
         "queue.memori: no such key; did you mean "
         "\"memory\"?"},
        {"max_message = \"1M\";", 2, "it belongs in listeners"},
        {"delivery = { timeouts = {\n\n conect = \"1s\"; }; };", 4,
         "delivery.timeouts.conect: no such key; did you mean \"connect\"?"},
        {"sites = ( { name = \"x\"; match = [ \"x.test\" ]; maxrate = \"1/s\"; } );", 2,
         "site \"x\": maxrate: no such key; did you mean \"max_rate\"?"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}

TEST(config_fill, required)
{
    /* What has no default must be there. */
    static const struct loaded_case cases[] = {
        {"sources = ( { shared = true; } );", 2, "source: name is missing"},
        {"dkim = (\n { domain = \"a.test\"; key = \"/k\"; } );", 3,
         "selector is missing"},
        {"routes = ( { host = \"a.test\"; } );", 2, "domain is missing"},
    };
    struct loaded loaded = loaded_text("spool = \"/a\";\n");

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 1, "hostname is missing"));
    cr_assert_eq(loaded.notes.errors, 1);
    loaded_clear(&loaded);
}

TEST(config_fill, names_twice)
{
    /* Two entries of one name are an error that tells where the first is. */
    static const struct loaded_case cases[] = {
        {"sites = ( { name = \"x\"; match = [ \"x.test\" ]; },\n"
         "  { name = \"x\"; match = [ \"y.test\" ]; } );",
         3, "the name is taken, at test.conf:2"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}

TEST(config_fill, sites_layers)
{
    /* A site takes what it does not say from "default", and says who set each limit. */
    struct loaded loaded =
        loaded_text(LOADED_HOST "sites = (\n"
                                "  { name = \"slow\"; match = [ \"slow.test\" ];\n"
                                "    max_rate = \"1/m\"; },\n"
                                "  { name = \"default\"; max_connections = 3; }\n"
                                ");\n");
    const struct config *config = loaded.config;
    const struct config_site *slow;
    const struct config_site *rest;
    char where[64];

    loaded_print(&loaded);
    cr_assert_not_null(config);
    cr_assert_eq(config_site_find(config, "slow"), 0, "the file's own come first");
    slow = &config->sites[0];
    rest = &config->sites[config->default_site];
    cr_assert_eq(slow->max_connections, 3);
    cr_assert_eq(slow->max_rate.count, 1);
    cr_assert_eq(rest->max_rate.count, 20, "the shipped default");
    cr_assert_eq(rest->messages_per_connection, 100);
    cr_assert_str_eq(
        config_where_print(config, &slow->max_connections, where, sizeof where),
        "test.conf:5");
    cr_assert_str_eq(config_where_print(config, &slow->max_rate, where, sizeof where),
                     "test.conf:4");
    cr_assert_str_eq(
        config_where_print(config, &slow->total_max_rate, where, sizeof where),
        "default");
    cr_assert_eq(slow->match.count, 1);
    cr_assert_eq(rest->match.count, 0);
    loaded_clear(&loaded);
}

TEST(config_fill, shipped_changed)
{
    /* An entry with a shipped name changes the keys it writes and keeps the rest. */
    struct loaded loaded = loaded_text(
        LOADED_HOST "schedules = ( { name = \"bulk\"; lifetime = \"9d\"; } );\n");
    const struct config_schedule *bulk;

    cr_assert_not_null(loaded.config);
    bulk = &loaded.config->schedules[0];
    cr_assert_str_eq(bulk->name, "bulk");
    cr_assert_eq(bulk->lifetime_ns, INT64_C(9) * 86400 * UNITS_NS_PER_SECOND);
    cr_assert_eq(bulk->steps.count, 1);
    cr_assert_eq(bulk->steps.items_ns[0], INT64_C(900) * UNITS_NS_PER_SECOND);
    loaded_clear(&loaded);
}

TEST(config_fill, whole_lists)
{
    /* Streams of the file replace the default ones altogether. */
    struct loaded loaded =
        loaded_text(LOADED_HOST "streams = ( { name = \"only\"; } );\n");

    cr_assert_not_null(loaded.config);
    cr_assert_eq(loaded.config->stream_count, 1);
    cr_assert_str_eq(loaded.config->streams[0].name, "only");
    cr_assert_eq(loaded.config->default_stream, 0);
    loaded_clear(&loaded);
}

TEST(config_fill, host_twice)
{
    /* host and hosts are one thing; both would hide one of them. */
    static const struct loaded_case cases[] = {
        {"routes = ( { domain = \"*\"; host = \"a.test\"; hosts = [ \"b.test\" ]; } );",
         2, "host is given too"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}
