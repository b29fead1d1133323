#include <stdio.h>

#include "relay/now.h"

#include "tests/support/core_rig.h"

#define DAY  CORE_RIG_DAY
#define HOUR INT64_C(3600000)

static bool blocks(struct core_rig *rig, const char *stream, const char *address)
{
    struct suppression_entry entry;
    return suppression_blocks(&rig->core->suppression, rig->core->snapshot->config,
                              stream, address, now_unix_ms(), &entry);
}

static void mail_one(struct core_rig *rig, const char *stream, const char *domain,
                     const char *reply)
{
    (void)core_rig_accept(rig,
                          &(struct core_rig_mail){.stream = stream, .domain = domain});
    core_rig_run(rig);
    if (rig->job_count > 0) {
        core_rig_answer(rig, reply);
    }
    while (rig->job_count > 0) {
        core_rig_answer(rig, "250 2.0.0 ok"); /* its sender's notice */
    }
}

static const char *address_of(const char *domain)
{
    static char text[64];
    (void)snprintf(text, sizeof text, "r0@%s", domain);
    return text;
}

/* Bulk: one refused mailbox is the end of it, and the next message to it never leaves;
 * transactional mail still goes there. */
TEST(suppression_learn, bad_mailbox)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    mail_one(&rig, "bulk", "one.test", "550 5.1.1 no such user here");
    cr_assert(blocks(&rig, "bulk", address_of("one.test")));
    cr_assert_not(blocks(&rig, "transactional", address_of("one.test")));
    uint64_t kept_back = rig.core->suppression.refused;
    mail_one(&rig, "bulk", "one.test", "250 2.0.0 ok");
    cr_assert_eq(rig.core->suppression.refused, kept_back + 1);
    core_rig_close(&rig);
}

/* Refusals for reasons of ours, temporary ones, and silence suppress nobody. */
TEST(suppression_learn, our_fault)
{
    static const char *const replies[] = {
        ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using "
         "bl.spamcop.net"),
        "550 5.7.26 This mail is unauthenticated, SPF did not pass",
        "550 5.7.1 message content rejected as spam",
        "552 5.2.2 mailbox full",
        "450 4.1.1 recipient unknown, try again later",
        "550 5.1.2 no such domain",
        "421 4.7.0 too many connections",
        ""};
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        char domain[32];
        (void)snprintf(domain, sizeof domain, "d%zu.test", i);
        mail_one(&rig, "bulk", domain, replies[i]);
        cr_assert_not(blocks(&rig, "bulk", address_of(domain)), "%s", replies[i]);
    }
    cr_assert_eq(rig.core->suppression.count, 0);
    core_rig_close(&rig);
}

/* Transactional: not before the third within a week. A delivery wipes the slate. */
TEST(suppression_learn, transactional)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < 2; i++) {
        mail_one(&rig, "transactional", "one.test", "550 5.1.1 no such user");
        cr_assert_not(blocks(&rig, "transactional", address_of("one.test")));
    }
    mail_one(&rig, "transactional", "one.test", "250 2.0.0 ok");
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_not(blocks(&rig, "transactional", address_of("one.test")));
        mail_one(&rig, "transactional", "one.test", "550 5.1.1 no such user");
    }
    cr_assert(blocks(&rig, "transactional", address_of("one.test")));
    core_rig_crash(&rig);
    cr_assert(blocks(&rig, "transactional", address_of("one.test")));
    core_rig_close(&rig);
}

/* A complaint keeps bulk away for good, and never a password reset. */
TEST(suppression_learn, complaint)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    cr_assert(
        suppression_wish(rig.core, SUPPRESS_COMPLAINT, "bulk", "a@one.test", "arf"));
    cr_assert_not(suppression_wish(rig.core, SUPPRESS_UNSUBSCRIBE, "transactional",
                                   "a@one.test", "mailto"));
    core_rig_pass(&rig, 400 * DAY);
    cr_assert(blocks(&rig, "bulk", "A@one.test"));
    cr_assert_not(blocks(&rig, "transactional", "a@one.test"));
    suppression_strike(rig.core, "bulk", "", "a@one.test", "550 5.1.1 gone");
    cr_assert(blocks(&rig, "bulk", "A@one.test"));
    struct suppression_entry entry;
    uint64_t cursor = 0;
    cr_assert_eq(suppression_page(&rig.core->suppression, &cursor, &entry, 1), 1);
    cr_assert_eq(entry.cause, SUPPRESS_COMPLAINT, "a strike does not hide it");
    core_rig_close(&rig);
}

/* A site that calls everybody unknown is not believed: what it has put on the list within
 * the hour comes off again. */
TEST(suppression_learn, breaker)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < 40; i++) {
        (void)core_rig_accept(
            &rig, &(struct core_rig_mail){.stream = "bulk", .domain = "one.test"});
    }
    core_rig_run(&rig);
    for (unsigned i = 0; i < 2000 && rig.core->counts.bounced < 40; i++) {
        if (rig.job_count > 0) {
            core_rig_answer(&rig, "550 5.1.1 user unknown");
        } else {
            core_rig_pass(&rig, 1000);
        }
        if (rig.core->counts.bounced == 1) {
            cr_assert(blocks(&rig, "bulk", address_of("one.test")));
        }
    }
    struct site *site = sites_next(&rig.core->sites, NULL);
    bool is_open = false;
    for (; site != NULL; site = sites_next(&rig.core->sites, site)) {
        is_open = is_open || site->mailboxes.is_open;
    }
    cr_assert(is_open);
    cr_assert_not(blocks(&rig, "bulk", address_of("one.test")));
    core_rig_close(&rig);
}
