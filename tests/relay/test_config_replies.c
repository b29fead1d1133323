#include <string.h>

#include "policy/match.h"
#include "policy/replies.h"

#include "tests/support/loaded.h"

TEST(config_replies, rules)
{
    /* A rule of the file arrives as a rule of policy, folded as texts are. */
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "replies = ( { name = \"ours\"; match = \"QUOTA for Today\"; code = \"4xx\";\n"
        "    class = \"throttle\"; scope = \"lane\"; },\n"
        "  { match = \"z\xc3\xa9ro\"; unless = \"mailbox\";\n"
        "    enhanced = \"5.7.606-649\"; provider = \"*.example.net\";\n"
        "    class = \"ip-listed\"; scope = \"source\"; } );\n");
    const struct replies_rule *rules;
    struct match_text text;

    loaded_print(&loaded);
    cr_assert_not_null(loaded.config);
    cr_assert_eq(loaded.config->reply_count, 2);
    rules = loaded.config->reply_rules;
    cr_assert_str_eq(rules[0].name, "ours");
    cr_assert_eq(rules[0].class, FINDING_THROTTLE);
    cr_assert_eq(rules[0].scope, FINDING_SCOPE_LANE);
    cr_assert_eq(rules[0].code_low, 400);
    cr_assert_eq(rules[0].code_high, 499);
    cr_assert_null(rules[0].unless);
    match_prepare(&text, "Your quota for today is used up");
    cr_assert(match_phrase(rules[0].match, &text));
    match_prepare(&text, "Z\xc3\xa9RO");
    cr_assert(match_phrase(rules[1].match, &text));
    cr_assert_str_eq(rules[1].name, "test.conf:6", "the line of its class");
    cr_assert_eq(rules[1].enhanced_low[2], 606);
    cr_assert_eq(rules[1].enhanced_high[2], 649);
    cr_assert_str_eq(rules[1].provider, "*.example.net");
    loaded_clear(&loaded);
}

TEST(config_replies, refused)
{
    /* A rule that cannot be understood is an error, not a rule that never matches. */
    static const struct loaded_case cases[] = {
        {"replies = ( { match = \"x\"; class = \"throtle\"; scope = \"lane\"; } );", 2,
         "did you mean \"throttle\"?"},
        {"replies = ( { match = \"x\"; class = \"accepted\"; scope = \"lane\"; } );", 2,
         "is not one of those"},
        {"replies = ( { match = \"x\"; class = \"throttle\"; scope = \"lanes\"; } );", 2,
         "did you mean \"lane\"?"},
        {"replies = ( { match = \"x\"; code = \"4yy\"; class = \"throttle\"; scope = "
         "\"lane\"; "
         "} );",
         2, "code \"4yy\" is not possible"},
        {"replies = ( { match = \"x\"; enhanced = \"4\"; class = \"throttle\"; scope = "
         "\"lane\"; } );",
         2, "enhanced \"4\" is not possible"},
        {"replies = ( { class = \"throttle\"; scope = \"lane\"; } );", 2,
         "would take every reply"},
        {"replies = ( { match = \"x\"; scope = \"lane\"; } );", 2, "class is missing"},
        {"replies = ( { match = \"tomorrow\"; class = \"throttle\"; scope = \"lane\";\n"
         "  samples = [ \"550 5.1.1 User unknown\" ]; } );",
         2, "is decided by rule notion-mailbox-unknown"},
        {"replies = ( { match = \"user\"; class = \"throttle\"; scope = \"lane\";\n"
         "  never = [ \"550 5.1.1 User unknown\" ]; } );",
         2, "which stands under never"},
        {"replies = ( { match = \"user\"; class = \"throttle\"; scope = \"lane\";\n"
         "  samples = [ \"User unknown\" ]; } );",
         2, "is no reply"},
    };

    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}

TEST(config_replies, samples)
{
    /* A rule that decides its samples, at the provider it asks for, is taken. */
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "replies = ( { match = \"archive\"; provider = \"*.example.net\";\n"
        "    class = \"remote-failure\"; scope = \"lane\";\n"
        "    samples = [ \"451 4.3.0 the archive is not mounted\" ];\n"
        "    never = [ \"550 5.1.1 User unknown\", \"452 4.2.2 Mailbox full\" ]; } );\n");

    loaded_print(&loaded);
    cr_assert_not_null(loaded.config);
    cr_assert_eq(loaded.config->replies[0].samples.count, 1);
    cr_assert_eq(loaded.config->replies[0].never.count, 2);
    loaded_clear(&loaded);
}
