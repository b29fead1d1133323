#include <stdio.h>
#include <string.h>

#include "relay/bounce.h"
#include "relay/smtp/params.h"
#include "relay/smtp/reply_parse.h"

#include "tests/support/test.h"

static struct reply reply;
static struct bounce_rcpt rcpts[3];
static struct bounce_mail mail;
static struct textbuf header;
static struct textbuf body;
static struct bounce_result result;

#define ORIGINAL "Received: by x\r\nSubject: Invoice 7\r\nMessage-ID: <7@app>\r\n"

static void prepare(void)
{
    reply_parse_make(&reply, REPLY_STAGE_RCPT, REPLY_REMOTE, 550, "5.1.1",
                     "no such user");
    for (size_t i = 0; i < 3; i++) {
        rcpts[i] = (struct bounce_rcpt){.address = "b@y.example",
                                        .orcpt = "",
                                        .action = BOUNCE_FAILED,
                                        .reply = &reply,
                                        .remote = "mx.y.example [192.0.2.9]",
                                        .last_attempt_unix_ms = 86400000,
                                        .attempts = 1};
    }
    mail = (struct bounce_mail){.hostname = "relay.example",
                                .sender = "a@x.example",
                                .envid = "",
                                .message_id = "n1@relay.example",
                                .queue_id = "01ABC",
                                .postmaster = "",
                                .original_header = ORIGINAL "\r\n",
                                .original_header_length = strlen(ORIGINAL) + 2,
                                .rcpts = rcpts,
                                .rcpt_count = 1};
    textbuf_init(&header, 16384);
    textbuf_init(&body, BOUNCE_BODY_BYTES(3));
}

static void build(void)
{
    textbuf_clear(&header);
    textbuf_clear(&body);
    bounce_build(&mail, &header, &body, &result);
    cr_assert(!header.failed);
    cr_assert(!body.failed);
}

static void done(void)
{
    textbuf_done(&header);
    textbuf_done(&body);
}

#define HAS(BUF, TEXT)     cr_assert_not_null(strstr((BUF).bytes, TEXT), "%s", (BUF).bytes)
#define HAS_NOT(BUF, TEXT) cr_assert_null(strstr((BUF).bytes, TEXT), "%s", (BUF).bytes)

/* Who is owed what: RFC 3461 5.2, never for <>, never for NEVER. */
TEST(bounce, owed)
{
    static const struct {
        unsigned notify;
        bool failed;
        bool delayed;
        bool relayed;
    } cases[] = {{0, true, true, false},
                 {PARAMS_NOTIFY_NEVER, false, false, false},
                 {PARAMS_NOTIFY_FAILURE, true, false, false},
                 {PARAMS_NOTIFY_DELAY, false, true, false},
                 {PARAMS_NOTIFY_SUCCESS, false, false, true},
                 {PARAMS_NOTIFY_SUCCESS | PARAMS_NOTIFY_FAILURE, true, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned notify = cases[i].notify;
        cr_assert_eq(bounce_is_owed("a@b", notify, BOUNCE_FAILED), cases[i].failed);
        cr_assert_eq(bounce_is_owed("a@b", notify, BOUNCE_EXPIRED), cases[i].failed);
        cr_assert_eq(bounce_is_owed("a@b", notify, BOUNCE_DELAYED), cases[i].delayed);
        cr_assert_eq(bounce_is_owed("a@b", notify, BOUNCE_RELAYED), cases[i].relayed);
        cr_assert(!bounce_is_owed("", notify, BOUNCE_FAILED));
    }
}

/* A failure: header, three parts in order, the peer's words, headers only. */
TEST(bounce, failed)
{
    prepare();
    build();
    HAS(header, "From: Mail Delivery System <MAILER-DAEMON@relay.example>\r\n");
    HAS(header, "To: <a@x.example>\r\n");
    HAS(header, "Subject: Your message could not be delivered\r\n");
    HAS(header, "Auto-Submitted: auto-replied\r\n");
    HAS(header, "Message-ID: <n1@relay.example>\r\n");
    HAS(header, "multipart/report; report-type=delivery-status");
    HAS(body, "mx.y.example [192.0.2.9] said in answer to the recipient's address\r\n");
    HAS(body, "      550 5.1.1 no such user\r\n");
    HAS(body, "Reporting-MTA: dns; relay.example\r\nArrival-Date: Thu, 01 Jan 1970 "
              "00:00:00 +0000"
              "\r\n\r\nFinal-Recipient: rfc822; b@y.example\r\nAction: failed\r\n"
              "Status: 5.1.1\r\nRemote-MTA: dns; mx.y.example\r\n"
              "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
              "Last-Attempt-Date: Fri, 02 Jan 1970 00:00:00 +0000\r\n\r\n--");
    HAS(body, "Content-Type: text/rfc822-headers\r\n\r\n" ORIGINAL "\r\n--");
    HAS_NOT(body, "Original-Recipient");
    HAS_NOT(body, "Will-Retry-Until");
    cr_assert(!result.is_8bit);
    cr_assert(!result.is_utf8);
    done();
}

/* The class of Status agrees with Action; on expiry the last real status counts. */
TEST(bounce, status)
{
    static const struct {
        enum bounce_action action;
        uint16_t code;
        const char *enhanced;
        enum reply_origin origin;
        const char *want;
    } cases[] = {
        {BOUNCE_FAILED, 550, "", REPLY_REMOTE, "Action: failed\r\nStatus: 5.0.0\r\n"},
        {BOUNCE_FAILED, 451, "4.7.1", REPLY_REMOTE,
         "Action: failed\r\nStatus: 5.7.1\r\n"},
        {BOUNCE_EXPIRED, 451, "4.7.1", REPLY_REMOTE,
         "Action: failed\r\nStatus: 4.7.1\r\n"},
        {BOUNCE_EXPIRED, 0, "", REPLY_NETWORK, "Action: failed\r\nStatus: 4.4.1\r\n"},
        {BOUNCE_DELAYED, 450, "4.2.1", REPLY_REMOTE,
         "Action: delayed\r\nStatus: 4.2.1\r\n"},
        {BOUNCE_DELAYED, 550, "5.7.1", REPLY_REMOTE,
         "Action: delayed\r\nStatus: 4.7.1\r\n"},
        {BOUNCE_RELAYED, 250, "2.6.0", REPLY_REMOTE,
         "Action: relayed\r\nStatus: 2.6.0\r\n"},
        {BOUNCE_RELAYED, 250, "", REPLY_REMOTE, "Action: relayed\r\nStatus: 2.0.0\r\n"},
    };
    prepare();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rcpts[0].action = cases[i].action;
        rcpts[0].retry_until_unix_ms = 172800000;
        reply_parse_make(&reply, REPLY_STAGE_DOT, cases[i].origin, cases[i].code,
                         cases[i].enhanced, "why");
        build();
        HAS(body, cases[i].want);
        cr_assert_eq(strstr(body.bytes, "Will-Retry-Until: Sat, 03") != NULL,
                     cases[i].action == BOUNCE_DELAYED);
    }
    rcpts[0].action = BOUNCE_EXPIRED;
    rcpts[0].reply = NULL;
    build();
    HAS(body, "Status: 5.4.7\r\n");
    HAS_NOT(body, "Diagnostic-Code");
    done();
}

/* Three recipients, one notification with three groups in their order. */
TEST(bounce, many)
{
    prepare();
    rcpts[0].address = "one@y.example";
    rcpts[1].address = "two@y.example";
    rcpts[2].address = "three@y.example";
    mail.rcpt_count = 3;
    build();
    const char *one = strstr(body.bytes, "rfc822; one@");
    const char *two = strstr(body.bytes, "rfc822; two@");
    const char *three = strstr(body.bytes, "rfc822; three@");
    cr_assert_not_null(one);
    cr_assert_lt(one, two);
    cr_assert_lt(two, three);
    done();
}

/* ENVID and ORCPT come back decoded once, and nothing in them breaks a line. */
TEST(bounce, xtext)
{
    prepare();
    mail.envid = "QQ+2B314";
    rcpts[0].orcpt = "rfc822;a+2Bb+0D+0ABcc:+20x@y";
    build();
    HAS(body, "Original-Envelope-Id: QQ+314\r\n");
    HAS(body, "Original-Recipient: rfc822; a+b??Bcc: x@y\r\n");
    done();
}

/* A peer's long and dirty answer ends as lines of at most 998 bytes without controls. */
TEST(bounce, long_answer)
{
    char text[REPLY_TEXT_BYTES];
    prepare();
    memset(text, 'x', sizeof text - 1);
    text[3] = '\n';
    text[4] = (char)0xff;
    text[sizeof text - 1] = '\0';
    reply_parse_make(&reply, REPLY_STAGE_DOT, REPLY_REMOTE, 554, "5.7.1", text);
    build();
    for (const char *at = body.bytes; *at != '\0'; at = strchr(at, '\n') + 1) {
        const char *end = strchr(at, '\n');
        cr_assert_leq(end - at, 999);
        cr_assert_eq(end[-1], '\r');
    }
    HAS(body, "Diagnostic-Code: smtp; 554 5.7.1 xxx??xx");
    cr_assert(!result.is_8bit);
    done();
}

/* The full message only for a failure, only when asked and within the cap; 8-bit is told.
 */
TEST(bounce, full)
{
    static char big[BOUNCE_FULL_BYTES];
    prepare();
    mail.original_body = "caf\xc3\xa9\r\n";
    mail.original_body_length = 7;
    build();
    HAS(body,
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" ORIGINAL
        "\r\ncaf\xc3\xa9\r\n");
    HAS(header, "Content-Transfer-Encoding: 8bit\r\n");
    cr_assert(result.is_8bit);

    rcpts[0].action = BOUNCE_DELAYED;
    build();
    HAS(body, "text/rfc822-headers");
    HAS_NOT(body, "caf");
    cr_assert(!result.is_8bit);

    rcpts[0].action = BOUNCE_FAILED;
    memset(big, 'y', sizeof big);
    mail.original_body = big;
    mail.original_body_length = sizeof big;
    build();
    HAS(body, "text/rfc822-headers");
    HAS_NOT(body, "yyyyyy");
    done();
}

/* A long header is cut between two fields, never inside one. */
TEST(bounce, header_cut)
{
    static char block[BOUNCE_HEADER_BYTES * 2];
    size_t length = 0;
    while (length + 100 < sizeof block) {
        length += (size_t)snprintf(block + length, sizeof block - length,
                                   "X-Field: something\r\n\tfolded\r\n");
    }
    prepare();
    mail.original_header = block;
    mail.original_header_length = length;
    build();
    HAS(body, "\r\n\tfolded\r\n\r\n--=_");
    cr_assert_lt(body.length, BOUNCE_HEADER_BYTES + 8192);
    done();
}

/* The boundary occurs nowhere in what it separates. */
TEST(bounce, boundary)
{
    prepare();
    mail.boundary_seed = 255;
    mail.original_header = "X: =_mesura_00000000000000ff\r\n\r\n";
    mail.original_header_length = strlen(mail.original_header);
    build();
    HAS_NOT(header, "=_mesura_00000000000000ff");
    HAS(body, "X: =_mesura_00000000000000ff\r\n");
    done();
}

/* UTF-8 addresses make it a message/global report, whether or not the caller knew. */
TEST(bounce, utf8)
{
    prepare();
    rcpts[0].address = "\xc3\xbc@y.example";
    rcpts[0].orcpt = "utf-8;\xc3\xbc@y.example";
    build();
    cr_assert(result.is_utf8);
    cr_assert(result.is_8bit);
    HAS(body, "Content-Type: message/global-delivery-status\r\n");
    HAS(body, "Final-Recipient: utf-8; \xc3\xbc@y.example\r\n");
    HAS(body, "Original-Recipient: utf-8; \xc3\xbc@y.example\r\n");
    HAS(body, "Content-Type: message/global-headers\r\n");
    done();
}
