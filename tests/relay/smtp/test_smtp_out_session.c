#include <string.h>

#include "relay/smtp/smtp_out.h"

#include "tests/relay/smtp/out_driver.h"
#include "tests/support/test.h"

static const struct smtp_out_options plain = {.helo = "relay.example", .user = ""};
static const struct smtp_out_options maybe = {.helo = "relay.example",
                                              .tls = SMTP_OUT_TLS_OPPORTUNISTIC,
                                              .user = ""};
static const struct smtp_out_options must = {.helo = "relay.example",
                                             .tls = SMTP_OUT_TLS_REQUIRED,
                                             .user = ""};

static struct driver driver;

static void expect_failure(enum reply_stage stage, enum reply_origin origin,
                           uint16_t code)
{
    const struct reply *failure = smtp_out_failure(driver.engine);
    cr_assert_not_null(failure);
    cr_assert_eq(failure->stage, stage, "stage %d", (int)failure->stage);
    cr_assert_eq(failure->origin, origin, "origin %d", (int)failure->origin);
    cr_assert_eq(failure->code, code, "code %u", failure->code);
    cr_assert_eq(driver.closes, 1);
    cr_assert_eq(driver.readies, 0);
    smtp_out_free(driver.engine);
}

/* A greeting that refuses is a failure of the session, not of a message. */
TEST(smtp_out_session, greeting_refused)
{
    static const struct {
        const char *text;
        uint16_t code;
    } cases[] = {{"554 5.7.1 go away\r\n", 554},
                 {"521 host does not accept mail\r\n", 521},
                 {"421 busy\r\n", 421},
                 {"450-a\r\n450 b\r\n", 450}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        driver_start(&driver, &plain);
        driver_say(&driver, cases[i].text);
        /* Who still listens gets a QUIT. */
        cr_assert_str_eq(driver_take(&driver), cases[i].code == 421 ? "" : "QUIT\r\n");
        expect_failure(REPLY_STAGE_GREETING, REPLY_REMOTE, cases[i].code);
    }
}

/* What is not SMTP is malformed, whatever it is. */
TEST(smtp_out_session, greeting_malformed)
{
    static const char *const cases[] = {"HTTP/1.1 400 Bad Request\r\n",
                                        "22 x\r\n",
                                        "\r\n",
                                        "220-a\r\n250 b\r\n",
                                        "199 x\r\n",
                                        "600 x\r\n",
                                        "354 go\r\n",
                                        "220x\r\n"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        driver_start(&driver, &plain);
        driver_say(&driver, cases[i]);
        const struct reply *failure = smtp_out_failure(driver.engine);
        cr_assert_not_null(failure, "case %zu", i);
        cr_assert_eq(failure->origin, REPLY_MALFORMED, "case %zu", i);
        cr_assert_eq(driver.closes, 1);
        smtp_out_free(driver.engine);
    }
}

/* EHLO refused: HELO once, without extensions. */
TEST(smtp_out_session, helo_fallback)
{
    driver_start(&driver, &plain);
    driver_say(&driver, "220 old\r\n");
    cr_assert_str_eq(driver_take(&driver), "EHLO relay.example\r\n");
    driver_say(&driver, "500-PIPELINING\r\n500 PIPELINING\r\n");
    cr_assert_str_eq(driver_take(&driver), "HELO relay.example\r\n");
    driver_say(&driver, "250 hi\r\n");
    cr_assert_eq(driver.readies, 1);
    cr_assert(!smtp_out_peer(driver.engine)->pipelining);
    smtp_out_free(driver.engine);

    driver_start(&driver, &plain);
    driver_say(&driver, "220 old\r\n");
    driver_say(&driver, "500 what\r\n");
    driver_say(&driver, "550 no\r\n");
    expect_failure(REPLY_STAGE_EHLO, REPLY_REMOTE, 550);
}

/* STARTTLS when offered; afterwards all is forgotten and asked again. */
TEST(smtp_out_session, starttls)
{
    driver_start(&driver, &maybe);
    driver_say(&driver, "220 hi\r\n");
    driver_say(&driver, "250-x\r\n250-SIZE 5\r\n250 STARTTLS\r\n");
    cr_assert_str_eq(driver_take(&driver), "EHLO relay.example\r\nSTARTTLS\r\n");
    driver_say(&driver, "220 go\r\n");
    cr_assert_eq(driver.handshakes, 1);
    smtp_out_tls_done(driver.engine, NULL, false);
    driver_run(&driver);
    cr_assert_str_eq(driver_take(&driver), "EHLO relay.example\r\n");
    cr_assert(smtp_out_is_tls(driver.engine));
    driver_say(&driver, "250-x\r\n250 PIPELINING\r\n");
    cr_assert_eq(driver.readies, 1);
    cr_assert(!smtp_out_peer(driver.engine)->size);
    cr_assert(smtp_out_peer(driver.engine)->pipelining);
    smtp_out_free(driver.engine);
}

/* STARTTLS refused: in clear where that is allowed, failure where TLS is required. */
TEST(smtp_out_session, starttls_refused)
{
    driver_start(&driver, &maybe);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 STARTTLS\r\n454 4.7.0 no\r\n");
    cr_assert_eq(driver.readies, 1);
    cr_assert(!smtp_out_is_tls(driver.engine));
    smtp_out_free(driver.engine);

    driver_start(&driver, &must);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 STARTTLS\r\n454 4.7.0 no\r\n");
    expect_failure(REPLY_STAGE_STARTTLS, REPLY_REMOTE, 454);

    driver_start(&driver, &must);
    driver_say(&driver, "220 hi\r\n250 x\r\n");
    expect_failure(REPLY_STAGE_STARTTLS, REPLY_LOCAL, 0);

    driver_start(&driver, &maybe);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n");
    smtp_out_tls_done(driver.engine, "wrong version number", false);
    driver_run(&driver);
    expect_failure(REPLY_STAGE_STARTTLS, REPLY_NETWORK, 0);
}

/* Bytes behind the 220 of STARTTLS were put there by somebody (CVE-2021-38371): no
 * handshake, in whichever read they come. */
TEST(smtp_out_session, response_injection)
{
    driver_start(&driver, &maybe);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 STARTTLS\r\n");
    driver_say(&driver, "220 go\r\n250-x\r\n250 PIPELINING\r\n");
    cr_assert_eq(driver.handshakes, 0);
    expect_failure(REPLY_STAGE_STARTTLS, REPLY_MALFORMED, 0);

    driver_start(&driver, &maybe);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 STARTTLS\r\n");
    driver_say(&driver, "220 go\r\n");
    driver_say(&driver, "2");
    expect_failure(REPLY_STAGE_STARTTLS, REPLY_MALFORMED, 0);
}

/* AUTH PLAIN in one command, LOGIN in three, and only under TLS. */
TEST(smtp_out_session, auth)
{
    struct smtp_out_options login = {.helo = "relay.example",
                                     .tls = SMTP_OUT_TLS_IMPLICIT,
                                     .user = "tim",
                                     .password = "tanstaaftanstaaf"};
    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n");
    driver_say(&driver, "250-x\r\n250 AUTH LOGIN PLAIN\r\n");
    cr_assert_str_eq(driver_take(&driver), "EHLO relay.example\r\n"
                                           "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n");
    driver_say(&driver, "235 ok\r\n");
    cr_assert_eq(driver.readies, 1);
    smtp_out_free(driver.engine);

    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH LOGIN\r\n");
    driver_say(&driver, "334 VXNlcm5hbWU6\r\n");
    driver_say(&driver, "334 UGFzc3dvcmQ6\r\n");
    cr_assert_str_eq(driver_take(&driver), "EHLO relay.example\r\nAUTH LOGIN\r\ndGlt\r\n"
                                           "dGFuc3RhYWZ0YW5zdGFhZg==\r\n");
    driver_say(&driver, "535 5.7.8 no\r\n");
    expect_failure(REPLY_STAGE_AUTH, REPLY_REMOTE, 535);

    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH CRAM-MD5\r\n");
    expect_failure(REPLY_STAGE_AUTH, REPLY_LOCAL, 0);

    login.tls = SMTP_OUT_TLS_OPPORTUNISTIC;
    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH PLAIN\r\n");
    cr_assert_null(strstr(driver_take(&driver), "AUTH"));
    expect_failure(REPLY_STAGE_AUTH, REPLY_LOCAL, 0);
}

/* XOAUTH2: the token in one command; a 334 that explains the refusal is answered with an
 * empty line. A mechanism that is named is the only one. */
TEST(smtp_out_session, xoauth2)
{
    struct smtp_out_options login = {.helo = "relay.example",
                                     .tls = SMTP_OUT_TLS_IMPLICIT,
                                     .user = "a@b.c",
                                     .password = "ya29.tok",
                                     .auth = SMTP_OUT_AUTH_XOAUTH2};
    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH PLAIN XOAUTH2\r\n");
    cr_assert_str_eq(driver_take(&driver),
                     "EHLO relay.example\r\nAUTH XOAUTH2 "
                     "dXNlcj1hQGIuYwFhdXRoPUJlYXJlciB5YTI5LnRvawEB\r\n");
    driver_say(&driver, "235 ok\r\n");
    cr_assert_eq(driver.readies, 1);
    smtp_out_free(driver.engine);

    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH XOAUTH2\r\n334 eyJzdGF0dXMi\r\n");
    const char *sent = driver_take(&driver);
    cr_assert_str_eq(sent + strlen(sent) - 4, "\r\n\r\n");
    driver_say(&driver, "535 5.7.8 token expired\r\n");
    expect_failure(REPLY_STAGE_AUTH, REPLY_REMOTE, 535);

    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH PLAIN LOGIN\r\n");
    cr_assert_null(strstr(driver_take(&driver), "AUTH"));
    expect_failure(REPLY_STAGE_AUTH, REPLY_LOCAL, 0);

    login.auth = SMTP_OUT_AUTH_LOGIN;
    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH PLAIN LOGIN\r\n");
    cr_assert_not_null(strstr(driver_take(&driver), "AUTH LOGIN\r\n"));
    smtp_out_free(driver.engine);

    /* The largest token still fits, and one more does not leave. */
    static char token[5000];
    memset(token, 't', sizeof token - 1);
    token[4095] = '\0';
    login.auth = SMTP_OUT_AUTH_XOAUTH2;
    login.password = token;
    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH XOAUTH2\r\n");
    cr_assert_gt(strlen(driver_take(&driver)), 5500);
    smtp_out_free(driver.engine);
    token[4095] = 't';
    driver_start(&driver, &login);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 AUTH XOAUTH2\r\n");
    cr_assert_null(strstr(driver_take(&driver), "AUTH"));
    expect_failure(REPLY_STAGE_AUTH, REPLY_LOCAL, 0);
}

/* REQUIRETLS must be offered under TLS; where it is not, no message is begun. */
TEST(smtp_out_session, requiretls)
{
    struct smtp_out_options strict = {.helo = "relay.example",
                                      .tls = SMTP_OUT_TLS_IMPLICIT,
                                      .user = "",
                                      .requiretls = true};
    driver_start(&driver, &strict);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 REQUIRETLS\r\n");
    cr_assert_eq(driver.readies, 1);
    smtp_out_free(driver.engine);
    driver_start(&driver, &strict);
    driver_say(&driver, "220 hi\r\n250-x\r\n250 SIZE 1\r\n");
    cr_assert_eq(driver.readies, 0);
    cr_assert_eq(smtp_out_failure(driver.engine)->enhanced[2], 30);
    expect_failure(REPLY_STAGE_STARTTLS, REPLY_LOCAL, 550);
}
