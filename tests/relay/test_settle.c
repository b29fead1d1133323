#include <errno.h>
#include <string.h>

#include "relay/now.h"
#include "relay/records.h"
#include "relay/settle.h"
#include "relay/stops.h"

#include "tests/support/core_rig.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)

/* A message that is taken by its receiver leaves the queue, for good. */
TEST(settle, delivered)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.recipients = 3});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1);
    cr_assert_eq(rig.jobs[0]->rcpt_count, 3);
    core_rig_answer(&rig, "250 2.0.0 ok");
    cr_assert_eq(core_rig_queued(&rig), 0);
    cr_assert_eq(rig.core->counts.delivered, 3);
    core_rig_crash(&rig);
    cr_assert_eq(core_rig_queued(&rig), 0);
    core_rig_close(&rig);
}

/* A 4xx is tried again later, from the same source, not before the receiver's hint. */
TEST(settle, retry_on_the_same_source)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < 10; i++) {
        char source[64];
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
        core_rig_run(&rig);
        (void)snprintf(source, sizeof source, "%s", core_rig_source(&rig));
        core_rig_answer(&rig, "451 4.7.1 greylisted, please try again in 10 minutes");
        cr_assert_eq(rig.job_count, 0);
        core_rig_pass(&rig, 9 * MINUTE_MS);
        cr_assert_eq(rig.job_count, 0, "before the hint");
        core_rig_pass(&rig, 12 * MINUTE_MS);
        cr_assert_eq(rig.job_count, 1);
        cr_assert_str_eq(core_rig_source(&rig), source);
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    core_rig_close(&rig);
}

/* Silence does not count as an attempt, and closes the destination, not the recipient. */
TEST(settle, network_failure)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    uint64_t id = core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    for (unsigned i = 0; i < 5; i++) {
        core_rig_answer(&rig, "");
        cr_assert_eq(core_rig_recipient(&rig, id).attempts, 0);
        cr_assert_eq(rig.job_count, 0);
        core_rig_pass(&rig, 16 * MINUTE_MS);
        cr_assert_eq(rig.job_count, 1);
    }
    core_rig_close(&rig);
}

/* A job that was not started gives everything back; an unreadable one is held, and its
 * destination goes on for others. */
TEST(settle, not_started)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    uint64_t id = core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    core_rig_give_back(&rig, JOB_NOT_STARTED, 0);
    cr_assert_eq(rig.job_count, 1);
    cr_assert_eq(core_rig_recipient(&rig, id).attempts, 0);
    core_rig_give_back(&rig, JOB_UNREADABLE, -EIO);
    cr_assert_eq(rig.job_count, 0);
    core_rig_pass(&rig, INT64_C(61) * 1000);
    cr_assert_eq(rig.job_count, 1);

    core_rig_answer(&rig, ""); /* closes the destination; what follows is a probe */
    core_rig_pass(&rig, 16 * MINUTE_MS);
    cr_assert_eq(rig.job_count, 1);
    core_rig_give_back(&rig, JOB_UNREADABLE, -EBADMSG);
    cr_assert_eq(core_rig_recipient(&rig, id).state, CHANGE_HELD);
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1, "the probe was lost with the unreadable message");
    core_rig_answer(&rig, "250 2.0.0 ok");
    cr_assert_eq(core_rig_queued(&rig), 1);
    core_rig_crash(&rig);
    cr_assert_eq(core_rig_recipient(&rig, id).state, CHANGE_HELD);
    core_rig_close(&rig);
}

/* Mail expires wherever it waits: deferred, at a destination that is down or cannot be
 * resolved, behind a stop, held; one notification each. */
TEST(settle, expires_everywhere)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    const struct core_rig_mail mails[] = {
        {.lifetime_ms = HOUR_MS},
        {.lifetime_ms = HOUR_MS, .domain = "two.test"},
        {.lifetime_ms = HOUR_MS, .domain = "sick.test"},
        {.lifetime_ms = HOUR_MS, .stream = "bulk", .domain = "three.test"}};
    static const char *const answers[] = {"451 4.3.0 later", "", NULL,
                                          "550 5.7.1 refused: poor reputation of your IP "
                                          "address"};
    for (unsigned i = 0; i < 4; i++) {
        (void)core_rig_accept(&rig, &mails[i]);
        core_rig_run(&rig);
        if (answers[i] != NULL) {
            cr_assert_eq(rig.job_count, 1, "%u", i);
            core_rig_answer(&rig, answers[i]);
        }
    }
    cr_assert_eq(core_rig_queued(&rig), 4);
    for (unsigned i = 0; i < 70; i++) {
        core_rig_pass(&rig, MINUTE_MS);
        while (rig.job_count > 0) {
            core_rig_answer(&rig, rig.core->counts.expired == 0 ? "451 4.3.0 later" : "");
        }
    }
    cr_assert_eq(rig.core->counts.expired, 4);
    cr_assert_eq(core_rig_dsns(&rig), 4);
    cr_assert_eq(core_rig_queued(&rig), 4);
    core_rig_close(&rig);
}

/* Its clock rings once: what is out just then ends when it comes back, however. */
TEST(settle, expires_while_out)
{
    static const char *const answers[] = {"", "451 4.3.0 later", NULL};
    for (unsigned i = 0; i < 3; i++) {
        struct core_rig rig;
        core_rig_open(&rig, "");
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.lifetime_ms = HOUR_MS});
        core_rig_run(&rig);
        core_rig_pass(&rig, 2 * HOUR_MS);
        cr_assert_eq(rig.core->counts.expired, 0);
        if (answers[i] != NULL) {
            core_rig_answer(&rig, answers[i]);
        } else {
            core_rig_give_back(&rig, JOB_NOT_STARTED, 0);
        }
        cr_assert_eq(rig.core->counts.expired, 1, "answer %u", i);
        cr_assert_eq(core_rig_dsns(&rig), 1);
        core_rig_close(&rig);
    }
}

/* What an operator ended while it was out is over, whatever comes back; so is the
 * message when that was its last recipient. */
TEST(settle, ended_while_out)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    uint64_t ids[2] = {core_rig_accept(&rig, &(struct core_rig_mail){.recipients = 2}),
                       core_rig_accept(&rig, &(struct core_rig_mail){0})};
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct recipient_view view = core_rig_recipient(&rig, ids[i]);
        struct change change;
        change_init(&change);
        change.id = ids[i];
        change.number = view.number;
        change.state = CHANGE_PURGED;
        change.ended = true;
        change.actor = "test";
        cr_assert_neq(records_add(rig.core, &change), 0);
        core_rig_run(&rig);
    }
    cr_assert_eq(core_rig_queued(&rig), 1);
    core_rig_answer_at(&rig, 0, "451 4.3.0 later");
    core_rig_give_back(&rig, JOB_NOT_STARTED, 0);
    cr_assert_eq(core_rig_queued(&rig), 1);
    cr_assert_eq(rig.core->counts.retried, 1);
    core_rig_close(&rig);
}

/* Text from outside becomes clean text that fits, and the reply one line. */
TEST(settle, words)
{
    char out[8];
    char line[64];
    settle_clean("a\r\nb\x7f", out, sizeof out);
    cr_assert_str_eq(out, "a??b?");
    settle_clean("0123456789", out, sizeof out);
    cr_assert_str_eq(out, "0123456");
    struct reply reply = {.code = 554, .enhanced = {5, 7, 1}, .text = "no"};
    cr_assert_str_eq(settle_reply_text(&reply, line, sizeof line), "554 5.7.1 no");
    reply.enhanced[0] = 0;
    cr_assert_str_eq(settle_reply_text(&reply, line, sizeof line), "554 no");
    reply.code = 0;
    cr_assert_str_eq(settle_reply_text(&reply, line, sizeof line), "no");
}
