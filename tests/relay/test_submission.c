#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/entropy.h"
#include "relay/submission.h"
#include "relay/worker.h"

#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

static unsigned home; /* submissions that came back */

static void on_home(struct letter *letter)
{
    (void)letter;
    home++;
}

static struct submission *submit(struct worker_rig *rig, enum submission_kind kind,
                                 const char *user, const char *to, const char *content)
{
    struct errmsg err;
    cr_assert_eq(entropy_start(&err), 0);
    struct submission *submission = calloc(1, sizeof *submission);
    cr_assert_not_null(submission);
    submission->worker = rig->worker;
    submission->home = &rig->mailbox;
    submission->done_cb = on_home;
    submission->kind = kind;
    submission->door = SNAPSHOT_DOOR_HTTP;
    submission->protocol = "HTTP";
    submission->from = strdup("");
    submission->to = strdup(to);
    submission->content = strdup(content);
    submission->length = strlen(content);
    (void)snprintf(submission->user, sizeof submission->user, "%s", user);
    cr_assert_eq(netaddr_parse("192.0.2.7", 0, &submission->remote), 0);
    unsigned before = home;
    mailbox_post(&rig->worker->mailbox, &submission->letter, submission_on_take);
    worker_rig_until(rig, &home, before + 1);
    return submission;
}

TEST(submission, is_queued_as_if_it_came_by_smtp)
{
    /* Lines become CRLF, Bcc goes, Received says how it came; the id is the message's. */
    struct worker_rig rig;
    struct queue_pin pin = {0};
    struct queue_message message;
    worker_rig_open(&rig, "", "");
    struct submission *sent = submit(&rig, SUBMISSION_MESSAGE, "", "",
                                     "From: a@example.com\nTo: b@example.net\nBcc: "
                                     "c@example.net\nSubject: x\n\none\n.\ntwo\n");
    cr_assert_eq(sent->code, 250, "%u %s", sent->code, sent->text);
    worker_rig_until(&rig, &rig.accepted, 1);
    cr_assert_eq(queue_pin_message(rig.queue.queue, rig.messages[0], &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    cr_assert_eq(message.envelope.id, sent->id);
    cr_assert_str_eq(message.envelope.sender, "a@example.com");
    cr_assert_eq(message.envelope.recipient_count, 2);
    cr_assert_str_eq(message.envelope.listener, "http");
    cr_assert_str_eq(message.envelope.client, "192.0.2.7");
    cr_assert_not_null(
        memmem(message.header, message.header_length, " with HTTP id ", 14));
    cr_assert_null(memmem(message.header, message.header_length, "Bcc", 3));
    cr_assert_eq(message.body_length, 13);
    cr_assert_eq(memcmp(message.body, "one\r\n.\r\ntwo\r\n", 13), 0);
    queue_message_free(&message);
    queue_unpin(&pin);
    submission_free(sent);
    worker_rig_close(&rig);
}

TEST(submission, refusals_come_home)
{
    /* What cannot be composed, an address that cannot be said, a stream that is none, a
     * message above the limit: each with its code, nothing queued, no credit kept. */
    static const struct {
        enum submission_kind kind;
        const char *to;
        const char *content;
        const char *begins;
        unsigned code;
    } cases[] = {
        {SUBMISSION_JSON, "", "{}", "5.6.0 from", 554},
        {SUBMISSION_MESSAGE, "", "Subject: x\n\n", "5.6.0 nobody", 554},
        {SUBMISSION_MESSAGE, "b@[127.0.0.1]", "From: a@x.test\n\n", "5.1.2 ", 550},
        {SUBMISSION_MESSAGE, "nobody@", "From: a@x.test\n\n", "5.1.", 501},
        {SUBMISSION_MESSAGE, "b@y.test", "From: a@x.test\nX-Mesura-Stream: no\n\n",
         "5.7.1 stream", 550},
        {SUBMISSION_MESSAGE, "b@y.test",
         "From: a@x.test\n\n0123456789012345678901234567890123456789012345678901234567890"
         "12345678901234567890123456789012345678901234567890123456789012345678901234567",
         "5.3.4 ", 552},
    };
    struct worker_rig rig;
    worker_rig_open(&rig, "max_message = \"100\";", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct submission *sent =
            submit(&rig, cases[i].kind, "", cases[i].to, cases[i].content);
        cr_expect_eq(sent->code, cases[i].code, "case %zu: %u %s", i, sent->code,
                     sent->text);
        cr_expect_eq(strncmp(sent->text, cases[i].begins, strlen(cases[i].begins)), 0,
                     "case %zu: %s", i, sent->text);
        submission_free(sent);
    }
    cr_assert_eq(rig.accepted, 0);
    worker_rig_no_credits(&rig);
    worker_rig_close(&rig);
}

TEST(submission, has_the_users_rights)
{
    /* From, size and permit are those of the user; one who is gone is refused. */
    struct worker_rig rig;
    worker_rig_open_user(&rig, "auth = \"required\"; auth_without_tls = true;",
                         "from=example.com");
    struct submission *sent =
        submit(&rig, SUBMISSION_JSON, "ann", "",
               "{\"from\": \"eve@example.org\", \"to\": \"b@example.net\"}");
    cr_assert_eq(sent->code, 550);
    cr_assert_eq(strncmp(sent->text, "5.7.1 user ann", 14), 0, "%s", sent->text);
    submission_free(sent);
    sent = submit(&rig, SUBMISSION_JSON, "ann", "",
                  "{\"from\": \"a@example.com\", \"to\": \"b@example.net\"}");
    cr_assert_eq(sent->code, 250, "%s", sent->text);
    cr_assert_eq(rig.permits, 1);
    submission_free(sent);
    rig.permit_code = 450;
    sent = submit(&rig, SUBMISSION_JSON, "ann", "",
                  "{\"from\": \"a@example.com\", \"to\": \"b@example.net\"}");
    cr_assert_eq(sent->code, 450);
    submission_free(sent);
    sent = submit(&rig, SUBMISSION_MESSAGE, "bob", "b@example.net", "x: y\n\n");
    cr_assert_eq(sent->code, 550);
    submission_free(sent);
    worker_rig_until(&rig, &rig.permits_over, 2);
    worker_rig_until(&rig, &rig.accepted, 1);
    worker_rig_close(&rig);
}

TEST(submission, a_large_body_flies_in_pieces)
{
    /* 1 MiB, byte for byte, while the disk takes it piece by piece. */
    struct worker_rig rig;
    struct queue_pin pin = {0};
    struct queue_message message;
    worker_rig_open(&rig, "", "");
    size_t lines = 16000;
    char *content = calloc(1, lines * 66 + 64);
    cr_assert_not_null(content);
    char *at = content + snprintf(content, 64, "From: a@example.com\r\n\r\n");
    for (size_t i = 0; i < lines; i++) {
        at += snprintf(at, 80, "%064zu\r\n", i);
    }
    struct submission *sent =
        submit(&rig, SUBMISSION_MESSAGE, "", "b@example.net", content);
    cr_assert_eq(sent->code, 250, "%u %s", sent->code, sent->text);
    worker_rig_until(&rig, &rig.accepted, 1);
    cr_assert_eq(queue_pin_message(rig.queue.queue, rig.messages[0], &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    cr_assert_eq(message.envelope.size_bytes, message.header_length + lines * 66);
    queue_message_free(&message);
    queue_unpin(&pin);
    submission_free(sent);
    free(content);
    worker_rig_close(&rig);
}
