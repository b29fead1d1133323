#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/report.h"

#include "tests/support/test.h"

static struct report *read_text(const char *text, bool is_from_null)
{
    struct report *report = malloc(sizeof *report);
    cr_assert_not_null(report);
    report_read(text, strlen(text), is_from_null, report);
    return report;
}

#define HEAD                                                           \
    "From: MAILER-DAEMON@mx.test\r\nSubject: failure\r\n"              \
    "Content-Type: multipart/report; report-type=delivery-status;\r\n" \
    "\tboundary=\"=_b/1\"\r\n\r\npreamble\r\n--=_b/1\r\n\r\nhello\r\n"

/* RFC 3464: each group is a recipient, folded fields and all; the original's trace. */
TEST(report, standard)
{
    struct report *report = read_text(
        HEAD "--=_b/1\r\nContent-Type: message/delivery-status\r\n\r\n"
             "Reporting-MTA: dns; mx.test\r\n\r\n"
             "Final-Recipient: rfc822; <kim@gmail.test>\r\nAction: Failed\r\n"
             "Status: 5.1.1\r\nRemote-MTA: dns; inner.test\r\n"
             "Diagnostic-Code: smtp; 550 5.1.1\r\n\tno such\r\n user\r\n\r\n"
             "Original-Recipient: rfc822;tom@gmail.test\r\nAction: delayed\r\n\r\n"
             "--=_b/1\r\nContent-Type: text/rfc822-headers\r\n\r\n"
             "Return-Path: <b-1@r.test>\r\nMail-Trace: <b-2@r.test>\r\nSubject: x\r\n"
             "\r\n--=_b/1--\r\n",
        true);
    cr_assert_eq(report->kind, REPORT_BOUNCE);
    cr_assert_eq(report->rcpt_count, 2);
    cr_assert_str_eq(report->rcpts[0].final, "kim@gmail.test");
    cr_assert_str_eq(report->rcpts[0].action, "failed");
    cr_assert_str_eq(report->rcpts[0].status, "5.1.1");
    cr_assert_str_eq(report->rcpts[0].remote, "inner.test");
    cr_assert_str_eq(report->rcpts[0].diagnostic, "550 5.1.1 no such user");
    cr_assert_str_eq(report->rcpts[1].original, "tom@gmail.test");
    cr_assert_str_eq(report->rcpts[1].action, "delayed");
    cr_assert_str_eq(report->mail_from, "b-1@r.test");
    cr_assert_str_eq(report->trace, "b-2@r.test");
    free(report);
}

/* RFC 5965, with the original as a whole, inside another multipart. */
TEST(report, complaint)
{
    struct report *report = read_text(
        "From: fbl@isp.test\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n"
        "--out\r\nContent-Type: multipart/report; report-type=feedback-report; "
        "boundary=in\r\n\r\n--in\r\nContent-Type: text/plain\r\n\r\nspam\r\n"
        "--in\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: Abuse\r\n"
        "User-Agent: x\r\nVersion: 1\r\nOriginal-Mail-From: <b-9@r.test>\r\n"
        "Original-Rcpt-To: kim@isp.test\r\n\r\n"
        "--in\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b.test\r\n"
        "Mail-Trace: <b-8@r.test>\r\n\r\nbody\r\n--in--\r\n--out--\r\n",
        false);
    cr_assert_eq(report->kind, REPORT_COMPLAINT);
    cr_assert_str_eq(report->feedback, "abuse");
    cr_assert_str_eq(report->mail_from, "b-9@r.test");
    cr_assert_str_eq(report->rcpt_to, "kim@isp.test");
    cr_assert_str_eq(report->trace, "b-8@r.test");
    free(report);
}

/* Bounces in no standard form: the recipient and the receiver's own words are found. */
TEST(report, loose)
{
    static const struct {
        const char *text;
        const char *final;
        const char *diagnostic;
    } cases[] = {
        {"From: MAILER-DAEMON@a.test\r\nSubject: failure notice\r\n\r\n"
         "Hi. This is the program at a.test.\r\n\r\n<kim@b.test>:\r\n"
         "192.0.2.1 does not like recipient.\r\n"
         "Remote host said: 550 5.1.1 no mailbox here\r\nGiving up.\r\n",
         "kim@b.test", "550 5.1.1 no mailbox here"},
        {"From: Mail Delivery System <x@c.test>\r\nX-Failed-Recipients: "
         "tom@d.test\r\n\r\n"
         "  tom@d.test\r\n    host mx.d.test [192.0.2.25]\r\n"
         "    SMTP error: 552-5.2.2 mailbox full\r\n",
         "tom@d.test", "552-5.2.2 mailbox full"},
        {"From: postmaster@e.test\r\n\r\nUnknown user. (#5.1.1)\r\n", "", "5.1.1)"},
        {"From: x@f.test\r\n\r\n451 try later\r\n554 5.7.1 listed\r\n", "",
         "554 5.7.1 listed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct report *report = read_text(cases[i].text, true);
        cr_assert_eq(report->kind, REPORT_BOUNCE, "%zu", i);
        cr_assert_eq(report->rcpt_count, 1);
        cr_assert_str_eq(report->rcpts[0].final, cases[i].final);
        cr_assert_str_eq(report->rcpts[0].diagnostic, cases[i].diagnostic);
        cr_assert_str_eq(report->rcpts[0].action, "failed");
        free(report);
    }
}

/* Letters of people, and automatic answers, are neither. */
TEST(report, others)
{
    struct report *report = read_text(
        "From: kim@x.test\r\nSubject: Re: 550 things\r\n\r\n550 is a number\r\n", false);
    cr_assert_eq(report->kind, REPORT_OTHER);
    cr_assert_not(report->is_auto);
    free(report);
    report = read_text("From: kim@x.test\r\nAuto-Submitted: auto-replied\r\n"
                       "Subject: Out of office\r\n\r\nBack on 5.1.2027, room 450\r\n",
                       true);
    cr_assert_eq(report->kind, REPORT_OTHER, "%s", report->rcpts[0].diagnostic);
    cr_assert(report->is_auto);
    free(report);
    free(read_text("", true));
    free(read_text("\r\n", true));
    free(
        read_text("Content-Type: multipart/report; boundary=\r\n\r\n--\r\n--\r\n", true));
}

/* More recipients, parts and groups than anybody needs are cut off. */
TEST(report, bounds)
{
    static char text[300000];
    size_t used = 0;
    used += (size_t)snprintf(text, sizeof text, HEAD);
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "--=_b/1\r\nContent-Type: message/delivery-status\r\n\r\n");
    for (unsigned i = 0; i < 100; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "Final-Recipient: rfc822; u%u@x.test\r\n\r\n", i);
    }
    while (used + 200 < sizeof text) {
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "--=_b/1\r\nContent-Type: multipart/mixed; "
                                 "boundary=\"=_b/1\"\r\n\r\n");
    }
    struct report *report = read_text(text, true);
    cr_assert_eq(report->rcpt_count, REPORT_RCPTS);
    cr_assert_str_eq(report->rcpts[15].final, "u15@x.test");
    free(report);
}
