#include <stdio.h>

#include "relay/known.h"

#include "tests/support/core_rig.h"

#define DAY INT64_C(86400000)

/* A mailbox that took mail is known for at least sixty days and at most ninety, also
 * after a restart; few others are taken for it. */
TEST(known, days)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct known *known = rig.core->suppression.known;
    int64_t now = CORE_RIG_START;
    char name[32];
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "u%d@x.test", i);
        known_add(known, name, now);
    }
    core_rig_stop(&rig);
    core_rig_start(&rig);
    known = rig.core->suppression.known;
    unsigned wrong = 0;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "u%d@x.test", i);
        cr_assert(known_has(known, name));
        (void)snprintf(name, sizeof name, "v%d@x.test", i);
        wrong += known_has(known, name);
    }
    cr_assert_lt(wrong, 5);
    known_add(known, "new@x.test", now + 59 * DAY);
    cr_assert(known_has(known, "u7@x.test"));
    known_add(known, "new@x.test", now + 91 * DAY);
    cr_assert_not(known_has(known, "u7@x.test"));
    cr_assert(known_has(known, "new@x.test"));
    core_rig_close(&rig);
}

/* Rows that nobody of ours has written are left alone. */
TEST(known, foreign)
{
    static const char *const keys[] = {"#known|0|512", "#known|3|0", "#known|x",
                                       "#known|", "#known|0|0|1"};
    struct known *known = known_new(CORE_RIG_START);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct store_row row = {.key = keys[i], .value = "month=656 bits=AAAA"};
        known_load(known, &row, CORE_RIG_START);
    }
    struct store_row row = {.key = "#known|0|0", .value = "month=656 bits=AA!A"};
    known_load(known, &row, CORE_RIG_START);
    cr_assert_not(known_has(known, "a@b.test"));
    known_free(known);
    known_free(NULL);
}
