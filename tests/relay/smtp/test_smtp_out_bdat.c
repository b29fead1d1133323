/* BDAT: what smtp_out_mail.c sends and takes where CHUNKING is offered (RFC 3030). */

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

#define CHUNKING "250-mx.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 REQUIRETLS\r\n"

static struct smtp_out_mail chunked(void)
{
    struct smtp_out_mail mail = three;
    mail.chunking = true;
    return mail;
}

/* BDAT waits for the answers to RCPT, carries all in one chunk that is the last, and its
 * answer is everybody's result. */
TEST(smtp_out_mail, bdat)
{
    struct smtp_out_mail mail = chunked();
    mail.requiretls = true;
    driver_greet(&driver, &options, CHUNKING);
    begin(&mail);
    cr_assert_str_eq(driver_take(&driver),
                     "MAIL FROM:<s@y.example> REQUIRETLS\r\nRCPT TO:<a@x.example>\r\n"
                     "RCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\n");
    smtp_out_release(driver.engine);
    driver_say(&driver, "250 ok\r\n250 a\r\n550 b\r\n250 c\r\n");
    cr_assert(smtp_out_is_chunked(driver.engine));
    cr_assert_eq(driver.bodies, 1);
    cr_assert_str_eq(driver_take(&driver), "BDAT 1234 LAST\r\n");
    cr_assert_eq(smtp_out_state(driver.engine), SMTP_OUT_STATE_DOT);
    driver_say(&driver, "250 2.0.0 queued\r\n");
    cr_assert_eq(result_of(0)->code, 250);
    cr_assert_eq(result_of(0)->stage, REPLY_STAGE_DOT);
    cr_assert_eq(result_of(1)->code, 550);
    cr_assert_eq(driver.readies, 2);
    begin(&mail); /* and again on the same connection */
    cr_assert_neq(driver_take(&driver)[0], '\0');
    smtp_out_free(driver.engine);
}

/* Whoever may not end the message yet sends a chunk that is not the last; its 250 is no
 * success, and the end follows when both the answer and the permission are there. */
TEST(smtp_out_mail, bdat_held_back)
{
    struct smtp_out_mail mail = chunked();
    for (int answer_first = 0; answer_first < 2; answer_first++) {
        driver_greet(&driver, &options, CHUNKING);
        begin(&mail);
        driver_say(&driver, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n");
        cr_assert_str_eq(strstr(driver_take(&driver), "BDAT"), "BDAT 1234\r\n");
        cr_assert_eq(smtp_out_state(driver.engine), SMTP_OUT_STATE_RELEASE);
        if (answer_first == 1) {
            driver_say(&driver, "250 chunk taken\r\n");
            cr_assert_eq(driver.result_count, 0);
            smtp_out_release(driver.engine);
            driver_run(&driver);
        } else {
            smtp_out_release(driver.engine);
            driver_run(&driver);
            cr_assert_str_eq(driver_take(&driver), "");
            driver_say(&driver, "250 chunk taken\r\n");
        }
        cr_assert_str_eq(driver_take(&driver), "BDAT 0 LAST\r\n");
        driver_say(&driver, "250 queued\r\n");
        cr_assert_eq(driver.result_count, 3);
        cr_assert_eq(result_of(2)->code, 250);
        smtp_out_free(driver.engine);
    }
}

/* Nobody accepted: no chunk, RSET. A refused chunk, a 250 before all of it was sent, and
 * a loss: each recipient has one result, and no success. */
TEST(smtp_out_mail, bdat_trouble)
{
    struct smtp_out_mail mail = chunked();
    driver_greet(&driver, &options, CHUNKING);
    begin(&mail);
    (void)driver_take(&driver);
    driver_say(&driver, "250 ok\r\n550 a\r\n550 b\r\n550 c\r\n");
    cr_assert_eq(driver.bodies, 0);
    cr_assert_str_eq(driver_take(&driver), "RSET\r\n");
    smtp_out_free(driver.engine);

    static const char *const answers[] = {"552 5.3.4 too big\r\n", "250 early\r\n",
                                          "354 what\r\n"};
    for (size_t i = 0; i < 3; i++) {
        driver_greet(&driver, &options, CHUNKING);
        driver.hold_body = true;
        begin(&mail);
        smtp_out_release(driver.engine);
        driver_say(&driver, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n");
        cr_assert_eq(smtp_out_state(driver.engine), SMTP_OUT_STATE_BODY);
        driver_say(&driver, answers[i]);
        cr_assert_eq(driver.closes, 1);
        cr_assert_eq(driver.result_count, 3);
        cr_assert_neq(result_of(0)->code, 250);
        cr_assert_eq(result_of(0)->code == 552, i == 0);
        smtp_out_free(driver.engine);
    }

    driver_greet(&driver, &options, CHUNKING);
    begin(&mail);
    smtp_out_release(driver.engine);
    driver_say(&driver, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n");
    smtp_out_lost(driver.engine, "connection reset");
    driver_run(&driver);
    cr_assert_eq(result_of(1)->stage, REPLY_STAGE_DOT, "all of it is out: unknown");
    smtp_out_free(driver.engine);
}

/* A server without CHUNKING gets DATA, whoever asks for chunks; REQUIRETLS is only said
 * where it is offered. */
TEST(smtp_out_mail, bdat_only_when_offered)
{
    struct smtp_out_mail mail = chunked();
    mail.requiretls = true;
    driver_greet(&driver, &options, PIPELINING);
    begin(&mail);
    const char *sent = driver_take(&driver);
    cr_assert_not_null(strstr(sent, "DATA\r\n"));
    cr_assert_null(strstr(sent, "REQUIRETLS"));
    cr_assert_not(smtp_out_is_chunked(driver.engine));
    smtp_out_free(driver.engine);
}
