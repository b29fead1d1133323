#include <stdio.h>
#include <string.h>

#include "relay/message.h"

#include "tests/support/test.h"

static struct message message;
static struct textbuf out;

static const struct message_trace trace = {.hostname = "relay.example",
                                           .helo = "app",
                                           .client_ip = "192.0.2.1",
                                           .client_name = "app.example",
                                           .protocol = "ESMTP",
                                           .id = "01ABC",
                                           .tls = "",
                                           .only_rcpt = "",
                                           .unix_ms = 0,
                                           .offset_minutes = 0};

/* Feed text in pieces of step bytes (0: at once); returns the body, prefix included. */
static const char *read_message(const char *text, size_t length, size_t step)
{
    static char body[4096];
    size_t body_length = 0;
    size_t prefix_length = 0;
    char rest[4096];
    size_t rest_length = 0;

    message_init(&message);
    for (size_t at = 0; at < length;) {
        size_t part = step == 0 || step > length - at ? length - at : step;
        size_t used = message_feed(&message, text + at, part);
        memcpy(rest + rest_length, text + at + used, part - used);
        rest_length += part - used;
        at += part;
    }
    message_end(&message);
    const char *prefix = message_prefix(&message, &prefix_length);
    memcpy(body, prefix, prefix_length);
    body_length = prefix_length;
    memcpy(body + body_length, rest, rest_length);
    body[body_length + rest_length] = '\0';
    return body;
}

static const char *build(const struct message_trace *with)
{
    textbuf_init(&out, 2 * LIMIT_HEADER_BYTES);
    message_build(&message, with, "", &out);
    cr_assert(!out.failed);
    return out.bytes;
}

static void done(void)
{
    textbuf_done(&out);
    message_done(&message);
}

#define RECEIVED                                       \
    "Received: from app (app.example [192.0.2.1])\r\n" \
    "\tby relay.example with ESMTP id 01ABC; Thu, 01 Jan 1970 00:00:00 +0000\r\n"

/* A complete header passes byte for byte under our Received; X-Mesura-* and Bcc go,
 * folded ones with all their lines. */
TEST(message, build)
{
    static const char text[] =
        "X-Mesura-Stream: bulk\r\nFrom: A <a@X.example>\r\n"
        "Bcc: s@x,\r\n\tt@x\r\nSubject:  odd   spacing\r\n folded\r\n"
        "Date: d\r\nmessage-id: <1@x>\r\nX-Mesura-Job: j\r\n\r\nbody\r\n";
    for (size_t step = 0; step < sizeof text; step++) {
        cr_assert_str_eq(read_message(text, sizeof text - 1, step), "body\r\n");
        cr_assert_str_eq(build(&trace),
                         RECEIVED "From: A <a@X.example>\r\nSubject:  odd   spacing\r\n"
                                  " folded\r\nDate: d\r\nmessage-id: <1@x>\r\n\r\n");
        cr_assert_str_eq(message.facts.stream, "bulk");
        cr_assert_str_eq(message.facts.job, "j");
        cr_assert_str_eq(message.facts.from_domain, "x.example");
        cr_assert_str_eq(message.facts.subject, "odd spacing folded");
        cr_assert_str_eq(message.facts.message_id, "<1@x>");
        cr_assert_eq(message.facts.fields, 7);
        done();
    }
}

/* Date and Message-ID are added when missing, FOR only for exactly one recipient, and
 * what the client says of itself cannot break the field. */
TEST(message, added_fields)
{
    struct message_trace one = trace;
    one.only_rcpt = "b@y.example";
    one.helo = "evil\r\nX: y; (x)";
    one.client_ip = "2001:db8::1";
    one.client_name = "";
    one.tls = "TLSv1.3";
    (void)read_message("Subject: x\r\n\r\n", 14, 0);
    cr_assert_str_eq(build(&one),
                     "Received: from evil??X:?y???x? ([IPv6:2001:db8::1])\r\n"
                     "\tby relay.example with ESMTP id 01ABC\r\n\t(TLSv1.3)\r\n"
                     "\tfor <b@y.example>; Thu, 01 Jan 1970 00:00:00 +0000\r\n"
                     "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
                     "Message-ID: <01ABC.0@relay.example>\r\nSubject: x\r\n\r\n");
    done();
}

/* Content without a header, with a broken one, with a header only, or with nothing, ends
 * as a header and a body, and no byte of it is lost. */
TEST(message, odd_shapes)
{
    static const struct {
        const char *text;
        const char *header;
        const char *body;
    } cases[] = {
        {"hello\r\nworld\r\n", "", "hello\r\nworld\r\n"},
        {"\r\nhello\r\n", "", "hello\r\n"},
        {"", "", ""},
        {"A: b\r\nnot a field\r\nC: d\r\n\r\nx", "A: b\r\n",
         "not a field\r\nC: d\r\n\r\nx"},
        {"A: b\r\n", "A: b\r\n", ""},
        {"A: b", "A: b\r\n", ""},
        {"A: b\r\nhalf", "A: b\r\n", "half"},
        {"From me Sat Nov 21\r\nA: b\r\n\r\nx", "A: b\r\n", "x"},
        {" folded first\r\nA: b\r\n", "", " folded first\r\nA: b\r\n"},
        {"A : b\r\n\tc\r\n\r\n", "A : b\r\n\tc\r\n", ""},
        {": x\r\n\r\n", "", ": x\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].text);
        for (size_t step = 0; step <= length; step++) {
            const char *body = read_message(cases[i].text, length, step);
            cr_assert_str_eq(body, cases[i].body, "case %zu step %zu", i, step);
            const char *header = strstr(build(&trace), "@relay.example>\r\n") + 17;
            char want[256];
            (void)snprintf(want, sizeof want, "%s\r\n", cases[i].header);
            cr_assert_str_eq(header, want, "case %zu step %zu", i, step);
            done();
        }
    }
}

/* Facts that policy asks about. */
TEST(message, facts)
{
    static const char text[] =
        "from: a@b\r\nFROM: c@d\r\nCC: e@f\r\nSender: g@h\r\n"
        "List-Unsubscribe: <https://x>\r\nAuto-Submitted: auto-replied\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        "Precedence: bulk\r\nTLS-Required: No\r\nSubject: \xc3\xbc\r\n"
        "X-Mesura-Priority: 9\r\nX-Mesura-Lifetime: 15m\r\n\r\n";
    (void)read_message(text, sizeof text - 1, 0);
    cr_assert_eq(message.facts.from_fields, 2);
    cr_assert_str_eq(message.facts.from, "a@b");
    cr_assert(message.facts.has_to);
    cr_assert(message.facts.has_sender);
    cr_assert(message.facts.has_list_unsubscribe);
    cr_assert(message.facts.has_list_unsubscribe_post);
    cr_assert(message.facts.is_auto_submitted);
    cr_assert(message.facts.has_tls_required_no);
    cr_assert(message.facts.is_8bit);
    cr_assert(!message.facts.has_date);
    cr_assert_str_eq(message.facts.precedence, "bulk");
    cr_assert_str_eq(message.facts.priority, "9");
    cr_assert_str_eq(message.facts.lifetime, "15m");
    message_done(&message);
}

/* A loop is cut at the limit, not before. */
TEST(message, loop)
{
    for (unsigned count = LIMIT_RECEIVED_COUNT; count < LIMIT_RECEIVED_COUNT + 2;
         count++) {
        message_init(&message);
        for (unsigned i = 0; i < count; i++) {
            (void)message_feed(&message, "Received: by x\r\n", 16);
        }
        message_end(&message);
        cr_assert_eq(message_check(&message).code,
                     count > LIMIT_RECEIVED_COUNT ? 554 : 0);
        message_done(&message);
    }
}

/* Too many fields and too many bytes are refused, and memory stays within the cap. */
TEST(message, caps)
{
    message_init(&message);
    for (int i = 0; i < LIMIT_HEADER_FIELDS + 2; i++) {
        (void)message_feed(&message, "A: b\r\n", 6);
    }
    cr_assert(message.header_done);
    cr_assert_eq(message_check(&message).code, 554);
    message_done(&message);

    message_init(&message);
    for (size_t i = 0; i < LIMIT_HEADER_BYTES; i++) {
        (void)message_feed(&message, "A:xx", 4);
    }
    cr_assert(message.header_done);
    cr_assert_eq(message_check(&message).code, 552);
    cr_assert_leq(message.header.length, LIMIT_HEADER_BYTES);
    size_t prefix = 1;
    (void)message_prefix(&message, &prefix);
    cr_assert_eq(prefix, 0);
    message_done(&message);
}
