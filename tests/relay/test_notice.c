#include "relay/notice.h"
#include "relay/smtp/params.h"

#include "tests/support/core_rig.h"

#define HOUR_MS (INT64_C(3600) * 1000)

/* A domain that does not exist: one notification for all recipients of the message, which
 * is gone with it. */
TEST(notice, one_bounce_a_message)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig,
                          &(struct core_rig_mail){.domain = "no.such", .recipients = 90});
    core_rig_run(&rig);
    cr_assert_eq(rig.core->counts.bounced, 90);
    cr_assert_eq(core_rig_dsns(&rig), 1);
    cr_assert_eq(core_rig_queued(&rig), 1);
    core_rig_close(&rig);
}

struct cost {
    uint64_t originals;
    uint64_t records;
    unsigned most_a_turn;
};

static void bounce_many(unsigned messages, unsigned recipients, struct cost *out)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < messages; i++) {
        (void)core_rig_accept(
            &rig, &(struct core_rig_mail){.domain = "no.such", .recipients = recipients});
    }
    core_rig_run(&rig);
    const struct notices *notices = &rig.core->notices;
    *out = (struct cost){notices->originals_read, notices->records_read,
                         notices->most_a_turn};
    cr_assert_eq(rig.core->counts.bounced, messages * recipients);
    unsigned parties = (recipients + 255) / 256;
    unsigned dsns = core_rig_dsns(&rig);
    cr_assert(dsns >= messages * parties && dsns <= messages * (parties + 2), "%u", dsns);
    core_rig_close(&rig);
}

/* Thousands of recipients that fail together: each message is read once, or once more
 * when their states came in two records; a state record
 * no more than once for each notification it is told of in, and no turn of core tells of
 * more than two notifications' worth of recipients. Twice the mail is twice the work. */
TEST(notice, many_at_once)
{
    struct cost one;
    struct cost two;
    bounce_many(3, 1000, &one);
    bounce_many(6, 1000, &two);
    cr_assert_leq(one.originals, 6, "%u", (unsigned)one.originals);
    cr_assert_leq(two.originals, 12, "%u", (unsigned)two.originals);
    cr_assert_leq(one.records, 3 * 4 * 3, "%u records", (unsigned)one.records);
    cr_assert_leq(two.records, 2 * one.records + 6);
    cr_assert_leq(one.most_a_turn, 512);
    cr_assert_leq(two.most_a_turn, 512);
}

/* Whatever turn the power fails in, exactly one notification is there afterwards. */
TEST(notice, crash_between)
{
    for (unsigned turns = 0; turns < 24; turns += 2) {
        struct core_rig rig;
        core_rig_open(&rig, "");
        (void)core_rig_accept(
            &rig, &(struct core_rig_mail){.domain = "no.such", .recipients = 3});
        for (unsigned i = 0; i < turns; i++) {
            core_rig_turn(&rig);
            core_rig_pause();
        }
        core_rig_crash(&rig);
        core_rig_run(&rig);
        cr_assert_eq(core_rig_dsns(&rig), 1, "after %u turns", turns);
        cr_assert_eq(core_rig_queued(&rig), 1, "after %u turns", turns);
        core_rig_close(&rig);
    }
}

/* Nobody is told who did not want to be: no sender, NOTIFY=NEVER, or an address that is
 * none; the mail ends all the same. */
TEST(notice, nobody_to_tell)
{
    static const struct core_rig_mail mails[] = {
        {.domain = "no.such", .sender = ""},
        {.domain = "no.such", .notify = PARAMS_NOTIFY_NEVER},
        {.domain = "no.such", .sender = "root"}};
    for (unsigned i = 0; i < 3; i++) {
        struct core_rig rig;
        core_rig_open(&rig, "");
        (void)core_rig_accept(&rig, &mails[i]);
        core_rig_run(&rig);
        cr_assert_eq(core_rig_queued(&rig), 0, "mail %u stays for ever", i);
        core_rig_close(&rig);
    }
}

/* A delay is spoken of once, and not again after a restart. */
TEST(notice, delayed_once)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(
        &rig, &(struct core_rig_mail){.domain = "sick.test", .notice_ms = 4 * HOUR_MS});
    core_rig_run(&rig);
    core_rig_pass(&rig, 3 * HOUR_MS);
    cr_assert_eq(core_rig_dsns(&rig), 0);
    core_rig_pass(&rig, HOUR_MS + 10000);
    cr_assert_eq(core_rig_dsns(&rig), 1);
    core_rig_crash(&rig);
    core_rig_pass(&rig, 2 * HOUR_MS);
    cr_assert_eq(core_rig_dsns(&rig), 1);
    core_rig_close(&rig);
}

/* An alert goes by mail, once an address is set. */
TEST(notice, alert)
{
    struct core_rig rig;
    char config[2048];
    core_rig_open(&rig, "");
    notices_alert(rig.core, "one", "blocked", "what to do");
    core_rig_run(&rig);
    cr_assert_eq(core_rig_queued(&rig), 0);
    (void)snprintf(config, sizeof config, "%s\nalerts = { mail = \"ops@from.test\"; };\n",
                   core_rig_default);
    core_rig_config(&rig, config);
    cr_assert_eq(core_rig_reload(&rig), 0);
    notices_alert(rig.core, "one", "blocked", "what\nto do\r\n\r\nnow");
    core_rig_run(&rig);
    cr_assert_eq(core_rig_queued(&rig), 1);
    cr_assert_eq(rig.job_count, 1);
    core_rig_close(&rig);
}
