#include <string.h>

#include "relay/config_diff.h"

#include "tests/support/loaded.h"

#define BASE                                                                 \
    LOADED_HOST "sources = ( { name = \"s1\"; address = \"192.0.2.1\"; },\n" \
                "  { name = \"s2\"; address = \"192.0.2.2\"; } );\n"         \
                "streams = ( { name = \"a\"; sources = [ \"s1\" ]; },\n"     \
                "  { name = \"b\"; sources = [ \"s2\" ]; } );\n"

static struct config_diff compared(const char *old_text, const char *new_text)
{
    struct loaded old = loaded_text(old_text);
    struct loaded new = loaded_text(new_text);
    struct config_diff diff;

    cr_assert_not_null(old.config);
    cr_assert_not_null(new.config);
    config_diff(old.config, new.config, &diff);
    loaded_clear(&old);
    loaded_clear(&new);
    return diff;
}

TEST(config_diff, same)
{
    /* A file that says the same changes nothing that is fixed, and drops nothing. */
    struct config_diff diff = compared(BASE, BASE "adapt = { enabled = false; };\n");

    for (unsigned i = 0; i < CONFIG_FIXED_COUNT; i++) {
        cr_assert_not(diff.fixed_changed[i], "%s",
                      config_fixed_name((enum config_fixed)i));
    }
    cr_assert_eq(diff.source_gone_count, 0);
    cr_assert_eq(diff.stream_gone_count, 0);
    config_diff_clear(&diff);
}

TEST(config_diff, fixed)
{
    /* Each key that is read once at start is told when it changes, and no other. */
    static const struct {
        enum config_fixed fixed;
        const char *text;
    } cases[] = {
        {CONFIG_FIXED_SPOOL, "spool = \"/elsewhere\";"},
        {CONFIG_FIXED_CONTROL, "control = \"/elsewhere\";"},
        {CONFIG_FIXED_WORKERS, "workers = 3;"},
        {CONFIG_FIXED_QUEUE, "queue = { reserve = \"65M\"; };"},
        {CONFIG_FIXED_HTTP, "http = { };"},
        {CONFIG_FIXED_LISTENERS, "listeners = ( { name = \"local\"; port = 26; "
                                 "trust = [ \"::1\" ]; } );"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        struct config_diff diff;

        (void)snprintf(text, sizeof text, "%s%s\n", BASE, cases[i].text);
        diff = compared(BASE, text);
        for (unsigned f = 0; f < CONFIG_FIXED_COUNT; f++) {
            cr_assert_eq(diff.fixed_changed[f], f == cases[i].fixed, "%s: %s",
                         cases[i].text, config_fixed_name((enum config_fixed)f));
        }
        config_diff_clear(&diff);
    }
    {
        struct config_diff diff =
            compared("hostname = \"one.test\";", "hostname = \"two.test\";");

        cr_assert(diff.fixed_changed[CONFIG_FIXED_HOSTNAME]);
        config_diff_clear(&diff);
    }
}

TEST(config_diff, listeners_may_change)
{
    /* Whom a listener trusts and what it allows changes while it runs. */
    struct config_diff diff =
        compared(LOADED_HOST "listeners = ( { name = \"l\"; trust = [ \"::1\" ]; } );\n",
                 LOADED_HOST "listeners = ( { name = \"l\"; trust = [ \"10.0.0.0/8\" ]; "
                             "max_recipients = 5; } );\n");

    cr_assert_not(diff.fixed_changed[CONFIG_FIXED_LISTENERS]);
    config_diff_clear(&diff);
}

TEST(config_diff, gone)
{
    /* What vanishes is told by its index in the old configuration. */
    struct config_diff diff = compared(
        BASE, LOADED_HOST "sources = ( { name = \"s2\"; address = \"192.0.2.2\"; } );\n"
                          "streams = ( { name = \"b\"; } );\n");

    cr_assert_eq(diff.source_gone_count, 1);
    cr_assert_eq(diff.sources_gone[0], 0);
    cr_assert_eq(diff.stream_gone_count, 1);
    cr_assert_eq(diff.streams_gone[0], 0);
    config_diff_clear(&diff);
}
