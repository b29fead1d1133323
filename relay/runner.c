/* Good path: posix_spawn (which needs no copy of our memory), wait on the process's
 * descriptor, collect its status.
 * Failure modes: it cannot start; it does not end in time: SIGKILL to its group; the
 * kernel has no process descriptors: we look every 20 ms. */

#include "relay/runner.h"

#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "relay/now.h"

#define LOOK_MS 20

static int spawn(pid_t *out, char *const argv[], char *const environment[])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return -failed;
    }
    failed = posix_spawnattr_init(&attributes);
    if (failed != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return -failed;
    }
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
                                           0);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
                                           0);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
                                                    POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSIGMASK);
    failed = posix_spawn(out, argv[0], &actions, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return -failed;
}

/* Wait until the process ends or the time is over. True when it has ended. */
static bool wait_for_end(pid_t child, int64_t until_ns)
{
    int descriptor = (int)syscall(SYS_pidfd_open, child, 0);
    bool has_ended = false;
    while (!has_ended) {
        int64_t left_ms = (until_ns - now_ns()) / NOW_NS_PER_MS;
        if (left_ms <= 0) {
            break;
        }
        int wait_ms = left_ms > 60000 ? 60000 : (int)left_ms;
        struct pollfd watched = {.fd = descriptor, .events = POLLIN};
        if (descriptor < 0 && wait_ms > LOOK_MS) {
            wait_ms = LOOK_MS;
        }
        (void)poll(&watched, descriptor < 0 ? 0 : 1, wait_ms);
        siginfo_t ended = {0};
        has_ended =
            waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            ended.si_pid == child;
    }
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return has_ended;
}

enum runner_result runner_run(char *const argv[], char *const environment[],
                              int64_t limit_ms, int *out_detail)
{
    assert(argv != NULL);
    assert(argv[0] != NULL);
    assert(out_detail != NULL);
    pid_t child = 0;
    int failed = spawn(&child, argv, environment);
    if (failed < 0) {
        *out_detail = failed;
        return RUNNER_NOT_STARTED;
    }
    bool has_ended = wait_for_end(child, now_ns() + limit_ms * NOW_NS_PER_MS);
    /* What it left behind in its group ends with it; the child itself is not yet
     * collected, so that its number still is its own. */
    (void)kill(-child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!has_ended) {
        *out_detail = SIGKILL;
        return RUNNER_KILLED;
    }
    *out_detail = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? RUNNER_DONE : RUNNER_FAILED;
}
