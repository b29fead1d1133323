#include <stdio.h>
#include <string.h>

#include "relay/smtp/params.h"

#include "tests/support/test.h"

static const struct params_offer all = {true, true, true, true, true, true, true};
static const struct params_offer none;

/* Each text of MAIL and what it must be. */
TEST(params, mail)
{
    static const struct {
        const char *text;
        enum params_error error;
    } cases[] = {
        {"", PARAMS_OK},
        {" SIZE=10 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=x AUTH=<>", PARAMS_OK},
        {" size=10  body=7bit ", PARAMS_OK},
        {" SIZE=", PARAMS_SYNTAX},
        {" SIZE", PARAMS_SYNTAX},
        {" SIZE=1x", PARAMS_SYNTAX},
        {" SIZE=-1", PARAMS_SYNTAX},
        {" SIZE=999999999999999999999", PARAMS_SYNTAX},
        {" SIZE=1 SIZE=1", PARAMS_SYNTAX},
        {" BODY=BINARYMIME", PARAMS_SYNTAX},
        {" BODY", PARAMS_SYNTAX},
        {" SMTPUTF8=1", PARAMS_SYNTAX},
        {" SMTPUTF8 SMTPUTF8", PARAMS_SYNTAX},
        {" RET=BOTH", PARAMS_SYNTAX},
        {" RET", PARAMS_SYNTAX},
        {" ENVID=", PARAMS_SYNTAX},
        {" ENVID=a+0", PARAMS_SYNTAX},
        {" ENVID=a+zz", PARAMS_SYNTAX},
        {" ENVID=a=b", PARAMS_SYNTAX},
        {" ENVID=\xc3\xbc", PARAMS_SYNTAX},
        {" AUTH=", PARAMS_SYNTAX},
        {" AUTH", PARAMS_SYNTAX},
        {" MT-PRIORITY=-9", PARAMS_OK},
        {" mt-priority=0", PARAMS_OK},
        {" MT-PRIORITY=10", PARAMS_SYNTAX},
        {" MT-PRIORITY=+1", PARAMS_SYNTAX},
        {" MT-PRIORITY=-", PARAMS_SYNTAX},
        {" MT-PRIORITY=", PARAMS_SYNTAX},
        {" MT-PRIORITY", PARAMS_SYNTAX},
        {" MT-PRIORITY=1 MT-PRIORITY=1", PARAMS_SYNTAX},
        {" REQUIRETLS", PARAMS_OK},
        {" REQUIRETLS REQUIRETLS", PARAMS_SYNTAX},
        {" REQUIRETLS=1", PARAMS_SYNTAX},
        {" HOLDFOR=1", PARAMS_UNKNOWN},
        {" =", PARAMS_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mail_params out;
        cr_assert_eq(params_parse_mail(cases[i].text, strlen(cases[i].text), &all, &out),
                     cases[i].error, "%s", cases[i].text);
    }
    struct mail_params out;
    cr_assert_eq(params_parse_mail(" SIZE=1", 7, &none, &out), PARAMS_UNKNOWN);
    cr_assert_eq(params_parse_mail(" SIZE=18446744073709551616", 26, &all, &out),
                 PARAMS_OK);
    cr_assert_eq(out.size_bytes, UINT64_MAX);
    cr_assert_eq(params_parse_mail(" MT-PRIORITY=-7", 15, &all, &out), PARAMS_OK);
    cr_assert(out.has_priority && out.priority == -7);
    cr_assert_eq(params_parse_mail(" MT-PRIORITY=1", 14, &none, &out), PARAMS_UNKNOWN);
}

/* The largest values of RFC 3461 5.4 fit, one byte more does not. */
TEST(params, sizes)
{
    char text[600];
    struct mail_params mail;
    struct rcpt_params rcpt;
    for (int extra = 0; extra < 2; extra++) {
        enum params_error want = extra == 0 ? PARAMS_OK : PARAMS_SYNTAX;
        int length = snprintf(text, sizeof text, " ENVID=%0*d", 100 + extra, 1);
        cr_assert_eq(params_parse_mail(text, (size_t)length, &all, &mail), want);
        length = snprintf(text, sizeof text, " ORCPT=rfc822;%0*d", 493 + extra, 1);
        cr_assert_eq(params_parse_rcpt(text, (size_t)length, &all, false, &rcpt), want);
    }
}

/* Each text of RCPT and what it must be. */
TEST(params, rcpt)
{
    static const struct {
        const char *text;
        bool utf8;
        enum params_error error;
        unsigned notify;
    } cases[] = {
        {"", false, PARAMS_OK, 0},
        {" NOTIFY=NEVER", false, PARAMS_OK, PARAMS_NOTIFY_NEVER},
        {" notify=success,Delay", false, PARAMS_OK,
         PARAMS_NOTIFY_SUCCESS | PARAMS_NOTIFY_DELAY},
        {" NOTIFY=SUCCESS,FAILURE,DELAY", false, PARAMS_OK,
         PARAMS_NOTIFY_SUCCESS | PARAMS_NOTIFY_FAILURE | PARAMS_NOTIFY_DELAY},
        {" ORCPT=rfc822;a+40b", false, PARAMS_OK, 0},
        {" ORCPT=utf-8;\xc3\xbc", true, PARAMS_OK, 0},
        {" ORCPT=utf-8;\xc3\xbc", false, PARAMS_NEED_UTF8, 0},
        {" NOTIFY=NEVER,DELAY", false, PARAMS_SYNTAX, 0},
        {" NOTIFY=DELAY,DELAY", false, PARAMS_SYNTAX, 0},
        {" NOTIFY=", false, PARAMS_SYNTAX, 0},
        {" NOTIFY", false, PARAMS_SYNTAX, 0},
        {" NOTIFY=DELAY,", false, PARAMS_SYNTAX, 0},
        {" NOTIFY=NEVER NOTIFY=NEVER", false, PARAMS_SYNTAX, 0},
        {" ORCPT=rfc822", false, PARAMS_SYNTAX, 0},
        {" ORCPT=;x", false, PARAMS_SYNTAX, 0},
        {" ORCPT=rfc822;", false, PARAMS_SYNTAX, 0},
        {" ORCPT=rfc822;a=b", false, PARAMS_SYNTAX, 0},
        {" SIZE=1", false, PARAMS_UNKNOWN, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rcpt_params out = {.notify = 99};
        enum params_error error = params_parse_rcpt(cases[i].text, strlen(cases[i].text),
                                                    &all, cases[i].utf8, &out);
        cr_assert_eq(error, cases[i].error, "%s", cases[i].text);
        cr_assert_eq(out.notify, error == PARAMS_OK ? cases[i].notify : 99);
        if (error == PARAMS_OK) {
            cr_assert_eq(params_notify_bits(out.notify_text), out.notify);
        }
    }
}

/* xtext is decoded once, bounded, and never yields a control byte. */
TEST(params, xtext)
{
    char out[8];
    cr_assert_eq(params_xtext_decode("a+2Bb+3D", out, sizeof out), 4);
    cr_assert_str_eq(out, "a+b=");
    (void)params_xtext_decode("+0D+0A+00", out, sizeof out);
    cr_assert_str_eq(out, "???");
    (void)params_xtext_decode("a+2", out, sizeof out);
    cr_assert_str_eq(out, "a+2");
    cr_assert_eq(params_xtext_decode("0123456789", out, sizeof out), 7);
    cr_assert_eq(params_xtext_decode("x", out, 0), 0);
}
