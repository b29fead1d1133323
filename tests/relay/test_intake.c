#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/intake.h"
#include "relay/worker.h"

#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

static void ask(int fd, const char *command, const char *answer)
{
    worker_rig_say(fd, command);
    worker_rig_expect(fd, answer);
}

/* MAIL to DATA. */
static void begin(int fd)
{
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "250 ");
    ask(fd, "RCPT TO:<r@example.net>\r\n", "250 ");
    ask(fd, "DATA\r\n", "354 ");
}

static void leave(int fd)
{
    ask(fd, "QUIT\r\n", "221 ");
    worker_rig_expect_end(fd);
}

/* Read the first message that core was told of. */
static void read_back(struct worker_rig *rig, struct queue_pin *pin,
                      struct queue_message *out)
{
    worker_rig_until(rig, &rig->accepted, 1);
    cr_assert_eq(queue_pin_message(rig->queue.queue, rig->messages[0], pin), 0);
    cr_assert_eq(queue_read_message(pin, false, out), 0);
}

TEST(intake, stores_what_was_said)
{
    /* Envelope and header as the client gave them: names lower-cased to A-labels, DSN
     * wishes kept, X-Mesura headers read and removed, Bcc removed, Received on top. */
    struct worker_rig rig;
    struct queue_pin pin = {0};
    struct queue_message message;
    worker_rig_open(&rig, "", "");
    int fd = worker_rig_session(&rig);
    ask(fd, "MAIL FROM:<s@Example.COM> RET=HDRS ENVID=e1\r\n", "250 ");
    ask(fd, "RCPT TO:<r@EXAMPLE.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@example.org\r\n",
        "250 ");
    ask(fd,
        "RCPT TO:<q@b\xc3\xbc"
        "cher.example>\r\n",
        "553 ");
    ask(fd, "DATA\r\n", "354 ");
    ask(fd,
        "From: A <a@example.com>\r\nSubject: hello\r\nBcc: z@example.net\r\n"
        "X-Mesura-Priority: 9\r\nX-Mesura-Job: spring\r\n\r\n..dot\r\n.\r\n",
        "250 2.0.0");
    leave(fd);
    read_back(&rig, &pin, &message);
    const struct envelope *envelope = &message.envelope;
    cr_assert_str_eq(envelope->sender, "s@Example.COM");
    cr_assert_eq(envelope->recipient_count, 1);
    cr_assert_str_eq(envelope->recipients[0].address, "r@EXAMPLE.net");
    cr_assert_str_eq(envelope->recipients[0].domain, "example.net");
    cr_assert_str_eq(envelope->recipients[0].orcpt, "rfc822;x@example.org");
    cr_assert_str_eq(envelope->envid, "e1");
    cr_assert_eq(envelope->priority, 9);
    cr_assert_str_eq(envelope->job, "spring");
    cr_assert_str_eq(envelope->subject, "hello");
    cr_assert_str_eq(envelope->listener, "in");
    cr_assert((envelope->flags & ENVELOPE_HAS_DOT_LINE) != 0);
    cr_assert((envelope->flags & ENVELOPE_TRUSTED) != 0);
    cr_assert_eq(envelope->size_bytes, message.header_length + message.body_length);
    cr_assert_eq(memcmp(message.header, "Received: from client.test", 26), 0);
    cr_assert_null(memmem(message.header, message.header_length, "Bcc", 3));
    cr_assert_null(memmem(message.header, message.header_length, "X-Mesura", 8));
    cr_assert_eq(message.body_length, 6);
    cr_assert_eq(memcmp(message.body, ".dot\r\n", 6), 0);
    queue_message_free(&message);
    queue_unpin(&pin);
    worker_rig_close(&rig);
}

TEST(intake, keeps_a_body_without_a_header)
{
    /* A first line that is no field begins the body: not a byte of it is lost. */
    struct worker_rig rig;
    struct queue_pin pin = {0};
    struct queue_message message;
    worker_rig_open(&rig, "", "");
    int fd = worker_rig_session(&rig);
    begin(fd);
    ask(fd, "no header here\r\nsecond line\r\n.\r\n", "250 2.0.0");
    leave(fd);
    read_back(&rig, &pin, &message);
    cr_assert_eq(message.body_length, 29);
    cr_assert_eq(memcmp(message.body, "no header here\r\nsecond line\r\n", 29), 0);
    queue_message_free(&message);
    queue_unpin(&pin);
    worker_rig_close(&rig);
}

TEST(intake, refuses_what_the_headers_ask_wrongly)
{
    /* Each with a 550 that names the thing, and the session goes on. */
    static const struct {
        const char *header;
        const char *answer;
    } cases[] = {{"X-Mesura-Priority: 12", "550 5.6.0"},
                 {"X-Mesura-Lifetime: soon", "550 5.6.0"},
                 {"X-Mesura-Lifetime: -5m", "550 5.6.0"},
                 {"X-Mesura-Stream: nonesuch", "550 5.7.1 stream \"nonesuch\""}};
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    int fd = worker_rig_session(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char content[200];
        (void)snprintf(content, sizeof content, "%s\r\n\r\nx\r\n.\r\n", cases[i].header);
        begin(fd);
        ask(fd, content, cases[i].answer);
    }
    begin(fd);
    ask(fd, "X-Mesura-Lifetime: 15m\r\n\r\nx\r\n.\r\n", "250 2.0.0");
    leave(fd);
    worker_rig_until(&rig, &rig.accepted, 1);
    worker_rig_close(&rig);
}

TEST(intake, a_full_disk_is_452_and_passes)
{
    /* No room for what the client declares: 452 before the first byte; the same session
     * may send something smaller. */
    struct worker_rig rig;
    worker_rig_open(&rig, "max_message = 0;", "");
    int fd = worker_rig_session(&rig);
    ask(fd, "MAIL FROM:<s@example.com> SIZE=9000000000000000\r\n", "452 4.3.1");
    begin(fd);
    ask(fd, "Subject: x\r\n\r\nx\r\n.\r\n", "250 2.0.0");
    leave(fd);
    worker_rig_until(&rig, &rig.accepted, 1);
    worker_rig_close(&rig);
}

static int login(const struct worker_rig *rig)
{
    int fd = worker_rig_session(rig);
    ask(fd, "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "235 ");
    return fd;
}

TEST(intake, a_users_message_waits_for_cores_permit)
{
    /* Core is asked once a message, when all of it is there. A yes becomes 250 and is
     * kept; a no is told as core says it, and nothing is queued; a message whose client
     * has gone is given back. */
    struct worker_rig rig;
    worker_rig_open_user(&rig, "auth = \"required\"; auth_without_tls = true;", "");
    int fd = login(&rig);
    begin(fd);
    worker_rig_say(fd, "Subject: x\r\n\r\nx\r\n.\r\n");
    worker_rig_until(&rig, &rig.permits, 1);
    worker_rig_expect(fd, "250 2.0.0");
    worker_rig_until(&rig, &rig.permits_over, 1);
    worker_rig_until(&rig, &rig.accepted, 1);
    cr_assert_eq(rig.permits_kept, 1);
    rig.permit_code = 450;
    begin(fd);
    worker_rig_say(fd, "Subject: x\r\n\r\nx\r\n.\r\n");
    worker_rig_until(&rig, &rig.permits, 2);
    worker_rig_expect(fd, "450 4.7.1 not now");
    worker_rig_until(&rig, &rig.permits_over, 2);
    begin(fd);
    worker_rig_say(fd, "Subject: x\r\n\r\nx\r\n.\r\n");
    cr_assert_eq(close(fd), 0);
    worker_rig_until(&rig, &rig.permits_over, 3);
    cr_assert_eq(rig.permits_kept, 1);
    cr_assert_eq(rig.accepted, 1);
    worker_rig_no_credits(&rig);
    worker_rig_close(&rig);
}

TEST(intake, from_is_held_to_the_users_senders)
{
    /* MAIL FROM and From: alike: another domain, no From, two of them, two addresses,
     * and one too long to be sure of are 550 5.7.1; a domain below an allowed one is
     * not. */
    static const char *const refused[] = {
        "From: boss@example.org\r\n", "",
        "From: a@example.com\r\nFrom: b@example.com\r\n",
        "From: a@example.com, b@example.com\r\n", "From: nobody\r\n"};
    struct worker_rig rig;
    char content[400];
    worker_rig_open_user(&rig, "auth = \"required\"; auth_without_tls = true;",
                         "from=example.com,*.example.com");
    int fd = login(&rig);
    ask(fd, "MAIL FROM:<s@example.net>\r\n", "550 5.7.1 user ann may not send as");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        (void)snprintf(content, sizeof content, "%sSubject: x\r\n\r\nx\r\n.\r\n",
                       refused[i]);
        begin(fd);
        ask(fd, content, "550 5.7.1 user ann ");
    }
    (void)snprintf(content, sizeof content,
                   "From: <%0230d@example.com.example.org>\r\n\r\nx\r\n.\r\n", 0);
    begin(fd);
    ask(fd, content, "550 5.7.1 user ann ");
    cr_assert_eq(rig.permits, 0);
    begin(fd);
    worker_rig_say(fd,
                   "From: \"boss@example.org\" <a@mail.example.com>\r\n\r\nx\r\n.\r\n");
    worker_rig_until(&rig, &rig.permits, 1);
    worker_rig_expect(fd, "250 2.0.0");
    leave(fd);
    worker_rig_until(&rig, &rig.accepted, 1);
    worker_rig_close(&rig);
}

TEST(intake, a_users_limit_holds_for_what_is_not_declared)
{
    /* max_message of the user, at MAIL by SIZE and else at the content's end, with 552
     * and nothing kept. */
    struct worker_rig rig;
    char line[100];
    worker_rig_open_user(&rig, "auth = \"required\"; auth_without_tls = true;",
                         "max_message=4096");
    int fd = worker_rig_session(&rig);
    ask(fd, "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "235 ");
    ask(fd, "MAIL FROM:<s@example.com> SIZE=5000\r\n", "552 5.3.4");
    begin(fd);
    worker_rig_say(fd, "Subject: x\r\n\r\n");
    memset(line, 'x', 78);
    memcpy(line + 78, "\r\n", 3);
    for (unsigned i = 0; i < 60; i++) {
        worker_rig_say(fd, line);
    }
    ask(fd, ".\r\n", "552 5.3.4");
    begin(fd);
    worker_rig_say(fd, "Subject: x\r\n\r\nx\r\n.\r\n");
    worker_rig_until(&rig, &rig.permits, 1);
    worker_rig_expect(fd, "250 2.0.0");
    leave(fd);
    worker_rig_until(&rig, &rig.accepted, 1);
    worker_rig_close(&rig);
}

TEST(intake, bare_names_get_aliases_or_the_origin)
{
    /* A machine's own mail: root to whom the aliases say, each once; a bare or rewritten
     * sender with a domain, in the envelope and in From; what no table knows stays. */
    struct worker_rig rig;
    struct queue_pin pin = {0};
    struct queue_message message;
    char path[] = "/tmp/mesura-aliases-XXXXXX";
    char more[400];
    int file = mkstemp(path);
    static const char aliases[] = "root: kim@a.test, ops\nops: lee@b.test, kim@a.test\n";
    cr_assert_eq(write(file, aliases, sizeof aliases - 1), (ssize_t)sizeof aliases - 1);
    cr_assert_eq(close(file), 0);
    (void)snprintf(more, sizeof more,
                   "origin = \"o.test\"; aliases = \"%s\"; rewrites = ( { from = "
                   "\"root@o.test\"; to = \"noreply@o.test\"; } ); headers = ( { name = "
                   "\"X-Cron-Env\"; } );",
                   path);
    worker_rig_open(&rig, "", more);
    int fd = worker_rig_session(&rig);
    ask(fd, "MAIL FROM:<root>\r\n", "250 ");
    ask(fd, "RCPT TO:<root>\r\n", "250 ");
    ask(fd, "RCPT TO:<OPS@localhost>\r\n", "250 ");
    ask(fd, "RCPT TO:<nobody>\r\n", "250 ");
    ask(fd, "RCPT TO:<a..b@>\r\n", "501 ");
    ask(fd, "DATA\r\n", "354 ");
    ask(fd,
        "From: root (Cron Daemon)\r\nTo: root\r\nX-Cron-Env: <A=b>\r\n\r\nhi\r\n.\r\n",
        "250 2.0.0");
    leave(fd);
    read_back(&rig, &pin, &message);
    const struct envelope *envelope = &message.envelope;
    cr_assert_str_eq(envelope->sender, "noreply@o.test");
    cr_assert_str_eq(envelope->from_domain, "o.test");
    cr_assert_eq(envelope->recipient_count, 3);
    cr_assert_str_eq(envelope->recipients[0].address, "kim@a.test");
    cr_assert_str_eq(envelope->recipients[1].address, "lee@b.test");
    cr_assert_str_eq(envelope->recipients[2].address, "nobody@o.test");
    static const char fields[] =
        "\r\nFrom: noreply@o.test (Cron Daemon)\r\nTo: root@o.test\r\n";
    cr_assert_not_null(
        memmem(message.header, message.header_length, fields, sizeof fields - 1));
    cr_assert_null(memmem(message.header, message.header_length, "X-Cron", 6));
    cr_assert_eq(message.body_length, 4);
    queue_message_free(&message);
    queue_unpin(&pin);
    worker_rig_close(&rig);
    (void)unlink(path);
}

TEST(intake, a_staging_relay_writes_to_nobody_else)
{
    /* Everybody's mail goes to one address, once, and says whose it was; who is allowed
     * gets it all the same; the archive is guarded too. */
    struct worker_rig rig;
    struct queue_pin pin = {0};
    struct queue_message message;
    worker_rig_open(
        &rig, "",
        "staging = { redirect_all = \"dev@x.test\"; allowed = [ \"ok.test\" ]; "
        "}; streams = ( { name = \"transactional\"; archive = "
        "\"all@archive.test\"; } );");
    int fd = worker_rig_session(&rig);
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "250 ");
    ask(fd, "RCPT TO:<customer@real.test>\r\n", "250 ");
    ask(fd, "RCPT TO:<kim@ok.test>\r\n", "250 ");
    ask(fd, "RCPT TO:<other@real.test>\r\n", "250 ");
    ask(fd, "DATA\r\n", "354 ");
    ask(fd, "Subject: x\r\n\r\nhi\r\n.\r\n", "250 2.0.0");
    leave(fd);
    read_back(&rig, &pin, &message);
    const struct envelope *envelope = &message.envelope;
    cr_assert_eq(envelope->recipient_count, 2);
    cr_assert_str_eq(envelope->recipients[0].address, "dev@x.test");
    cr_assert_str_eq(envelope->recipients[1].address, "kim@ok.test");
    static const char meant[] = "X-Meant-For: customer@real.test,\r\n\tother@real.test,"
                                "\r\n\tall@archive.test\r\n";
    cr_assert_not_null(
        memmem(message.header, message.header_length, meant, sizeof meant - 1));
    queue_message_free(&message);
    queue_unpin(&pin);
    worker_rig_close(&rig);
}

TEST(intake, a_guard_without_an_address_refuses)
{
    /* Only who is allowed may be written to. */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "staging = { allowed = [ \"kim@ok.test\" ]; };");
    int fd = worker_rig_session(&rig);
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "250 ");
    ask(fd, "RCPT TO:<customer@real.test>\r\n", "550 5.7.1 this is a staging relay");
    ask(fd, "RCPT TO:<Kim@ok.test>\r\n", "250 ");
    leave(fd);
    worker_rig_close(&rig);
}

TEST(intake, an_archive_gets_its_copy)
{
    /* Each message of the stream, once, waiting apart and without notices; who writes to
     * the archive anyway is not answered twice. */
    struct worker_rig rig;
    struct queue_pin pin = {0};
    struct queue_message message;
    worker_rig_open(&rig, "",
                    "streams = ( { name = \"transactional\"; archive = "
                    "\"all@archive.test\"; } );");
    int fd = worker_rig_session(&rig);
    begin(fd);
    ask(fd, "Subject: x\r\n\r\nhi\r\n.\r\n", "250 2.0.0");
    read_back(&rig, &pin, &message);
    const struct envelope *envelope = &message.envelope;
    cr_assert_eq(envelope->recipient_count, 2);
    cr_assert_str_eq(envelope->recipients[1].address, "all@archive.test");
    cr_assert_str_eq(envelope->recipients[1].domain, "archive.test;archive");
    cr_assert_eq(envelope->recipients[1].notify, PARAMS_NOTIFY_NEVER);
    cr_assert_null(memmem(message.header, message.header_length, "for <", 5));
    queue_message_free(&message);
    queue_unpin(&pin);
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "250 ");
    ask(fd, "RCPT TO:<all@archive.test>\r\n", "250 ");
    ask(fd, "DATA\r\n", "354 ");
    ask(fd, "Subject: x\r\n\r\nhi\r\n.\r\n", "250 2.0.0");
    leave(fd);
    worker_rig_until(&rig, &rig.accepted, 2);
    cr_assert_eq(queue_pin_message(rig.queue.queue, rig.messages[1], &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    cr_assert_eq(message.envelope.recipient_count, 1);
    cr_assert_str_eq(message.envelope.recipients[0].domain, "archive.test");
    queue_message_free(&message);
    queue_unpin(&pin);
    worker_rig_close(&rig);
}
