/* Good path: a notice is copied and posted; the thread asks its memory whether the same
 * was told lately, writes the mail, runs the command. Failure modes: the same again too
 * soon: counted, told with the next one; too many wait: dropped and counted; the command
 * fails or hangs: counted, an error line; it cannot be found at the start: the start
 * fails. */

#include "relay/alert.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/arena.h"
#include "relay/clerk.h"
#include "relay/limits.h"
#include "relay/linebuf.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/runner.h"

#define COMMAND_BYTES  1024
#define HOSTNAME_BYTES 256
#define STOP_MS        5000 /* for all commands that are left when we stop */
#define PATH_SETTING   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum text_of {
    TEXT_EVENT,
    TEXT_SUBJECT,
    TEXT_SOURCE,
    TEXT_SITE,
    TEXT_STREAM,
    TEXT_TEXT,
    TEXTS,
};

static const char *const text_names[TEXTS] = {
    [TEXT_EVENT] = "MESURA_EVENT",   [TEXT_SUBJECT] = "MESURA_SUBJECT",
    [TEXT_SOURCE] = "MESURA_SOURCE", [TEXT_SITE] = "MESURA_SITE",
    [TEXT_STREAM] = "MESURA_STREAM", [TEXT_TEXT] = "MESURA_TEXT",
};

#define SETTINGS (TEXTS + 4) /* and time, host, count, path */

/* The configuration, as long as it is in force. */
struct setup {
    struct letter letter;
    struct alert *alert;
    char command[COMMAND_BYTES]; /* cut at blanks */
    char *argv[LIMIT_ALERT_ARGUMENTS + 1];
    char hostname[HOSTNAME_BYTES];
    int64_t repeat_ns;
};

/* What was told last about one (event, subject). */
struct memory {
    char event[ALERT_NAME_BYTES];
    char subject[ALERT_NAME_BYTES];
    int64_t told_ns;
    uint64_t swallowed;
};

struct notice {
    struct letter letter;
    struct alert *alert;
    int64_t unix_ms;
    const char *texts[TEXTS];
    char bytes[];
};

struct alert {
    struct clerk *clerk;  /* owned */
    struct setup *setup;  /* owned; the thread's */
    struct memory *known; /* owned; the thread's; LIMIT_ALERT_MEMORY */
    size_t known_count;
    alert_mail_cb mail_cb;
    void *owner;
    _Atomic int64_t stop_by_ns; /* 0 while we run */
    atomic_uint pending;
    _Atomic uint64_t told;
    _Atomic uint64_t swallowed;
    _Atomic uint64_t dropped;
    _Atomic uint64_t failed;
};

static void count(_Atomic uint64_t *total)
{
    atomic_fetch_add_explicit(total, 1, memory_order_relaxed);
}

/* Split a command at blanks. There is no quoting: what needs it belongs in a script. */
static int split_command(struct setup *setup, const char *command, struct errmsg *err)
{
    if (strlen(command) >= sizeof setup->command) {
        errmsg_set(err, "alert command: longer than %d bytes", COMMAND_BYTES - 1);
        return -EINVAL;
    }
    memcpy(setup->command, command, strlen(command) + 1);
    size_t count_arguments = 0;
    char *rest = setup->command;
    for (rest += strspn(rest, " \t"); *rest != '\0'; rest += strspn(rest, " \t")) {
        if (count_arguments == LIMIT_ALERT_ARGUMENTS) {
            errmsg_set(err, "alert command: more than %d words", LIMIT_ALERT_ARGUMENTS);
            return -EINVAL;
        }
        setup->argv[count_arguments] = rest;
        count_arguments++;
        rest += strcspn(rest, " \t");
        if (*rest != '\0') {
            *rest = '\0';
            rest++;
        }
    }
    if (count_arguments == 0) {
        return 0;
    }
    if (setup->argv[0][0] != '/') {
        errmsg_set(err, "alert command %s: write the whole path, from /", setup->argv[0]);
        return -EINVAL;
    }
    if (access(setup->argv[0], X_OK) < 0) {
        int failed = -errno;
        errmsg_errno(err, failed, "alert command %s", setup->argv[0]);
        return failed;
    }
    return 0;
}

static int setup_new(struct setup **out, const struct alert_options *options,
                     struct errmsg *err)
{
    struct setup *setup = arena_must(1, sizeof *setup);
    setup->repeat_ns = options->repeat_ms * NOW_NS_PER_MS;
    (void)snprintf(setup->hostname, sizeof setup->hostname, "%s", options->hostname);
    int failed = split_command(setup, options->command, err);
    if (failed < 0) {
        free(setup);
        return failed;
    }
    *out = setup;
    return 0;
}

/* What is known of the notice's subject; the longest untold makes room for a new one. */
static struct memory *recall(struct alert *alert, const struct notice *notice)
{
    struct memory *oldest = NULL;
    for (size_t i = 0; i < alert->known_count; i++) {
        struct memory *known = &alert->known[i];
        if (strcmp(known->event, notice->texts[TEXT_EVENT]) == 0 &&
            strcmp(known->subject, notice->texts[TEXT_SUBJECT]) == 0) {
            return known;
        }
        if (oldest == NULL || known->told_ns < oldest->told_ns) {
            oldest = known;
        }
    }
    if (alert->known_count < LIMIT_ALERT_MEMORY) {
        oldest = &alert->known[alert->known_count];
        alert->known_count++;
    }
    *oldest = (struct memory){.told_ns = INT64_MIN};
    (void)snprintf(oldest->event, sizeof oldest->event, "%s", notice->texts[TEXT_EVENT]);
    (void)snprintf(oldest->subject, sizeof oldest->subject, "%s",
                   notice->texts[TEXT_SUBJECT]);
    return oldest;
}

static char *setting(struct arena *arena, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = arena_must(1, size);
    (void)snprintf(text, size, "%s=%s", name, value);
    char *kept = arena_try_copy(arena, text, size - 1);
    free(text);
    return kept;
}

static void print_time(int64_t unix_ms, char out[40])
{
    struct linebuf buf;
    linebuf_init(&buf, out, 39);
    linebuf_time(&buf, unix_ms, "Z");
    out[buf.used] = '\0';
}

static void run_command(struct alert *alert, const struct notice *notice, uint64_t times)
{
    struct setup *setup = alert->setup;
    int64_t limit_ms = ALERT_COMMAND_MS;
    int64_t stop_by_ns = atomic_load_explicit(&alert->stop_by_ns, memory_order_relaxed);
    if (stop_by_ns != 0) {
        int64_t left_ms = (stop_by_ns - now_ns()) / NOW_NS_PER_MS;
        limit_ms = left_ms < limit_ms ? left_ms : limit_ms;
    }
    struct arena arena;
    arena_init(&arena, (size_t)64 * 1024);
    char *environment[SETTINGS + 1] = {0};
    for (size_t i = 0; i < TEXTS; i++) {
        environment[i] = setting(&arena, text_names[i], notice->texts[i]);
    }
    char when[40];
    char number[24];
    print_time(notice->unix_ms, when);
    (void)snprintf(number, sizeof number, "%" PRIu64, times);
    environment[TEXTS] = setting(&arena, "MESURA_TIME", when);
    environment[TEXTS + 1] = setting(&arena, "MESURA_HOST", setup->hostname);
    environment[TEXTS + 2] = setting(&arena, "MESURA_COUNT", number);
    environment[TEXTS + 3] =
        arena_try_copy(&arena, PATH_SETTING, sizeof PATH_SETTING - 1);
    int detail = 0;
    enum runner_result result =
        limit_ms <= 0 ? RUNNER_KILLED
                      : runner_run(setup->argv, environment, limit_ms, &detail);
    arena_done(&arena);
    if (result != RUNNER_DONE) {
        static const char *const words[] = {"done", "failed", "was killed: too slow",
                                            "could not start"};
        count(&alert->failed);
        log_error("alert command %s %s (%d); nobody was told about %s %s by it",
                  setup->argv[0], words[result], detail, notice->texts[TEXT_EVENT],
                  notice->texts[TEXT_SUBJECT]);
    }
}

static void write_mail(struct alert *alert, const struct notice *notice, uint64_t times)
{
    const struct setup *setup = alert->setup;
    char subject[ALERT_NAME_BYTES * 2 + HOSTNAME_BYTES + 32];
    char body[ALERT_TEXT_BYTES + ALERT_NAME_BYTES * 4 + 512];
    char when[40];
    print_time(notice->unix_ms, when);
    (void)snprintf(subject, sizeof subject, "[mesura %s] %s: %s", setup->hostname,
                   notice->texts[TEXT_EVENT], notice->texts[TEXT_SUBJECT]);
    int used = snprintf(body, sizeof body, "%s\n\n%s: %s\ntime: %s\nrelay: %s\n",
                        notice->texts[TEXT_TEXT], notice->texts[TEXT_EVENT],
                        notice->texts[TEXT_SUBJECT], when, setup->hostname);
    static const enum text_of named[] = {TEXT_SOURCE, TEXT_SITE, TEXT_STREAM};
    static const char *const names[] = {"source", "site", "stream"};
    for (size_t i = 0; i < 3 && used < (int)sizeof body; i++) {
        const char *text = notice->texts[named[i]];
        if (text[0] != '\0') {
            used += snprintf(body + used, sizeof body - (size_t)used, "%s: %s\n",
                             names[i], text);
        }
    }
    if (times > 1 && used < (int)sizeof body) {
        (void)snprintf(body + used, sizeof body - (size_t)used,
                       "The same was raised %" PRIu64 " times since it was last told.\n",
                       times);
    }
    alert->mail_cb(notice->texts[TEXT_SOURCE], subject, body, alert->owner);
}

static void on_notice(struct letter *letter)
{
    struct notice *notice = (struct notice *)(void *)letter;
    struct alert *alert = notice->alert;
    struct memory *known = recall(alert, notice);
    int64_t time_ns = now_ns();
    bool is_first = known->told_ns == INT64_MIN;
    if (!is_first && time_ns - known->told_ns < alert->setup->repeat_ns) {
        known->swallowed++;
        count(&alert->swallowed);
    } else {
        uint64_t times = known->swallowed + 1;
        known->told_ns = time_ns;
        known->swallowed = 0;
        count(&alert->told);
        if (alert->mail_cb != NULL) {
            write_mail(alert, notice, times);
        }
        if (alert->setup->argv[0] != NULL) {
            run_command(alert, notice, times);
        }
    }
    atomic_fetch_sub_explicit(&alert->pending, 1, memory_order_relaxed);
    free(notice);
}

int alert_start(struct alert **out, const struct alert_options *options,
                struct errmsg *err)
{
    assert(out != NULL);
    assert(options != NULL);
    struct setup *setup = NULL;
    int failed = setup_new(&setup, options, err);
    if (failed < 0) {
        return failed;
    }
    struct alert *alert = arena_must(1, sizeof *alert);
    alert->setup = setup;
    alert->known = arena_must(LIMIT_ALERT_MEMORY, sizeof *alert->known);
    alert->mail_cb = options->mail_cb;
    alert->owner = options->owner;
    struct clerk_options clerk = {.name = "mesura-alert"};
    failed = clerk_start(&alert->clerk, &clerk, err);
    if (failed < 0) {
        alert_stop(alert);
        return failed;
    }
    *out = alert;
    return 0;
}

static char *copy_line(char *at, const char *text, size_t max)
{
    struct linebuf buf;
    linebuf_init(&buf, at, max);
    linebuf_line(&buf, text == NULL ? "" : text, max, "");
    at[buf.used] = '\0';
    return at + buf.used + 1;
}

/* The text of a mail may have lines of its own; nothing else of it is trusted. */
static void copy_text(char *at, const char *text, size_t max)
{
    const char *from = text == NULL ? "" : text;
    size_t size = strnlen(from, max);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)from[i];
        bool is_bad = byte != '\n' && (byte < ' ' || byte == 0x7f);
        at[i] = from[i];
        if (is_bad) {
            at[i] = '?';
        }
    }
    at[size] = '\0';
}

void alert_raise(struct alert *alert, const struct alert_notice *notice)
{
    assert(alert != NULL);
    assert(notice != NULL);
    if (atomic_fetch_add_explicit(&alert->pending, 1, memory_order_relaxed) >=
        LIMIT_ALERT_PENDING) {
        atomic_fetch_sub_explicit(&alert->pending, 1, memory_order_relaxed);
        count(&alert->dropped);
        return;
    }
    struct notice *copy = arena_must(
        1, sizeof *copy + (size_t)TEXT_TEXT * ALERT_NAME_BYTES + ALERT_TEXT_BYTES);
    copy->alert = alert;
    copy->unix_ms = notice->unix_ms == 0 ? now_unix_ms() : notice->unix_ms;
    const char *const names[] = {notice->event, notice->subject, notice->source,
                                 notice->site, notice->stream};
    char *at = copy->bytes;
    for (size_t i = 0; i < TEXT_TEXT; i++) {
        copy->texts[i] = at;
        at = copy_line(at, names[i], ALERT_NAME_BYTES - 1);
    }
    copy->texts[TEXT_TEXT] = at;
    copy_text(at, notice->text, ALERT_TEXT_BYTES - 1);
    clerk_post(alert->clerk, &copy->letter, on_notice);
}

static void on_setup(struct letter *letter)
{
    struct setup *setup = (struct setup *)(void *)letter;
    free(setup->alert->setup);
    setup->alert->setup = setup;
}

int alert_reload(struct alert *alert, const struct alert_options *options,
                 struct errmsg *err)
{
    assert(alert != NULL);
    assert(options != NULL);
    struct setup *setup = NULL;
    int failed = setup_new(&setup, options, err);
    if (failed == 0) {
        setup->alert = alert;
        clerk_post(alert->clerk, &setup->letter, on_setup);
    }
    return failed;
}

void alert_get_totals(const struct alert *alert, struct alert_totals *out_totals)
{
    assert(alert != NULL);
    assert(out_totals != NULL);
    out_totals->told = atomic_load_explicit(&alert->told, memory_order_relaxed);
    out_totals->swallowed = atomic_load_explicit(&alert->swallowed, memory_order_relaxed);
    out_totals->dropped = atomic_load_explicit(&alert->dropped, memory_order_relaxed);
    out_totals->failed = atomic_load_explicit(&alert->failed, memory_order_relaxed);
}

void alert_stop(struct alert *alert)
{
    if (alert == NULL) {
        return;
    }
    atomic_store_explicit(&alert->stop_by_ns, now_ns() + STOP_MS * NOW_NS_PER_MS,
                          memory_order_relaxed);
    clerk_stop(alert->clerk);
    free(alert->setup);
    free(alert->known);
    free(alert);
}
