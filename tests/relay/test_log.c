#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/reply.h"

#include "relay/limits.h"
#include "relay/log.h"
#include "relay/now.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define THREADS    4
#define PER_THREAD 500

struct files {
    struct scratch scratch;
    char events[SCRATCH_BYTES];
    char mail[SCRATCH_BYTES];
    char lines[SCRATCH_BYTES];
};

static struct files files;

/* A log in a directory of its own, with stderr caught in a file. */
static void open_log(enum log_level level)
{
    scratch_init(&files.scratch);
    (void)snprintf(files.events, SCRATCH_BYTES, "%s", scratch_path(&files.scratch, "e"));
    (void)snprintf(files.mail, SCRATCH_BYTES, "%s", scratch_path(&files.scratch, "m"));
    (void)snprintf(files.lines, SCRATCH_BYTES, "%s", scratch_path(&files.scratch, "l"));
    int fd = open(files.lines, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_geq(dup2(fd, STDERR_FILENO), 0);
    (void)close(fd);
    struct log_options options = {.events_file = files.events,
                                  .mail_file = files.mail,
                                  .hostname = "relay",
                                  .level = level};
    struct errmsg err = {""};
    cr_assert_eq(log_open(&options, &err), 0, "%s", err.text);
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        found++;
    }
    return found;
}

TEST(log, writes_each_event_to_both_files)
{
    /* One event is one line of events.jsonl and its lines of mail.log, all there on
     * close. */
    open_log(LOG_LEVEL_INFO);
    struct reply reply = {.stage = REPLY_STAGE_DOT, .code = 250, .text = "ok"};
    struct log_event event = {.kind = LOG_DELIVERED,
                              .id = 1,
                              .recipient = "b@example.net",
                              .reply = &reply,
                              .message_ends = true};
    log_event(&event);
    struct log_session session = {.kind = LOG_SESSION_CONNECT, .client_ip = "192.0.2.1"};
    log_session(&session);
    log_close();
    char *text = scratch_read(files.events);
    cr_assert_eq(count(text, "\n"), 1);
    cr_assert_not_null(strstr(text, "\"event\":\"delivered\""));
    free(text);
    text = scratch_read(files.mail);
    cr_assert_eq(count(text, "\n"), 3);
    cr_assert_not_null(strstr(text, "status=sent (250 ok)"));
    cr_assert_not_null(strstr(text, "removed\n"));
    cr_assert_not_null(strstr(text, "connect from unknown[192.0.2.1]"));
    free(text);
    scratch_done(&files.scratch);
}

static void *log_many(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < PER_THREAD; i++) {
        struct log_event event = {.kind = LOG_LIMIT, .site = "example", .text = "slower"};
        log_event(&event);
        log_info("line");
    }
    return NULL;
}

TEST(log, loses_nothing_that_fits)
{
    /* Events of several threads are all written, none mixed with another. */
    open_log(LOG_LEVEL_INFO);
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, log_many, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    log_close();
    char *text = scratch_read(files.events);
    cr_assert_eq(count(text, "\"text\":\"slower\"}\n"), THREADS * PER_THREAD);
    cr_assert_eq(count(text, "\n"), THREADS * PER_THREAD);
    free(text);
    text = scratch_read(files.lines);
    cr_assert_eq(count(text, "Z info: line\n"), THREADS * PER_THREAD);
    free(text);
    scratch_done(&files.scratch);
}

TEST(log, writes_only_lines_of_its_level)
{
    /* A line below the level is not written; the level can change while running; a line
     * cannot be broken by what it quotes. */
    open_log(LOG_LEVEL_WARN);
    log_info("quiet");
    log_debug("quiet");
    log_error("loud %d\n%s", 1, "\x1b[2J");
    cr_assert_not(log_is_debug());
    log_set_level(LOG_LEVEL_DEBUG);
    cr_assert(log_is_debug());
    log_debug("now loud");
    log_close();
    log_warn("without a thread");
    char *text = scratch_read(files.lines);
    cr_assert_null(strstr(text, "quiet"));
    cr_assert_not_null(strstr(text, "Z error: loud 1??[2J\n"));
    cr_assert_not_null(strstr(text, "Z debug: now loud\n"));
    cr_assert_not_null(strstr(text, "Z warn: without a thread\n"));
    free(text);
    scratch_done(&files.scratch);
}

TEST(log, goes_on_in_a_new_file_after_a_rotation)
{
    /* After log_reopen events go to a file of the old name, and none is lost. */
    open_log(LOG_LEVEL_INFO);
    struct log_event event = {.kind = LOG_LIMIT, .text = "before"};
    log_event(&event);
    char rotated[SCRATCH_BYTES];
    (void)snprintf(rotated, sizeof rotated, "%s", scratch_path(&files.scratch, "e.1"));
    cr_assert_eq(rename(files.events, rotated), 0);
    log_reopen();
    event.text = "after";
    log_event(&event);
    log_close();
    char *before = scratch_read(rotated);
    char *after = scratch_read(files.events);
    cr_assert_not_null(strstr(before, "before"));
    cr_assert_not_null(strstr(after, "after"));
    cr_assert_null(strstr(after, "before"));
    free(before);
    free(after);
    scratch_done(&files.scratch);
}

TEST(log, drops_events_when_the_disk_stands_still)
{
    /* With nobody reading its file, the log takes a bounded amount, then drops and
     * counts; the caller never waits. Events written and dropped add up to those given.
     */
    open_log(LOG_LEVEL_INFO);
    log_close();
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_geq(dup2(ends[1], STDERR_FILENO), 0); /* a pipe that nobody empties */
    struct log_options options = {
        .events_file = "", .mail_file = "", .hostname = "relay", .level = LOG_LEVEL_INFO};
    struct errmsg err = {""};
    cr_assert_eq(log_open(&options, &err), 0, "%s", err.text);
    uint64_t given = 0;
    struct log_counts counts = {0};
    while (counts.dropped == 0 && given < 1000000) {
        log_info("%0500d", 0);
        given++;
        log_get_counts(&counts);
        cr_assert_leq(counts.pending_bytes, LIMIT_LOG_PENDING);
    }
    cr_assert_gt(counts.dropped, 0);
    (void)close(ends[0]); /* writes fail from here on */
    log_get_counts(&counts);
    cr_assert_leq(counts.pending_bytes, LIMIT_LOG_PENDING);
    log_close();
    (void)close(ends[1]);
    scratch_done(&files.scratch);
}

TEST(log, does_nothing_when_it_is_not_open)
{
    /* Before log_open and after log_close every call is allowed. */
    struct log_event event = {.kind = LOG_ALERT};
    log_event(&event);
    struct log_session session = {.kind = LOG_SESSION_CONNECT};
    log_session(&session);
    log_reopen();
    log_close();
    struct log_counts counts = {.written = 1};
    log_get_counts(&counts);
    cr_assert_eq(counts.written, 0);
    struct log_options options = {
        .events_file = "/nonexistent/e", .mail_file = "", .hostname = "relay"};
    struct errmsg err = {""};
    cr_assert_lt(log_open(&options, &err), 0);
    cr_assert_not_null(strstr(err.text, "/nonexistent/e"));
}

TEST(log, costs_the_caller_little)
{
    /* Packing an event is far below what a message may cost (measured: see the message).
     */
    open_log(LOG_LEVEL_INFO);
    struct reply reply = {
        .stage = REPLY_STAGE_DOT, .code = 250, .text = "2.0.0 ok queued"};
    struct log_event event = {.kind = LOG_DELIVERED,
                              .id = 1,
                              .stream = "bulk",
                              .source = "b1",
                              .site = "google",
                              .sender = "a@example.com",
                              .recipient = "b@gmail.com",
                              .remote_host = "mx.google.com",
                              .remote_ip = "192.0.2.1",
                              .tls = "TLSv1.3",
                              .reply = &reply};
    int64_t started_ns = now_ns();
    for (int i = 0; i < 5000; i++) {
        log_event(&event);
    }
    int64_t each_ns = (now_ns() - started_ns) / 5000;
    log_close();
    cr_log_info("%ld ns an event on the caller", (long)each_ns);
    cr_assert_lt(each_ns, 200000, "%ld ns an event", (long)each_ns);
    scratch_done(&files.scratch);
}
