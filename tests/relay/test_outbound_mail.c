#include <sys/socket.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/config.h"
#include "relay/job.h"

#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

static void say_mail(int fd)
{
    worker_rig_expect_line(fd, "MAIL FROM:<s@example.com>");
    worker_rig_say(fd, "250 2.1.0 ok\r\n");
}

static void say_rcpt(int fd, const char *expect, const char *answer)
{
    worker_rig_expect_line(fd, expect);
    worker_rig_say(fd, answer);
}

static void take_content(int fd, const char *answer)
{
    char content[4096];
    worker_rig_expect_line(fd, "DATA");
    worker_rig_say(fd, "354 go\r\n");
    (void)worker_rig_content(fd, content, sizeof content);
    worker_rig_say(fd, answer);
}

/* Nothing comes from the relay for a moment. */
static bool is_silent(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 50) == 0;
}

TEST(outbound_mail, takes_all_answers_of_one_read)
{
    /* Pipelined: the answers come in one segment, a refusal in the middle; each recipient
     * gets its own and the message goes to the rest. */
    struct worker_rig rig;
    uint16_t port;
    char content[4096];
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 3, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 3, &port, 1));
    int fd = worker_rig_serve(listening, "250 PIPELINING\r\n");
    worker_rig_expect_line(fd, "MAIL");
    worker_rig_expect_line(fd, "RCPT TO:<r0@");
    worker_rig_expect_line(fd, "RCPT TO:<r1@");
    worker_rig_expect_line(fd, "RCPT TO:<r2@");
    worker_rig_expect_line(fd, "DATA");
    worker_rig_say(fd, "250 ok\r\n250 ok\r\n550 5.1.1 no such user\r\n"
                       "451 4.3.0 later\r\n354 go\r\n");
    (void)worker_rig_content(fd, content, sizeof content);
    worker_rig_say(fd, "250 2.0.0 taken\r\n");
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.code, 250);
    cr_assert_eq(job->rcpts[1].reply.code, 550);
    cr_assert_eq(job->rcpts[1].finding.class, FINDING_BAD_MAILBOX);
    cr_assert_eq(job->rcpts[2].reply.code, 451);
    job_free(job);
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound_mail, the_next_job_waits_for_rset)
{
    /* The only recipient is refused, the job is back, and the next one comes while RSET
     * is unanswered: it begins when that is over, on the same connection. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 HELP\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "550 5.1.1 no such user\r\n");
    worker_rig_expect_line(fd, "RSET");
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.code, 550);
    job_free(job);
    worker_rig_release(&rig, 1);

    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    cr_assert(is_silent(fd));
    worker_rig_say(fd, "250 ok\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "250 ok\r\n");
    take_content(fd, "250 2.0.0 taken\r\n");
    job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.code, 250);
    job_free(job);
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound_mail, the_next_job_waits_for_a_quit_of_the_servers_making)
{
    /* LIMITS MAILMAX=1: the engine says QUIT by itself; a job that comes before the 221
     * goes over a new connection. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 LIMITS MAILMAX=1\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "250 ok\r\n");
    take_content(fd, "250 2.0.0 taken\r\n");
    worker_rig_expect_line(fd, "QUIT");
    job_free(worker_rig_back(&rig));
    worker_rig_release(&rig, 1);

    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    cr_assert(is_silent(fd));
    worker_rig_say(fd, "221 bye\r\n");
    worker_rig_expect_end(fd);
    fd = worker_rig_serve(listening, "250 HELP\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "250 ok\r\n");
    take_content(fd, "250 2.0.0 taken\r\n");
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.code, 250);
    cr_assert_eq(job->closed_after, 0);
    job_free(job);
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound_mail, a_server_may_take_fewer_recipients_than_the_job_has)
{
    /* LIMITS RCPTMAX=2 and five recipients: three transactions over one connection, and
     * one result each. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 5, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 5, &port, 1));
    int fd = worker_rig_serve(listening, "250 LIMITS RCPTMAX=2\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "250 ok\r\n");
    say_rcpt(fd, "RCPT TO:<r1@", "250 ok\r\n");
    take_content(fd, "250 2.0.0 first\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r2@", "550 5.1.1 no\r\n");
    say_rcpt(fd, "RCPT TO:<r3@", "550 5.1.1 no\r\n");
    worker_rig_expect_line(fd, "RSET");
    worker_rig_say(fd, "250 ok\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r4@", "250 ok\r\n");
    take_content(fd, "250 2.0.0 third\r\n");
    struct job *job = worker_rig_back(&rig);
    cr_assert_str_eq(job->rcpts[1].reply.text, "first");
    cr_assert_eq(job->rcpts[2].reply.code, 550);
    cr_assert_eq(job->rcpts[3].reply.code, 550);
    cr_assert_str_eq(job->rcpts[4].reply.text, "third");
    job_free(job);
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound_mail, who_was_not_reached_before_the_end_is_told_so)
{
    /* RCPTMAX=1 and the server goes away after the first: the others have a reply that
     * lets them try again, the first keeps its own. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 3, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 3, &port, 1));
    int fd = worker_rig_serve(listening, "250 LIMITS RCPTMAX=1 MAILMAX=1\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "250 ok\r\n");
    take_content(fd, "250 2.0.0 taken\r\n");
    worker_rig_expect_line(fd, "QUIT");
    (void)close(fd);
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.code, 250);
    for (unsigned i = 1; i < 3; i++) {
        cr_assert_eq(job->rcpts[i].reply.origin, REPLY_LOCAL);
        cr_assert_eq(job->rcpts[i].reply.enhanced[0], 4);
    }
    job_free(job);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound_mail, holds_the_final_dot_until_the_last_result_is_written)
{
    /* The second message is sent but for its dot; two results that are not written hold
     * it, and one release is not enough. */
    struct worker_rig rig;
    uint16_t port;
    char line[WORKER_RIG_LINE];
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 HELP\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "550 5.1.1 no\r\n");
    worker_rig_expect_line(fd, "RSET");
    worker_rig_say(fd, "250 ok\r\n");
    job_free(worker_rig_back(&rig));
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "550 5.1.1 no\r\n");
    worker_rig_expect_line(fd, "RSET");
    worker_rig_say(fd, "250 ok\r\n");
    job_free(worker_rig_back(&rig));

    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "250 ok\r\n");
    worker_rig_expect_line(fd, "DATA");
    worker_rig_say(fd, "354 go\r\n");
    while (strcmp(worker_rig_line(fd, line), "hello") != 0) {
        cr_assert_str_neq(line, ".");
    }
    cr_assert(is_silent(fd));
    worker_rig_release(&rig, 1);
    cr_assert(is_silent(fd));
    worker_rig_release(&rig, 1);
    worker_rig_expect_line(fd, ".");
    worker_rig_say(fd, "250 2.0.0 taken\r\n");
    job_free(worker_rig_back(&rig));
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

/* The server's side of one transaction, one command an answer. */
static const struct {
    const char *answer;
    bool is_content;
} script[] = {{"220 mx.example.net\r\n", false}, {"250-mx\r\n250 HELP\r\n", false},
              {"250 2.1.0 ok\r\n", false},       {"250 2.1.5 ok\r\n", false},
              {"250 2.1.5 ok\r\n", false},       {"354 go\r\n", false},
              {"250 2.0.0 taken\r\n", true}};

TEST(outbound_mail, a_cut_at_any_byte_gives_one_result_and_no_second_attempt)
{
    /* The server dies after so many bytes of its answers, for every number: each
     * recipient has exactly one reply, it is no success unless the whole 250 had come,
     * and nobody connects again. */
    struct worker_rig rig;
    uint16_t port;
    char content[4096];
    char line[WORKER_RIG_LINE];
    size_t total = 0;
    for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
        total += strlen(script[i].answer);
    }
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 2, "hello");
    for (size_t cut = 0; cut <= total; cut++) {
        struct job *job = worker_rig_job(&rig, message, 2, &port, 1);
        job->per_connection = 1;
        worker_rig_send(&rig, job);
        int fd = worker_rig_accept(listening);
        size_t left = cut;
        for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
            if (script[i].is_content) {
                (void)worker_rig_content(fd, content, sizeof content);
            } else if (i > 0) {
                (void)worker_rig_line(fd, line);
            }
            size_t length = strlen(script[i].answer);
            worker_rig_write(fd, script[i].answer, left < length ? left : length);
            if (left < length) {
                break;
            }
            left -= length;
        }
        (void)shutdown(fd, SHUT_WR);
        job = worker_rig_back(&rig);
        cr_assert_eq(job->outcome, JOB_ANSWERED);
        for (unsigned i = 0; i < 2; i++) {
            bool taken = job->rcpts[i].finding.class == FINDING_NONE;
            cr_assert_eq(taken, cut == total, "cut at %zu", cut);
            cr_assert(taken || job->rcpts[i].reply.origin != REPLY_REMOTE);
        }
        job_free(job);
        worker_rig_release(&rig, 1);
        (void)close(fd);
        struct pollfd more = {.fd = listening, .events = POLLIN};
        cr_assert_eq(poll(&more, 1, 0), 0, "a second connection, cut at %zu", cut);
    }
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound_mail, an_early_refusal_of_a_large_body_is_the_result)
{
    /* 552 while the body is still on its way: it is the recipients' result, at the stage
     * of the body, and the connection is closed. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    size_t length = (size_t)20 * 1024 * 1024;
    char *body = malloc(length + 1);
    cr_assert_not_null(body);
    memset(body, 'x', length);
    for (size_t i = 78; i + 1 < length; i += 80) {
        body[i] = '\r';
        body[i + 1] = '\n';
    }
    body[length] = '\0';
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, body);
    free(body);
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 HELP\r\n");
    say_mail(fd);
    say_rcpt(fd, "RCPT TO:<r0@", "250 ok\r\n");
    worker_rig_expect_line(fd, "DATA");
    worker_rig_say(fd, "354 go\r\n552 5.3.4 too large\r\n");
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.code, 552);
    cr_assert_eq(job->rcpts[0].reply.stage, REPLY_STAGE_BODY);
    job_free(job);
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}
