#include <stddef.h>
#include <string.h>

#include "relay/smtp/ehlo.h"

#include "tests/support/test.h"

static struct ehlo ehlo;

static void line(const char *text)
{
    ehlo_line(&ehlo, text, strlen(text));
}

/* Keywords in any case; unknown ones are nothing. */
TEST(ehlo, keywords)
{
    static const char *const lines[] = {"pipelining",
                                        "8BITMIME",
                                        "SMTPUTF8",
                                        "STARTTLS",
                                        "Dsn",
                                        "CHUNKING",
                                        "REQUIRETLS",
                                        "ENHANCEDSTATUSCODES",
                                        "XCLIENT NAME",
                                        "PIPELINE",
                                        ""};
    ehlo = (struct ehlo){0};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        line(lines[i]);
    }
    struct ehlo want = {.pipelining = true,
                        .body_8bit = true,
                        .smtputf8 = true,
                        .starttls = true,
                        .dsn = true,
                        .chunking = true,
                        .enhanced_codes = true,
                        .requiretls = true};
    cr_assert_eq(memcmp(&ehlo, &want, offsetof(struct ehlo, size)), 0);
    cr_assert_not(ehlo.size);
    cr_assert_eq(ehlo.size_max_bytes, 0);
    cr_assert_eq(ehlo.mail_max, 0);
    cr_assert_eq(ehlo.rcpt_max, 0);
    cr_assert_eq(ehlo.rcpt_domain_max, 0);
}

/* SIZE with a number, without one, and with nonsense. */
TEST(ehlo, size)
{
    ehlo = (struct ehlo){0};
    line("SIZE");
    cr_assert(ehlo.size);
    cr_assert_eq(ehlo.size_max_bytes, 0);
    line("SIZE 35882577");
    cr_assert_eq(ehlo.size_max_bytes, 35882577);
    ehlo = (struct ehlo){0};
    line("SIZE big");
    cr_assert(!ehlo.size);
    line("SIZE 99999999999999999999");
    cr_assert(!ehlo.size);
}

/* AUTH in its form and in the old one with "=". */
TEST(ehlo, auth)
{
    ehlo = (struct ehlo){0};
    line("AUTH CRAM-MD5 plain");
    cr_assert(ehlo.auth_plain);
    cr_assert(!ehlo.auth_login);
    line("AUTH=LOGIN");
    cr_assert(ehlo.auth_login);
}

/* LIMITS: what is malformed is ignored alone (RFC 9422). */
TEST(ehlo, limits)
{
    ehlo = (struct ehlo){0};
    line("LIMITS MAILMAX=5 RCPTMAX=x RCPTMAX=0 rcptdomainmax=1 FOO=3 MAILMAX BAR=");
    cr_assert_eq(ehlo.mail_max, 5);
    cr_assert_eq(ehlo.rcpt_max, 0);
    cr_assert_eq(ehlo.rcpt_domain_max, 1);
    line("LIMITS RCPTMAX=1234567");
    cr_assert_eq(ehlo.rcpt_max, 0);
}
