#include <string.h>

#include "tests/relay/smtp/in_driver.h"
#include "tests/support/test.h"

static const struct smtp_in_options options = {.hostname = "relay.example",
                                               .size_max_bytes = 100000,
                                               .rcpt_max = 3,
                                               .offer_dsn = true,
                                               .offer_smtputf8 = true,
                                               .offer_starttls = true};

static struct in_driver driver;

/* Each talk and the codes it must get. */
TEST(smtp_in_commands, order_and_syntax)
{
    static const struct {
        const char *talk;
        const char *codes;
    } cases[] = {
        {"MAIL FROM:<a@b>\r\n", "503 "},
        {"HELO\r\n", "501 "},
        {"EHLO a b\r\n", "501 "},
        {"HELO x\r\nRCPT TO:<a@b>\r\n", "250 503 "},
        {"HELO x\r\nDATA\r\n", "250 503 "},
        {"HELO x\r\nMAIL FROM:<a@b>\r\nDATA\r\n", "250 250 554 "},
        {"HELO x\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", "250 250 503 "},
        {"HELO x\r\nMAIL FROM:<a@b>\r\nEHLO y\r\nRCPT TO:<a@b>\r\n", "250 250 250 503 "},
        {"HELO x\r\nMAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<a@b>\r\n", "250 250 250 503 "},
        {"HELO x\r\nMAIL FROM: <a@b>\r\n", "250 250 "},
        {"HELO x\r\nMAIL FROM:a@b\r\n", "250 250 "},
        {"HELO x\r\nMAIL <a@b>\r\n", "250 501 "},
        {"HELO x\r\nMAIL FROM:<a@b\r\n", "250 501 "},
        {"HELO x\r\nMAIL FROM:<a@b>SIZE=1\r\n", "250 501 "},
        {"HELO x\r\nMAIL FROM:<a@b> SIZE=1 SIZE=1\r\n", "250 501 "},
        {"HELO x\r\nMAIL FROM:<a@b> SIZE=100001\r\n", "250 552 "},
        {"HELO x\r\nMAIL FROM:<a@b> SIZE=99999999999999999999\r\n", "250 552 "},
        {"HELO x\r\nMAIL FROM:<a@b> FOO=1\r\n", "250 555 "},
        {"HELO x\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\n", "250 501 "},
        {"HELO x\r\nMAIL FROM:<\xc3\xbc@b>\r\n", "250 553 "},
        {"HELO x\r\nMAIL FROM:<\xc3\xbc@b> SMTPUTF8\r\n", "250 250 "},
        {"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\n", "250 250 501 "},
        {"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<\xc3\xbc@b>\r\n", "250 250 553 "},
        {"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<@a,@b:c@d>\r\n", "250 250 250 "},
        {"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b> NOTIFY=NEVER,DELAY\r\n",
         "250 250 501 "},
        {"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n", "250 250 250 "},
        {"NOOP ignored\r\n", "250 "},
        {"HELP\r\n", "214 "},
        {"VRFY a@b\r\n", "252 "},
        {"VRFY\r\n", "501 "},
        {"EXPN list\r\n", "502 "},
        {"RSET x\r\n", "501 "},
        {"AUTH PLAIN\r\n", "502 "},
        {"XYZZY\r\n", "500 "},
        {"\r\n", "500 "},
        {"NO\rOP\r\n", "500 "},
        {"NOOP \x01\r\n", "500 "},
        {"GET / HTTP/1.1\r\nHost: x\r\n", "554 "},
        {"NOOP\nMAIL FROM:<a@b>\r\n", "500 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        in_start(&driver, &options);
        in_send(&driver, cases[i].talk);
        cr_assert_str_eq(in_codes(&driver), cases[i].codes, "%s", cases[i].talk);
        smtp_in_free(driver.engine);
    }
}

/* For each point where a transaction is refused or ends, the next command starts clean:
 * RCPT without MAIL must be 503. */
TEST(smtp_in_commands, clean_after_every_end)
{
    static const struct {
        const char *talk;
        unsigned mail_code;
        unsigned data_code;
        unsigned end_code;
    } cases[] = {
        {"MAIL FROM:<a@b>\r\n", 550, 0, 0},
        {"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n", 0, 451, 0},
        {"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n.\r\n", 0, 0, 250},
        {"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n.\r\n", 0, 0, 452},
        {"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n.\r\n", 0, 0, 554},
        {"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\ny\r\n.\r\n", 0, 0, 0},
        {"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nRSET\r\n", 0, 0, 0},
        {"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nHELO y\r\n", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        in_start(&driver, &options);
        driver.mail_code = cases[i].mail_code;
        driver.data_code = cases[i].data_code;
        driver.end_code = cases[i].end_code;
        in_send(&driver, "EHLO x\r\n");
        in_send(&driver, cases[i].talk);
        (void)in_take(&driver);
        in_send(&driver, "RCPT TO:<c@d>\r\nDATA\r\n");
        cr_assert_str_eq(in_codes(&driver), "503 503 ", "case %zu", i);
        cr_assert_eq(driver.resets, cases[i].mail_code == 550 ? 0 : 1);
        smtp_in_free(driver.engine);
    }
}

/* Recipients above the limit get 452 4.5.3; the accepted ones go on. */
TEST(smtp_in_commands, rcpt_max)
{
    in_start(&driver, &options);
    in_send(&driver, "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<b@b>\r\n"
                     "RCPT TO:<c@b>\r\nRCPT TO:<d@b>\r\n");
    const char *said = in_take(&driver);
    cr_assert_not_null(strstr(said, "452 4.5.3 "));
    cr_assert_eq(smtp_in_rcpt_count(driver.engine), 3);
    smtp_in_free(driver.engine);
}

/* Addresses and parameters reach the owner as they were written. */
TEST(smtp_in_commands, verbatim)
{
    in_start(&driver, &options);
    in_send(&driver,
            "EHLO x\r\n"
            "MAIL FROM:<\"a b;`id`\"@X.Example> RET=hdrs ENVID=a+2Bb SIZE=77\r\n"
            "RCPT TO:<${run{x}}@y.example> NOTIFY=success ORCPT=rfc822;Q+40x\r\n");
    cr_assert_str_eq(driver.sender.text, "\"a b;`id`\"@X.Example");
    cr_assert_str_eq(driver.mail.ret_text, "hdrs");
    cr_assert_str_eq(driver.mail.envid, "a+2Bb");
    cr_assert_eq(driver.mail.size_bytes, 77);
    cr_assert_str_eq(driver.rcpt.text, "${run{x}}@y.example");
    cr_assert_str_eq(driver.rcpt_params.notify_text, "success");
    cr_assert_str_eq(driver.rcpt_params.orcpt, "rfc822;Q+40x");
    smtp_in_free(driver.engine);
}

/* A line of any length is taken to its end, refused, and the next one is clean. */
TEST(smtp_in_commands, long_line)
{
    static char line[20000];
    in_start(&driver, &options);
    memset(line, 'x', sizeof line);
    in_send_bytes(&driver, line, sizeof line, 0);
    in_send_bytes(&driver, line, sizeof line, 0);
    in_send(&driver, "\r\nNOOP\r\n");
    cr_assert_str_eq(in_codes(&driver), "500 250 ");
    smtp_in_free(driver.engine);
}

/* Bytes behind STARTTLS in the same read are an injection (CVE-2011-0411): no handshake.
 */
TEST(smtp_in_commands, starttls_injection)
{
    in_start(&driver, &options);
    in_send(&driver, "EHLO x\r\nSTARTTLS\r\nMAIL FROM:<evil@x>\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 554 ");
    cr_assert_eq(driver.handshakes, 0);
    cr_assert_eq(driver.mails, 0);
    cr_assert(smtp_in_closing(driver.engine));
    smtp_in_free(driver.engine);
}

/* STARTTLS forgets what was said in clear, and is not offered twice. */
TEST(smtp_in_commands, starttls)
{
    struct smtp_in_options must = options;
    must.require_tls = true;
    in_start(&driver, &must);
    in_send(&driver, "EHLO x\r\n");
    cr_assert_not_null(strstr(in_take(&driver), "STARTTLS"));
    in_send(&driver, "MAIL FROM:<>\r\n");
    in_send(&driver, "STARTTLS now\r\n");
    in_send(&driver, "STARTTLS\r\n");
    cr_assert_str_eq(in_codes(&driver), "530 501 220 ");
    cr_assert_eq(driver.handshakes, 1);
    cr_assert(!smtp_in_wants_input(driver.engine));
    smtp_in_tls_started(driver.engine);
    cr_assert_str_eq(smtp_in_helo(driver.engine), "");
    in_send(&driver, "MAIL FROM:<>\r\n");
    cr_assert_str_eq(in_codes(&driver), "503 ");
    in_send(&driver, "EHLO x\r\n");
    cr_assert_null(strstr(in_take(&driver), "STARTTLS"));
    in_send(&driver, "STARTTLS\r\n");
    in_send(&driver, "MAIL FROM:<>\r\n");
    cr_assert_str_eq(in_codes(&driver), "503 250 ");
    cr_assert(smtp_in_is_tls(driver.engine));
    smtp_in_free(driver.engine);
}

/* EHLO tells exactly what the listener offers. */
TEST(smtp_in_commands, ehlo)
{
    in_start(&driver, &options);
    in_send(&driver, "EHLO caf\xe9\r\n");
    cr_assert_str_eq(in_take(&driver),
                     "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 100000\r\n"
                     "250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
                     "250-SMTPUTF8\r\n250-DSN\r\n250-LIMITS RCPTMAX=3\r\n250 HELP\r\n");
    cr_assert_str_eq(smtp_in_helo(driver.engine), "caf?");
    smtp_in_free(driver.engine);
}

/* REQUIRETLS is offered and taken under TLS, and unknown in clear (RFC 8689 4.1). */
TEST(smtp_in_commands, requiretls)
{
    struct smtp_in_options strict = options;
    strict.offer_requiretls = true;
    in_start(&driver, &strict);
    in_send(&driver, "EHLO x\r\n");
    cr_assert_null(strstr(in_take(&driver), "REQUIRETLS"));
    in_send(&driver, "MAIL FROM:<a@b> REQUIRETLS\r\nSTARTTLS\r\n");
    cr_assert_str_eq(in_codes(&driver), "555 220 ");
    smtp_in_tls_started(driver.engine);
    in_send(&driver, "EHLO x\r\n");
    cr_assert_not_null(strstr(in_take(&driver), "250-REQUIRETLS\r\n"));
    in_send(&driver, "MAIL FROM:<a@b> REQUIRETLS\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 ");
    smtp_in_free(driver.engine);
}
