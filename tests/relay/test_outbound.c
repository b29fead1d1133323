#include <sys/socket.h>

#include <unistd.h>

#include "relay/config.h"
#include "relay/outbound.h"
#include "relay/worker.h"

#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

/* One recipient, accepted. */
static void take_message(int fd)
{
    char content[4096];
    worker_rig_expect_line(fd, "MAIL FROM:<s@example.com>");
    worker_rig_say(fd, "250 2.1.0 ok\r\n");
    worker_rig_expect_line(fd, "RCPT TO:<r0@example.net>");
    worker_rig_say(fd, "250 2.1.5 ok\r\n");
    worker_rig_expect_line(fd, "DATA");
    worker_rig_say(fd, "354 go\r\n");
    (void)worker_rig_content(fd, content, sizeof content);
    worker_rig_say(fd, "250 2.0.0 taken\r\n");
}

/* The relay leaves: in order where it still can. */
static void expect_leave(int fd)
{
    worker_rig_expect_line(fd, "QUIT");
    worker_rig_say(fd, "221 bye\r\n");
    worker_rig_expect_end(fd);
}

static void expect_delivered(struct worker_rig *rig)
{
    struct job *job = worker_rig_back(rig);
    cr_assert_eq(job->outcome, JOB_ANSWERED);
    cr_assert_eq(job->rcpts[0].reply.code, 250);
    cr_assert_eq(job->rcpts[0].reply.stage, REPLY_STAGE_DOT);
    job_free(job);
}

TEST(outbound, uses_a_connection_again_and_quits)
{
    /* The second job goes over the connection of the first; when core wants the slot
     * back, QUIT is said. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 HELP\r\n");
    take_message(fd);
    struct job *job = worker_rig_back(&rig);
    cr_assert(job->is_fresh);
    cr_assert_eq(job->connection_messages, 1);
    cr_assert_str_eq(job->remote_host, "mx0.example.net");
    job_free(job);
    worker_rig_release(&rig, 1);

    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    take_message(fd);
    job = worker_rig_back(&rig);
    cr_assert_not(job->is_fresh);
    cr_assert_eq(job->connection_messages, 2);
    job_free(job);
    worker_rig_release(&rig, 1);

    worker_rig_say(fd, ""); /* idle: nothing is said until core asks */
    struct slot *slot = &rig.slot;
    mailbox_post(&rig.worker->mailbox, &slot->end, outbound_on_end);
    worker_rig_expect_line(fd, "QUIT");
    worker_rig_say(fd, "221 bye\r\n");
    worker_rig_until(&rig, &rig.ended, 1);
    worker_rig_expect_end(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound, honours_the_limit_per_connection)
{
    /* After per_connection messages the connection is left in order and the next job has
     * a new one. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    struct job *job = worker_rig_job(&rig, message, 1, &port, 1);
    job->per_connection = 1;
    worker_rig_send(&rig, job);
    int first = worker_rig_serve(listening, "250 HELP\r\n");
    take_message(first);
    expect_delivered(&rig);
    worker_rig_release(&rig, 1);

    job = worker_rig_job(&rig, message, 1, &port, 1);
    job->per_connection = 1;
    worker_rig_send(&rig, job);
    worker_rig_expect_line(first, "QUIT");
    worker_rig_say(first, "221 bye\r\n");
    worker_rig_expect_end(first);
    int second = worker_rig_serve(listening, "250 HELP\r\n");
    take_message(second);
    expect_delivered(&rig);
    worker_rig_release(&rig, 1);
    (void)close(second);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound, tries_the_next_hop)
{
    /* A port where nobody listens and a greeting of 554 lead to the next host; its answer
     * is the result. */
    struct worker_rig rig;
    uint16_t ports[3];
    worker_rig_open(&rig, "", "");
    int closed = worker_rig_listen(&ports[0]);
    (void)close(closed);
    int grumpy = worker_rig_listen(&ports[1]);
    int kind = worker_rig_listen(&ports[2]);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, ports, 3));
    int fd = worker_rig_accept(grumpy);
    worker_rig_say(fd, "554 5.3.2 not today\r\n");
    expect_leave(fd);
    fd = worker_rig_serve(kind, "250 HELP\r\n");
    take_message(fd);
    struct job *job = worker_rig_back(&rig);
    cr_assert_str_eq(job->remote_host, "mx2.example.net");
    cr_assert_eq(job->rcpts[0].reply.code, 250);
    job_free(job);
    (void)close(fd);
    (void)close(grumpy);
    (void)close(kind);
    worker_rig_close(&rig);
}

TEST(outbound, a_listing_ends_the_round)
{
    /* A greeting that names a list is the result: no other host is asked, and the source
     * is stopped before core has heard. */
    struct worker_rig rig;
    uint16_t ports[2];
    worker_rig_open(&rig, "", "");
    int first = worker_rig_listen(&ports[0]);
    int second = worker_rig_listen(&ports[1]);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, ports, 2));
    int fd = worker_rig_accept(first);
    worker_rig_say(fd, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked "
                       "using zen.spamhaus.org\r\n");
    expect_leave(fd);
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->outcome, JOB_ANSWERED);
    cr_assert_eq(job->rcpts[0].reply.stage, REPLY_STAGE_GREETING);
    cr_assert_eq(job->rcpts[0].finding.class, FINDING_IP_LISTED);
    cr_assert(atomic_load(&rig.source_stop));
    job_free(job);
    (void)close(first);
    (void)close(second);
    worker_rig_close(&rig);
}

TEST(outbound, a_stop_flag_keeps_the_message)
{
    /* A flag that is up before MAIL: the job goes back untouched, nothing is said. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    atomic_store(&rig.lane_stop, true);
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 HELP\r\n");
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->outcome, JOB_NOT_STARTED);
    job_free(job);

    /* The session stays good for later, and the next job is not told it is fresh. */
    atomic_store(&rig.lane_stop, false);
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    take_message(fd);
    job = worker_rig_back(&rig);
    cr_assert_eq(job->rcpts[0].reply.code, 250);
    cr_assert_not(job->is_fresh);
    job_free(job);
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound, broken_tls_is_tried_once_in_clear)
{
    /* Opportunistic: a handshake that fails costs one more connection to the same host,
     * without STARTTLS. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    struct job *job = worker_rig_job(&rig, message, 1, &port, 1);
    job->tls = CONFIG_TLS_OPPORTUNISTIC;
    worker_rig_send(&rig, job);
    int fd = worker_rig_serve(listening, "250 STARTTLS\r\n");
    worker_rig_expect_line(fd, "STARTTLS");
    worker_rig_say(fd, "220 go\r\n");
    char byte;
    cr_assert_eq(recv(fd, &byte, 1, 0), 1); /* the handshake has begun */
    (void)close(fd);
    fd = worker_rig_serve(listening, "250 STARTTLS\r\n");
    take_message(fd);
    expect_delivered(&rig);
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound, required_tls_is_never_done_without)
{
    /* Required: a server that does not offer it gets no mail, nor does one whose
     * handshake fails. */
    struct worker_rig rig;
    uint16_t ports[2];
    worker_rig_open(&rig, "", "");
    int plain = worker_rig_listen(&ports[0]);
    int broken = worker_rig_listen(&ports[1]);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    struct job *job = worker_rig_job(&rig, message, 1, ports, 2);
    job->tls = CONFIG_TLS_REQUIRED;
    worker_rig_send(&rig, job);
    int fd = worker_rig_serve(plain, "250 HELP\r\n");
    expect_leave(fd);
    fd = worker_rig_serve(broken, "250 STARTTLS\r\n");
    worker_rig_expect_line(fd, "STARTTLS");
    worker_rig_say(fd, "220 go\r\n");
    char byte;
    cr_assert_eq(recv(fd, &byte, 1, 0), 1);
    (void)close(fd);
    job = worker_rig_back(&rig);
    cr_assert_eq(job->outcome, JOB_ANSWERED);
    cr_assert_eq(job->rcpts[0].reply.stage, REPLY_STAGE_STARTTLS);
    job_free(job);
    (void)close(plain);
    (void)close(broken);
    worker_rig_close(&rig);
}

TEST(outbound, a_silently_closed_connection_costs_one_more_and_no_third)
{
    /* Nothing was said to MAIL on a connection that had been idle: once more on a new
     * one, and when that dies too the job comes back. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 HELP\r\n");
    take_message(fd);
    expect_delivered(&rig);
    worker_rig_release(&rig, 1);

    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    worker_rig_expect_line(fd, "MAIL");
    (void)close(fd);
    fd = worker_rig_serve(listening, "250 HELP\r\n");
    worker_rig_expect_line(fd, "MAIL");
    (void)close(fd);
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->outcome, JOB_ANSWERED);
    cr_assert_eq(job->rcpts[0].reply.origin, REPLY_NETWORK);
    cr_assert_eq(job->rcpts[0].reply.stage, REPLY_STAGE_MAIL);
    cr_assert(job->is_fresh);
    cr_assert_eq(job->closed_after, 1);
    job_free(job);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound, a_job_that_has_not_begun_goes_back_when_the_worker_stops)
{
    /* While the greeting is awaited the worker stops: the job is not started, at once and
     * not after a deadline. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_accept(listening);
    worker_rig_stop(&rig);
    worker_rig_expect_end(fd);
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->outcome, JOB_NOT_STARTED);
    job_free(job);
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(outbound, no_host_at_all_is_an_answer)
{
    /* A destination without hops: each recipient has a local reply. */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    uint32_t message = worker_rig_submit(&rig, 2, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 2, NULL, 0));
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->outcome, JOB_ANSWERED);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(job->rcpts[i].reply.origin, REPLY_LOCAL);
        cr_assert_eq(job->rcpts[i].reply.stage, REPLY_STAGE_CONNECT);
    }
    job_free(job);
    worker_rig_end_slot(&rig);
    worker_rig_close(&rig);
}
