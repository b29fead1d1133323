#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "relay/now.h"
#include "relay/runner.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

static char *const no_environment[] = {NULL};

static enum runner_result shell(char *script, int64_t limit_ms, int *out_detail)
{
    static char path[] = "/bin/sh";
    static char option[] = "-c";
    char *const argv[] = {path, option, script, NULL};
    return runner_run(argv, no_environment, limit_ms, out_detail);
}

TEST(runner, tells_how_a_program_ended)
{
    /* Status 0, another status, a signal and a program that is not there are told apart.
     */
    int detail = -1;
    char good[] = "exit 0";
    char bad[] = "exit 7";
    char fatal[] = "kill -TERM $$";
    cr_assert_eq(shell(good, 30000, &detail), RUNNER_DONE);
    cr_assert_eq(detail, 0);
    cr_assert_eq(shell(bad, 30000, &detail), RUNNER_FAILED);
    cr_assert_eq(detail, 7);
    cr_assert_eq(shell(fatal, 30000, &detail), RUNNER_FAILED);
    cr_assert_eq(detail, SIGTERM);
    char none[] = "/nonexistent/program";
    char *const argv[] = {none, NULL};
    cr_assert_eq(runner_run(argv, no_environment, 30000, &detail), RUNNER_NOT_STARTED);
    cr_assert_eq(detail, -ENOENT);
}

TEST(runner, kills_what_takes_too_long)
{
    /* A program that hangs is killed with its children, soon after its time. */
    int detail = 0;
    char script[] = "sleep 600 & sleep 600";
    int64_t started_ns = now_ns();
    cr_assert_eq(shell(script, 100, &detail), RUNNER_KILLED);
    cr_assert_lt(now_ns() - started_ns, 20 * NOW_NS_PER_S);
    cr_assert_eq(detail, SIGKILL);
}

TEST(runner, gives_nothing_of_ours_but_what_is_named)
{
    /* The program sees the environment given and no descriptor above stderr, and signals
     * are as in a fresh process. */
    struct scratch scratch;
    scratch_init(&scratch);
    cr_assert_eq(setenv("SECRET", "leaked", 1), 0);
    int ours = dup(1);
    cr_assert_gt(ours, 2);
    (void)signal(SIGPIPE, SIG_IGN);
    char script[512];
    (void)snprintf(script, sizeof script,
                   "{ echo \"secret=$SECRET given=$GIVEN\"; "
                   "[ -e /proc/self/fd/%d ] && echo inherited; "
                   "grep SigIgn /proc/self/status; } > %s/out",
                   ours, scratch.dir);
    static char path[] = "/bin/sh";
    static char option[] = "-c";
    char given[] = "GIVEN=x;y$(z)";
    char search[] = "PATH=/usr/bin:/bin";
    char *const argv[] = {path, option, script, NULL};
    char *const environment[] = {given, search, NULL};
    int detail = 0;
    cr_assert_eq(runner_run(argv, environment, 30000, &detail), RUNNER_DONE);
    char *text = scratch_read(scratch_path(&scratch, "out"));
    cr_assert_not_null(strstr(text, "secret= given=x;y$(z)\n"), "%s", text);
    cr_assert_null(strstr(text, "inherited"), "%s", text);
    const char *ignored = strstr(text, "SigIgn:\t");
    cr_assert_not_null(ignored);
    /* Signals 32 and 33 are the C library's own. */
    cr_assert_eq(strtoull(ignored + 8, NULL, 16) & 0x7fffffff, 0, "%s", text);
    free(text);
    (void)close(ours);
    scratch_done(&scratch);
}
