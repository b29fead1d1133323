/* Good path: the caller copies an event into one piece of memory and posts it; the log's
 * thread lets events gather for a moment, writes each as JSON and in Postfix's form, and
 * appends all of them with one write a file.
 * Failure modes: too much waits (a slow disk): new events are dropped and counted; no
 * memory for a copy: the same; a write fails: its lines are counted; a file cannot be
 * reopened: the old one is used on. Losses are told on stderr, at most every ten seconds.
 */

#include "relay/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/reply.h"

#include "relay/arena.h"
#include "relay/clerk.h"
#include "relay/limits.h"
#include "relay/linebuf.h"
#include "relay/log_file.h"
#include "relay/log_json.h"
#include "relay/log_mail.h"
#include "relay/log_record.h"
#include "relay/now.h"

#define NAP_MS         5                    /* the most an event waits to be written */
#define BUFFER_BYTES   ((size_t)256 * 1024) /* of a file: a batch at full speed */
#define LINE_BYTES     1024                 /* of a line on stderr */
#define TELL_NS        (10 * NOW_NS_PER_S)  /* between two lines about losses */
#define HOSTNAME_BYTES 256

struct log {
    struct clerk *clerk; /* owned */
    struct log_file events;
    struct log_file mail;
    struct log_file lines;
    bool has_mail;  /* never changes */
    bool has_files; /* never changes: any of the two */
    char hostname[HOSTNAME_BYTES];
    char *scratch;      /* owned; LIMIT_LOG_RECORD bytes */
    struct reply reply; /* the thread's: of the event being written */
    uint64_t told_losses;
    int64_t told_ns;
    _Atomic uint64_t pending_bytes;
    _Atomic uint64_t dropped;
    _Atomic uint64_t written;
    _Atomic uint64_t failed;
};

static void on_record(struct letter *letter);

static _Atomic(struct log *) the_log; /* NULL before log_open and after log_close */
static _Atomic int line_level = LOG_LEVEL_INFO;

static const char *const kind_names[LOG_KINDS] = {
    [LOG_ACCEPTED] = "accepted",   [LOG_DELIVERED] = "delivered",
    [LOG_DEFERRED] = "deferred",   [LOG_BOUNCED] = "bounced",
    [LOG_HELD] = "held",           [LOG_RELEASED] = "released",
    [LOG_EXPIRED] = "expired",     [LOG_SUPPRESSED] = "suppressed",
    [LOG_LIMIT] = "limit",         [LOG_BLOCKED] = "blocked",
    [LOG_UNBLOCKED] = "unblocked", [LOG_LISTED] = "listed",
    [LOG_DELISTED] = "delisted",   [LOG_WARMUP] = "warmup",
    [LOG_ALERT] = "alert",         [LOG_ADMIN] = "admin",
};

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

const char *log_kind_name(enum log_kind kind)
{
    assert(kind < LOG_KINDS);
    return kind_names[kind];
}

/* Give a record to the thread, unless too much waits already. */
static void post(struct log *log, struct log_record *record)
{
    size_t size_bytes = record == NULL ? 0 : record->size_bytes;
    uint64_t before =
        atomic_fetch_add_explicit(&log->pending_bytes, size_bytes, memory_order_relaxed);
    if (record == NULL || before + size_bytes > LIMIT_LOG_PENDING) {
        atomic_fetch_sub_explicit(&log->pending_bytes, size_bytes, memory_order_relaxed);
        atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
        free(record);
        return;
    }
    clerk_post(log->clerk, &record->letter, on_record);
}

static void write_line(struct linebuf *buf, int64_t unix_ms, enum log_level level,
                       const char *text)
{
    linebuf_time(buf, unix_ms, "Z ");
    linebuf_text(buf, level_names[level]);
    linebuf_text(buf, ": ");
    linebuf_line(buf, text, LINE_BYTES, "");
    linebuf_char(buf, '\n');
}

static void write_event(struct log *log, const struct log_event *event)
{
    struct linebuf buf;
    if (log->events.fd >= 0) {
        linebuf_init(&buf, log->scratch, LIMIT_LOG_RECORD);
        log_json_write(&buf, event);
        assert(!buf.is_full);
        log_file_add(&log->events, buf.data, buf.used, 1);
    }
    if (log->mail.fd >= 0) {
        struct log_mail_head head = {log->hostname, (uint32_t)getpid()};
        linebuf_init(&buf, log->scratch, LIMIT_LOG_RECORD);
        log_mail_event(&buf, &head, event);
        assert(!buf.is_full);
        log_file_add(&log->mail, buf.data, buf.used, 1);
    }
}

static void write_session(struct log *log, const struct log_record *record)
{
    if (log->mail.fd < 0) {
        return;
    }
    struct log_mail_head head = {log->hostname, (uint32_t)getpid()};
    struct linebuf buf;
    linebuf_init(&buf, log->scratch, LIMIT_LOG_RECORD);
    log_mail_session(&buf, &head, record->unix_ms, &record->about.session);
    assert(!buf.is_full);
    log_file_add(&log->mail, buf.data, buf.used, 1);
}

/* A line of the log's own, on its thread. */
static void write_own_line(struct log *log, enum log_level level, const char *text)
{
    struct linebuf buf;
    linebuf_init(&buf, log->scratch, LIMIT_LOG_RECORD);
    write_line(&buf, now_unix_ms(), level, text);
    log_file_add(&log->lines, buf.data, buf.used, 1);
}

static void reopen_file(struct log *log, struct log_file *file)
{
    struct errmsg err = {""};
    if (log_file_reopen(file, &err) < 0) {
        char text[LINE_BYTES];
        (void)snprintf(text, sizeof text, "%s; writing to the old file", err.text);
        write_own_line(log, LOG_LEVEL_WARN, text);
    }
}

static void on_record(struct letter *letter)
{
    struct log_record *record = (struct log_record *)(void *)letter;
    struct log *log = atomic_load_explicit(&the_log, memory_order_acquire);
    struct linebuf buf;
    switch (record->what) {
    case LOG_RECORD_EVENT:
        write_event(log, log_record_unpack(record, &log->reply));
        break;
    case LOG_RECORD_SESSION: write_session(log, record); break;
    case LOG_RECORD_LINE:
        linebuf_init(&buf, log->scratch, LIMIT_LOG_RECORD);
        write_line(&buf, record->unix_ms, record->about.level, record->texts);
        log_file_add(&log->lines, buf.data, buf.used, 1);
        break;
    case LOG_RECORD_REOPEN:
        reopen_file(log, &log->events);
        reopen_file(log, &log->mail);
        break;
    }
    atomic_fetch_sub_explicit(&log->pending_bytes, record->size_bytes,
                              memory_order_relaxed);
    free(record);
}

static void tell_losses(struct log *log)
{
    uint64_t dropped = atomic_load_explicit(&log->dropped, memory_order_relaxed);
    uint64_t losses = dropped + log->events.failed + log->mail.failed;
    int64_t time_ns = now_ns();
    if (losses == log->told_losses || time_ns - log->told_ns < TELL_NS) {
        return;
    }
    int last_errno =
        log->events.last_errno != 0 ? log->events.last_errno : log->mail.last_errno;
    struct errmsg err = {"the disk is behind"};
    if (last_errno != 0) {
        errmsg_errno(&err, last_errno, "write");
    }
    char text[LINE_BYTES];
    (void)snprintf(text, sizeof text,
                   "%" PRIu64
                   " log lines lost since the last such line (%s); mail goes on",
                   losses - log->told_losses, err.text);
    log->told_losses = losses;
    log->told_ns = time_ns;
    write_own_line(log, LOG_LEVEL_ERROR, text);
    log_file_flush(&log->lines);
}

static int64_t on_batch(void *owner)
{
    struct log *log = owner;
    log_file_flush(&log->events);
    log_file_flush(&log->mail);
    log_file_flush(&log->lines);
    atomic_store_explicit(&log->written,
                          log->events.written + log->mail.written + log->lines.written,
                          memory_order_relaxed);
    atomic_store_explicit(&log->failed,
                          log->events.failed + log->mail.failed + log->lines.failed,
                          memory_order_relaxed);
    tell_losses(log);
    return -1;
}

static void log_free(struct log *log)
{
    log_file_done(&log->events);
    log_file_done(&log->mail);
    log_file_done(&log->lines);
    free(log->scratch);
    free(log);
}

int log_open(const struct log_options *options, struct errmsg *err)
{
    assert(options != NULL);
    assert(atomic_load_explicit(&the_log, memory_order_relaxed) == NULL);
    struct log *log = arena_must(1, sizeof *log);
    log->told_ns = now_ns() - TELL_NS;
    log->scratch = arena_must(1, LIMIT_LOG_RECORD);
    (void)snprintf(log->hostname, sizeof log->hostname, "%s", options->hostname);
    log_file_init_fd(&log->lines, STDERR_FILENO, BUFFER_BYTES);
    int failed = log_file_open(&log->events, options->events_file, BUFFER_BYTES, err);
    if (failed < 0) {
        goto fail;
    }
    failed = log_file_open(&log->mail, options->mail_file, BUFFER_BYTES, err);
    if (failed < 0) {
        goto fail;
    }
    log->has_mail = log->mail.fd >= 0;
    log->has_files = log->has_mail || log->events.fd >= 0;
    struct clerk_options clerk_options = {
        .name = "mesura-log", .nap_ms = NAP_MS, .batch_cb = on_batch, .owner = log};
    failed = clerk_start(&log->clerk, &clerk_options, err);
    if (failed < 0) {
        goto fail;
    }
    log_set_level(options->level);
    atomic_store_explicit(&the_log, log, memory_order_release);
    return 0;

fail:
    log_free(log);
    return failed;
}

void log_close(void)
{
    struct log *log = atomic_load_explicit(&the_log, memory_order_acquire);
    if (log == NULL) {
        return;
    }
    clerk_stop(log->clerk);
    atomic_store_explicit(&the_log, NULL, memory_order_release);
    log_free(log);
}

void log_reopen(void)
{
    struct log *log = atomic_load_explicit(&the_log, memory_order_acquire);
    if (log != NULL) {
        post(log, log_record_reopen());
    }
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&line_level, (int)level, memory_order_relaxed);
}

bool log_is_debug(void)
{
    return atomic_load_explicit(&line_level, memory_order_relaxed) >=
           (int)LOG_LEVEL_DEBUG;
}

/* Without a thread the line is written here and now. */
static void write_line_now(enum log_level level, const char *text)
{
    char line[LINE_BYTES * 2];
    struct linebuf buf;
    linebuf_init(&buf, line, sizeof line);
    write_line(&buf, now_unix_ms(), level, text);
    ssize_t wrote = write(STDERR_FILENO, line, buf.used);
    (void)wrote; /* there is nobody left to tell */
}

static void ATTR_PRINTF(2, 0)
    add_line(enum log_level level, const char *format, va_list args)
{
    if ((int)level > atomic_load_explicit(&line_level, memory_order_relaxed)) {
        return;
    }
    char text[LINE_BYTES];
    (void)vsnprintf(text, sizeof text, format, args);
    struct log *log = atomic_load_explicit(&the_log, memory_order_acquire);
    if (log == NULL) {
        write_line_now(level, text);
        return;
    }
    post(log, log_record_line(level, text, now_unix_ms()));
}

#define ADD_LINE(LEVEL)                \
    do {                               \
        va_list args;                  \
        va_start(args, format);        \
        add_line(LEVEL, format, args); \
        va_end(args);                  \
    } while (0)

void log_error(const char *format, ...)
{
    ADD_LINE(LOG_LEVEL_ERROR);
}

void log_warn(const char *format, ...)
{
    ADD_LINE(LOG_LEVEL_WARN);
}

void log_info(const char *format, ...)
{
    ADD_LINE(LOG_LEVEL_INFO);
}

void log_debug(const char *format, ...)
{
    ADD_LINE(LOG_LEVEL_DEBUG);
}

void log_event(const struct log_event *event)
{
    struct log *log = atomic_load_explicit(&the_log, memory_order_acquire);
    if (log != NULL && log->has_files) {
        post(log, log_record_event(event, now_unix_ms()));
    }
}

void log_session(const struct log_session *session)
{
    struct log *log = atomic_load_explicit(&the_log, memory_order_acquire);
    if (log != NULL && log->has_mail) {
        post(log, log_record_session(session, now_unix_ms()));
    }
}

void log_get_counts(struct log_counts *out_counts)
{
    assert(out_counts != NULL);
    struct log *log = atomic_load_explicit(&the_log, memory_order_acquire);
    if (log == NULL) {
        *out_counts = (struct log_counts){0};
        return;
    }
    out_counts->written = atomic_load_explicit(&log->written, memory_order_relaxed);
    out_counts->dropped = atomic_load_explicit(&log->dropped, memory_order_relaxed);
    out_counts->failed = atomic_load_explicit(&log->failed, memory_order_relaxed);
    out_counts->pending_bytes =
        atomic_load_explicit(&log->pending_bytes, memory_order_relaxed);
}
