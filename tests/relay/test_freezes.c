#include <errno.h>
#include <string.h>

#include "relay/freezes.h"

#include "tests/support/core_rig.h"

/* What is frozen is so after a crash, with its reason; what is thawed or over is not. */
TEST(freezes, durable)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct freezes *freezes = &rig.core->freezes;
    struct freeze freeze = {.kind = FREEZE_USER,
                            .name = "eve|x",
                            .why = "spam \"here\"",
                            .by = "ops",
                            .since_unix_ms = 5};
    cr_assert_eq(freezes_set(freezes, &freeze, NULL), 0);
    freeze.kind = FREEZE_SITE;
    freeze.until_unix_ms = 10;
    cr_assert_eq(freezes_set(freezes, &freeze, NULL), 0);
    freeze.kind = FREEZE_STREAM;
    freeze.name[0] = '\0';
    cr_assert_eq(freezes_set(freezes, &freeze, NULL), -EINVAL);
    cr_assert_eq(freezes_expire(freezes, 9), 0);
    cr_assert_eq(freezes_expire(freezes, 10), 1);
    core_rig_run(&rig);
    core_rig_crash(&rig);
    freezes = &rig.core->freezes;
    const struct freeze *found = freezes_find(freezes, FREEZE_USER, "eve|x");
    cr_assert_not_null(found);
    cr_assert_str_eq(found->why, "spam \"here\"");
    cr_assert_str_eq(found->by, "ops");
    cr_assert_eq(found->until_unix_ms, 0);
    cr_assert_null(freezes_find(freezes, FREEZE_SITE, "eve|x"));
    cr_assert(freezes_clear(freezes, FREEZE_USER, "eve|x", NULL));
    cr_assert_not(freezes_clear(freezes, FREEZE_USER, "eve|x", NULL));
    core_rig_close(&rig);
}

/* Kinds have names, both ways. */
TEST(freezes, kinds)
{
    enum freeze_kind kind = FREEZE_KINDS;
    for (int i = 0; i < FREEZE_KINDS; i++) {
        cr_assert(freeze_kind_parse(freeze_kind_name((enum freeze_kind)i), &kind));
        cr_assert_eq((int)kind, i);
    }
    cr_assert_not(freeze_kind_parse("moon", &kind));
}
