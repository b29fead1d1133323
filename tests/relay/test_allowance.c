#include <string.h>

#include "relay/allowance.h"
#include "relay/entropy.h"
#include "relay/users.h"

#include "tests/support/core_rig.h"
#include "tests/support/test.h"

static unsigned answered;

static void on_answer(struct letter *letter)
{
    (void)letter;
    answered++;
}

static void put_user(struct core_rig *rig, uint32_t minute, uint32_t hour, uint32_t day)
{
    struct users *users = users_new();
    struct errmsg err;
    struct users_user user = {.name = "Erp",
                              .priority_high = 9,
                              .per_minute = minute,
                              .per_hour = hour,
                              .per_day = day};
    cr_assert_eq(users_put(users, &user, &err), 0);
    users_free(rig->core->users);
    rig->core->users = users;
}

/* Ask for so many; the code of the answer. */
static unsigned ask(struct core_rig *rig, struct permit *permit, uint32_t recipients)
{
    const struct users_user *user = users_find(rig->core->users, "erp");
    *permit = (struct permit){.core = rig->core,
                              .home = &rig->core->mailbox,
                              .done_cb = on_answer,
                              .recipients = recipients};
    memcpy(permit->user, user->name, sizeof permit->user);
    unsigned before = answered;
    allowances_ask(rig->core, user, permit);
    for (unsigned i = 0; i < 10 && answered == before; i++) {
        core_rig_run(rig); /* until the store has written */
    }
    cr_assert_eq(answered, before + 1, "an answer comes, once");
    return permit->code;
}

/* Exactly the allowance, then 450 with the time at which it opens, then again. */
TEST(allowance, stops_at_the_limit)
{
    struct core_rig rig;
    struct permit permit;
    core_rig_open(&rig, "");
    put_user(&rig, 0, 10, 0);
    cr_assert_eq(ask(&rig, &permit, 7), 0);
    cr_assert_eq(ask(&rig, &permit, 3), 0);
    cr_assert_eq(allowances_used(rig.core, "erp", ALLOWANCE_HOUR), 10);
    cr_assert_eq(ask(&rig, &permit, 1), 450);
    cr_assert_str_eq(permit.text, "4.7.1 user Erp has sent to 10 of 10 recipients this "
                                  "hour; try again after 23:00 UTC");
    core_rig_pass(&rig, INT64_C(47) * 60 * 1000); /* the rig begins at 22:13 */
    cr_assert_eq(allowances_used(rig.core, "erp", ALLOWANCE_HOUR), 0);
    cr_assert_eq(ask(&rig, &permit, 10), 0);
    cr_assert_eq(ask(&rig, &permit, 1), 450);
    core_rig_close(&rig);
}

/* More recipients than ever fit is 550 and costs nothing. */
TEST(allowance, refuses_what_never_fits)
{
    struct core_rig rig;
    struct permit permit;
    core_rig_open(&rig, "");
    put_user(&rig, 5, 100, 100);
    cr_assert_eq(ask(&rig, &permit, 6), 550);
    cr_assert_not_null(strstr(permit.text, "5 recipients a minute"), "%s", permit.text);
    cr_assert_eq(ask(&rig, &permit, 5), 0);
    core_rig_close(&rig);
}

/* What is given back may be spent again in the same period, and in no other. */
TEST(allowance, gives_back)
{
    struct core_rig rig;
    struct permit first;
    struct permit second;
    core_rig_open(&rig, "");
    put_user(&rig, 10, 0, 0);
    cr_assert_eq(ask(&rig, &first, 10), 0);
    cr_assert_eq(ask(&rig, &second, 1), 450);
    allowances_settle(rig.core, &first);
    cr_assert_eq(ask(&rig, &first, 10), 0);
    core_rig_pass(&rig, INT64_C(60) * 1000);
    cr_assert_eq(ask(&rig, &second, 10), 0);
    allowances_settle(rig.core, &first); /* of the minute before */
    cr_assert_eq(allowances_used(rig.core, "erp", ALLOWANCE_MINUTE), 10);
    core_rig_close(&rig);
}

/* A user without limits is asked nothing and leaves no trace. */
TEST(allowance, is_free_without_limits)
{
    struct core_rig rig;
    struct permit permit;
    core_rig_open(&rig, "");
    put_user(&rig, 0, 0, 0);
    cr_assert_eq(ask(&rig, &permit, 5000), 0);
    cr_assert_not(permit.is_counted);
    core_rig_close(&rig);
}

/* A clean restart keeps the count to the recipient; a crash never lets more through. */
TEST(allowance, survives)
{
    struct core_rig rig;
    struct permit permit;
    core_rig_open(&rig, "");
    put_user(&rig, 0, 0, 100);
    cr_assert_eq(ask(&rig, &permit, 33), 0);
    core_rig_stop(&rig);
    core_rig_start(&rig);
    put_user(&rig, 0, 0, 100);
    cr_assert_eq(allowances_used(rig.core, "erp", ALLOWANCE_DAY), 33);
    cr_assert_eq(ask(&rig, &permit, 7), 0);
    core_rig_crash(&rig);
    put_user(&rig, 0, 0, 100);
    cr_assert_geq(allowances_used(rig.core, "erp", ALLOWANCE_DAY), 40);
    core_rig_close(&rig);
}

/* Over random histories of asks, refunds, time and crashes no period ever sees more than
 * its limit. */
TEST(allowance, holds_over_random_histories)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct core_rig rig;
        struct permit permit;
        uint64_t state = seed;
        uint64_t kept = 0;
        int64_t hour = 0;
        core_rig_open(&rig, "");
        put_user(&rig, 0, 50, 0);
        for (unsigned step = 0; step < 60; step++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407U;
            unsigned roll = (unsigned)(state >> 33) % 100;
            if (roll < 70) {
                uint32_t recipients = roll % 13 + 1;
                if (ask(&rig, &permit, recipients) == 0) {
                    permit.is_accepted = roll % 5 != 0;
                    allowances_settle(rig.core, &permit);
                    if (permit.periods[ALLOWANCE_HOUR] != hour) {
                        hour = permit.periods[ALLOWANCE_HOUR];
                        kept = 0;
                    }
                    kept += permit.is_accepted ? recipients : 0;
                    cr_assert_leq(kept, 50, "seed %lu step %u", (unsigned long)seed,
                                  step);
                }
            } else if (roll < 90) {
                core_rig_pass(&rig, INT64_C(10) * 60 * 1000);
            } else {
                core_rig_crash(&rig);
                put_user(&rig, 0, 50, 0);
            }
        }
        core_rig_close(&rig);
    }
}
