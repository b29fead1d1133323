#include <string.h>

#include "relay/smtp/smtp_out.h"

#include "tests/relay/smtp/out_driver.h"
#include "tests/support/test.h"

#define EHLO "250-x\r\n250 PIPELINING\r\n"

static const struct smtp_out_options plain = {.helo = "relay.example", .user = ""};
static const struct smtp_out_rcpt rcpts[] = {{"a@x.example", "", "", ""}};
static const struct smtp_out_mail one = {.sender = "",
                                         .ascii_sender = "",
                                         .rcpts = rcpts,
                                         .rcpt_count = 1,
                                         .ret = "",
                                         .envid = ""};

static struct driver driver;

static void deliver(void)
{
    smtp_out_begin(driver.engine, &one);
    smtp_out_release(driver.engine);
    driver_run(&driver);
    driver_say(&driver, "250 a\r\n250 b\r\n354 c\r\n");
    driver_say(&driver, "250 d\r\n");
}

/* Transactions follow one another on one connection, each with its own results. */
TEST(smtp_out, reuse)
{
    driver_greet(&driver, &plain, EHLO);
    for (unsigned i = 1; i <= 50; i++) {
        deliver();
        cr_assert_eq(driver.result_count, i);
        cr_assert_eq(driver.readies, i + 1);
    }
    cr_assert_not_null(strstr(driver_take(&driver), "MAIL FROM:<>\r\n"));
    smtp_out_quit(driver.engine);
    driver_run(&driver);
    cr_assert_str_eq(driver_take(&driver), "QUIT\r\n");
    driver_say(&driver, "221 bye\r\n");
    cr_assert_eq(driver.closes, 1);
    cr_assert_null(smtp_out_failure(driver.engine));
    smtp_out_free(driver.engine);
}

/* After MAILMAX of LIMITS, or our own maximum, the engine says goodbye by itself. */
TEST(smtp_out, mail_max)
{
    driver_greet(&driver, &plain,
                 "250-x\r\n250-PIPELINING\r\n250 LIMITS MAILMAX=2 RCPTMAX=7\r\n");
    cr_assert_eq(smtp_out_rcpt_max(driver.engine), 7);
    deliver();
    cr_assert_eq(driver.readies, 2);
    (void)driver_take(&driver);
    deliver();
    cr_assert_eq(driver.readies, 2);
    const char *sent = driver_take(&driver);
    cr_assert_str_eq(sent + strlen(sent) - 6, "QUIT\r\n");
    driver_say(&driver, "221 bye\r\n");
    cr_assert_eq(driver.closes, 1);
    smtp_out_free(driver.engine);
}

/* A server that leaves an idle session hurt no message: no result, and a failure at QUIT.
 */
TEST(smtp_out, leaves_while_idle)
{
    driver_greet(&driver, &plain, EHLO);
    deliver();
    driver_say(&driver, "421 4.4.2 idle too long\r\n");
    cr_assert_eq(driver.closes, 1);
    cr_assert_eq(driver.result_count, 1);
    cr_assert_eq(smtp_out_failure(driver.engine)->stage, REPLY_STAGE_QUIT);
    smtp_out_free(driver.engine);

    driver_greet(&driver, &plain, EHLO);
    smtp_out_lost(driver.engine, "closed by the server");
    driver_run(&driver);
    cr_assert_eq(driver.closes, 1);
    cr_assert_eq(smtp_out_failure(driver.engine)->stage, REPLY_STAGE_QUIT);
    smtp_out_free(driver.engine);
}

/* An answer too many makes the order of answers doubtful: the session ends. */
TEST(smtp_out, answer_too_many)
{
    driver_greet(&driver, &plain, EHLO);
    deliver();
    driver_say(&driver, "250 and another\r\n");
    cr_assert_eq(driver.closes, 1);
    cr_assert_eq(smtp_out_failure(driver.engine)->origin, REPLY_MALFORMED);
    cr_assert_eq(driver.result_count, 1);
    cr_assert_eq(driver.results[0].code, 250);
    smtp_out_free(driver.engine);
}

/* Ending is safe in every state and as often as one likes, and says CLOSE once. */
TEST(smtp_out, close_in_every_state)
{
    static const char talk[] =
        "220 a\r\n250-b\r\n250 PIPELINING\r\n250 c\r\n250 d\r\n354 e\r\n"
        "250 f\r\n";
    for (size_t cut = 0; cut < sizeof talk; cut++) {
        driver_start(&driver, &plain);
        unsigned begun = 0;
        for (size_t i = 0; i < cut; i++) {
            driver_say_bytes(&driver, talk + i, 1, 0);
            if (driver.readies == 1 && begun == 0) {
                smtp_out_begin(driver.engine, &one);
                smtp_out_release(driver.engine);
                driver_run(&driver);
                begun = 1;
            }
        }
        smtp_out_deadline(driver.engine);
        smtp_out_lost(driver.engine, "again");
        driver_run(&driver);
        smtp_out_deadline(driver.engine);
        driver_say(&driver, "250 late\r\n");
        cr_assert_eq(driver.closes, 1, "cut %zu", cut);
        cr_assert_eq(driver.result_count, begun, "cut %zu", cut);
        smtp_out_free(driver.engine);
    }
}

/* The deadline is set anew for each answer and scaled for tests. */
TEST(smtp_out, deadlines)
{
    struct smtp_out_options fast = plain;
    fast.deadline_percent = 1;
    driver_start(&driver, &fast);
    cr_assert_eq(smtp_out_deadline_ms(driver.engine), 3000);
    uint32_t turn = smtp_out_deadline_turn(driver.engine);
    driver_say(&driver, "220 hi\r\n");
    cr_assert_neq(smtp_out_deadline_turn(driver.engine), turn);
    driver_say(&driver, EHLO);
    cr_assert_eq(smtp_out_deadline_ms(driver.engine), 0);
    smtp_out_free(driver.engine);
}
