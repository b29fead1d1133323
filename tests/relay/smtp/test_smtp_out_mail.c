#include <stdio.h>
#include <string.h>

#include "relay/smtp/smtp_out.h"

#include "tests/relay/smtp/out_driver.h"
#include "tests/support/test.h"

#define PIPELINING \
    "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 1000000\r\n"
#define PLAIN "250 mx.example\r\n"

static const struct smtp_out_options options = {.helo = "relay.example", .user = ""};

static const struct smtp_out_rcpt rcpts[] = {{"a@x.example", "", "", ""},
                                             {"b@x.example", "", "", ""},
                                             {"c@x.example", "", "", ""}};

static const struct smtp_out_mail three = {.sender = "s@y.example",
                                           .ascii_sender = "",
                                           .rcpts = rcpts,
                                           .rcpt_count = 3,
                                           .size_bytes = 1234,
                                           .ret = "",
                                           .envid = ""};

static struct driver driver;

static void begin(const struct smtp_out_mail *mail)
{
    cr_assert_eq(smtp_out_state(driver.engine), SMTP_OUT_STATE_IDLE);
    smtp_out_begin(driver.engine, mail);
    driver_run(&driver);
}

/* The result of one recipient, which must have exactly one. */
static const struct reply *result_of(uint32_t rcpt)
{
    const struct reply *found = NULL;
    for (unsigned i = 0; i < driver.result_count; i++) {
        if (driver.rcpts[i] == rcpt) {
            cr_assert_null(found, "recipient %u has two results", rcpt);
            found = &driver.results[i];
        }
    }
    cr_assert_not_null(found, "recipient %u has no result", rcpt);
    return found;
}

/* With PIPELINING the whole envelope leaves in one write, and one dot serves all. */
TEST(smtp_out_mail, pipelined)
{
    driver_greet(&driver, &options, PIPELINING);
    begin(&three);
    cr_assert_str_eq(driver_take(&driver),
                     "MAIL FROM:<s@y.example> SIZE=1234\r\nRCPT TO:<a@x.example>\r\n"
                     "RCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n");
    smtp_out_release(driver.engine);
    driver_say(&driver, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n354 go\r\n");
    cr_assert_eq(driver.bodies, 1);
    cr_assert_str_eq(driver_take(&driver), ".\r\n");
    cr_assert_eq(driver.result_count, 0);
    driver_say(&driver, "250 2.0.0 queued as 1\r\n");
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(result_of(i)->code, 250);
        cr_assert_eq(result_of(i)->stage, REPLY_STAGE_DOT);
    }
    cr_assert_eq(driver.readies, 2);
    smtp_out_free(driver.engine);
}

/* Without PIPELINING each command waits for the answer to the one before. */
TEST(smtp_out_mail, one_by_one)
{
    driver_greet(&driver, &options, PLAIN);
    begin(&three);
    cr_assert_str_eq(driver_take(&driver), "MAIL FROM:<s@y.example>\r\n");
    driver_say(&driver, "250 ok\r\n");
    cr_assert_str_eq(driver_take(&driver), "RCPT TO:<a@x.example>\r\n");
    driver_say(&driver, "250 ok\r\n");
    cr_assert_str_eq(driver_take(&driver), "RCPT TO:<b@x.example>\r\n");
    driver_say(&driver, "550 5.1.1 no b\r\n");
    cr_assert_str_eq(driver_take(&driver), "RCPT TO:<c@x.example>\r\n");
    driver_say(&driver, "450 4.2.1 later\r\n");
    cr_assert_str_eq(driver_take(&driver), "DATA\r\n");
    smtp_out_release(driver.engine);
    driver_say(&driver, "354 go\r\n");
    driver_say(&driver, "250 ok\r\n");
    cr_assert_eq(result_of(0)->code, 250);
    cr_assert_eq(result_of(1)->code, 550);
    cr_assert_eq(result_of(1)->enhanced[1], 1);
    cr_assert_eq(result_of(1)->stage, REPLY_STAGE_RCPT);
    cr_assert_eq(result_of(2)->code, 450);
    smtp_out_free(driver.engine);
}

/* Each recipient has its own result; the dot's answer is for the accepted ones only. */
TEST(smtp_out_mail, mixed_results)
{
    driver_greet(&driver, &options, PIPELINING);
    begin(&three);
    smtp_out_release(driver.engine);
    driver_say(&driver,
               "250 ok\r\n550 5.1.1 no\r\n250 ok\r\n452 4.2.2 full\r\n354 go\r\n");
    driver_say(&driver, "554 5.7.1 spam\r\n");
    cr_assert_eq(result_of(0)->stage, REPLY_STAGE_RCPT);
    cr_assert_eq(result_of(1)->code, 554);
    cr_assert_eq(result_of(1)->stage, REPLY_STAGE_DOT);
    cr_assert_eq(result_of(2)->code, 452);
    smtp_out_free(driver.engine);
}

/* All RCPT refused and DATA said 354 all the same: a lone dot, then RSET (RFC 2920 3.1).
 */
TEST(smtp_out_mail, lone_dot)
{
    driver_greet(&driver, &options, PIPELINING);
    begin(&three);
    (void)driver_take(&driver);
    driver_say(&driver, "250 ok\r\n550 no\r\n550 no\r\n550 no\r\n354 go\r\n");
    cr_assert_eq(driver.bodies, 0);
    cr_assert_str_eq(driver_take(&driver), ".\r\n");
    driver_say(&driver, "554 no recipients\r\n");
    cr_assert_str_eq(driver_take(&driver), "RSET\r\n");
    cr_assert_eq(driver.readies, 1);
    driver_say(&driver, "250 ok\r\n");
    cr_assert_eq(driver.readies, 2);
    cr_assert_eq(driver.result_count, 3);
    smtp_out_free(driver.engine);
}

/* MAIL refused: everybody gets that answer, the pipelined rest is read and ignored. */
TEST(smtp_out_mail, mail_refused)
{
    driver_greet(&driver, &options, PIPELINING);
    begin(&three);
    (void)driver_take(&driver);
    driver_say(&driver, "451 4.7.1 greylisted\r\n503 x\r\n503 x\r\n503 x\r\n503 x\r\n");
    cr_assert_eq(driver.result_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(result_of(i)->code, 451);
        cr_assert_eq(result_of(i)->stage, REPLY_STAGE_MAIL);
    }
    cr_assert_str_eq(driver_take(&driver), "RSET\r\n");
    smtp_out_free(driver.engine);
}

/* RSET after an unclean transaction must get 2xx, or the connection is not used again. */
TEST(smtp_out_mail, rset_refused)
{
    driver_greet(&driver, &options, PLAIN);
    begin(&three);
    driver_say(&driver, "550 no\r\n");
    driver_say(&driver, "500 what\r\n");
    cr_assert_eq(driver.closes, 1);
    cr_assert_eq(driver.readies, 1);
    cr_assert_eq(driver.result_count, 3);
    smtp_out_free(driver.engine);
}

/* DATA refused: the accepted recipients get that answer. */
TEST(smtp_out_mail, data_refused)
{
    driver_greet(&driver, &options, PIPELINING);
    begin(&three);
    driver_say(&driver, "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n451 4.3.0 disk\r\n");
    cr_assert_eq(result_of(0)->stage, REPLY_STAGE_DATA);
    cr_assert_eq(result_of(1)->stage, REPLY_STAGE_RCPT);
    cr_assert_eq(result_of(2)->code, 451);
    cr_assert_eq(driver.bodies, 0);
    smtp_out_free(driver.engine);
}

/* 552 to RCPT means too many recipients: it is told as 452, with the truth in its text.
 */
TEST(smtp_out_mail, rcpt_552)
{
    driver_greet(&driver, &options, PIPELINING);
    begin(&three);
    driver_say(&driver, "250 ok\r\n250 ok\r\n552 5.5.3 too many\r\n250 ok\r\n");
    cr_assert_eq(result_of(1)->code, 452);
    cr_assert_eq(result_of(1)->enhanced[0], 4);
    cr_assert_str_eq(result_of(1)->text, "too many (said with 552)");
    smtp_out_free(driver.engine);
}

/* 421 at any point ends the session; who has no answer yet gets the 421, once. */
TEST(smtp_out_mail, shutdown_anywhere)
{
    static const char *const before[] = {"", "250 ok\r\n",
                                         "250 ok\r\n550 no\r\n250 ok\r\n",
                                         "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        driver_greet(&driver, &options, PIPELINING);
        begin(&three);
        driver_say(&driver, before[i]);
        driver_say(&driver, "421 4.3.2 shutting down\r\n");
        cr_assert_eq(driver.result_count, 3);
        cr_assert_eq(result_of(2)->code, 421);
        cr_assert_eq(driver.closes, 1);
        smtp_out_free(driver.engine);
    }
}

/* The final dot is held back until it is released. */
TEST(smtp_out_mail, dot_waits)
{
    driver_greet(&driver, &options, PIPELINING);
    begin(&three);
    driver_say(&driver, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n354 go\r\n");
    (void)driver_take(&driver);
    cr_assert_eq(smtp_out_state(driver.engine), SMTP_OUT_STATE_RELEASE);
    driver_run(&driver);
    cr_assert_str_eq(driver_take(&driver), "");
    smtp_out_release(driver.engine);
    driver_run(&driver);
    cr_assert_str_eq(driver_take(&driver), ".\r\n");
    smtp_out_free(driver.engine);
}

/* Lost after the dot: the outcome is unknown, and says so by stage and origin. */
TEST(smtp_out_mail, lost_after_dot)
{
    driver_greet(&driver, &options, PIPELINING);
    begin(&three);
    smtp_out_release(driver.engine);
    driver_say(&driver, "250 ok\r\n250 a\r\n550 b\r\n250 c\r\n354 go\r\n");
    smtp_out_lost(driver.engine, "connection reset");
    driver_run(&driver);
    cr_assert_eq(result_of(0)->stage, REPLY_STAGE_DOT);
    cr_assert_eq(result_of(0)->origin, REPLY_NETWORK);
    cr_assert_eq(result_of(0)->code, 0);
    cr_assert_eq(result_of(1)->origin, REPLY_REMOTE);
    cr_assert_neq(strstr(result_of(2)->text, "arrive twice"), NULL);
    smtp_out_free(driver.engine);
}

/* A server that says 250 before it has the message did not accept it. */
TEST(smtp_out_mail, yes_before_the_dot)
{
    driver_greet(&driver, &options, PIPELINING);
    driver.hold_body = true;
    begin(&three);
    smtp_out_release(driver.engine);
    driver_say(&driver, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 thanks\r\n");
    cr_assert_eq(driver.closes, 1);
    cr_assert_eq(result_of(0)->stage, REPLY_STAGE_BODY);
    cr_assert_eq(result_of(0)->origin, REPLY_MALFORMED);
    cr_assert_null(strstr(driver_take(&driver), "\r\n.\r\n"));
    smtp_out_free(driver.engine);
}

/* Our own failure to read the content is ours, and no dot follows. */
TEST(smtp_out_mail, body_unreadable)
{
    driver_greet(&driver, &options, PIPELINING);
    driver.hold_body = true;
    begin(&three);
    smtp_out_release(driver.engine);
    driver_say(&driver, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n354 go\r\n");
    (void)driver_take(&driver);
    smtp_out_body_failed(driver.engine, "cannot read segment 7");
    driver_run(&driver);
    cr_assert_eq(result_of(2)->origin, REPLY_LOCAL);
    cr_assert_str_eq(driver_take(&driver), "");
    cr_assert_eq(driver.closes, 1);
    smtp_out_free(driver.engine);
}

/* What the server cannot take is told before anything is sent, and the session goes on.
 */
TEST(smtp_out_mail, local_refusals)
{
    struct smtp_out_mail mail = three;
    mail.size_bytes = 1000001;
    driver_greet(&driver, &options, PIPELINING);
    begin(&mail);
    cr_assert_str_eq(driver_take(&driver), "");
    cr_assert_eq(result_of(0)->origin, REPLY_LOCAL);
    cr_assert_eq(result_of(0)->enhanced[1], 3);
    cr_assert_eq(result_of(0)->enhanced[2], 4);
    cr_assert_eq(driver.result_count, 3);
    cr_assert_eq(driver.readies, 2);
    cr_assert_eq(smtp_out_mail_count(driver.engine), 0);
    smtp_out_free(driver.engine);

    mail = three;
    mail.is_8bit = true;
    driver_greet(&driver, &options, PLAIN);
    begin(&mail);
    cr_assert_eq(result_of(2)->enhanced[1], 6);
    cr_assert_eq(result_of(2)->enhanced[2], 3);
    smtp_out_free(driver.engine);

    driver_greet(&driver, &options, PIPELINING);
    begin(&mail);
    cr_assert_str_eq(driver_take(&driver),
                     "MAIL FROM:<s@y.example> SIZE=1234 BODY=8BITMIME\r\n"
                     "RCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"
                     "RCPT TO:<c@x.example>\r\nDATA\r\n");
    smtp_out_free(driver.engine);
}

/* Without SMTPUTF8 a U-label domain goes as its A-label, a UTF-8 local part not at all,
 * and an address that would break the command line never leaves. */
TEST(smtp_out_mail, addresses)
{
    static const struct smtp_out_rcpt mixed[] = {{"a@b\xc3\xbc"
                                                  "cher.example",
                                                  "a@xn--bcher-kva.example", "", ""},
                                                 {"\xc3\xbc@x.example", "", "", ""},
                                                 {"x@y>\r\nRSET", "", "", ""},
                                                 {"\"a b\"@x.example", "", "", ""}};
    struct smtp_out_mail mail = three;
    mail.rcpts = mixed;
    mail.rcpt_count = 4;

    driver_greet(&driver, &options, PIPELINING);
    begin(&mail);
    cr_assert_str_eq(
        driver_take(&driver),
        "MAIL FROM:<s@y.example> SIZE=1234\r\n"
        "RCPT TO:<a@xn--bcher-kva.example>\r\nRCPT TO:<\"a b\"@x.example>\r\n"
        "DATA\r\n");
    cr_assert_eq(result_of(1)->enhanced[2], 7);
    cr_assert_eq(result_of(2)->enhanced[1], 1);
    smtp_out_release(driver.engine);
    driver_say(&driver, "250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n");
    driver_say(&driver, "250 ok\r\n");
    cr_assert_eq(result_of(0)->code, 250);
    cr_assert_eq(result_of(3)->code, 550);
    smtp_out_free(driver.engine);

    driver_greet(&driver, &options, "250-x\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n");
    begin(&mail);
    cr_assert_str_eq(driver_take(&driver), "MAIL FROM:<s@y.example> SMTPUTF8\r\n");
    smtp_out_free(driver.engine);
}

/* DSN parameters go on byte for byte where DSN is offered, and not at all elsewhere. */
TEST(smtp_out_mail, dsn_parameters)
{
    static const struct smtp_out_rcpt one[] = {
        {"a@x.example", "", "success,DELAY", "rfc822;A+40x.example"}};
    struct smtp_out_mail mail = three;
    mail.rcpts = one;
    mail.rcpt_count = 1;
    mail.ret = "hdrs";
    mail.envid = "QQ+2B1";

    driver_greet(&driver, &options, "250-x\r\n250-PIPELINING\r\n250 DSN\r\n");
    begin(&mail);
    cr_assert_str_eq(driver_take(&driver),
                     "MAIL FROM:<s@y.example> RET=hdrs ENVID=QQ+2B1\r\n"
                     "RCPT TO:<a@x.example> NOTIFY=success,DELAY "
                     "ORCPT=rfc822;A+40x.example\r\nDATA\r\n");
    smtp_out_free(driver.engine);
    driver_greet(&driver, &options, PLAIN);
    begin(&mail);
    cr_assert_str_eq(driver_take(&driver), "MAIL FROM:<s@y.example>\r\n");
    smtp_out_free(driver.engine);
}

/* A hundred recipients with long parameters do not fit in one write; all are sent, each
 * has one result, and DATA comes last. */
TEST(smtp_out_mail, many_recipients)
{
    static struct smtp_out_rcpt many[LIMIT_OUT_RCPTS];
    static char names[LIMIT_OUT_RCPTS][32];
    static char orcpt[400];
    struct smtp_out_mail mail = three;

    (void)snprintf(orcpt, sizeof orcpt, "rfc822;%0300d", 1);
    for (int i = 0; i < LIMIT_OUT_RCPTS; i++) {
        (void)snprintf(names[i], sizeof names[i], "user%d@x.example", i);
        many[i] = (struct smtp_out_rcpt){names[i], "", "NEVER", orcpt};
    }
    mail.rcpts = many;
    mail.rcpt_count = LIMIT_OUT_RCPTS;
    driver_greet(&driver, &options, "250-x\r\n250-PIPELINING\r\n250 DSN\r\n");
    begin(&mail);
    const char *sent = driver_take(&driver);
    for (int i = 0; i < LIMIT_OUT_RCPTS; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "RCPT TO:<user%d@x.example>", i);
        sent = strstr(sent, line);
        cr_assert_not_null(sent, "no %s", line);
    }
    cr_assert_not_null(strstr(sent, "\r\nDATA\r\n"));
    driver_say(&driver, "250 ok\r\n");
    for (int i = 0; i < LIMIT_OUT_RCPTS; i++) {
        driver_say(&driver, i % 2 == 0 ? "550 no\r\n" : "250 ok\r\n");
    }
    smtp_out_release(driver.engine);
    driver_say(&driver, "354 go\r\n");
    driver_say(&driver, "250 ok\r\n");
    cr_assert_eq(driver.result_count, LIMIT_OUT_RCPTS);
    cr_assert_eq(result_of(98)->code, 550);
    cr_assert_eq(result_of(99)->code, 250);
    smtp_out_free(driver.engine);
}

/* However the answers are cut into reads, and wherever the connection is lost, each
 * recipient gets exactly one result, and no other than REPLY_STAGE_DOT may be a success.
 */
TEST(smtp_out_mail, cut_anywhere)
{
    static const char talk[] = "250 ok\r\n250-a\r\n250 a\r\n550 5.1.1 b\r\n250 c\r\n"
                               "354 go\r\n250 2.0.0 done\r\n";
    for (size_t cut = 0; cut < sizeof talk; cut++) {
        for (size_t step = 1; step < 4; step++) {
            driver_greet(&driver, &options, PIPELINING);
            begin(&three);
            smtp_out_release(driver.engine);
            driver_say_bytes(&driver, talk, cut, step);
            smtp_out_lost(driver.engine, "connection reset");
            driver_run(&driver);
            cr_assert_eq(driver.result_count, 3, "cut %zu step %zu", cut, step);
            bool is_done = cut == sizeof talk - 1;
            cr_assert_eq(result_of(0)->code == 250, is_done);
            cr_assert_eq(driver.closes, 1);
            smtp_out_free(driver.engine);
        }
    }
}
