#include "relay/config.h"
#include "relay/sources.h"

#include "tests/support/core_rig.h"

/* Across a reload a source keeps what is known of it; one that is gone from the file
 * keeps it too, and has no number. */
TEST(sources, reload_keeps_state)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct source *one = core_rig_find_source(&rig, "one");
    struct source *two = core_rig_find_source(&rig, "two");
    cr_assert_eq(sources_at(&rig.core->sources, 1), two);
    one->tally.delivered = 7;
    core_rig_config(
        &rig, "sources = ( { name = \"one\"; address = \"127.0.0.21\"; } );\n"
              "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } );\n");
    cr_assert_eq(core_rig_reload(&rig), 0);
    cr_assert_eq(core_rig_find_source(&rig, "one"), one);
    cr_assert_eq(one->tally.delivered, 7);
    cr_assert_eq(one->address.bytes[3], 21);
    cr_assert_eq(core_rig_find_source(&rig, "two"), two);
    cr_assert_eq(two->index, CONFIG_NONE);
    cr_assert_null(sources_at(&rig.core->sources, 1));
    cr_assert_null(sources_find(&rig.core->sources, "three"));
    core_rig_close(&rig);
}
