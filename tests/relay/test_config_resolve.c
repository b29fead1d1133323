#include <string.h>

#include "tests/support/loaded.h"

TEST(config_resolve, unknown_names)
{
    /* A name that nothing has is an error, with the nearest that something has. */
    static const struct loaded_case cases[] = {
        {"listeners = ( { name = \"l\"; trust = [ \"::1\" ]; stream = \"bluk\"; } );", 2,
         "listener \"l\": stream: there is no stream named \"bluk\"; did you mean "
         "\"bulk\"?"},
        {"listeners = ( { name = \"l\"; trust = [ \"::1\" ]; streams = [ \"bulk\", \"x\" "
         "]; "
         "} );",
         2, "streams: there is no stream named \"x\""},
        {"streams = ( { name = \"s\"; sources = [ \"tx1\" ]; } ,\n"
         "{ name = \"t\"; sources = [ \"default\" ]; } );",
         2, "there is no source named \"tx1\""},
        {"streams = ( { name = \"s\"; retry = \"pacient\"; } );", 2,
         "there is no schedule named \"pacient\""},
        {"streams = ( { name = \"s\"; fallback_source = \"other\"; } );", 2,
         "fallback_source: there is no source named \"other\""},
        {"sources = ( { name = \"s\"; shared = true; warmup = \"nosuch\"; } );", 2,
         "there is no warm-up named \"nosuch\""},
        {"routes = ( { domain = \"*\"; host = \"h.test\"; stream = \"x\"; } );", 2,
         "there is no stream named \"x\""},
        {"streams = ( { name = \"s\"; sources = [ \"default\", \"default\" ]; } );", 2,
         "\"default\" is named twice"},
        {"dns = { servers = [ \"resolver.example.net\" ]; };", 2,
         "is not the address of a resolver"},
    };

    /* The first stream case names a source too few; two errors would be one too many. */
    loaded_cases(cases, 2, CONFIG_NOTE_ERROR);
    loaded_cases(cases + 3, sizeof cases / sizeof cases[0] - 3, CONFIG_NOTE_ERROR);
}

TEST(config_resolve, names_and_order)
{
    /* Names become indexes in the order of the file, whatever comes first in it. */
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "listeners = ( { name = \"l\"; trust = [ \"::1\" ]; stream = \"b\"; } );\n"
        "streams = ( { name = \"a\"; sources = [ \"s2\" ]; },\n"
        "  { name = \"b\"; sources = [ \"s3\", \"s1\" ]; fallback_source = \"s4\"; } );\n"
        "sources = ( { name = \"s1\"; address = \"192.0.2.1\"; },\n"
        "  { name = \"s2\"; address = \"192.0.2.2\"; warmup = \"w\"; },\n"
        "  { name = \"s3\"; address = \"192.0.2.3\"; helo = \"three.test\";\n"
        "    public = \"198.51.100.3\"; },\n"
        "  { name = \"s4\"; address = \"192.0.2.4\"; } );\n"
        "warmups = ( { name = \"v\"; }, { name = \"w\"; } );\n");
    const struct config *config = loaded.config;

    loaded_print(&loaded);
    cr_assert_not_null(config);
    cr_assert_eq(config->listeners[0].stream, 1);
    cr_assert_eq(config->listeners[0].streams.count, 1, "only that one may be chosen");
    cr_assert_eq(config->listeners[0].streams.items[0], 1);
    cr_assert_eq(config->streams[1].sources.count, 2);
    cr_assert_eq(config->streams[1].sources.items[0], 2);
    cr_assert_eq(config->streams[1].sources.items[1], 0);
    cr_assert_eq(config->streams[1].fallback_source, 3);
    cr_assert_eq(config->streams[0].fallback_source, CONFIG_NONE);
    cr_assert_str_eq(config->warmups[config->sources[1].warmup].name, "w");
    cr_assert_eq(config->sources[0].warmup, CONFIG_NONE);
    cr_assert_str_eq(config->sources[0].helo, "relay.mesura.test");
    cr_assert_str_eq(config->sources[0].public.text, "192.0.2.1");
    cr_assert_str_eq(config->sources[2].helo, "three.test");
    cr_assert_str_eq(config->sources[2].public.text, "198.51.100.3");
    cr_assert_eq(config->default_stream, 0, "no stream is named transactional");
    loaded_clear(&loaded);
}

TEST(config_resolve, listener_streams)
{
    /* streams alone: the first is the default; both: stream is one of them. */
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "listeners = (\n"
        "  { name = \"a\"; port = 1; trust = [ \"::1\" ]; streams = [ \"bulk\", "
        "\"urgent\" ]; },\n"
        "  { name = \"b\"; port = 2; trust = [ \"::1\" ]; stream = \"urgent\";\n"
        "    streams = [ \"bulk\" ]; },\n"
        "  { name = \"c\"; port = 3; trust = [ \"::1\" ]; } );\n");
    const struct config *config = loaded.config;

    cr_assert_not_null(config);
    cr_assert_eq(config->listeners[0].stream, config_stream_find(config, "bulk"));
    cr_assert_eq(config->listeners[0].streams.count, 2);
    cr_assert_eq(config->listeners[1].stream, config_stream_find(config, "urgent"));
    cr_assert_eq(config->listeners[1].streams.count, 2);
    cr_assert_eq(config->listeners[2].stream,
                 config_stream_find(config, "transactional"));
    cr_assert_eq(config->listeners[2].streams.count, 3);
    loaded_clear(&loaded);
}

TEST(config_resolve, schedules)
{
    /* A stream that names no schedule takes `retry` where the file has it, else the
     * shipped one of its name; lifetime and notice come from there unless it says them.
     */
    struct loaded loaded =
        loaded_text(LOADED_HOST "streams = ( { name = \"bulk\"; } );\n");
    const struct config *config = loaded.config;

    cr_assert_not_null(config);
    cr_assert_str_eq(config->schedules[config->streams[0].retry].name, "bulk");
    cr_assert_eq(config->streams[0].lifetime_ns,
                 INT64_C(2) * 86400 * UNITS_NS_PER_SECOND);
    cr_assert_eq(config->streams[0].delay_notice_ns, 0);
    loaded_clear(&loaded);

    loaded = loaded_text(LOADED_HOST
                         "streams = ( { name = \"bulk\"; delay_notice = \"0s\"; } );\n"
                         "retry = { first = \"7m\"; lifetime = \"4d\"; };\n");
    config = loaded.config;
    cr_assert_not_null(config);
    cr_assert_str_eq(config->schedules[config->streams[0].retry].name, "default");
    cr_assert_eq(config->schedules[config->streams[0].retry].first_ns,
                 INT64_C(420) * UNITS_NS_PER_SECOND);
    cr_assert_eq(config->streams[0].lifetime_ns,
                 INT64_C(4) * 86400 * UNITS_NS_PER_SECOND);
    cr_assert_eq(config_where(config, &config->streams[0].lifetime_ns).line, 3);
    cr_assert_eq(config->streams[0].delay_notice_ns, 0, "its own, not the schedule's");
    loaded_clear(&loaded);
}

TEST(config_resolve, route_ports)
{
    /* Hosts without a port take the route's. */
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "routes = ( { domain = \"*\"; port = 587;\n"
        "  hosts = [ \"one.test\", \"two.test:26\", \"2001:db8::1\" ]; } );\n");
    const struct config_route *route;

    cr_assert_not_null(loaded.config);
    route = &loaded.config->routes[0];
    cr_assert_eq(route->host_count, 3);
    cr_assert_eq(route->hosts[0].port, 587);
    cr_assert_eq(route->hosts[1].port, 26);
    cr_assert_str_eq(route->hosts[2].name, "2001:db8::1");
    cr_assert_eq(route->hosts[2].port, 587);
    cr_assert_eq(route->stream, CONFIG_NONE);
    loaded_clear(&loaded);
}
