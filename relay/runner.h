/* Running one program to its end, with a time limit: no shell, nothing of ours inherited
 * but stderr. Blocks: for the alert's thread only. */

#ifndef RELAY_RUNNER_H
#define RELAY_RUNNER_H

#include <stdint.h>

enum runner_result {
    RUNNER_DONE,        /* ended with status 0 */
    RUNNER_FAILED,      /* another status, or a signal of its own */
    RUNNER_KILLED,      /* took too long: its whole process group was killed */
    RUNNER_NOT_STARTED, /* see the errno */
};

/* Start argv[0] (an absolute path) with this environment, in a process group of its own,
 * stdin and stdout on /dev/null, default signals, and wait at most limit_ms. *out_detail
 * is the exit status, the signal, or the negative errno. */
enum runner_result runner_run(char *const argv[], char *const environment[],
                              int64_t limit_ms, int *out_detail);

#endif
