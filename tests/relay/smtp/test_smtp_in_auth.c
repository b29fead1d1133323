#include <string.h>

#include "tests/relay/smtp/in_driver.h"
#include "tests/support/test.h"

static const struct smtp_in_options options = {.hostname = "r",
                                               .rcpt_max = 9,
                                               .offer_auth = true,
                                               .auth_in_clear = true,
                                               .require_auth = true};

static struct in_driver driver;

static void hello(const struct smtp_in_options *with)
{
    in_start(&driver, with);
    in_send(&driver, "EHLO x\r\n");
    (void)in_take(&driver);
}

/* PLAIN with and without an initial response, LOGIN with and without: the same question.
 */
TEST(smtp_in_auth, ways)
{
    static const struct {
        const char *talk;
        const char *codes;
    } cases[] = {{"AUTH PLAIN AHRpbQBzZWNyZXQ=\r\n", "235 "},
                 {"auth plain\r\nAHRpbQBzZWNyZXQ=\r\n", "334 235 "},
                 {"AUTH PLAIN dGltAHRpbQBzZWNyZXQ=\r\n", "235 "},
                 {"AUTH LOGIN\r\ndGlt\r\nc2VjcmV0\r\n", "334 334 235 "},
                 {"AUTH LOGIN dGlt\r\nc2VjcmV0\r\n", "334 235 "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hello(&options);
        in_send(&driver, cases[i].talk);
        cr_assert_str_eq(in_codes(&driver), cases[i].codes, "case %zu", i);
        cr_assert_str_eq(driver.user, "tim");
        cr_assert_str_eq(driver.password, "secret");
        cr_assert(smtp_in_is_authenticated(driver.engine));
        in_send(&driver, "AUTH PLAIN AHRpbQBzZWNyZXQ=\r\nMAIL FROM:<>\r\n");
        cr_assert_str_eq(in_codes(&driver), "503 250 ");
        smtp_in_free(driver.engine);
    }
}

/* What is wrong is refused without asking the owner. */
TEST(smtp_in_auth, refused)
{
    static const struct {
        const char *talk;
        const char *codes;
    } cases[] = {{"MAIL FROM:<>\r\n", "530 "},
                 {"AUTH\r\n", "501 "},
                 {"AUTH CRAM-MD5\r\n", "504 "},
                 {"AUTH PLAIN !!!!\r\n", "501 "},
                 {"AUTH PLAIN AHRpbQBzZWNyZXQ\r\n", "501 "},
                 {"AUTH PLAIN =\r\n", "501 "},
                 {"AUTH PLAIN dGlt\r\n", "501 "},
                 {"AUTH PLAIN Ym9iAHRpbQBzZWNyZXQ=\r\n", "535 "},
                 {"AUTH PLAIN AHRpbQBzZQBjcmV0\r\n", "501 "},
                 {"AUTH PLAIN\r\n*\r\n", "334 501 "},
                 {"AUTH LOGIN\r\n*\r\n", "334 501 "},
                 {"AUTH LOGIN\r\ndGlt\r\n*\r\n", "334 334 501 "},
                 {"AUTH LOGIN\r\n\r\n", "334 501 "},
                 {"AUTH LOGIN\r\ndGltAA==\r\n", "334 501 "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hello(&options);
        in_send(&driver, cases[i].talk);
        cr_assert_str_eq(in_codes(&driver), cases[i].codes, "case %zu", i);
        cr_assert_str_eq(driver.user, "");
        in_send(&driver, "NOOP\r\n");
        cr_assert_str_eq(in_codes(&driver), "250 ");
        smtp_in_free(driver.engine);
    }
}

/* The owner's no leaves the session unauthenticated; a late answer works as well. */
TEST(smtp_in_auth, wrong_password)
{
    hello(&options);
    driver.auth_code = 535;
    driver.is_late = true;
    in_send(&driver, "AUTH PLAIN AHRpbQBzZWNyZXQ=\r\nMAIL FROM:<>\r\n");
    cr_assert(driver.asked);
    driver.is_late = false;
    in_answer_late(&driver);
    cr_assert_str_eq(in_codes(&driver), "535 530 ");
    cr_assert(!smtp_in_is_authenticated(driver.engine));
    smtp_in_free(driver.engine);
}

/* Without TLS AUTH is neither offered nor taken. */
TEST(smtp_in_auth, not_in_clear)
{
    struct smtp_in_options tls = options;
    tls.auth_in_clear = false;
    in_start(&driver, &tls);
    in_send(&driver, "EHLO x\r\n");
    cr_assert_null(strstr(in_take(&driver), "AUTH"));
    in_send(&driver, "AUTH PLAIN AHRpbQBzZWNyZXQ=\r\n");
    cr_assert_str_eq(in_codes(&driver), "538 ");
    cr_assert_str_eq(driver.user, "");
    smtp_in_free(driver.engine);
}

/* A line above the cap is refused whole. */
TEST(smtp_in_auth, long_line)
{
    static char line[9001];
    memset(line, 'A', 9000);
    hello(&options);
    in_send(&driver, "AUTH PLAIN\r\n");
    in_send(&driver, line);
    in_send(&driver, "\r\nNOOP\r\n");
    cr_assert_str_eq(in_codes(&driver), "334 500 250 ");
    smtp_in_free(driver.engine);
}
