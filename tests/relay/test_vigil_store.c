#include <string.h>

#include "relay/vigil_store.h"

#include "tests/support/test.h"

TEST(vigil_store, what_is_written_comes_back)
{
    /* Every field, the longest histories too, within one row of the store; what decays
     * has aged by the time between. */
    static struct conduct before;
    static struct conduct after;
    struct fields fields;
    conduct_init(&before, 480000);
    before.born_day = 19000;
    before.sent = 7;
    before.day_sent = 90;
    before.signs = CONDUCT_SIGN_PRINT;
    before.expected_until = 480010;
    before.expected_volume = 100000;
    before.expected_sent = 5;
    for (size_t i = 0; i < 48; i++) {
        before.usual[i / 24][i % 24] = 1000000.0F;
    }
    for (size_t i = 0; i < CONDUCT_DAYS; i++) {
        before.peaks[i] = 10000000;
    }
    for (size_t i = 0; i < CONDUCT_PRINTS; i++) {
        before.prints[i] = UINT64_MAX - i;
        before.networks[i % CONDUCT_NETWORKS] = UINT64_MAX - i;
    }
    evidence_add(&before.unknown, 5, 100, 0, 1);
    evidence_add(&before.bounced, 6, 100, 0, 1);
    vigil_store_write(&before, &fields);
    cr_assert_not(fields.is_full);
    vigil_store_read(&after, &fields, 480001, 0, 1);
    cr_assert_eq(after.hour, before.hour);
    cr_assert_eq(after.born_day, before.born_day);
    cr_assert_eq(after.sent, 7);
    cr_assert_eq(after.day_sent, 90);
    cr_assert_eq(after.signs, before.signs);
    cr_assert_eq(after.expected_volume, 100000);
    cr_assert_eq(after.expected_sent, 5);
    cr_assert_eq(after.expected_until, 480010);
    for (size_t i = 0; i < 24; i++) {
        cr_assert_eq(after.usual[0][i], before.usual[0][i]);
        cr_assert_eq(after.usual[1][i], before.usual[1][i]);
    }
    cr_assert_eq(memcmp(after.peaks, before.peaks, sizeof after.peaks), 0);
    cr_assert_eq(memcmp(after.networks, before.networks, sizeof after.networks), 0);
    cr_assert_eq(memcmp(after.prints, before.prints, sizeof after.prints), 0);
    cr_assert_float_eq(after.unknown.hits, 5, 1e-9);
    cr_assert_float_eq(after.bounced.total, 100, 1e-9);
}

TEST(vigil_store, a_foreign_line_is_a_new_user)
{
    /* Garbage, hours to come and negative ones are as if nothing had been there. */
    static const char *const lines[] = {"", "hour=99999999 sent=5", "hour=-5 sent=5",
                                        "usual=zz,,, peaks=,1 prints=x sent=0"};
    static struct conduct conduct;
    struct fields fields;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_assert(fields_load(&fields, lines[i], strlen(lines[i])));
        vigil_store_read(&conduct, &fields, 480000, -5, 1);
        cr_assert_eq(conduct.hour, 480000, "line %zu", i);
        cr_assert_eq(conduct.sent, 0, "line %zu", i);
    }
}
