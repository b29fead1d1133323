#include <string.h>

#include "policy/reply.h"

#include "relay/limits.h"
#include "relay/log_mail.h"

#include "tests/support/test.h"

#define AT_MS 1764000000123
#define HEAD  "2025-11-24T16:00:00.123+00:00 relay postfix/"

static char memory[LIMIT_LOG_RECORD + 1];
static const struct log_mail_head head = {"relay", 77};

static const char *event_text(const struct log_event *event)
{
    struct linebuf buf;
    linebuf_init(&buf, memory, sizeof memory - 1);
    log_mail_event(&buf, &head, event);
    cr_assert_not(buf.is_full);
    memory[buf.used] = '\0';
    return memory;
}

static const char *session_text(const struct log_session *session)
{
    struct linebuf buf;
    linebuf_init(&buf, memory, sizeof memory - 1);
    log_mail_session(&buf, &head, AT_MS, session);
    memory[buf.used] = '\0';
    return memory;
}

static struct log_event attempt(enum log_kind kind, const struct reply *reply)
{
    return (struct log_event){.kind = kind,
                              .unix_ms = AT_MS,
                              .id = 32,
                              .recipient = "b@example.net",
                              .remote_host = "mx.example.net",
                              .remote_ip = "192.0.2.1",
                              .remote_port = 25,
                              .reply = reply,
                              .delay_ms = 1400,
                              .accept_ms = 100,
                              .queued_ms = 200,
                              .connect_ms = 600,
                              .transmit_ms = 500};
}

TEST(log_mail, writes_what_postfix_writes_for_results)
{
    /* Each kind of result is one line in the form that parsers of Postfix's log know. */
    struct reply ok = {
        .stage = REPLY_STAGE_DOT, .code = 250, .enhanced = {2, 0, 0}, .text = "OK"};
    struct reply later = {.stage = REPLY_STAGE_RCPT, .code = 451, .text = "try later"};
    struct reply no = {
        .stage = REPLY_STAGE_MAIL, .code = 554, .enhanced = {5, 7, 1}, .text = "no"};
    struct reply refused = {.stage = REPLY_STAGE_CONNECT,
                            .origin = REPLY_NETWORK,
                            .text = "Connection refused"};
    struct reply lost = {
        .stage = REPLY_STAGE_DATA, .origin = REPLY_NETWORK, .text = "connection lost"};
    struct reply dns = {.stage = REPLY_STAGE_DNS,
                        .origin = REPLY_DNS_FAILURE,
                        .enhanced = {5, 4, 4},
                        .text = "no such domain"};
#define RESULT                                           \
    HEAD "smtp[77]: 0000000000010: to=<b@example.net>, " \
         "relay=mx.example.net[192.0.2.1]:25, delay=1.4, delays=0.1/0.2/0.6/0.5, "
    const struct {
        enum log_kind kind;
        const struct reply *reply;
        const char *text;
    } cases[] = {
        {LOG_DELIVERED, &ok, RESULT "dsn=2.0.0, status=sent (250 2.0.0 OK)\n"},
        {LOG_DEFERRED, &later,
         RESULT
         "dsn=4.0.0, status=deferred (host mx.example.net[192.0.2.1] said: 451 try "
         "later (in reply to RCPT TO command))\n"},
        {LOG_BOUNCED, &no,
         RESULT
         "dsn=5.7.1, status=bounced (host mx.example.net[192.0.2.1] said: 554 5.7.1 "
         "no (in reply to MAIL FROM command))\n"},
        {LOG_DEFERRED, &refused,
         RESULT "dsn=4.4.1, status=deferred (connect to mx.example.net[192.0.2.1]:25: "
                "Connection refused)\n"},
        {LOG_DEFERRED, &lost,
         RESULT "dsn=4.4.2, status=deferred (conversation with mx.example.net[192.0.2.1] "
                "failed: connection lost (DATA command))\n"},
        {LOG_BOUNCED, &dns, RESULT "dsn=5.4.4, status=bounced (no such domain)\n"},
        {LOG_EXPIRED, NULL, RESULT "dsn=4.4.7, status=bounced (expired)\n"},
        {LOG_HELD, &no,
         RESULT
         "dsn=5.7.1, status=deferred (host mx.example.net[192.0.2.1] said: 554 5.7.1 "
         "no (in reply to MAIL FROM command))\n"},
        {LOG_SUPPRESSED, NULL, RESULT "dsn=5.0.0, status=bounced (suppressed)\n"},
    };
#undef RESULT
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_event event = attempt(cases[i].kind, cases[i].reply);
        cr_assert_str_eq(event_text(&event), cases[i].text);
    }
}

TEST(log_mail, says_why_and_where_not_when_nothing_was_tried)
{
    /* A result without a connection has relay=none, and the words the relay gave. */
    struct log_event event = attempt(LOG_EXPIRED, NULL);
    event.remote_ip = NULL;
    event.text = "in the queue for 3 days";
    event.message_ends = true;
    cr_assert_str_eq(
        event_text(&event),
        HEAD "smtp[77]: 0000000000010: to=<b@example.net>, relay=none, delay=1.4, "
             "delays=0.1/0.2/0.6/0.5, dsn=4.4.7, status=bounced (in the queue for "
             "3 days)\n" HEAD "qmgr[77]: 0000000000010: removed\n");
}

TEST(log_mail, writes_an_accepted_message_as_three_daemons_would)
{
    /* smtpd names the client, cleanup the message id, qmgr the sender and size. */
    struct log_event event = {.kind = LOG_ACCEPTED,
                              .unix_ms = AT_MS,
                              .id = 32,
                              .sender = "a@example.com",
                              .client_ip = "127.0.0.1",
                              .client_name = "localhost",
                              .user = "erp",
                              .message_id = "<1@example.com>",
                              .size_bytes = 4096,
                              .recipients = 2};
    cr_assert_str_eq(
        event_text(&event), HEAD
        "smtpd[77]: 0000000000010: client=localhost[127.0.0.1], sasl_username=erp\n" HEAD
        "cleanup[77]: 0000000000010: message-id=<1@example.com>\n" HEAD
        "qmgr[77]: 0000000000010: from=<a@example.com>, size=4096, nrcpt=2 (queue "
        "active)\n");
    event.client_ip = NULL;
    event.user = NULL;
    cr_assert_not_null(strstr(event_text(&event),
                              "pickup[77]: 0000000000010: uid=0 from=<a@example.com>\n"));
}

TEST(log_mail, is_silent_about_what_postfix_does_not_know)
{
    /* Changes of limits and states are in events.jsonl only. */
    for (int kind = LOG_RELEASED; kind < LOG_KINDS; kind++) {
        if (kind == LOG_EXPIRED || kind == LOG_SUPPRESSED) {
            continue;
        }
        struct log_event event = {.kind = (enum log_kind)kind, .unix_ms = AT_MS};
        cr_assert_str_eq(event_text(&event), "");
    }
}

TEST(log_mail, cannot_be_made_to_lie)
{
    /* Text from outside cannot end a line, an address or a field. */
    struct reply evil = {.stage = REPLY_STAGE_DOT,
                         .code = 250,
                         .text = "ok\n2025 relay postfix/smtp[1]: X: status=sent"};
    struct log_event event = attempt(LOG_DELIVERED, &evil);
    event.recipient = "a>, relay=x, status=sent\r\n<b@example.net";
    event.remote_host = "mx]: , x";
    const char *text = event_text(&event);
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
    cr_assert_null(strchr(text, '\r'));
    cr_assert_not_null(strstr(text, "to=<a?, relay=x, status=sent???b@example.net>,"));
    cr_assert_not_null(strstr(text, "relay=mx?:???x[192.0.2.1]:25,"));
}

TEST(log_mail, refusals_keep_their_words)
{
    /* Semicolons stay; what a client put into a refusal cannot pass for a field. */
    struct log_session session = {
        .kind = LOG_SESSION_REJECT,
        .command = "DATA",
        .sender = "a@b.test",
        .client_ip = "192.0.2.9",
        .helo = "pc",
        .text = "550 5.7.1 no; see x; from=<evil@x.test> to=<y>; later"};
    const char *text = session_text(&session);
    cr_assert_not_null(strstr(text, ": 550 5.7.1 no; see x; from=?evil@x.test> to=?y>; "
                                    "later; from=<a@b.test> proto=ESMTP helo=<pc>\n"));
}

TEST(log_mail, writes_sessions)
{
    /* Connections, refusals and failed logins read as smtpd's; the session's number
     * stands for the process, so that overlapping sessions can be told apart. */
    struct log_session session = {
        .kind = LOG_SESSION_CONNECT, .number = 5, .client_ip = "192.0.2.9"};
    cr_assert_str_eq(session_text(&session),
                     HEAD "smtpd[5]: connect from unknown[192.0.2.9]\n");
    session.kind = LOG_SESSION_DISCONNECT;
    cr_assert_str_eq(session_text(&session),
                     HEAD "smtpd[5]: disconnect from unknown[192.0.2.9]\n");
    session.kind = LOG_SESSION_REJECT;
    session.command = "RCPT";
    session.sender = "";
    session.recipient = "x@example.org";
    session.helo = "pc";
    session.text = "554 5.7.1 <x@example.org>: Relay access denied";
    cr_assert_str_eq(session_text(&session), HEAD
                     "smtpd[5]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 "
                     "<x@example.org>: Relay access denied; from=<> to=<x@example.org> "
                     "proto=ESMTP helo=<pc>\n");
    session.kind = LOG_SESSION_AUTH_FAILED;
    session.number = 0;
    session.text = "LOGIN";
    session.user = "erp\nx";
    cr_assert_str_eq(session_text(&session), HEAD
                     "smtpd[77]: warning: unknown[192.0.2.9]: SASL LOGIN authentication "
                     "failed: authentication failure, sasl_username=erp?x\n");
}
