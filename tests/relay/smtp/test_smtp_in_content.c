#include <stdio.h>
#include <string.h>

#include "tests/relay/smtp/in_driver.h"
#include "tests/support/test.h"

static const struct smtp_in_options strict = {.hostname = "r",
                                              .size_max_bytes = 1000,
                                              .rcpt_max = 9,
                                              .offer_chunking = true};
static const struct smtp_in_options lenient = {.hostname = "r",
                                               .rcpt_max = 9,
                                               .normalise_lines = true,
                                               .accept_long_lines = true,
                                               .offer_chunking = true};

static struct in_driver driver;

static void open_data(const struct smtp_in_options *options)
{
    in_start(&driver, options);
    in_send(&driver, "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    (void)in_take(&driver);
}

/* Every malformed ending there is: none of them ends the data, from nobody; what follows
 * is content until CRLF.CRLF, and the whole is one refusal (or, repaired, one message).
 */
TEST(smtp_in_content, smuggling)
{
    static const struct {
        const char *bytes;
        size_t length;
    } endings[] = {
        {"\n.\n", 3},        {"\n.\r\n", 4},     {"\r.\r", 3},       {"\r.\r\n", 4},
        {"\r\n.\n", 4},      {"\r\n.\r", 4},     {"\r\n\0.\r\n", 6}, {"\r\n.\0\r\n", 6},
        {"\n\r.\r\n", 5},    {"\r\r.\r\n", 5},   {"\r\n.\r\0\n", 6}, {"\n.\r", 3},
        {"\r\n.\r.\r\n", 7}, {"\0\r\n.\0\n", 6},
    };
    static const char rest[] =
        "x\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<v@y>\r\nDATA\r\nboo\r\n.\r\n";
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        for (int mode = 0; mode < 2; mode++) {
            open_data(mode == 0 ? &strict : &lenient);
            in_send(&driver, "hello");
            in_send_bytes(&driver, endings[i].bytes, endings[i].length, 1);
            cr_assert_str_eq(in_codes(&driver), "", "ending %zu ended it", i);
            in_send(&driver, rest);
            const char *said = in_take(&driver);
            bool has_nul = memchr(endings[i].bytes, '\0', endings[i].length) != NULL;
            cr_assert_eq(strncmp(said, mode == 0 || has_nul ? "550 5.6" : "250 ", 4), 0,
                         "ending %zu mode %d: %s", i, mode, said);
            cr_assert_eq(strchr(said, '\n') - said, (long)strlen(said) - 1);
            cr_assert_eq(driver.mails, 1, "ending %zu smuggled", i);
            smtp_in_free(driver.engine);
        }
    }
}

/* The end at once, and content that is one dot. */
TEST(smtp_in_content, smallest)
{
    open_data(&strict);
    in_send(&driver, ".\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 ");
    cr_assert_eq(driver.last.facts.size_bytes, 0);
    cr_assert(driver.last.facts.ends_in_crlf);
    smtp_in_free(driver.engine);

    open_data(&strict);
    in_send(&driver, "..\r\n.\r\n");
    cr_assert_str_eq(driver.content, ".\r\n");
    cr_assert(driver.last.facts.has_dot_line);
    smtp_in_free(driver.engine);
}

/* Too big: read to the real end, then 552 5.3.4; the owner saw no end, and the next
 * message is fine. */
TEST(smtp_in_content, too_big)
{
    open_data(&strict);
    for (int i = 0; i < 100; i++) {
        in_send(&driver, "0123456789012345678901234567890123456789\r\n");
    }
    cr_assert_str_eq(in_take(&driver), "");
    in_send(&driver, ".\r\n");
    cr_assert_eq(strncmp(in_take(&driver), "552 5.3.4 ", 10), 0);
    cr_assert_eq(driver.messages, 0);
    cr_assert_eq(driver.last_end, SMTP_IN_END_REFUSED);
    in_send(&driver, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nsmall\r\n.\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 250 354 250 ");
    smtp_in_free(driver.engine);
}

/* 998 bytes and CRLF are a line; 999 are refused, or told to the owner who converts. */
TEST(smtp_in_content, long_line)
{
    char line[1003];
    memset(line, 'x', sizeof line);
    struct smtp_in_options big = strict;
    big.size_max_bytes = 0;
    open_data(&big);
    in_send_bytes(&driver, line, 998, 0);
    in_send(&driver, "\r\n.\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 ");
    smtp_in_free(driver.engine);

    open_data(&big);
    in_send_bytes(&driver, line, 999, 100);
    in_send(&driver, "\r\n.\r\n");
    cr_assert_eq(strncmp(in_take(&driver), "550 5.6.0 ", 10), 0);
    smtp_in_free(driver.engine);

    open_data(&lenient);
    in_send_bytes(&driver, line, 999, 0);
    in_send(&driver, "\r\n.\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 ");
    cr_assert_eq(driver.last.facts.longest_line, 999);
    smtp_in_free(driver.engine);
}

/* Repaired line ends reach the owner as CRLF, and it is told. */
TEST(smtp_in_content, normalised)
{
    open_data(&lenient);
    in_send(&driver, "a\nb\rc\r\n\n.d\r\n.\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 ");
    cr_assert_str_eq(driver.content, "a\r\nb\r\nc\r\n\r\n.d\r\n");
    cr_assert(driver.last.was_normalised);
    cr_assert(driver.last.facts.has_dot_line);
    smtp_in_free(driver.engine);
}

/* The owner may refuse what it has seen; the rest is read, and it is not asked again. */
TEST(smtp_in_content, owner_refuses)
{
    open_data(&lenient);
    in_send(&driver, "a\r\n");
    smtp_in_refuse_content(driver.engine, 554, "5.4.6 mail loop");
    smtp_in_refuse_content(driver.engine, 550, "5.0.0 second");
    size_t before = driver.content_length;
    in_send(&driver, "b\r\n.\r\n");
    cr_assert_eq(strncmp(in_take(&driver), "554 5.4.6 mail loop", 19), 0);
    cr_assert_eq(driver.content_length, before);
    cr_assert_eq(driver.messages, 0);
    smtp_in_free(driver.engine);
}

/* BDAT: bytes by count, in any number of chunks, also empty ones. */
TEST(smtp_in_content, chunks)
{
    in_start(&driver, &strict);
    in_send(&driver, "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
                     "BDAT 4\r\n.a\r\nBDAT 3\r\nb\r\nBDAT 0 LAST\r\nNOOP\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 250 250 250 250 250 250 ");
    cr_assert_str_eq(driver.content, ".a\r\nb\r\n");
    cr_assert(driver.last.is_chunked);
    cr_assert(driver.last.facts.has_dot_line);
    cr_assert_eq(driver.messages, 1);
    smtp_in_free(driver.engine);
}

/* A refused chunk is read to its end first; its bytes are never commands, and what was
 * pipelined behind it is refused too. */
TEST(smtp_in_content, chunk_refused)
{
    static const char evil[] = "BDAT 20\r\nMAIL FROM:<evil@x>\r\nBDAT 6 LAST\r\nNOOP\r\n";
    in_start(&driver, &strict);
    in_send(&driver, "EHLO x\r\n");
    in_send(&driver, evil);
    cr_assert_str_eq(in_codes(&driver), "250 503 503 ");
    cr_assert_eq(driver.mails, 0);
    smtp_in_free(driver.engine);

    in_start(&driver, &strict);
    driver.data_code = 452;
    in_send(&driver, "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
    in_send(&driver, evil);
    cr_assert_str_eq(in_codes(&driver), "250 250 250 452 503 ");
    cr_assert_eq(driver.mails, 1);
    cr_assert_eq(driver.resets, 1);
    smtp_in_free(driver.engine);

    in_start(&driver, &strict);
    in_send(&driver, "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 5\r\na\nb\r\n"
                     "BDAT 2 LAST\r\n\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 250 250 550 503 503 503 ");
    smtp_in_free(driver.engine);
}

/* A BDAT that cannot be understood closes: its bytes cannot be told from commands. DATA
 * after BDAT is 503, and tiny chunks run out. */
TEST(smtp_in_content, chunk_rules)
{
    in_start(&driver, &strict);
    in_send(&driver, "EHLO x\r\nBDAT x\r\nNOOP\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 501 ");
    smtp_in_free(driver.engine);

    in_start(&driver, &strict);
    in_send(&driver, "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\naDATA\r\n");
    cr_assert_str_eq(in_codes(&driver), "250 250 250 250 503 ");
    smtp_in_free(driver.engine);

    in_start(&driver, &strict);
    in_send(&driver, "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
    for (int i = 0; i < LIMIT_CHUNKS; i++) {
        in_send(&driver, "BDAT 0\r\n");
        driver.said_length = 0;
    }
    in_send(&driver, "BDAT 0\r\n");
    cr_assert_str_eq(in_codes(&driver), "554 ");
    smtp_in_free(driver.engine);
}
