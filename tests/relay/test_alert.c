#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/alert.h"
#include "relay/limits.h"
#include "relay/now.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

static struct scratch scratch;
static unsigned mails; /* the alert's thread, and ours after alert_stop */
static char last_subject[1024];
static char last_body[8192];
static char last_source[512];

static void on_mail(const char *source, const char *subject, const char *body,
                    void *owner)
{
    cr_assert_eq(owner, &scratch);
    mails++;
    (void)snprintf(last_source, sizeof last_source, "%s", source);
    (void)snprintf(last_subject, sizeof last_subject, "%s", subject);
    (void)snprintf(last_body, sizeof last_body, "%s", body);
}

/* A script that appends what it was told to a file. */
static const char *script(const char *text)
{
    const char *path = scratch_path(&scratch, "page");
    scratch_write(path, text, strlen(text));
    cr_assert_eq(chmod(path, 0700), 0);
    return path;
}

static struct alert *started(const char *command, int64_t repeat_ms)
{
    struct alert *alert = NULL;
    struct errmsg err = {""};
    struct alert_options options = {.command = command,
                                    .repeat_ms = repeat_ms,
                                    .hostname = "relay",
                                    .mail_cb = on_mail,
                                    .owner = &scratch};
    cr_assert_eq(alert_start(&alert, &options, &err), 0, "%s", err.text);
    return alert;
}

TEST(alert, tells_by_command_and_by_mail)
{
    /* The command gets every text in its environment, unchanged by any shell, and its own
     * words as arguments; the mail has the same story. */
    scratch_init(&scratch);
    char text[1024];
    (void)snprintf(
        text, sizeof text,
        "#!/bin/sh\n"
        "printf '%%s|' \"$1\" \"$2\" \"$MESURA_EVENT\" \"$MESURA_SUBJECT\" "
        "\"$MESURA_SOURCE\" \"$MESURA_SITE\" \"$MESURA_STREAM\" \"$MESURA_TEXT\" "
        "\"$MESURA_TIME\" \"$MESURA_HOST\" \"$MESURA_COUNT\" > %s/told\n",
        scratch.dir);
    char command[SCRATCH_BYTES + 32];
    (void)snprintf(command, sizeof command, "  %s one\ttwo  ", script(text));
    struct alert *alert = started(command, 60000);
    struct alert_notice notice = {.event = "blocked",
                                  .subject = "b1 at google",
                                  .source = "b1",
                                  .site = "$(touch /tmp/x)",
                                  .stream = NULL,
                                  .text = "554 5.7.1 '; rm -rf /\nsecond line \x1b[2J",
                                  .unix_ms = 1764000000000};
    alert_raise(alert, &notice);
    alert_stop(alert);
    char *told = scratch_read(scratch_path(&scratch, "told"));
    cr_assert_not_null(told);
    cr_assert_str_eq(told,
                     "one|two|blocked|b1 at google|b1|$(touch /tmp/x)||554 5.7.1 '; rm "
                     "-rf /\nsecond line ?[2J|2025-11-24T16:00:00.000Z|relay|1|");
    free(told);
    cr_assert_eq(mails, 1);
    cr_assert_str_eq(last_subject, "[mesura relay] blocked: b1 at google");
    cr_assert_str_eq(last_source, "b1");
    cr_assert_not_null(strstr(last_body, "554 5.7.1 '; rm -rf /\nsecond line"));
    cr_assert_not_null(strstr(last_body, "source: b1\n"));
    cr_assert_null(strstr(last_body, "stream:"));
    scratch_done(&scratch);
}

TEST(alert, does_not_repeat_itself)
{
    /* The same event about the same subject is told once in its quiet time; another
     * subject at once; afterwards the number of swallowed ones is told. */
    scratch_init(&scratch);
    struct alert *alert = started("", 3600000);
    struct alert_notice notice = {.event = "blocked", .subject = "b1", .text = "x"};
    for (int i = 0; i < 10; i++) {
        alert_raise(alert, &notice);
    }
    notice.subject = "b2";
    alert_raise(alert, &notice);
    alert_stop(alert);
    cr_assert_eq(mails, 2);

    mails = 0;
    alert = started("", 0);
    alert_raise(alert, &notice);
    alert_raise(alert, &notice);
    alert_stop(alert);
    cr_assert_eq(mails, 2, "without a quiet time every one is told");
    scratch_done(&scratch);
}

TEST(alert, counts_what_it_swallowed)
{
    /* After the quiet time the next one says how often it was raised meanwhile. */
    scratch_init(&scratch);
    struct alert *alert = started("", 200);
    struct alert_notice notice = {.event = "blocked", .subject = "b1", .text = "x"};
    struct alert_totals totals = {0};
    int64_t until_ns = now_ns() + 30 * NOW_NS_PER_S;
    while (totals.told < 2 && now_ns() < until_ns) {
        alert_raise(alert, &notice);
        alert_get_totals(alert, &totals);
    }
    cr_assert_eq(totals.told >= 2, true);
    cr_assert_gt(totals.swallowed, 0);
    alert_stop(alert);
    cr_assert_not_null(strstr(last_body, "times since it was last told"));
    scratch_done(&scratch);
}

TEST(alert, is_not_held_up_by_a_bad_command)
{
    /* A command that fails is counted; one that hangs at the end is not waited for long.
     */
    scratch_init(&scratch);
    struct alert *alert = started(script("#!/bin/sh\nexit 3\n"), 0);
    struct alert_notice notice = {.event = "e", .subject = "s", .text = "x"};
    struct alert_totals totals = {0};
    int64_t until_ns = now_ns() + 30 * NOW_NS_PER_S;
    alert_raise(alert, &notice);
    while (totals.failed == 0 && now_ns() < until_ns) {
        alert_get_totals(alert, &totals);
    }
    cr_assert_eq(totals.failed, 1);
    alert_stop(alert);
    cr_assert_eq(mails, 1, "the mail is written all the same");
    scratch_done(&scratch);
}

TEST(alert, drops_what_nobody_could_read)
{
    /* More notices than a person reads are dropped and counted, and none is lost
     * uncounted. */
    scratch_init(&scratch);
    struct alert *alert = started("/bin/true", 0);
    unsigned raised = 0;
    struct alert_totals totals = {0};
    while (totals.dropped == 0 && raised < 100000) {
        struct alert_notice notice = {.event = "e", .subject = "s", .text = "x"};
        alert_raise(alert, &notice);
        raised++;
        alert_get_totals(alert, &totals);
    }
    cr_assert_gt(totals.dropped, 0);
    cr_assert_leq(raised, 100000);
    alert_stop(alert);
    cr_assert_eq(mails + totals.dropped, raised);
    scratch_done(&scratch);
}

TEST(alert, checks_its_command_at_the_start)
{
    /* A command that cannot run is an error at the start and on reload, which then
     * changes nothing; a good one is in force afterwards. */
    scratch_init(&scratch);
    static char large[2000];
    memset(large, 'x', sizeof large - 1);
    large[0] = '/';
    static const char many[] = "/bin/true 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";
    const struct {
        const char *command;
        int failed;
    } cases[] = {{"/nonexistent/page", -ENOENT},
                 {"/etc/passwd", -EACCES},
                 {"page", -EINVAL},
                 {large, -EINVAL},
                 {many, -EINVAL}};
    struct alert *alert = started("", 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct alert *none = NULL;
        struct errmsg err = {""};
        struct alert_options options = {.command = cases[i].command, .hostname = "relay"};
        cr_assert_eq(alert_start(&none, &options, &err), cases[i].failed, "%s", err.text);
        cr_assert_null(none);
        cr_assert_eq(alert_reload(alert, &options, &err), cases[i].failed);
        cr_assert_not_null(strstr(err.text, "alert command"));
    }
    char text[SCRATCH_BYTES + 64];
    (void)snprintf(text, sizeof text, "#!/bin/sh\n: > %s/told\n", scratch.dir);
    struct errmsg err = {""};
    struct alert_options options = {.command = script(text), .hostname = "relay"};
    cr_assert_eq(alert_reload(alert, &options, &err), 0, "%s", err.text);
    struct alert_notice notice = {.event = "e", .subject = "s", .text = "x"};
    alert_raise(alert, &notice);
    alert_stop(alert);
    alert_stop(NULL);
    char *told = scratch_read(scratch_path(&scratch, "told"));
    cr_assert_not_null(told, "the new command did not run");
    free(told);
    scratch_done(&scratch);
}
