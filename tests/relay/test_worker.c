#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "relay/snapshot.h"
#include "relay/worker.h"

#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

TEST(worker, starts_and_stops)
{
    /* Without having served anybody. */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    worker_rig_close(&rig);
}

static int64_t cpu_ns(void)
{
    struct timespec spent;
    cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent), 0);
    return (int64_t)spent.tv_sec * 1000000000 + spent.tv_nsec;
}

TEST(worker, an_idle_worker_burns_nothing)
{
    /* With a client connected and silent, the process spends next to no time while a
     * fifth of a second goes by. */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    int fd = worker_rig_session(&rig);
    int64_t before = cpu_ns();
    struct timespec wait = {.tv_nsec = 200000000};
    (void)nanosleep(&wait, NULL);
    cr_assert_lt(cpu_ns() - before, 50000000);
    (void)close(fd);
    worker_rig_close(&rig);
}

TEST(worker, refuses_while_it_is_drained)
{
    /* 421 to new sessions and to MAIL in old ones; when it is over all is as before. */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    int old = worker_rig_session(&rig);
    worker_refuse(rig.worker, true);
    int fresh = -1;
    char line[WORKER_RIG_LINE];
    for (unsigned i = 0; i < 1000; i++) { /* the letter is on its way */
        fresh = worker_rig_connect(&rig);
        if (worker_rig_line(fresh, line)[0] == '4') {
            break;
        }
        (void)close(fresh);
    }
    cr_assert_eq(line[0], '4', "%s", line);
    worker_rig_expect_end(fresh);
    worker_rig_say(old, "MAIL FROM:<s@example.com>\r\n");
    worker_rig_expect(old, "421 4.3.2");
    worker_rig_expect_end(old);
    worker_refuse(rig.worker, false);
    do {
        fresh = worker_rig_connect(&rig);
        (void)worker_rig_line(fresh, line);
        (void)close(fresh);
    } while (line[0] != '2');
    worker_rig_close(&rig);
}

TEST(worker, a_new_snapshot_is_for_new_sessions)
{
    /* Published while a session is open: that one goes on with its own, and the old
     * snapshot lives until it ends. */
    struct worker_rig rig;
    worker_rig_open(&rig, "", "");
    int fd = worker_rig_session(&rig);
    for (unsigned i = 0; i < 10; i++) {
        worker_publish(rig.worker, snapshot_ref(rig.snapshot));
    }
    int other = worker_rig_session(&rig);
    worker_rig_say(fd, "MAIL FROM:<s@example.com>\r\n");
    worker_rig_expect(fd, "250 ");
    (void)close(fd);
    (void)close(other);
    worker_rig_close(&rig);
}

TEST(worker, stops_with_jobs_in_flight)
{
    /* A server that never answers MAIL: the job comes back as lost when patience is over,
     * and the worker ends. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    uint32_t message = worker_rig_submit(&rig, 1, "hello");
    worker_rig_send(&rig, worker_rig_job(&rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 HELP\r\n");
    worker_rig_expect_line(fd, "MAIL");
    worker_rig_stop(&rig);
    struct job *job = worker_rig_back(&rig);
    cr_assert_eq(job->outcome, JOB_ANSWERED);
    cr_assert_eq(job->rcpts[0].reply.origin, REPLY_NETWORK);
    cr_assert_eq(job->rcpts[0].reply.stage, REPLY_STAGE_MAIL);
    job_free(job);
    (void)close(fd);
    (void)close(listening);
    worker_rig_close(&rig);
}
