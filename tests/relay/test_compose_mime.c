#include <errno.h>
#include <string.h>

#include "relay/compose_mime.h"
#include "relay/entropy.h"

#include "tests/support/test.h"

static struct textbuf out;

static const char *text(void)
{
    return out.bytes == NULL ? "" : out.bytes;
}

TEST(compose_mime, fields_are_one_line_or_encoded_words)
{
    /* ASCII as it is; the rest in words of whole characters; control bytes and names that
     * are none write nothing. */
    textbuf_init(&out, 65536);
    cr_assert(compose_mime_field(&out, "X-Ticket", "7"));
    cr_assert_str_eq(text(), "X-Ticket: 7\r\n");
    textbuf_clear(&out);
    cr_assert(compose_mime_field(&out, "Subject",
                                 "Gr\xc3\xbc\xc3\x9f"
                                 "e"));
    cr_assert_str_eq(text(), "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
    textbuf_clear(&out);
    char many[400];
    for (size_t i = 0; i + 2 < sizeof many; i += 2) {
        memcpy(many + i, "\xc3\xbc", 3);
    }
    cr_assert(compose_mime_field(&out, "Subject", many));
    for (const char *at = text(); *at != '\0';) {
        size_t line = strcspn(at, "\r");
        cr_assert_leq(line, 78);
        at += line + 2;
    }
    textbuf_clear(&out);
    cr_assert_not(compose_mime_field(&out, "Subject", "a\r\nBcc: eve@x.test"));
    cr_assert_not(compose_mime_field(&out, "Sub:ject", "a"));
    cr_assert_not(compose_mime_field(&out, "", "a"));
    cr_assert_str_eq(text(), "");
    textbuf_done(&out);
}

TEST(compose_mime, mailboxes)
{
    /* A name is quoted or encoded; an address that could be two is none. */
    textbuf_init(&out, 65536);
    cr_assert(compose_mime_mailbox(&out, "kim@x.test", "kim@x.test"));
    cr_assert_str_eq(text(), "kim@x.test");
    textbuf_clear(&out);
    cr_assert(compose_mime_mailbox(&out, "Kim \"K\" Lee <kim@x.test>", "kim@x.test"));
    cr_assert_str_eq(text(), "\"Kim \\\"K\\\" Lee\" <kim@x.test>");
    textbuf_clear(&out);
    cr_assert(compose_mime_mailbox(&out, "\xc3\x84nne <a@x.test>", "a@x.test"));
    cr_assert_str_eq(text(), "=?UTF-8?B?w4RubmU=?= <a@x.test>");
    textbuf_clear(&out);
    cr_assert_not(compose_mime_mailbox(&out, "a@x.test", "a@x.test,b@x.test"));
    cr_assert_not(compose_mime_mailbox(&out, "A\r\n <a@x.test>", "a@x.test"));
    cr_assert_str_eq(text(), "");
    textbuf_done(&out);
}

TEST(compose_mime, bodies)
{
    /* One part alone, two as alternatives, files behind them; no line is above 76. */
    struct errmsg err = {""};
    cr_assert_eq(entropy_start(&err), 0);
    textbuf_init(&out, 65536);
    struct compose_mime mime = {.text = "one\ntwo\r\nthree", .html = ""};
    cr_assert_eq(compose_mime_body(&out, &mime, &err), 0);
    cr_assert_str_eq(text(), "MIME-Version: 1.0\r\nContent-Type: text/plain; "
                             "charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                             "b25lDQp0d28NCnRocmVl\r\n");
    textbuf_clear(&out);
    struct compose_part part = {
        .name = "\xc3\xa9.pdf", .type = "application/pdf", .content = "AAEC"};
    mime = (struct compose_mime){
        .text = "t", .html = "<p>", .parts = &part, .part_count = 1};
    cr_assert_eq(compose_mime_body(&out, &mime, &err), 0);
    cr_assert_not_null(strstr(text(), "multipart/mixed"));
    cr_assert_not_null(strstr(text(), "multipart/alternative"));
    cr_assert_not_null(strstr(text(), "filename*=UTF-8''%C3%A9%2E%70%64%66"));
    cr_assert_not_null(strstr(text(), "\r\n\r\nAAEC\r\n--=_mesura_"));
    textbuf_clear(&out);
    part.content = "not base64!";
    cr_assert_eq(compose_mime_body(&out, &mime, &err), -EINVAL);
    part.content = "AAEC";
    part.type = "text/html\r\nX: y";
    cr_assert_eq(compose_mime_body(&out, &mime, &err), -EINVAL);
    textbuf_done(&out);
}
