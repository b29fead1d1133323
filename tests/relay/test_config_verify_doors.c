#include "tests/support/loaded.h"

TEST(config_verify_doors, what_cannot_be)
{
    /* Each mistake is told at its line, with what would be right. */
    static const struct loaded_case cases[] = {
        {"rewrites = ( { from = \"root\"; to = \"a@b.test\"; } );", 2,
         "from \"root\" is not possible"},
        {"rewrites = ( { from = \"a@b.test\"; to = \"a b@c.test\"; } );", 2,
         "to \"a b@c.test\" is not possible"},
        {"rewrites = ( { from = \"a@b.test\"; to = \"@c.test\"; } );", 2,
         "write the whole address in both"},
        {"headers = ( { name = \"X Y\"; } );", 2, "is not the name of a field"},
        {"headers = ( { name = \"*\"; } );", 2, "is not the name of a field"},
        {"headers = ( { name = \"X-*\"; action = \"add\"; value = \"x\"; } );", 2,
         "is not the name of a field"},
        {"headers = ( { name = \"Rec*\"; } );", 2, "would change Received"},
        {"headers = ( { name = \"from\"; } );", 2, "would change From"},
        {"headers = ( { name = \"X-Mesura-Job\"; action = \"add\"; value = \"x\"; } );",
         2, "never leaves the relay"},
        {"headers = ( { name = \"X-A\"; value = \"x\"; } );", 2, "a value needs action"},
        {"headers = ( { name = \"X-A\"; action = \"add\"; } );", 2, "one line of ASCII"},
        {"headers = ( { name = \"X-A\"; action = \"set\"; value = \"\xc3\xbc\"; } );", 2,
         "one line of ASCII"},
        {"headers = ( { name = \"X-A\"; stream = \"nonesuch\"; } );", 2,
         "no stream named"},
        {"staging = { redirect_all = \"me\"; };", 2, "is not one mail address"},
        {"staging = {\n allowed = [ \"a b\" ]; };", 3, "is not possible"},
        {"streams = ( { name = \"a\"; archive = \"b\"; } );", 2,
         "is not one mail address"},
    };
    LOADED_CASES(cases, CONFIG_NOTE_ERROR);
}

TEST(config_verify_doors, staging_is_told)
{
    /* A guard left behind on the real system is found by the check. */
    static const struct loaded_case cases[] = {
        {"staging = { redirect_all = \"dev@b.test\"; };", 2, "sends to nobody else"},
        {"staging = { allowed = [ \"b.test\", \".c.test\", \"*\" ]; };", 2,
         "sends to nobody else"},
    };
    LOADED_CASES(cases, CONFIG_NOTE_WARNING);
}
