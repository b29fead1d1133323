#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "relay/inbound.h"
#include "relay/smtp/base64.h"
#include "relay/users.h"
#include "relay/worker.h"

#include "tests/support/certificate.h"
#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

static void ask(int fd, const char *command, const char *answer)
{
    worker_rig_say(fd, command);
    worker_rig_expect(fd, answer);
}

TEST(inbound, refusals_leave_the_session_clean)
{
    /* Each wrong command has its code, and the next one starts as if it had not been. */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    int fd = worker_rig_session(&rig);
    ask(fd, "RCPT TO:<a@example.net>\r\n", "503 5.5.1");
    ask(fd, "MAIL FROM:<nobody@>\r\n", "501 5.1.");
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "250 2.1.0");
    ask(fd, "RCPT TO:<r@[127.0.0.1]>\r\n", "550 5.1.2");
    ask(fd, "RCPT TO:<nobody@>\r\n", "501 5.1.");
    ask(fd, "DATA\r\n", "554 5.5.1");
    ask(fd, "RSET\r\n", "250 ");
    ask(fd, "MAIL FROM:<>\r\n", "250 2.1.0");
    ask(fd, "RCPT TO:<r@example.net>\r\n", "250 2.1.5");
    ask(fd, "DATA\r\n", "354 ");
    ask(fd, "Subject: x\r\n\r\nbody\r\n.\r\n", "250 2.0.0 queued as ");
    ask(fd, "QUIT\r\n", "221 ");
    worker_rig_expect_end(fd);
    worker_rig_until(&rig, &rig.accepted, 1);
    worker_rig_close(&rig);
}

TEST(inbound, strangers_cannot_relay)
{
    /* A client outside trust is refused at MAIL; where logins exist it is told to log
     * in. */
    struct worker_rig rig;
    worker_rig_open(&rig, "trust = [ \"10.0.0.0/8\" ];", "");
    int fd = worker_rig_session(&rig);
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "550 5.7.1");
    ask(fd, "RCPT TO:<r@example.net>\r\n", "503 ");
    ask(fd, "QUIT\r\n", "221 ");
    worker_rig_expect_end(fd);
    cr_assert_eq(rig.accepted, 0);
    worker_rig_close(&rig);
}

static void login(int fd, const char *password, const char *answer)
{
    char both[64];
    char text[128];
    char line[160];
    int length = snprintf(both, sizeof both, "%cann%c%s", 0, 0, password);
    cr_assert_gt(length, 0);
    (void)base64_encode(both, (size_t)length, text, sizeof text);
    (void)snprintf(line, sizeof line, "AUTH PLAIN %s\r\n", text);
    ask(fd, line, answer);
}

TEST(inbound, a_login_opens_the_door)
{
    /* auth = required: 530 before, 535 for a wrong password, 235 for the right one, and
     * then only as a sender the user may be. */
    struct worker_rig rig;
    worker_rig_open_user(&rig, "auth = \"required\"; auth_without_tls = true;",
                         "from=example.com");
    int fd = worker_rig_session(&rig);
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "530 5.7.0");
    login(fd, "guess", "535 5.7.8");
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "530 5.7.0");
    login(fd, "secret", "235 2.7.0");
    ask(fd, "MAIL FROM:<s@example.org>\r\n", "550 5.7.1");
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "250 ");
    ask(fd, "QUIT\r\n", "221 ");
    worker_rig_expect_end(fd);

    /* LOGIN, with a client that is gone before the answer: nothing is left behind. */
    fd = worker_rig_session(&rig);
    ask(fd, "AUTH LOGIN\r\n", "334 ");
    ask(fd, "YW5u\r\n", "334 ");
    worker_rig_say(fd, "c2VjcmV0\r\n");
    (void)close(fd);
    worker_rig_close(&rig);
}

TEST(inbound, a_half_closed_client_gets_its_answers)
{
    /* The whole session in one write and then FIN: every answer comes, the 250 too. */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    int fd = worker_rig_connect(&rig);
    worker_rig_say(fd, "EHLO c.test\r\nMAIL FROM:<s@example.com>\r\n"
                       "RCPT TO:<r@example.net>\r\nDATA\r\n");
    worker_rig_expect(fd, "220 ");
    for (unsigned i = 0; i < 3; i++) {
        worker_rig_expect(fd, "250 ");
    }
    worker_rig_expect(fd, "354 ");
    worker_rig_say(fd, "Subject: x\r\n\r\nbody\r\n.\r\n");
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    worker_rig_expect(fd, "250 2.0.0 queued as ");
    worker_rig_expect_end(fd);
    worker_rig_until(&rig, &rig.accepted, 1);
    worker_rig_close(&rig);
}

TEST(inbound, a_client_that_leaves_before_the_answer_is_served)
{
    /* Gone right after the final dot: the message is there, or it is not, and nothing
     * else is wrong; the worker may stop at once. */
    for (unsigned round = 0; round < 30; round++) {
        struct worker_rig rig;
        worker_rig_open(&rig, "", "");
        int fd = worker_rig_session(&rig);
        ask(fd, "MAIL FROM:<s@example.com>\r\n", "250 ");
        ask(fd, "RCPT TO:<r@example.net>\r\n", "250 ");
        ask(fd, "DATA\r\n", "354 ");
        worker_rig_say(fd, "Subject: x\r\n\r\nbody\r\n.\r\n");
        struct linger hard = {.l_onoff = 1};
        cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
        (void)close(fd);
        worker_rig_close(&rig); /* checks the credits */
    }
}

TEST(inbound, a_client_that_reads_nothing_is_cut)
{
    /* Commands without end and no answer read: the connection is cut long before its
     * answers could fill memory. */
    struct worker_rig rig;
    worker_rig_open(&rig, "max_errors = 0;", "");
    int fd = worker_rig_connect(&rig);
    static const char bogus[] = "BOGUS COMMAND!\r\n";
    char block[8192];
    for (size_t i = 0; i < sizeof block; i += sizeof bogus - 1) {
        memcpy(block + i, bogus, sizeof bogus - 1);
    }
    size_t sent = 0;
    ssize_t got = 0;
    while (sent < (size_t)256 * 1024 * 1024) {
        got = send(fd, block, sizeof block, MSG_NOSIGNAL);
        if (got <= 0) {
            break;
        }
        sent += (size_t)got;
    }
    cr_assert_leq(got, 0, "the relay took %zu bytes", sent);
    cr_assert(errno == EPIPE || errno == ECONNRESET);
    (void)close(fd);
    worker_rig_close(&rig);
}

TEST(inbound, silence_ends_with_421)
{
    /* The deadline: a client that says nothing hears 421 and is closed, in a command and
     * in content; a trickle within content keeps it alive. */
    struct worker_rig rig;
    worker_rig_open(&rig, "idle_timeout = \"1s\";", "");
    int fd = worker_rig_session(&rig);
    worker_rig_expect(fd, "421 4.4.2");
    worker_rig_expect_end(fd);
    fd = worker_rig_session(&rig);
    ask(fd, "MAIL FROM:<s@example.com>\r\n", "250 ");
    ask(fd, "RCPT TO:<r@example.net>\r\n", "250 ");
    ask(fd, "DATA\r\n", "354 ");
    worker_rig_say(fd, "Subject: x\r\n");
    worker_rig_expect(fd, "421 4.4.2");
    worker_rig_expect_end(fd);
    worker_rig_no_credits(&rig);
    worker_rig_close(&rig);
}

TEST(inbound, says_421_when_it_stops)
{
    /* An idle session and one in a transaction hear 421; nothing is kept of the latter.
     */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    int idle = worker_rig_session(&rig);
    int busy = worker_rig_session(&rig);
    ask(busy, "MAIL FROM:<s@example.com>\r\n", "250 ");
    ask(busy, "RCPT TO:<r@example.net>\r\n", "250 ");
    ask(busy, "DATA\r\n", "354 ");
    worker_stop(rig.worker);
    worker_rig_expect(idle, "421 4.3.2");
    worker_rig_expect_end(idle);
    worker_rig_expect(busy, "421 4.3.2");
    worker_rig_expect_end(busy);
    while (!rig.stopped) {
        (void)sem_wait(&rig.letters);
        (void)mailbox_run(&rig.mailbox);
    }
    worker_join(rig.worker);
    cr_assert_eq(rig.accepted, 0);
    worker_rig_close(&rig);
}

static void tls_text(const struct certificate_set *set, char *out, size_t size)
{
    (void)snprintf(out, size, "tls = { certificate = \"%s\"; key = \"%s\"; };", set->leaf,
                   set->leaf_key);
}

static SSL *handshake(int fd, SSL_CTX **out_context)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    cr_assert_eq(SSL_set_fd(ssl, fd), 1);
    cr_assert_eq(SSL_connect(ssl), 1);
    *out_context = context;
    return ssl;
}

static void ask_tls(SSL *ssl, const char *command, const char *answer)
{
    char reply[2048];
    if (command[0] != '\0') {
        cr_assert_gt(SSL_write(ssl, command, (int)strlen(command)), 0);
    }
    int got = SSL_read(ssl, reply, (int)sizeof reply - 1);
    cr_assert_gt(got, 0);
    reply[got] = '\0';
    cr_assert_eq(strncmp(reply, answer, strlen(answer)), 0, "%s: %s", command, reply);
}

TEST(inbound, starttls_forgets_and_encrypts)
{
    /* After the handshake EHLO is asked for again, STARTTLS is no longer offered, and a
     * message goes through. */
    struct worker_rig rig;
    struct certificate_set set;
    char more[512];
    certificate_set_make(&set, "relay.mesura.test");
    tls_text(&set, more, sizeof more);
    worker_rig_open(&rig, "tls = \"starttls\";", more);
    int fd = worker_rig_session(&rig);
    ask(fd, "STARTTLS\r\n", "220 ");
    SSL_CTX *context;
    SSL *ssl = handshake(fd, &context);
    ask_tls(ssl, "MAIL FROM:<s@example.com>\r\n", "503 ");
    ask_tls(ssl, "EHLO c.test\r\n", "250-");
    ask_tls(ssl, "STARTTLS\r\n", "503 ");
    ask_tls(ssl, "MAIL FROM:<s@example.com>\r\n", "250 ");
    ask_tls(ssl, "RCPT TO:<r@example.net>\r\n", "250 ");
    ask_tls(ssl, "DATA\r\n", "354 ");
    ask_tls(ssl, "Subject: x\r\n\r\nbody\r\n.\r\n", "250 2.0.0");
    worker_rig_until(&rig, &rig.accepted, 1);
    SSL_free(ssl);
    SSL_CTX_free(context);
    (void)close(fd);
    worker_rig_close(&rig);
    certificate_set_remove(&set);
}

TEST(inbound, plaintext_behind_starttls_is_never_obeyed)
{
    /* A command in the same segment as STARTTLS: no handshake takes place with it kept
     * for later. */
    struct worker_rig rig;
    struct certificate_set set;
    char more[512];
    char line[WORKER_RIG_LINE];
    certificate_set_make(&set, "relay.mesura.test");
    tls_text(&set, more, sizeof more);
    worker_rig_open(&rig, "tls = \"starttls\";", more);
    int fd = worker_rig_session(&rig);
    worker_rig_say(fd, "STARTTLS\r\nMAIL FROM:<evil@example.com>\r\n");
    for (unsigned i = 0; i < 4 && worker_rig_line(fd, line)[0] != '\0'; i++) {
        cr_assert_neq(strncmp(line, "250", 3), 0, "%s", line);
    }
    cr_assert_str_eq(line, "", "the connection ends");
    (void)close(fd);
    worker_rig_close(&rig);
    certificate_set_remove(&set);
}

TEST(inbound, implicit_tls_greets_behind_the_handshake)
{
    /* Nothing is said before; after it the greeting comes. A client that ends in the
     * handshake leaves nothing behind, and a stop does not wait for it. */
    struct worker_rig rig;
    struct certificate_set set;
    char more[512];
    certificate_set_make(&set, "relay.mesura.test");
    tls_text(&set, more, sizeof more);
    worker_rig_open(&rig, "tls = \"implicit\";", more);
    int gone = worker_rig_connect(&rig);
    (void)close(gone);
    int fd = worker_rig_connect(&rig);
    SSL_CTX *context;
    SSL *ssl = handshake(fd, &context);
    ask_tls(ssl, "", "220 relay.mesura.test");
    ask_tls(ssl, "EHLO c.test\r\n", "250-");
    int mute = worker_rig_connect(&rig);
    SSL_free(ssl);
    SSL_CTX_free(context);
    (void)close(fd);
    worker_rig_close(&rig);
    (void)close(mute);
    certificate_set_remove(&set);
}

/* Another table is in force: disabled, gone, another password. The session hears 421. */
static void review(const char *words, bool stays)
{
    struct worker_rig rig;
    struct users *users = NULL;
    struct users_errors errors = {0};
    char line[512];
    worker_rig_open_user(&rig, "auth = \"required\"; auth_without_tls = true;", "");
    int fd = worker_rig_session(&rig);
    ask(fd, "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "235 ");
    (void)snprintf(line, sizeof line, "%s %s %s", words[0] == '-' ? "bob" : "ann",
                   words[0] == '*' ? "-" : users_find(rig.table, "ann")->hash,
                   words[0] == '*' || words[0] == '-' ? "" : words);
    cr_assert_eq(users_parse(&users, "users", line, strlen(line), &errors), 0, "%s",
                 errors.told[0].text);
    worker_publish_users(rig.worker, users);
    if (stays) {
        ask(fd, "MAIL FROM:<s@example.com> SIZE=5000\r\n", "552 5.3.4");
        ask(fd, "QUIT\r\n", "221 ");
    } else {
        worker_rig_expect(fd, "421 4.7.0 this login is not valid any more");
    }
    worker_rig_expect_end(fd);
    worker_rig_close(&rig);
}

TEST(inbound, sessions_follow_the_users_table)
{
    /* disable, del and passwd end the open session at once; new rights hold in it. */
    review("disabled", false);
    review("- gone", false);
    review("* another password", false);
    review("networks=10.0.0.0/8", false);
    review("max_message=4096", true);
}
