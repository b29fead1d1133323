#include "relay/config_later.h"

#include "tests/support/loaded.h"

TEST(config_later, table)
{
    /* A key waits as a whole, a value only where it is that value. */
    cr_assert(config_later_has("stream", "alignment", NULL));
    cr_assert_not(config_later_has("queue", "memory", NULL));
    cr_assert_not(config_later_has("listener", "alignment", NULL));
    cr_assert(config_later_has("listener", "long_lines", "convert"));
    cr_assert_not(config_later_has("listener", "long_lines", "refuse"));
    cr_assert_not(config_later_has("listener", "long_lines", NULL));
}

TEST(config_later, refused)
{
    /* What this version does not have is refused in so many words, never ignored. */
    static const struct loaded_case cases[] = {
        {"alerts = { webhook = \"\"; };", 2, "alerts.webhook is not in this version"},
        {"listeners = ( { name = \"a\"; trust = [ \"::1\" ]; proxy_from = [ ]; } );", 2,
         "listener \"a\": proxy_from is not in this version"},
        {"streams = ( { name = \"s\"; alignment = \"warn\"; } );", 2,
         "stream \"s\": alignment is not in this version"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}
