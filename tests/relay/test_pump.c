#include <sys/socket.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/job.h"
#include "relay/pump.h"

#include "tests/support/test.h"
#include "tests/support/worker_rig.h"

/* Lines of 64 bytes; every tenth begins with a dot, doubled as the client must. */
static char *make_body(size_t lines, bool dots)
{
    char *body = malloc(lines * 66 + 1);
    cr_assert_not_null(body);
    char *at = body;
    for (size_t i = 0; i < lines; i++) {
        int length =
            snprintf(at, 67, "%s%061zu.\r\n", dots && i % 10 == 0 ? ".." : "", i);
        at += length;
    }
    at[-2] = '\0'; /* the last CRLF is worker_rig_submit's */
    return body;
}

/* What the disk keeps in memory of the queue is dropped: the next reads are cold. */
static void drop_caches(const struct worker_rig *rig)
{
    DIR *stream = opendir(rig->queue.directory);
    cr_assert_not_null(stream);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s/%s", rig->queue.directory, entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            (void)fdatasync(fd);
            (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            (void)close(fd);
        }
    }
    (void)closedir(stream);
}

/* Up to DATA's 354. */
static int begin(struct worker_rig *rig, int listening, uint16_t port, uint32_t message)
{
    worker_rig_send(rig, worker_rig_job(rig, message, 1, &port, 1));
    int fd = worker_rig_serve(listening, "250 LIMITS MAILMAX=1\r\n");
    worker_rig_expect_line(fd, "MAIL");
    worker_rig_say(fd, "250 ok\r\n");
    worker_rig_expect_line(fd, "RCPT");
    worker_rig_say(fd, "250 ok\r\n");
    worker_rig_expect_line(fd, "DATA");
    worker_rig_say(fd, "354 go\r\n");
    return fd;
}

static void expect_content(int fd, const char *body)
{
    size_t room = strlen(body) + 4096;
    char *content = malloc(room);
    cr_assert_not_null(content);
    size_t length = worker_rig_content(fd, content, room);
    const char *start = memmem(content, length, "\r\n\r\n", 4);
    cr_assert_not_null(start);
    start += 4;
    cr_assert_eq((size_t)(content + length - start), strlen(body) + 2);
    cr_assert_eq(memcmp(start, body, strlen(body)), 0);
    free(content);
}

TEST(pump, sends_byte_for_byte_what_was_given)
{
    /* Inline and in pieces, with and without dots to double, read warm and cold: what the
     * server gets is what the client sent. */
    static const size_t lines[] = {1, 100, 2000, 2060, 9000};
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    for (unsigned i = 0; i < 4 * sizeof lines / sizeof lines[0]; i++) {
        char *body = make_body(lines[i / 4], i % 2 == 1);
        uint32_t message = worker_rig_submit(&rig, 1, body);
        if (i % 4 >= 2) {
            drop_caches(&rig);
        }
        int fd = begin(&rig, listening, port, message);
        expect_content(fd, body);
        worker_rig_say(fd, "250 taken\r\n");
        struct job *job = worker_rig_back(&rig);
        cr_assert_eq(job->rcpts[0].reply.code, 250);
        job_free(job);
        worker_rig_release(&rig, 1);
        free(body);
        worker_rig_expect_line(fd, "QUIT");
        worker_rig_say(fd, "221 bye\r\n");
        worker_rig_expect_end(fd);
    }
    (void)close(listening);
    worker_rig_close(&rig);
}

TEST(pump, a_connection_lost_during_a_cold_read_waits_for_the_reader)
{
    /* The server resets while pieces are fetched from the disk: one result each time, and
     * the job stays until the reader has let go of it. */
    struct worker_rig rig;
    uint16_t port;
    worker_rig_open(&rig, "", "");
    int listening = worker_rig_listen(&port);
    char *body = make_body(20000, false);
    uint32_t message = worker_rig_submit(&rig, 1, body);
    free(body);
    for (unsigned round = 0; round < 20; round++) {
        drop_caches(&rig);
        int fd = begin(&rig, listening, port, message);
        struct linger hard = {.l_onoff = 1};
        cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
        (void)close(fd);
        struct job *job = worker_rig_back(&rig);
        cr_assert_eq(job->outcome, JOB_ANSWERED);
        cr_assert_eq(job->rcpts[0].reply.origin, REPLY_NETWORK);
        job_free(job);
        worker_rig_release(&rig, 1);
    }
    (void)close(listening);
    worker_rig_close(&rig);
}
