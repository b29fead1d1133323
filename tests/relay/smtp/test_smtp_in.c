#include <string.h>

#include "relay/smtp/smtp_in.h"

#include "tests/relay/smtp/in_driver.h"
#include "tests/support/test.h"

static const struct smtp_in_options options = {.hostname = "relay.example",
                                               .size_max_bytes = 100000,
                                               .rcpt_max = 100,
                                               .command_ms = 300000,
                                               .content_ms = 180000};

static struct in_driver driver;

#define ENVELOPE \
    "EHLO app\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n"

/* One message in one read: each command is answered in order, the content is un-stuffed.
 */
TEST(smtp_in, pipelined)
{
    in_start(&driver, &options);
    in_send(&driver, ENVELOPE "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\nQUIT\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 250 250 354 250 221 ");
    cr_assert_str_eq(driver.content, "Subject: x\r\n\r\n.dot\r\nend\r\n");
    cr_assert(driver.last.facts.has_dot_line);
    cr_assert_eq(driver.last.facts.size_bytes, strlen(driver.content));
    cr_assert_eq(driver.messages, 1);
    cr_assert_eq(driver.resets, 1);
    cr_assert_eq(driver.last_end, SMTP_IN_END_ANSWERED);
    cr_assert(smtp_in_closing(driver.engine));
    smtp_in_free(driver.engine);
}

/* However the bytes are cut into reads, the result is the same. */
TEST(smtp_in, any_cut)
{
    for (size_t step = 1; step < 20; step++) {
        in_start(&driver, &options);
        static const char talk[] = ENVELOPE "A: b\r\n\r\n.\r.\r\n.\r\nMAIL FROM:<>\r\n";
        struct smtp_in_options lenient = options;
        lenient.normalise_lines = true;
        smtp_in_free(driver.engine);
        in_start(&driver, &lenient);
        in_send_bytes(&driver, talk, sizeof talk - 1, step);
        cr_assert_str_eq(in_codes(&driver), "250 250 250 354 250 250 ", "step %zu", step);
        cr_assert_eq(driver.messages, 1);
        smtp_in_free(driver.engine);
    }
}

/* While a question is open nothing is taken; what was pipelined behind it stays in order.
 */
TEST(smtp_in, late_answers)
{
    in_start(&driver, &options);
    driver.is_late = true;
    in_send(&driver, ENVELOPE "x\r\n.\r\nMAIL FROM:<second@x.example>\r\n");
    unsigned questions = 0;
    while (driver.asked) {
        cr_assert(!smtp_in_wants_input(driver.engine));
        cr_assert_eq(smtp_in_deadline_ms(driver.engine), 0);
        questions++;
        in_answer_late(&driver);
    }
    cr_assert_eq(questions, 5);
    cr_assert_str_eq(in_codes(&driver), "250 250 250 354 250 250 ");
    cr_assert_str_eq(driver.sender.text, "second@x.example");
    smtp_in_free(driver.engine);
}

/* A dropped socket leaves nothing behind, in every state, with one reset for each open
 * transaction; a late answer then does nothing. */
TEST(smtp_in, lost_anywhere)
{
    static const char talk[] = ENVELOPE "some text\r\n.\r\n";
    for (size_t cut = 0; cut < sizeof talk; cut++) {
        for (int late = 0; late < 2; late++) {
            in_start(&driver, &options);
            driver.is_late = late == 1;
            in_send_bytes(&driver, talk, cut, 0);
            while (driver.asked && cut % 2 == 0) {
                in_answer_late(&driver);
            }
            bool was_open = smtp_in_rcpt_count(driver.engine) > 0;
            unsigned resets = driver.resets;
            smtp_in_lost(driver.engine);
            smtp_in_lost(driver.engine);
            cr_assert_geq(driver.resets - resets, was_open ? 1 : 0);
            cr_assert_leq(driver.resets, 1);
            smtp_in_answer(driver.engine, 250, "2.0.0 too late");
            in_drain(&driver);
            smtp_in_free(driver.engine);
            cr_assert_leq(driver.resets, 1);
            cr_assert(cut == sizeof talk - 1 || driver.messages == 0);
        }
    }
}

/* Odoo's connection test: MAIL exactly 250, RCPT 250, DATA 354, then the socket closes:
 * no message, one reset. */
TEST(smtp_in, odoo_probe)
{
    in_start(&driver, &options);
    in_send(&driver, "ehlo [127.0.1.1]\r\nmail FROM:<odoo@x.example> size=54\r\n"
                     "rcpt TO:<noreply@odoo.com>\r\ndata\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 250 250 354 ");
    smtp_in_lost(driver.engine);
    cr_assert_eq(driver.messages, 0);
    cr_assert_eq(driver.last_end, SMTP_IN_END_LOST);
    smtp_in_free(driver.engine);
}

/* Frappe keeps its session with NOOP, which must say exactly 250. */
TEST(smtp_in, frappe_noop)
{
    in_start(&driver, &options);
    in_send(&driver, "EHLO erp\r\n");
    (void)in_take(&driver);
    in_send(&driver, "noop\r\n");
    cr_assert_eq(strncmp(in_take(&driver), "250 ", 4), 0);
    smtp_in_free(driver.engine);
}

/* 5xx after 5xx ends in 421; an accepted message forgives. */
TEST(smtp_in, too_many_errors)
{
    struct smtp_in_options strict = options;
    strict.errors_max = 3;
    in_start(&driver, &strict);
    in_send(&driver, "FOO\r\nBAR\r\nBAZ\r\nQUX\r\n");
    cr_assert_str_eq(in_codes(&driver), "500 500 500 421 ");
    cr_assert(smtp_in_closing(driver.engine));
    smtp_in_free(driver.engine);

    in_start(&driver, &strict);
    in_send(&driver, "FOO\r\nBAR\r\n" ENVELOPE "x\r\n.\r\nFOO\r\nBAR\r\nNOOP\r\n");
    cr_assert_str_eq(in_codes(&driver), "500 500 250 250 250 354 250 500 500 250 ");
    smtp_in_free(driver.engine);
}

/* Commands that move no mail run out, and so do messages per session. */
TEST(smtp_in, session_limits)
{
    struct smtp_in_options strict = options;
    strict.idle_commands_max = 2;
    in_start(&driver, &strict);
    in_send(&driver, "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 250 421 ");
    smtp_in_free(driver.engine);

    strict = options;
    strict.mail_max = 1;
    in_start(&driver, &strict);
    in_send(&driver, ENVELOPE "x\r\n.\r\nMAIL FROM:<>\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 250 250 354 250 421 ");
    smtp_in_free(driver.engine);
}

/* A client that sends without reading fills its output and is no longer read. */
TEST(smtp_in, never_reads)
{
    in_start(&driver, &options);
    size_t taken = 0;
    for (int i = 0; i < 1000; i++) {
        taken += smtp_in_feed(driver.engine, "NOOP\r\n", 6);
    }
    cr_assert(!smtp_in_wants_input(driver.engine));
    cr_assert_lt(taken, 6000);
    smtp_in_deadline(driver.engine);
    cr_assert(smtp_in_closing(driver.engine));
    smtp_in_deadline(driver.engine);
    size_t length = 1;
    (void)smtp_in_output(driver.engine, &length);
    cr_assert_eq(length, 0);
    smtp_in_free(driver.engine);
}

/* Silence ends in 421 4.4.2, and the open transaction is lost. */
TEST(smtp_in, deadline)
{
    in_start(&driver, &options);
    in_send(&driver, ENVELOPE "half a mess");
    (void)in_take(&driver);
    cr_assert_eq(smtp_in_deadline_ms(driver.engine), options.content_ms);
    smtp_in_deadline(driver.engine);
    in_drain(&driver);
    cr_assert_eq(strncmp(in_take(&driver), "421 4.4.2 ", 10), 0);
    cr_assert_eq(driver.last_end, SMTP_IN_END_LOST);
    smtp_in_free(driver.engine);
}

/* An owner's text cannot break the line or the session. */
TEST(smtp_in, owner_text)
{
    in_start(&driver, &options);
    driver.is_late = true;
    in_send(&driver, "EHLO x\r\nMAIL FROM:<>\r\n");
    (void)in_take(&driver);
    char text[2000];
    memset(text, 'x', sizeof text);
    memcpy(text, "5.7.1 no\r\n250 ok", 16);
    text[sizeof text - 1] = '\0';
    smtp_in_answer(driver.engine, 550, text);
    in_drain(&driver);
    const char *said = in_take(&driver);
    cr_assert_eq(strncmp(said, "550 5.7.1 no??250 ok", 20), 0);
    cr_assert_leq(strlen(said), 512);
    cr_assert_eq(strchr(said, '\n') - said, (long)strlen(said) - 1);
    smtp_in_free(driver.engine);
}

/* An idle engine is small: a thousand of them are nothing. */
TEST(smtp_in, size)
{
    cr_assert_leq(smtp_in_size_bytes(), 6144);
}
