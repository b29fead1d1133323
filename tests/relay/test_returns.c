#include <stdio.h>
#include <string.h>

#include "relay/now.h"
#include "relay/returns.h"

#include "tests/support/core_rig.h"

#define KIM "kim@gmail.test"

static struct returned *answered; /* the last that core has given back */

static void on_done(struct letter *letter)
{
    answered = LIST_OWNER(letter, struct returned, letter);
}

/* A report that came to the return path of a message to `recipient`. */
static struct returned *make(struct core_rig *rig, enum verp_kind kind,
                             const char *recipient)
{
    static struct returned returned;
    char local[VERP_LOCAL_BYTES];
    memset(&returned, 0, sizeof returned);
    verp_make(rig->core->returns.key, kind, 77, "bulk", "one", recipient, local);
    returned.has_path = verp_read(local, &returned.path);
    returned.core = rig->core;
    returned.home = &rig->core->mailbox;
    returned.done_cb = on_done;
    return &returned;
}

static void bounce(struct returned *returned, const char *final, const char *diagnostic)
{
    struct report *report = &returned->report;
    report->kind = REPORT_BOUNCE;
    report->rcpt_count = 1;
    (void)snprintf(report->rcpts[0].action, REPORT_WORD, "failed");
    (void)snprintf(report->rcpts[0].final, REPORT_ADDRESS, "%s", final);
    (void)snprintf(report->rcpts[0].diagnostic, REPORT_DIAGNOSTIC, "%s", diagnostic);
}

/* Core's word on it, when that is on the disk. */
static bool is_taken(struct core_rig *rig, struct returned *returned)
{
    answered = NULL;
    core_on_returned(&returned->letter);
    for (unsigned i = 0; i < 1000 && answered == NULL; i++) {
        core_rig_run(rig);
        core_rig_pause();
    }
    cr_assert_eq(answered, returned);
    cr_assert_not(returned->is_unready);
    return returned->is_taken;
}

static bool blocks(struct core_rig *rig, const char *address)
{
    struct suppression_entry entry;
    return suppression_blocks(&rig->core->suppression, rig->core->snapshot->config,
                              "bulk", address, now_unix_ms(), &entry);
}

/* A late "no such mailbox" suppresses as an immediate one does; one about our address on
 * a list, or a full mailbox, does not. */
TEST(returns, bounces)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct returned *returned = make(&rig, VERP_BOUNCE, KIM);
    bounce(returned, "",
           "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked "
           "using bl.spamcop.net");
    cr_assert(is_taken(&rig, returned));
    returned = make(&rig, VERP_BOUNCE, KIM);
    bounce(returned, KIM, "552 5.2.2 mailbox full");
    cr_assert(is_taken(&rig, returned));
    cr_assert_not(blocks(&rig, KIM));
    returned = make(&rig, VERP_BOUNCE, KIM);
    bounce(returned, "KIM@gmail.test", "5.1.1 no such user");
    cr_assert(is_taken(&rig, returned));
    cr_assert(blocks(&rig, KIM));
    cr_assert_eq(rig.core->returns.bounces, 3);
    core_rig_close(&rig);
}

/* Nobody can have somebody else suppressed: a path for Kim says nothing of Tom. */
TEST(returns, forged)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct returned *returned = make(&rig, VERP_BOUNCE, KIM);
    returned->path.recipient[0] = '\0';
    bounce(returned, "tom@gmail.test", "550 5.1.1 no such user");
    cr_assert_not(is_taken(&rig, returned));
    returned = make(&rig, VERP_BOUNCE, KIM);
    returned->path.tag[0] = returned->path.tag[0] == '0' ? '1' : '0';
    bounce(returned, KIM, "550 5.1.1 no such user");
    cr_assert_not(is_taken(&rig, returned));
    returned = make(&rig, VERP_BOUNCE, KIM);
    returned->has_path = false;
    bounce(returned, KIM, "550 5.1.1 no such user");
    cr_assert_not(is_taken(&rig, returned));
    cr_assert_eq(rig.core->suppression.count, 0);
    cr_assert_eq(rig.core->returns.others, 3);
    core_rig_close(&rig);
}

/* A complaint is found by the path that it names; the key is the same after a crash. */
TEST(returns, complaint)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    char local[VERP_LOCAL_BYTES];
    verp_make(rig.core->returns.key, VERP_BOUNCE, 5, "bulk", "one", KIM, local);
    core_rig_run(&rig);
    core_rig_stop(&rig);
    core_rig_start(&rig);
    struct returned *returned = make(&rig, VERP_BOUNCE, "x@y.test");
    returned->has_path = false;
    returned->report.kind = REPORT_COMPLAINT;
    (void)snprintf(returned->report.feedback, REPORT_WORD, "abuse");
    (void)snprintf(returned->report.trace, REPORT_ADDRESS, "%s@r.test", local);
    cr_assert(is_taken(&rig, returned));
    cr_assert(blocks(&rig, KIM));
    core_rig_close(&rig);
}

/* Whoever writes to the unsubscribe address, or answers with that word, wants no more; a
 * machine's answer is no wish. */
TEST(returns, unsubscribe)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct returned *returned = make(&rig, VERP_UNSUBSCRIBE, KIM);
    returned->is_from_null = true;
    cr_assert_not(is_taken(&rig, returned));
    returned = make(&rig, VERP_UNSUBSCRIBE, KIM);
    returned->report.is_auto = true;
    cr_assert_not(is_taken(&rig, returned));
    returned = make(&rig, VERP_BOUNCE, KIM);
    (void)snprintf(returned->report.subject, REPORT_TEXT, "Re: your offer");
    cr_assert_not(is_taken(&rig, returned));
    cr_assert_not(blocks(&rig, KIM));
    (void)snprintf(returned->report.subject, REPORT_TEXT, "Unsubscribe");
    cr_assert(is_taken(&rig, returned));
    cr_assert(blocks(&rig, KIM));
    returned = make(&rig, VERP_UNSUBSCRIBE, "tom@gmail.test");
    cr_assert(is_taken(&rig, returned));
    cr_assert(blocks(&rig, "tom@gmail.test"));
    core_rig_close(&rig);
}
