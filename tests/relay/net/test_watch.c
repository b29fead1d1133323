#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "relay/net/loop.h"
#include "relay/net/watch.h"

#include "tests/support/test.h"

struct seen {
    struct watch *watch;
    int fd;
    unsigned count;
    bool close_inside;
};

static void on_readable(void *owner)
{
    struct seen *seen = owner;
    char byte = 0;

    seen->count++;
    cr_assert_eq(read(seen->fd, &byte, 1), 1);
    if (seen->close_inside) {
        watch_close(seen->watch);
        seen->watch = NULL;
    }
}

/* Called for what can be read, not before the start has returned, and never after close.
 */
TEST(watch, tells_of_bytes)
{
    struct loop *loop = NULL;
    int ends[2];
    struct seen seen = {.count = 0};

    cr_assert_eq(loop_open(&loop), 0);
    cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    seen.fd = ends[0];
    cr_assert_eq(write(ends[1], "a", 1), 1);
    cr_assert_eq(watch_open(loop, ends[0], on_readable, &seen, &seen.watch), 0);
    cr_assert_eq(seen.count, 0);
    loop_run_once(loop);
    cr_assert_eq(seen.count, 1);
    loop_run_once(loop);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(write(ends[1], "b", 1), 1);
    loop_run_once(loop);
    cr_assert_eq(seen.count, 2);
    watch_close(seen.watch);
    cr_assert_eq(write(ends[1], "c", 1), 1);
    loop_run_once(loop);
    cr_assert_eq(seen.count, 2);
    loop_close(loop);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* It may be closed from its own callback; closing nothing is allowed. */
TEST(watch, close_inside)
{
    struct loop *loop = NULL;
    int ends[2];
    struct seen seen = {.close_inside = true};

    cr_assert_eq(loop_open(&loop), 0);
    cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    seen.fd = ends[0];
    cr_assert_eq(write(ends[1], "ab", 2), 2);
    cr_assert_eq(watch_open(loop, ends[0], on_readable, &seen, &seen.watch), 0);
    loop_run_once(loop);
    loop_run_once(loop);
    cr_assert_eq(seen.count, 1);
    watch_close(NULL);
    loop_close(loop);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* What cannot be watched is refused, and nothing is left on the loop. */
TEST(watch, refused)
{
    struct loop *loop = NULL;
    struct watch *watch = NULL;

    cr_assert_eq(loop_open(&loop), 0);
    cr_assert_eq(watch_open(loop, 1000, on_readable, NULL, &watch), -EBADF);
    cr_assert_null(watch);
    loop_close(loop);
}
