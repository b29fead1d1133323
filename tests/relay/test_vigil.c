#include <stdio.h>
#include <string.h>

#include "relay/fingerprint.h"
#include "relay/now.h"
#include "relay/users.h"
#include "relay/vigil.h"

#include "tests/support/core_rig.h"
#include "tests/support/test.h"

static uint64_t last_id;

/* A message of user erp came in. */
static void see(struct core_rig *rig, uint32_t recipients, const char *client,
                uint64_t kind)
{
    struct permit permit = {
        .core = rig->core, .id = ++last_id, .recipients = recipients, .kind = kind};
    (void)snprintf(permit.user, sizeof permit.user, "erp");
    (void)snprintf(permit.client, sizeof permit.client, "%s", client);
    vigil_see(rig->core, &permit);
}

static void pass_hours(struct core_rig *rig, int hours)
{
    for (int i = 0; i < hours; i++) {
        core_rig_move(INT64_C(3600) * 1000);
        vigil_tick(rig->core);
    }
}

/* Ten days of twenty recipients each. */
static void live(struct core_rig *rig)
{
    for (int day = 0; day < 10; day++) {
        see(rig, 20, "192.0.2.1", 1);
        pass_hours(rig, 24);
    }
}

static const struct freeze *frozen(struct core_rig *rig)
{
    return freezes_find(&rig->core->freezes, FREEZE_USER, "erp");
}

/* More than 500 an hour leaves at 500 an hour: mail waits, its hour is kept, and the pace
 * ends when an hour was as usual and nothing waits. */
TEST(vigil, volume_slows)
{
    struct core_rig rig;
    int64_t earliest = 0;
    core_rig_open(&rig, "");
    see(&rig, 500, "192.0.2.1", 1);
    cr_assert_not(vigil_slows(rig.core, "erp", INT64_MAX / 2, &earliest));
    cr_assert_eq(vigil_find(rig.core, "erp")->limit.period_ns, 0);
    see(&rig, 1, "192.0.2.1", 1);
    const struct vigil_user *user = vigil_find(rig.core, "erp");
    cr_assert_eq(user->limit.count, 500);
    cr_assert_null(frozen(&rig));
    struct core_rig_mail mail = {.user = "erp"};
    for (int i = 0; i < 40; i++) {
        (void)core_rig_accept(&rig, &mail);
    }
    core_rig_run(&rig);
    unsigned at_once = rig.job_count;
    cr_assert_leq(at_once, 500 / 60 + 1, "a portion, not all: %u", at_once);
    cr_assert_gt(at_once, 0);
    unsigned answered = 0;
    for (int minute = 0; minute < 10 && answered < 40; minute++) {
        while (rig.job_count > 0) {
            core_rig_answer(&rig, "250 2.0.0 ok");
            answered++;
        }
        core_rig_pass(&rig, INT64_C(60) * 1000);
    }
    cr_assert_eq(answered, 40, "all of it leaves, only slower");
    pass_hours(&rig, 2);
    cr_assert_eq(vigil_find(rig.core, "erp")->limit.period_ns, 0);
    core_rig_close(&rig);
}

/* Ten times the usual from a new network: its mail is held, durably, with the reason; a
 * thaw releases it and is not undone within the hour. */
TEST(vigil, a_second_sign_holds)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    live(&rig);
    see(&rig, 501, "198.51.100.7", 1);
    const struct freeze *freeze = frozen(&rig);
    cr_assert_not_null(freeze);
    cr_assert_str_eq(freeze->by, "conduct");
    cr_assert_not_null(strstr(freeze->why, "network it never came from"), "%s",
                       freeze->why);
    struct core_rig_mail mail = {.user = "erp"};
    (void)core_rig_accept(&rig, &mail);
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 0, "nothing leaves");
    core_rig_crash(&rig);
    cr_assert_not_null(frozen(&rig));
    core_rig_close(&rig);

    core_rig_open(&rig, "");
    live(&rig);
    see(&rig, 501, "198.51.100.7", 1);
    cr_assert(freezes_clear(&rig.core->freezes, FREEZE_USER, "erp", NULL));
    see(&rig, 501, "198.51.100.7", 1);
    cr_assert_null(frozen(&rig), "who thawed has seen it");
    core_rig_close(&rig);
}

/* The history is there after a restart and after a crash. */
TEST(vigil, remembers)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    live(&rig);
    core_rig_stop(&rig);
    core_rig_start(&rig);
    cr_assert_not_null(vigil_find(rig.core, "erp"));
    see(&rig, 501, "198.51.100.7", 1);
    cr_assert_not_null(frozen(&rig));
    core_rig_close(&rig);
}

/* An announced campaign is neither slowed nor held; one of nobody is refused. */
TEST(vigil, expects)
{
    struct core_rig rig;
    struct errmsg err;
    core_rig_open(&rig, "");
    struct users_user user = {.name = "erp", .priority_high = 9};
    cr_assert_not(vigil_expect(rig.core, "erp", 9000, CORE_RIG_START * 2, "kim"));
    cr_assert_eq(users_put(rig.core->users, &user, &err), 0);
    live(&rig);
    int64_t until = CORE_RIG_START + 12 * CORE_RIG_DAY;
    cr_assert(vigil_expect(rig.core, "ERP", 9000, until, "kim"));
    see(&rig, 9000, "198.51.100.7", 1);
    cr_assert_null(frozen(&rig));
    cr_assert_eq(vigil_find(rig.core, "erp")->limit.period_ns, 0);
    see(&rig, 1000, "198.51.100.7", 1);
    cr_assert_not_null(frozen(&rig));
    core_rig_close(&rig);
}

/* Twice refused for its content, the third time is refused at the door with the reply;
 * tests/e2e/test_conduct.py has the receiver that refuses. */
TEST(vigil, ends_a_retry_storm)
{
    struct core_rig rig;
    char text[400];
    struct permit permit = {.recipients = 1, .hash_count = 1, .body = 77};
    core_rig_open(&rig, "");
    permit.core = rig.core;
    permit.hashes[0] = fingerprint_text("r0@one.test");
    (void)snprintf(permit.user, sizeof permit.user, "erp");
    for (uint64_t id = 1; id <= 2; id++) {
        permit.id = id;
        cr_assert(vigil_allows(rig.core, &permit, text, sizeof text));
        storms_refused(rig.core->vigil.storms, id, "R0@one.test", "550 5.7.1 spam",
                       now_unix_ms());
        vigil_see(rig.core, &permit); /* a fast receiver refuses before this is known */
    }
    cr_assert_not(vigil_allows(rig.core, &permit, text, sizeof text));
    cr_assert_eq(strncmp(text, "5.7.1 ", 6), 0, "%s", text);
    cr_assert_not_null(strstr(text, "550 5.7.1 spam"), "%s", text);
    permit.body = 78;
    cr_assert(vigil_allows(rig.core, &permit, text, sizeof text));
    core_rig_close(&rig);
}
