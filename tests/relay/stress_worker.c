/* Two workers, the queue's writer, the reader and core under load, for ThreadSanitizer: a
 * plain main, as Criterion does not start under it.
 *
 * What must hold: every message that a client heard 250 for reaches core once, every job
 * comes back once and delivered, all credits and sessions are given back. */

#include <sys/socket.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/net/listener.h"
#include "relay/worker.h"

#include "tests/support/worker_rig.h"

#define CLIENTS 4
#define MESSAGES                                                          \
    25 /* of each client; every fifth is large, every seventh is given up \
        */
#define JOBS 40

static struct worker_rig rig;

struct client {
    pthread_t thread;
    uint16_t port;
    unsigned number;
    unsigned kept; /* 250s heard */
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "stress_worker: %s\n", what);
    abort();
}

static int session(uint16_t port)
{
    struct worker_rig other = {.port = port};
    return worker_rig_session(&other);
}

static void *run_client(void *arg)
{
    struct client *client = arg;
    char line[81];
    memset(line, 'x', 78);
    memcpy(line + 78, "\r\n", 3);
    int fd = session(client->port);
    for (unsigned i = 0; i < MESSAGES; i++) {
        worker_rig_say(fd, "MAIL FROM:<s@example.com>\r\n");
        worker_rig_expect(fd, "250 ");
        worker_rig_say(fd, "RCPT TO:<r0@example.net>\r\n");
        worker_rig_expect(fd, "250 ");
        worker_rig_say(fd, "DATA\r\n");
        worker_rig_expect(fd, "354 ");
        worker_rig_say(fd, "Subject: load\r\n\r\n");
        for (unsigned k = 0; k < (i % 5 == 0 ? 2000 : 10); k++) {
            worker_rig_say(fd, line);
        }
        if (i % 7 == 6) {
            (void)close(fd);
            fd = session(client->port);
            continue;
        }
        worker_rig_say(fd, ".\r\n");
        worker_rig_expect(fd, "250 2.0.0");
        client->kept++;
    }
    worker_rig_say(fd, "QUIT\r\n");
    worker_rig_expect(fd, "221 ");
    worker_rig_expect_end(fd);
    return NULL;
}

/* A server that takes JOBS messages over as many connections as it needs. */
static void *run_server(void *arg)
{
    const int *listening = arg;
    char *content = malloc((size_t)1024 * 1024);
    if (content == NULL) {
        fail("no memory");
    }
    for (unsigned i = 0; i < JOBS; i++) {
        int fd = worker_rig_serve(*listening, "250 LIMITS MAILMAX=1\r\n");
        worker_rig_expect_line(fd, "MAIL");
        worker_rig_say(fd, "250 ok\r\n");
        worker_rig_expect_line(fd, "RCPT");
        worker_rig_say(fd, "250 ok\r\n");
        worker_rig_expect_line(fd, "DATA");
        worker_rig_say(fd, "354 go\r\n");
        (void)worker_rig_content(fd, content, (size_t)1024 * 1024);
        worker_rig_say(fd, "250 taken\r\n");
        worker_rig_expect_line(fd, "QUIT");
        worker_rig_say(fd, "221 bye\r\n");
        worker_rig_expect_end(fd);
    }
    free(content);
    return NULL;
}

static struct worker *second_worker(uint16_t *out_port)
{
    struct errmsg err;
    struct netaddr addr;
    struct worker *worker = NULL;
    int fd = -1;
    if (netaddr_parse("127.0.0.1", 0, &addr) != 0 ||
        listener_bind(&addr, false, -1, &fd, &err) != 0 ||
        listener_local(fd, &addr) != 0) {
        fail("a listener");
    }
    struct worker_options options = {.number = 1,
                                     .core_mailbox = &rig.mailbox,
                                     .queue = rig.queue.queue,
                                     .admissions = &rig.admission,
                                     .snapshot = rig.snapshot,
                                     .listener_fds = &fd,
                                     .listener_count = 1};
    if (worker_start(&worker, &options, &err) != 0) {
        fail(err.text);
    }
    *out_port = addr.port;
    return worker;
}

int main(void)
{
    struct client clients[CLIENTS] = {0};
    uint16_t ports[2];
    uint16_t server_port;
    pthread_t server;
    worker_rig_open(&rig, "", "");
    ports[0] = rig.port;
    struct worker *second = second_worker(&ports[1]);
    int listening = worker_rig_listen(&server_port);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].number = i;
        clients[i].port = ports[i % 2];
        if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0) {
            fail("a thread");
        }
    }
    if (pthread_create(&server, NULL, run_server, &listening) != 0) {
        fail("a thread");
    }

    /* Core: one message after the other goes out, by the two workers in turn. */
    for (unsigned i = 0; i < JOBS; i++) {
        worker_rig_until_least(&rig, &rig.accepted, i + 1);
        rig.slot = (struct slot){.worker = i % 2 == 0 ? rig.worker : second};
        worker_rig_send(&rig, worker_rig_job(&rig, rig.messages[i], 1, &server_port, 1));
        struct job *job = worker_rig_back(&rig);
        if (job->outcome != JOB_ANSWERED || job->rcpts[0].reply.code != 250) {
            fail("a job was not delivered");
        }
        job_free(job);
        worker_rig_release(&rig, 1);
        worker_rig_end_slot(&rig);
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        (void)pthread_join(clients[i].thread, NULL);
        kept += clients[i].kept;
    }
    (void)pthread_join(server, NULL);
    worker_rig_until(&rig, &rig.accepted, kept);
    worker_stop(second);
    worker_rig_until(&rig, &rig.others_stopped, 1);
    worker_join(second);
    worker_free(second);
    (void)close(listening);
    worker_rig_close(&rig);
    return 0;
}
